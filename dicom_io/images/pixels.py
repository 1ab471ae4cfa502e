"""Pixels of the images that were chosen: decoded, decompressed, turned into values."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from io import BufferedReader

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.encaps import get_frame
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import as_pixel_options, iter_pixels, pixel_array
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicom_io.errors import NotReadable
from dicom_io.images.decoders import decoder_of, is_decoded
from dicom_io.images.headers import DECODE_ERRORS, Instance, whole_number
from dicom_io.images.limits import check_codestream, check_frames, check_volume, opened
from dicom_io.images.modality_lut import Line, modality_line
from dicom_io.images.padding import padding_in
from dicom_io.images.philips import signal_scalings
from dicom_io.images.planes import Plane
from dicom_io.images.real_world_value import real_world_mapping
from dicom_io.images.series import Phase
from dicom_io.images.stored_values import description_of, inverted, is_inverted, stored_values
from dicom_io.rules import ValueMapping
from models.number_words import agreeing, counted
from models.volume import Volume


def load(phase: Phase, *, mapping: ValueMapping = ValueMapping.RESCALE) -> Volume:
    """Decode the pixels of one phase, and turn stored values into the values the header defines.

    Raises
    ------
    NotReadable
        When a file is truncated or damaged, its pixels are not one grey value of the size the header says, its Modality
        LUT is no straight line, or a real world value mapping is asked for and there is not exactly one, or Philips'
        scaling and only some images have it.
    """
    shape = (len(phase.planes), *phase.planes[0].shape)
    limits = phase.planes[0].instance.limits
    check_volume(*shape, what=f"A phase of the series of {phase.planes[0].instance.path.name}", limits=limits)
    voxels = np.empty(0, dtype=np.float32)
    padding: dict[int, NDArray[np.bool_]] = {}
    wanted: dict[str, list[int]] = defaultdict(list)  # SOP Instance UID → places in the stack
    for index, plane in enumerate(phase.planes):
        wanted[plane.instance.sop_instance_uid].append(index)
    scalings = _scalings(phase.planes, mapping)
    # A real world value mapping is of stored values, whichever of them are shown bright.
    invert = _are_inverted(phase.planes) and mapping is not ValueMapping.REAL_WORLD
    usual = _usual_header([instance.header for instance in phase.instances])
    for places in wanted.values():
        instance = phase.planes[places[0]].instance
        line = None if mapping is ValueMapping.REAL_WORLD else modality_line(instance.header)
        frames = [phase.planes[index].frame_number or 1 for index in places]
        like = None if description_of(instance.header) == description_of(usual) else usual
        for index, stored in zip(places, decode(instance, frames=frames, like=like), strict=True):
            plane = phase.planes[index]
            if stored.shape != plane.shape:
                raise NotReadable(
                    f"The pixels of {instance.path.name} have shape {stored.shape}; {plane.shape} was expected."
                )
            if (mask := padding_in(stored, instance.header)) is not None:
                padding[index] = mask
            pixels = inverted(stored, usual) if invert else stored
            if not voxels.size:
                voxels = np.empty(shape, dtype=np.float32)  # a matrix that only the header has was noticed before
            voxels[index] = _values(pixels, scalings[index], line, name=instance.path.name)
    nowhere = np.zeros(shape[1:], dtype=np.bool_)
    declared = np.stack([padding.get(index, nowhere) for index in range(len(voxels))]) if padding else None
    return Volume(affine=phase.affine, voxels=voxels, padding=declared)


def _usual_header(headers: Sequence[pydicom.Dataset]) -> pydicom.Dataset:
    """One of the headers that describe the bits of a pixel as most of them do."""
    descriptions = [description_of(header) for header in headers]
    usual, _ = Counter(descriptions).most_common(1)[0]
    return headers[descriptions.index(usual)]


def _values(
    pixels: NDArray[np.generic], scaling: tuple[float, float], line: Line | None, *, name: str
) -> NDArray[np.float32]:
    """Values of stored values: by the line of a Modality LUT where there is one, else by (slope, intercept)."""
    if line is not None:
        if pixels.min() < line.first or pixels.max() > line.last:
            raise NotReadable(
                f"The pixels of {name} are {pixels.min()} to {pixels.max()}, but the Modality LUT is for {line.first} "
                f"to {line.last}. Send the original images."
            )
        scaling = line.slope, line.intercept
    if scaling == (1.0, 0.0):
        return pixels.astype(np.float32)
    slope, intercept = scaling
    return (np.multiply(pixels, slope, dtype=np.float64) + intercept).astype(np.float32)


def _scalings(planes: Sequence[Plane], mapping: ValueMapping) -> list[tuple[float, float]]:
    """(slope, intercept) from stored value to value for each plane."""
    if mapping is ValueMapping.REAL_WORLD:
        return [real_world_mapping(plane) for plane in planes]
    scalings = signal_scalings(planes) if mapping is ValueMapping.PHILIPS else None
    return scalings or [(plane.slope, plane.intercept) for plane in planes]


def _are_inverted(planes: Sequence[Plane]) -> bool:
    headers = {plane.instance.sop_instance_uid: plane.instance.header for plane in planes}
    found = [is_inverted(header) for header in headers.values()]
    if len(set(found)) > 1:
        raise NotReadable(
            f"{sum(found)} of {counted(len(found), 'image')} {agreeing(sum(found), 'has', 'have')} the Photometric "
            "Interpretation MONOCHROME1, the others MONOCHROME2; one was expected. Send the original images."
        )
    return found[0]


def decode(
    instance: Instance, *, frames: Sequence[int] | None = None, like: pydicom.Dataset | None = None
) -> Iterator[NDArray[np.generic]]:
    """Stored pixel values of an object, decompressed, frame by frame: (rows, columns); bits that hold none are clear.

    Parameters
    ----------
    frames : one-based numbers of the frames that are wanted, in this order; all of them by default
    like : a header whose Bits Stored, High Bit and Pixel Representation must give the same values

    Raises
    ------
    NotReadable
        When the file is truncated or damaged, no decoder for its transfer syntax is installed, or its values are
        others by the description of `like`.
    """
    _check_claims(instance, frames)
    file = opened(instance.path)
    indices = None if frames is None else [frame - 1 for frame in frames]
    try:
        with file:
            header, syntax, decoded = _native(file, instance, indices) or _whole(file, instance, indices)
            for samples in decoded:
                values = stored_values(samples, header, syntax=syntax)
                if like is not None and not np.array_equal(values, stored_values(samples, like, syntax=syntax)):
                    raise NotReadable(
                        f"The file {instance.path.name} has Bits Stored, High Bit and Pixel Representation "
                        f"{', '.join(description_of(header))}, the other images of the series "
                        f"{', '.join(description_of(like))}, and its values depend on it. Send the series again."
                    )
                yield values
    except DECODE_ERRORS as error:
        raise NotReadable(
            f"The pixels of the file {instance.path.name} cannot be decoded ({type(error).__name__}); it is damaged or "
            "truncated. Send it again."
        ) from error


_Decoded = tuple[pydicom.Dataset, UID, Iterator[NDArray[np.generic]]]  # header, transfer syntax, frames


def _native(file: BufferedReader, instance: Instance, indices: Sequence[int] | None) -> _Decoded | None:
    """The wanted frames of uncompressed pixels, each read from its place in the file; None for any other file.

    The header is parsed already, and a multi-frame image holds all phases, of which few are wanted.
    """
    header = instance.header
    syntax = header.file_meta.get("TransferSyntaxUID")
    if syntax not in (ExplicitVRLittleEndian, ImplicitVRLittleEndian) or _frames_share_bytes(header):
        return None
    file.seek(instance.header_ends)
    head = file.read(8 if syntax.is_implicit_VR else 12)
    tag, vr, reserved = head[:4], head[4:6], head[6:8]
    is_usual = syntax.is_implicit_VR or (vr in (b"OB", b"OW") and reserved == b"\0\0")
    length = int.from_bytes(head[-4:], "little")
    begins = instance.header_ends + len(head)
    if tag != b"\xe0\x7f\x10\0" or not is_usual or begins + length > os.fstat(file.fileno()).st_size:
        return None
    expected = _expected_bytes(header)
    if length < expected:
        return None
    _check_surplus(instance, length=length, last=_read_at(file, begins + expected - 1, length - expected + 1))
    file.seek(begins)
    options = as_pixel_options(header, pixel_keyword="PixelData", pixel_vr="OW", correct_unused_bits=False)
    decoded = get_decoder(syntax).iter_array(file, indices=indices, transfer_syntax_uid=syntax, **options)
    return header, syntax, (samples for samples, _ in decoded)


def _whole(file: BufferedReader, instance: Instance, indices: Sequence[int] | None) -> _Decoded:
    """The wanted frames of any pixels, from the whole file."""
    file.seek(0)
    dataset = pydicom.dcmread(file, force=True)
    syntax = _transfer_syntax(dataset, instance)
    if not syntax.is_encapsulated:
        pixels = dataset.PixelData
        expected = _expected_bytes(dataset)
        _check_surplus(instance, length=len(pixels), last=pixels[max(expected - 1, 0) :])
        if _frames_share_bytes(dataset):
            # pydicom 3.0 reads such a frame from the bytes that its bits would fill alone, and misses the last of them.
            together = pixel_array(dataset).reshape(-1, dataset.Rows, dataset.Columns)
            return dataset, syntax, iter(together if indices is None else together[list(indices)])
    else:
        _check_codestreams(dataset, instance, indices)
    return (
        dataset,
        syntax,
        iter_pixels(dataset, indices=indices, correct_unused_bits=False, decoding_plugin=decoder_of(syntax)),
    )


def _check_claims(instance: Instance, frames: Sequence[int] | None) -> None:
    """Refuse a header that claims more pixels than a study can have."""
    header = instance.header
    count = whole_number(header, "NumberOfFrames", default=1)
    check_frames(
        instance.path.name,
        rows=whole_number(header, "Rows"),
        columns=whole_number(header, "Columns"),
        samples=whole_number(header, "SamplesPerPixel", default=1),
        frames=count,
        wanted=count if frames is None else len(frames),
        limits=instance.limits,
    )


def _check_codestreams(dataset: pydicom.Dataset, instance: Instance, indices: Sequence[int] | None) -> None:
    """Refuse compressed frames of another size than the header says."""
    rows, columns = whole_number(dataset, "Rows"), whole_number(dataset, "Columns")
    frames = whole_number(dataset, "NumberOfFrames", default=1)
    for index in range(frames) if indices is None else indices:
        frame = get_frame(dataset.PixelData, index, number_of_frames=frames)
        check_codestream(frame, instance.path.name, rows=rows, columns=columns)


def _frames_share_bytes(header: pydicom.Dataset) -> bool:
    """Single bits of which a frame may begin within a byte, where the one before ends."""
    bits = whole_number(header, "Rows") * whole_number(header, "Columns")
    return whole_number(header, "BitsAllocated") == 1 and bits % 8 != 0


def _read_at(file: BufferedReader, place: int, count: int) -> bytes:
    file.seek(place)
    return file.read(count)


def _expected_bits(header: pydicom.Dataset) -> int:
    """Bits of all pixels that the header describes."""
    rows, columns, allocated = (whole_number(header, keyword) for keyword in ("Rows", "Columns", "BitsAllocated"))
    samples = whole_number(header, "SamplesPerPixel", default=1)
    return rows * columns * whole_number(header, "NumberOfFrames", default=1) * samples * allocated


def _expected_bytes(header: pydicom.Dataset) -> int:
    return (_expected_bits(header) + 7) // 8


def _check_surplus(instance: Instance, *, length: int, last: bytes) -> None:
    """Raise when uncompressed pixels hold more than the header says: then its matrix is not that of the pixels.

    Less than a row of zeros is padding, which some writers add; a mask of single bits has none but to an even length,
    and its last byte is filled up with zeros.

    Parameters
    ----------
    length : of the pixels, bytes
    last : of the pixels, from the last byte on that the header describes
    """
    header = instance.header
    rows, columns, allocated = (whole_number(header, keyword) for keyword in ("Rows", "Columns", "BitsAllocated"))
    bits = _expected_bits(header)
    surplus = last[1 + _expected_bytes(header) % 2 :]
    row = columns * whole_number(header, "SamplesPerPixel", default=1) * allocated // 8 if allocated > 1 else 0
    beyond = last[0] >> (bits % 8) if bits % 8 and last else 0  # bits of a mask after its last pixel
    if beyond or (surplus and (len(surplus) >= row or any(surplus))):
        frames = whole_number(header, "NumberOfFrames", default=1)
        raise NotReadable(
            f"The pixels of the file {instance.path.name} have {counted(length, 'byte')}; {_expected_bytes(header)} "
            f"were expected for {frames} frame{'' if frames == 1 else 's'} of {rows} × {columns} "
            f"pixels{', and zeros after the last' if beyond else ''}. The header or the pixels are damaged: send it "
            "again."
        )


def _transfer_syntax(dataset: pydicom.Dataset, instance: Instance) -> UID:
    """The transfer syntax; where the file does not state it, what its elements are written in.

    Raises
    ------
    NotReadable
        When pixels are compressed in a way that is not stated, or for which no decoder is installed.
    """
    stated = dataset.file_meta.get("TransferSyntaxUID")
    if not stated:
        if dataset["PixelData"].is_undefined_length:
            raise NotReadable(
                f"The pixels of the file {instance.path.name} are compressed, and it has no Transfer Syntax UID to say "
                "how; one was expected. Send it again, or uncompressed."
            )
        is_implicit, is_little = dataset.original_encoding
        native = ImplicitVRLittleEndian if is_implicit else ExplicitVRLittleEndian
        stated = dataset.file_meta.TransferSyntaxUID = native if is_little else ExplicitVRBigEndian
    syntax = UID(stated)
    if not is_decoded(syntax):
        raise NotReadable(
            f"The pixels of the file {instance.path.name} have the transfer syntax {syntax.name}, which is not "
            "supported. Send the images uncompressed, or as JPEG Lossless, JPEG-LS, JPEG 2000 or RLE."
        )
    return syntax
