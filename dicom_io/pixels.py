"""Pixels of the images that were chosen: decoded, decompressed, turned into values."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pydicom
from numpy.typing import NDArray

from dicom_io.errors import NotReadable
from dicom_io.headers import DECODE_ERRORS, Instance
from dicom_io.real_world import real_world_mapping
from dicom_io.rules import ValueMapping
from dicom_io.series import Phase
from models.volume import Volume


def load(phase: Phase, *, mapping: ValueMapping = ValueMapping.RESCALE) -> Volume:
    """Decode the pixels of one phase, and turn stored values into the values the header defines.

    Raises
    ------
    NotReadable
        When a file is truncated or damaged, its pixels are not one grey value of the size the header says, or a real
        world value mapping is asked for and there is not exactly one.
    """
    voxels = np.empty(phase.shape, dtype=np.float32)
    decoded: dict[str, NDArray[np.generic]] = {}
    for index, plane in enumerate(phase.planes):
        uid = plane.instance.sop_instance_uid
        if uid not in decoded:
            decoded = {uid: decode(plane.instance)}  # one object at a time: a multi-frame image may be large
        pixels = decoded[uid] if plane.frame_number is None else _frames(decoded[uid])[plane.frame_number - 1]
        if pixels.shape != plane.shape:
            raise NotReadable(
                f"The pixels of {plane.instance.path.name} have shape {pixels.shape}; {plane.shape} was expected."
            )
        slope, intercept = plane.slope, plane.intercept
        if mapping is ValueMapping.REAL_WORLD:
            slope, intercept = real_world_mapping(plane)
        voxels[index] = pixels
        if (slope, intercept) != (1.0, 0.0):
            voxels[index] = np.asarray(pixels, dtype=np.float64) * slope + intercept
    return Volume(affine=phase.affine, voxels=voxels)


def decode(instance: Instance) -> NDArray[np.generic]:
    """Stored pixel values of an object, decompressed: (rows, columns) or (frames, rows, columns).

    Raises
    ------
    NotReadable
        When the file is truncated or damaged, or no decoder for its transfer syntax is installed.
    """
    try:
        data = instance.path.read_bytes()
        dataset = pydicom.dcmread(BytesIO(data), force=True)
        return np.asarray(dataset.pixel_array)
    except OSError as error:
        raise NotReadable(f"The file {instance.path.name} can not be opened ({error.strerror}).") from error
    except DECODE_ERRORS as error:
        raise NotReadable(
            f"The pixels of the file {instance.path.name} can not be decoded ({type(error).__name__}); it is damaged, "
            "truncated or compressed in a way that is not supported. Send it again."
        ) from error


def _frames(pixels: NDArray[np.generic]) -> NDArray[np.generic]:
    return pixels if pixels.ndim == 3 else pixels[np.newaxis]
