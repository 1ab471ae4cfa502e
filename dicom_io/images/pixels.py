"""Pixels of the images that were chosen: decoded, decompressed, turned into values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.pixels.utils import iter_pixels

from dicom_io.errors import NotReadable
from dicom_io.images.headers import DECODE_ERRORS, Instance
from dicom_io.images.padding import padding_in
from dicom_io.images.philips import signal_scalings
from dicom_io.images.real_world_value import real_world_mapping
from dicom_io.images.series import Phase
from dicom_io.rules import ValueMapping
from models.volume import Volume

_NO_PIXELS = np.empty((0, 0), dtype=np.float32)


def load(phase: Phase, *, mapping: ValueMapping = ValueMapping.RESCALE) -> Volume:
    """Decode the pixels of one phase, and turn stored values into the values the header defines.

    Raises
    ------
    NotReadable
        When a file is truncated or damaged, its pixels are not one grey value of the size the header says, or a real
        world value mapping is asked for and there is not exactly one, or Philips' scaling and only some images have it.
    """
    slices: list[NDArray[np.float32]] = [_NO_PIXELS] * len(phase.planes)
    padding: dict[int, NDArray[np.bool_]] = {}
    wanted: dict[str, list[int]] = defaultdict(list)  # SOP Instance UID → places in the stack
    for index, plane in enumerate(phase.planes):
        wanted[plane.instance.sop_instance_uid].append(index)
    scalings = [(plane.slope, plane.intercept) for plane in phase.planes]
    if mapping is ValueMapping.PHILIPS:
        scalings = signal_scalings(phase.planes) or scalings
    elif mapping is ValueMapping.REAL_WORLD:
        scalings = [real_world_mapping(plane) for plane in phase.planes]
    for places in wanted.values():
        instance = phase.planes[places[0]].instance
        frames = [phase.planes[index].frame_number or 1 for index in places]
        for index, pixels in zip(places, decode(instance, frames=frames), strict=True):
            plane = phase.planes[index]
            if pixels.shape != plane.shape:
                raise NotReadable(
                    f"The pixels of {instance.path.name} have shape {pixels.shape}; {plane.shape} was expected."
                )
            if (mask := padding_in(pixels, instance.header)) is not None:
                padding[index] = mask
            slope, intercept = scalings[index]
            if (slope, intercept) == (1.0, 0.0):
                slices[index] = pixels.astype(np.float32)
            else:
                slices[index] = (np.multiply(pixels, slope, dtype=np.float64) + intercept).astype(np.float32)
    # Stacked at the end: a matrix that only the header has is noticed before memory is asked for.
    nowhere = np.zeros(phase.planes[0].shape, dtype=np.bool_)
    declared = np.stack([padding.get(index, nowhere) for index in range(len(slices))]) if padding else None
    return Volume(affine=phase.affine, voxels=np.stack(slices), padding=declared)


def decode(instance: Instance, *, frames: Sequence[int] | None = None) -> Iterator[NDArray[np.generic]]:
    """Stored pixel values of an object, decompressed, frame by frame: (rows, columns).

    Parameters
    ----------
    frames : one-based numbers of the frames that are wanted, in this order; all of them by default

    Raises
    ------
    NotReadable
        When the file is truncated or damaged, or no decoder for its transfer syntax is installed.
    """
    try:
        file = instance.path.open("rb")
    except OSError as error:
        raise NotReadable(f"The file {instance.path.name} cannot be opened ({error.strerror}).") from error
    try:
        with file:
            dataset = pydicom.dcmread(file, force=True)
        yield from iter_pixels(dataset, indices=None if frames is None else [frame - 1 for frame in frames])
    except DECODE_ERRORS as error:
        raise NotReadable(
            f"The pixels of the file {instance.path.name} cannot be decoded ({type(error).__name__}); it is damaged, "
            "truncated or compressed in a way that is not supported. Send it again."
        ) from error
