"""Images and masks outside DICOM: NRRD, NIfTI and MetaImage files, and the way to and from SimpleITK.

SimpleITK speaks (x, y, z) and patient LPS for all of these formats (NIfTI's RAS is converted when read); our arrays are
(slices, rows, columns), so axes are reversed and everything else stays as it is.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from models.errors import StudyRejected
from models.number_words import counted
from models.volume import Roi, Volume

MOST_VOXELS = 512 * 512 * 2048  # of one image; 4 GB in double precision, and more than a scanner makes
SUFFIXES = (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd")


def to_sitk(voxels: NDArray[Any], grid: Volume | Roi) -> sitk.Image:
    """A SimpleITK image of `voxels` (slices, rows, columns), placed in the patient like `grid`."""
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing(grid.spacing_mm[::-1])
    image.SetOrigin(grid.origin_mm.tolist())
    image.SetDirection(grid.direction[:, ::-1].ravel().tolist())
    return image


def affine_of(image: sitk.Image) -> NDArray[np.float64]:
    """The affine (slice, row, column, 1) → patient LPS mm of a three-dimensional SimpleITK image."""
    affine = np.eye(4)
    direction = np.array(image.GetDirection()).reshape(3, 3)
    affine[:3, :3] = (direction * image.GetSpacing())[:, ::-1]
    affine[:3, 3] = image.GetOrigin()
    return affine


def read_image(path: Path) -> Volume:
    """One scalar three-dimensional image.

    Raises
    ------
    StudyRejected
        When the file is absent, of another format, not readable, not one scalar three-dimensional image, or of more
        voxels than `MOST_VOXELS`; the header is judged before the voxels are read.
    """
    image = _read(path, what="image")
    return Volume(affine_of(image), sitk.GetArrayFromImage(image))


def read_mask(path: Path, *, label: int | None = None) -> Roi:
    """One region: the voxels whose value is `label`, or the only value other than 0 when `label` is None.

    Raises
    ------
    StudyRejected
        As `read_image`; and when the values are not whole numbers, the label does not exist, or, without `label`, there
        is no value or more than one to choose from.
    """
    image = _read(path, what="mask")
    values = sitk.GetArrayFromImage(image)
    found = np.unique(values)
    if found.dtype.kind == "f" and not np.array_equal(found, np.rint(found)):
        raise StudyRejected(
            f"The mask '{path.name}' holds values that are not whole numbers (from {found[0]:g} to {found[-1]:g}); "
            "a label map was expected. Apply a threshold to a probability map first."
        )
    labels = [int(value) for value in found if value != 0]
    shown = ", ".join(str(one) for one in labels[:20]) + (", …" if len(labels) > 20 else "")
    if not labels:
        raise StudyRejected(f"The mask '{path.name}' is empty (all voxels are 0); at least one voxel was expected.")
    if label is None:
        if len(labels) > 1:
            raise StudyRejected(
                f"The mask '{path.name}' holds {counted(len(labels), 'label')} ({shown}); choose one of them."
            )
        label = labels[0]
    if label not in labels:
        raise StudyRejected(f"The mask '{path.name}' has no voxel of label {label}; found: {shown}.")
    return Roi(affine_of(image), values == label, f"label {label}")


def _read(path: Path, *, what: str) -> sitk.Image:
    if not path.is_file():
        raise StudyRejected(f"There is no {what} file '{path}'; check the path.")
    if not path.name.lower().endswith(SUFFIXES):
        raise StudyRejected(
            f"The {what} '{path.name}' has none of the known suffixes ({', '.join(SUFFIXES)}). "
            "A DICOM study is given as its folder."
        )
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()  # a header of some bytes can claim terabytes
        _check_header(reader, path, what=what)
        return reader.Execute()
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise StudyRejected(f"The {what} '{path.name}' cannot be read ({reason}); export it again.") from error


def _check_header(header: sitk.ImageFileReader, path: Path, *, what: str) -> None:
    size = " × ".join(map(str, header.GetSize()))
    if header.GetDimension() != 3 or header.GetNumberOfComponents() != 1:
        raise StudyRejected(
            f"The {what} '{path.name}' has {header.GetDimension()} dimensions ({size}) and "
            f"{counted(header.GetNumberOfComponents(), 'component')} per voxel; one scalar three-dimensional "
            f"{what} was expected."
        )
    if math.prod(header.GetSize()) > MOST_VOXELS:
        raise StudyRejected(
            f"The {what} '{path.name}' has the size {size} by its header; at most {MOST_VOXELS:,} voxels are read. Cut "
            "out the part with the region, or export it again if the header is wrong."
        )
