"""Refusals of drafts from a box: a mask that fills it or runs out of it is not the tumour in it."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy import ndimage

from models.errors import StudyRejected
from models.number_words import share_of
from models.segmentation.seeds import Box, Images, Mask, Seeds

MOST_FILLED: Final = 0.8
MOST_FACES: Final = 2
PAINT: Final = "Paint the tumour on at least 3 slices, better 5, and give the strokes instead."


def box_of(images: Images, seeds: Seeds) -> Box:
    """The box of the seeds, inside the image.

    Raises
    ------
    StudyRejected
        When there is none, or it does not lie in the image.
    """
    box, shape = seeds.box, images.after.shape
    if box is None:
        raise StudyRejected("No box was given; a box around the tumour was expected.")
    pairs = zip(box.first, box.last, shape, strict=True)
    if not all(0 <= first <= last < size for first, last, size in pairs):
        raise StudyRejected(
            f"The box goes from {box.first} to {box.last} (slice, row, column, from 0), and the image has the shape "
            f"{shape}; a box inside the image, its lower corner first, was expected."
        )
    return box


def check_in_box(mask: Mask, box: Box, what: str) -> None:
    """Refuses a mask that cannot be a lesion in a box.

    Raises
    ------
    StudyRejected
        When it is empty, fills more than 80 % of the box, or its largest part touches three of its faces or more (a
        vessel at the side of the lesion may do so).
    """
    inside = mask[box.slices]
    filled = np.count_nonzero(inside) / inside.size
    if not filled:
        raise StudyRejected(f"{what} finds nothing in the box; a lesion that enhances was expected. {PAINT}")
    if filled > MOST_FILLED:
        raise StudyRejected(
            f"{what} fills {share_of(filled)} of the box; at most {share_of(MOST_FILLED)} was expected of a lesion "
            f"that stands out from what surrounds it. {PAINT}"
        )
    largest = _largest_part(inside)
    faces = sum(
        bool(face.any()) for axis in range(3) for face in (largest.take(0, axis=axis), largest.take(-1, axis=axis))
    )
    if faces > MOST_FACES:
        raise StudyRejected(
            f"{what} touches {faces} of the 6 faces of the box; at most {MOST_FACES} were expected, since it runs on "
            f"outside the box: the lesion does not stand out from what surrounds it, or the box is too small. {PAINT}"
        )


def _largest_part(mask: Mask) -> Mask:
    parts, count = ndimage.label(mask, structure=np.ones((3, 3, 3)))
    return np.asarray(parts == 1 + int(np.argmax(np.bincount(parts.ravel(), minlength=count + 1)[1:])))
