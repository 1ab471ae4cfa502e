"""Pixels that are no measurement, or not the scanner's: found, and told with their place and share.

Every check is a function of the pixels alone. Fill is `fill`'s; what is found here is replaced (hot pixels), excluded
(labels), or left as it is with a quality note; inside the tumour, where neither is safe, the study is refused.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from models.errors import StudyRejected
from models.number_words import agreeing, counted, share_of
from models.preprocessing import pixel_kernels
from models.quality_notes import QualityNote, Severity
from models.volume import Sequence

# A pixel is hot beyond this many spans (quantiles .1 to 99.9 %) above the upper or below the lower quantile.
HOT_ABOVE, HOT_BELOW = 2.0, 1.0
# A patch of one value is a label from this quantile on; where such patches cover more than this share the image is
# coarse or made up, and they mean nothing.
LABEL_PERCENT, COARSE_IMAGE = 97.0, 0.1
# A label with more of its outline along the body than this covers a part of it.
LABEL_ALONG_BODY = 0.02
# More of the tumour than this share under a label, or in blank or repeated slices: refused.
LARGEST_SHARE_OF_TUMOUR = 0.01
# Saturation: this many voxels, this share of the image, and this many times as many as the next levels hold.
SATURATED_VOXELS, SATURATED_SHARE, SATURATED_TIMES, NEXT_LEVELS = 20, 1e-4, 5.0, 10
# Values with less contrast than this, relative to their size, are lost in single precision; larger ones overflow.
LEAST_CONTRAST, LARGEST_VALUE, SMALLEST_SPAN = 1e-5, 1e15, 1e-20
# A mean so near 0, in deviations, or so many negative values are those of an image that was standardised.
STANDARDISED_MEAN, STANDARDISED_NEGATIVE = 0.05, 0.05

# Rows and columns of which one is looked at before whole slices are compared.
STRIDE = 8

Mask = NDArray[np.bool_]
Voxels = NDArray[np.float32]


@dataclass(frozen=True)
class Where:
    """Turns a mask on the box that is looked at into words about the image as it is stored.

    Attributes
    ----------
    sequence : of the image
    as_stored : mask on the box → mask on the image as it is stored
    """

    sequence: Sequence
    as_stored: Callable[[Mask], Mask]

    def words(self, mask: Mask) -> str:
        """ "slices 3 to 5, rows 1 to 16, columns 1 to 56", counted from 1."""
        stored = self.as_stored(mask)
        parts = []
        for name, others in (("slice", (1, 2)), ("row", (0, 2)), ("column", (0, 1))):
            places = np.flatnonzero(stored.any(axis=others)) + 1
            one = places[0] == places[-1]
            parts.append(f"{name} {places[0]}" if one else f"{name}s {places[0]} to {places[-1]}")
        return ", ".join(parts)

    def note(self, code: str, severity: Severity, sentence: str) -> QualityNote:
        """A quality note about this sequence."""
        return QualityNote(code, severity, sentence, self.sequence)


def check_range(values: Voxels) -> tuple[float, float]:
    """The .1 and 99.9 % quantiles of measured values that can be worked with.

    Raises
    ------
    StudyRejected
        When the values have no contrast, or are too large or too small for single precision.
    """
    low, high = (float(value) for value in np.percentile(values, [0.1, 99.9]))
    largest = max(abs(low), abs(high))
    if largest > LARGEST_VALUE or (high > low and high - low < SMALLEST_SPAN):
        raise StudyRejected(
            f"The values of the image run from {low:g} to {high:g}; values between {SMALLEST_SPAN:g} and "
            f"{LARGEST_VALUE:g} were expected. Check the rescale slope of the series."
        )
    if 0 < high - low <= LEAST_CONTRAST * largest:
        raise StudyRejected(
            f"All but one in a thousand values of the image lie between {low:g} and {high:g}; an image with contrast "
            "was expected. Check the series."
        )
    return low, high


def without_hot_pixels(
    voxels: Voxels, usable: Mask, tumour: Mask, *, low: float, high: float, where: Where
) -> list[QualityNote]:
    """Replace, in place, single values far outside the range by the median of their neighbours in the plane."""
    span = high - low
    places, medians = pixel_kernels.outliers(voxels, usable, low - HOT_BELOW * span, high + HOT_ABOVE * span)
    if not len(places):
        return []
    index = tuple(places.T)
    lowest, highest = float(voxels[index].min()), float(voxels[index].max())
    mask = np.zeros(voxels.shape, dtype=np.bool_)
    mask[index] = True
    voxels[index] = medians
    inside = int(np.count_nonzero(mask & tumour))
    sentence = (
        f"{counted(len(places), 'voxel')} of {where.sequence.label} ({len(places) / voxels.size:.2g} of the image; "
        f"{where.words(mask)}) {agreeing(len(places), 'has', 'have')} values far outside the rest ({lowest:g} to "
        f"{highest:g} against {low:g} to {high:g}) {agreeing(len(places), 'and was', 'and were')} replaced by the "
        f"median of {agreeing(len(places), 'its', 'their')} neighbours; {inside or 'none'} of them "
        f"{agreeing(inside, 'lies', 'lie')} in the tumour."
    )
    return [where.note("hot-pixels", Severity.WARNING if inside else Severity.NOTE, sentence)]


def hot_pixels_in_fill(voxels: Voxels, fill: Mask, *, low: float, high: float) -> Mask | None:
    """Bool: single values far outside the range that have nothing but fill around them; None where there is none."""
    places = pixel_kernels.alone(fill)
    span = high - low
    values = voxels[tuple(places.T)]
    is_hot = (values < low - HOT_BELOW * span) | (values > high + HOT_ABOVE * span)
    if not is_hot.any():
        return None
    hot = np.zeros(voxels.shape, dtype=np.bool_)
    hot[tuple(places[is_hot].T)] = True
    return hot


def about_hot_pixels_in_fill(hot: Mask, voxels: Voxels, *, where: Where) -> QualityNote:
    """Note on what `hot_pixels_in_fill` has found."""
    count = int(np.count_nonzero(hot))
    sentence = (
        f"{counted(count, 'voxel')} in the fill of {where.sequence.label} ({count / voxels.size:.2g} of the image; "
        f"{where.words(hot)}) {agreeing(count, 'has', 'have')} values far outside the rest "
        f"({float(voxels[hot].min()):g} to {float(voxels[hot].max()):g}) and {agreeing(count, 'was', 'were')} taken "
        "for fill."
    )
    return where.note("hot-pixels", Severity.NOTE, sentence)


def about_labels_at_body(label: Mask, body: Mask, *, where: Where) -> list[QualityNote]:
    """A note where labels border the body, and so cover a part of it."""
    outline, along_body = pixel_kernels.outline(label, body)
    if along_body <= LABEL_ALONG_BODY * outline:
        return []
    sentence = (
        f"Labels burnt into {where.sequence.label} ({where.words(label)}) border the body along "
        f"{share_of(along_body / outline)} of their outline: the body beneath them is not measured."
    )
    return [where.note("label-on-body", Severity.WARNING, sentence)]


def labels(
    voxels: Voxels, usable: Mask, tumour: Mask, values: Voxels, *, where: Where
) -> tuple[Mask, list[QualityNote]]:
    """Bool: bright patches of one value in the plane, grown by one pixel; letters burnt into the image.

    Raises
    ------
    StudyRejected
        When one lies on the tumour.
    """
    flat = pixel_kernels.flat_patches(voxels, usable, np.float32(np.percentile(values, LABEL_PERCENT)))
    count = int(np.count_nonzero(flat))
    if not count or count > COARSE_IMAGE * np.count_nonzero(usable):
        return np.zeros(voxels.shape, dtype=np.bool_), []
    in_tumour = int(np.count_nonzero(flat & tumour))
    if in_tumour > LARGEST_SHARE_OF_TUMOUR * np.count_nonzero(tumour):
        raise StudyRejected(
            f"{counted(in_tumour, 'voxel')} of the tumour on {where.sequence.label} "
            f"({share_of(in_tumour / np.count_nonzero(tumour), 1)}) {agreeing(in_tumour, 'lies', 'lie')} in bright "
            f"patches of one value ({where.words(flat & tumour)}): a burnt-in label or saturation, no measurement. "
            "Send the series as the scanner made it."
        )
    grown = np.asarray(ndimage.binary_dilation(flat, np.ones((1, 3, 3), dtype=bool))) & ~tumour
    sentence = (
        f"{counted(count, 'voxel')} of {where.sequence.label} ({count / voxels.size:.2g} of the image; "
        f"{where.words(flat)}) {agreeing(count, 'lies', 'lie')} in bright patches of one value, as letters burnt into "
        "the image make them; they and their neighbours were left out."
    )
    return grown, [where.note("burnt-in-label", Severity.NOTE, sentence)]


def about_slices(voxels: Voxels, fill: Mask, tumour: Mask, *, where: Where) -> list[QualityNote]:
    """Blank slices between others, and slices that have exactly the pixels of another.

    Raises
    ------
    StudyRejected
        When the tumour lies in a blank slice, or half of the slices of the tumour are there twice.
    """
    notes = []
    blank = np.logical_and.reduce(fill, axis=(1, 2))
    marks = np.broadcast_to(blank[:, np.newaxis, np.newaxis], voxels.shape)
    if (blank & tumour.any(axis=(1, 2))).any():
        lost = int(np.count_nonzero(blank & tumour.any(axis=(1, 2))))
        raise StudyRejected(
            f"{counted(lost, 'slice')} of {where.sequence.label} "
            f"{agreeing(lost, 'that holds tumour is', 'that hold tumour are')} blank ({where.words(marks & tumour)}); "
            "send the series again."
        )
    if blank.any():
        empty = int(np.count_nonzero(blank))
        sentence = (
            f"{empty} of {counted(blank.size, 'slice')} of {where.sequence.label} between others "
            f"{agreeing(empty, 'is', 'are')} blank ({where.words(marks)}); {agreeing(empty, 'it was', 'they were')} "
            "left out. Slices may have been lost: compare with the archive."
        )
        notes.append(where.note("slices-blank", Severity.WARNING, sentence))
    repeated = _repeated(voxels) & ~blank
    if repeated.any():
        in_tumour = int(np.count_nonzero(repeated & tumour.any(axis=(1, 2))))
        marks = np.broadcast_to(repeated[:, np.newaxis, np.newaxis], voxels.shape)
        if 2 * in_tumour >= max(int(np.count_nonzero(tumour.any(axis=(1, 2)))), 2):
            raise StudyRejected(
                f"{counted(in_tumour, 'slice')} of {where.sequence.label} "
                f"{agreeing(in_tumour, 'that holds tumour has', 'that hold tumour have')} exactly the pixels of "
                f"another slice ({where.words(marks)}); one image for each position was expected. Send the series "
                "again."
            )
        sentence = (
            f"{int(np.count_nonzero(repeated))} of {counted(blank.size, 'slice')} of {where.sequence.label} "
            f"{agreeing(int(np.count_nonzero(repeated)), 'has', 'have')} exactly the pixels of another slice "
            f"({where.words(marks)}), {in_tumour or 'none'} of them with tumour: an image was stored under two "
            "positions. Check the series."
        )
        notes.append(where.note("slices-repeated", Severity.WARNING, sentence))
    return notes


def _repeated(voxels: Voxels) -> Mask:
    """Slices that have a twin, wherever it lies; slices of one value have none."""
    alike: dict[bytes, list[int]] = defaultdict(list)
    for place, pixels in enumerate(voxels):
        alike[pixels[::STRIDE, ::STRIDE].tobytes()].append(place)
    repeated = np.zeros(len(voxels), dtype=np.bool_)
    for places in alike.values():
        for one, other in combinations(places, 2):
            if not repeated[other] and np.array_equal(voxels[one], voxels[other]) and np.ptp(voxels[one]) > 0:
                repeated[[one, other]] = True
    return repeated


def about_values(voxels: Voxels, usable: Mask, tumour: Mask, values: Voxels, *, where: Where) -> list[QualityNote]:
    """Notes on an image that was standardised or rescaled before it came, or is saturated."""
    notes = []
    mean, deviation = float(values.mean(dtype=np.float64)), float(values.std(dtype=np.float64))
    negative = float(np.mean(values < 0))
    if abs(mean) < STANDARDISED_MEAN * deviation or negative > STANDARDISED_NEGATIVE:
        sentence = (
            f"The values of {where.sequence.label} look standardised: mean {mean:.3g}, deviation {deviation:.3g}, "
            f"{share_of(negative)} negative. The scanner's own values were expected; what was done to them is not "
            "known."
        )
        notes.append(where.note("values-standardised", Severity.WARNING, sentence))
    bright = voxels[(voxels > np.percentile(values, 99)) & usable]
    top = float(bright.max()) if bright.size else float(values.max())
    if 0 < top <= 1 and negative == 0:
        sentence = (
            f"The values of {where.sequence.label} run up to {top:.3g}: they seem to have been rescaled to 0 to 1. The "
            "scanner's own values were expected; a factor does not change the features."
        )
        notes.append(where.note("values-rescaled", Severity.NOTE, sentence))
    return notes + _saturation(voxels, int(np.count_nonzero(usable)), tumour, bright, where)


def _saturation(voxels: Voxels, measured: int, tumour: Mask, bright: Voxels, where: Where) -> list[QualityNote]:
    levels, counts = np.unique(bright, return_counts=True)
    if levels.size < 2:
        return []
    top = float(levels[-1])
    count, next_counts = int(counts[-1]), counts[-1 - NEXT_LEVELS : -1]
    if count < max(SATURATED_VOXELS, SATURATED_SHARE * measured):
        return []
    if count <= SATURATED_TIMES * float(np.median(next_counts)):
        return []
    in_tumour = int(np.count_nonzero(tumour & (voxels == top)))
    sentence = (
        f"{counted(count, 'voxel')} of {where.sequence.label} {agreeing(count, 'has', 'have')} the largest value, "
        f"{top:g}, which the next lower ones do not lead up to: the image is saturated. {in_tumour or 'None'} of them "
        "lie in the tumour" + (f" ({share_of(in_tumour / np.count_nonzero(tumour), 1)} of it)." if in_tumour else ".")
    )
    return [where.note("image-saturated", Severity.WARNING if in_tumour else Severity.NOTE, sentence)]
