"""Images and marks a draft is made from, and the one type of function that makes it: (images, seeds) → mask.

A method knows nothing of DICOM, viewers or readers. What stands behind the type is open: grow-cut, a threshold, the
functional tumour volume, or a network in an ONNX package (`network`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.errors import StudyRejected
from models.volume import Volume, same_grid

FEWEST_SLICES: Final = 3  # with strokes, of which a draft is made

Mask = NDArray[np.bool_]
Triple = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Images:
    """Images of one acquisition, all on one grid.

    Attributes
    ----------
    after : the image the tumour is outlined on; with contrast phases the early one after contrast
    before : before contrast, where there is such a phase
    late : a later phase after contrast, where there is one

    Raises
    ------
    StudyRejected
        When the grids differ.
    """

    after: Volume
    before: Volume | None = None
    late: Volume | None = None

    def __post_init__(self) -> None:
        for name, other in (("before contrast", self.before), ("late", self.late)):
            if other is not None and not same_grid(self.after, other):
                raise StudyRejected(
                    f"The image {name} has the shape {other.shape} or another place than the image that is outlined, "
                    f"{self.after.shape}; phases on one grid were expected."
                )

    @cached_property
    def contrast(self) -> NDArray[np.float32]:
        """The image that is outlined: early minus before, or the image itself without a phase before contrast."""
        after = self.after.voxels.astype(np.float32)
        return after if self.before is None else after - self.before.voxels.astype(np.float32)


@dataclass(frozen=True)
class Box:
    """A box of voxels.

    Attributes
    ----------
    first, last : zero-based (slice, row, column) of two opposite corners, both inside the box
    """

    first: Triple
    last: Triple

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """The box as an index."""
        one, two, three = (slice(a, b + 1) for a, b in zip(self.first, self.last, strict=True))
        return one, two, three


@dataclass(frozen=True, eq=False)
class Seeds:
    """Marks of a person, on the grid of the images.

    Attributes
    ----------
    strokes : bool (slices, rows, columns), the tumour painted on some slices; None where a box is given
    background : the same, what is not the tumour; None where nothing was painted
    box : around the tumour
    point : zero-based (slice, row, column) of a voxel in its bright part
    """

    strokes: Mask | None = None
    background: Mask | None = None
    box: Box | None = None
    point: Triple | None = None

    @cached_property
    def painted_slices(self) -> NDArray[np.intp]:
        """Slices with strokes."""
        return np.flatnonzero(np.zeros(0) if self.strokes is None else self.strokes.any(axis=(1, 2)))


Segment = Callable[[Images, Seeds], Mask]


@dataclass(frozen=True, kw_only=True)
class Method:
    """A way to make a draft.

    Attributes
    ----------
    key : stable identifier: "grow-cut"
    segment : makes the mask; raises `StudyRejected` where it would be no draft worth a person's time
    name : what the object says of it, "grow-cut from 5 strokes"; at most 64 characters
    version : of the method: changes whenever a mask can change
    parameters : name → value, for the object
    is_automatic : no person marked where the tumour is
    """

    key: str
    segment: Segment
    name: str
    version: str
    parameters: dict[str, str] = field(default_factory=dict)
    is_automatic: bool = False
