"""The part of an image that is a measurement of the patient: what features are computed on, and nothing else.

A PACS, a router or a reconstruction pads, crops, labels and reverses images every day, and none of it may change an
answer. So body mask, bias correction and grey-level statistics see neither the size of the image nor its corners,
minimum or maximum; they all work on one array, made in this order:

1. canonical storage (`orientation`);
2. fill removed, declared or recognised, and the image cut to what is left (`fill`);
3. hot pixels replaced, burnt-in labels excluded (`artefacts`);
4. the level of the darkest air subtracted, since N4 works on logarithms;
5. cut to the box of the body, and that repeated until the box stays.

The order decides. The body mask moves by a voxel when what it is made of changes, and a mask that moves by a voxel
moves a score; so the pixels must be the same before the mask is made. `docs/inputs.md` has the measured tolerances.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import StudyRejected
from models.number_words import counted, share_of
from models.preprocessing import pixel_kernels
from models.preprocessing.artefacts import (
    Where,
    about_hot_pixels_in_fill,
    about_labels_at_body,
    about_slices,
    about_values,
    check_range,
    hot_pixels_in_fill,
    labels,
    without_hot_pixels,
)
from models.preprocessing.body import find_body
from models.preprocessing.fill import Box, box_of, find_fill, inner, whole
from models.preprocessing.orientation import Storage, storage_of
from models.preprocessing.sampling import sampled
from models.quality_notes import QualityNote, Severity
from models.volume import Sequence, Volume

ROUNDS = 5
# The body mask is made of values cut at these quantiles; the lower one is the level of the darkest air.
DARKEST, BRIGHTEST = 0.1, 99.5
# More of the image than this is fill: worth a note. More of the tumour in fill than this is refused.
NOTABLE_FILL, LARGEST_TUMOUR_IN_FILL = 0.3, 0.05
# Of real images the body holds .46 to .67. Outside of this range the mask, or the image, is not what was expected.
PLAUSIBLE_BODY = (0.25, 0.85)
# The body reaches the edge of an uncropped image on two sides of four at most; with this share of a side it does.
SIDE_IN_BODY, SIDES_CUT = 0.4, 3
# Or it ends so near the tumour on all four, and the body reaches this share of so many of them.
CLOSE_MM, SIDE_TOUCHED, SIDES_TOUCHED = 45.0, 0.05, 2
# Share of the outline of the body that runs along fill: worth a note, and a doubt.
FILL_ALONG_BODY, FILL_CUTS_BODY = 0.02, 0.2


@dataclass(frozen=True, eq=False)
class Measurement:
    """The measured part of one image.

    Attributes
    ----------
    volume : canonical storage, cut to the box of the body; the darkest air is 0, and so is what was not measured
    tumour : bool, on that grid
    body : bool, on that grid; without fill and labels, with the tumour
    anatomy : the same as it was recognised, whether the tumour lies in it or not
    storage, shape, box : how the image is stored, its canonical shape, and the box in it
    notes : what was found
    """

    volume: Volume
    tumour: NDArray[np.bool_]
    body: NDArray[np.bool_]
    anatomy: NDArray[np.bool_]
    storage: Storage
    shape: tuple[int, int, int]
    box: Box
    notes: tuple[QualityNote, ...]

    def as_stored(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """A mask on the box as a mask on the image as it is stored."""
        return _as_stored(mask, self.storage, self.shape, self.box)

    def from_stored(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The part in the box of a mask on the image as it is stored."""
        return np.ascontiguousarray(self.storage.canonical(mask)[self.box])


def measured_part(volume: Volume, tumour: NDArray[np.bool_], *, sequence: Sequence) -> Measurement:
    """Find the measured part of an image; `tumour` is a mask on its grid.

    Raises
    ------
    StudyRejected
        When the image is constant or has no body, or what is not measured covers the tumour.
    """
    lowest, highest = float(volume.voxels.min()), float(volume.voxels.max())
    if lowest == highest:
        raise StudyRejected(
            f"All {counted(volume.voxels.size, 'voxel')} of the image have the value {lowest:g}; an image with "
            "contrast was expected. Check the series."
        )
    volume = volume.in_single_precision()
    storage = storage_of(volume)
    stored, lesion = storage.canonical(volume.voxels), storage.canonical(tumour)
    declared = None if volume.padding is None else storage.canonical(volume.padding)
    shape = stored.shape[0], stored.shape[1], stored.shape[2]
    fill, box, notes = _fill(stored, declared, Where(sequence, storage.as_stored))
    box = _around(box, lesion)
    image_box = box
    where = Where(sequence, lambda mask: _as_stored(mask, storage, shape, image_box))

    # Blank slices first: their refusal names the cause.
    notes += about_slices(stored[box], fill[box], lesion[box], where=where)
    notes += _about_fill(fill, lesion, sequence)
    voxels, lesion, fill = stored[box].copy(), np.ascontiguousarray(lesion[box]), np.ascontiguousarray(fill[box])
    usable = ~fill
    values = sampled(voxels, usable)
    low, high = check_range(values)
    notes += without_hot_pixels(voxels, usable, lesion, low=low, high=high, where=where)
    label, found = labels(voxels, usable, lesion, values, where=where)
    notes += found
    usable &= ~label
    notes += about_values(voxels, usable, lesion, values, where=where)

    spacing_mm = _spacing(volume, storage)
    for attempt in range(ROUNDS):
        low, high = (float(value) for value in np.percentile(sampled(voxels, usable), [DARKEST, BRIGHTEST]))
        body = find_body(voxels, usable, spacing_mm=spacing_mm, low=low, high=high) & usable
        if attempt == 0:
            notes += _about_body(body, usable, fill, lesion, spacing_mm, sequence)
            notes += _about_edge(body, box, shape, sequence)
            if found:
                notes += about_labels_at_body(label, body, where=where)
        part = box_of(body | lesion)
        if part == whole(voxels.shape):
            break
        voxels, lesion, usable, body = (np.ascontiguousarray(one[part]) for one in (voxels, lesion, usable, body))
        box = inner(box, part)
    voxels -= np.float32(low)
    voxels[~usable & ~lesion] = 0
    affine = storage.canonical_affine(volume.affine, volume.shape)
    affine[:3, 3] += affine[:3, :3] @ np.array([part.start for part in box])
    return Measurement(Volume(affine, voxels), lesion, body | lesion, body, storage, shape, box, tuple(notes))


class MeasuredParts:
    """The measured parts of one study, for its two users: the check of the tumours finds one, and `prepare` takes it.

    Keeps a part until it is asked for again, so that it does not stay in memory while features are computed.
    """

    def __init__(self) -> None:
        self._kept: dict[Sequence, tuple[Volume, NDArray[np.bool_], Measurement]] = {}

    def of(self, volume: Volume, tumour: NDArray[np.bool_], *, sequence: Sequence) -> Measurement:
        """`measured_part` of the same arguments; the second time without computing it."""
        kept = self._kept.pop(sequence, None)
        if kept is not None and kept[0] is volume and np.array_equal(kept[1], tumour):
            return kept[2]
        part = measured_part(volume, tumour, sequence=sequence)
        self._kept[sequence] = volume, tumour, part
        return part


def body_mask(volume: Volume) -> NDArray[np.bool_]:
    """The body on an image without a tumour: bool (slices, rows, columns).

    Raises
    ------
    StudyRejected
        As `measured_part`.
    """
    found = measured_part(volume, np.zeros(volume.shape, dtype=np.bool_), sequence=Sequence.T1C)
    return found.as_stored(found.body)


def _as_stored(mask: NDArray[np.bool_], storage: Storage, shape: tuple[int, int, int], box: Box) -> NDArray[np.bool_]:
    whole_image = np.zeros(shape, dtype=np.bool_)
    whole_image[box] = mask
    return storage.as_stored(whole_image)


def _fill(
    stored: NDArray[np.float32], declared: NDArray[np.bool_] | None, where: Where
) -> tuple[NDArray[np.bool_], Box, list[QualityNote]]:
    """Fill and the box of the rest; a hot pixel alone in the fill does not keep a row or column of it in the box."""
    fill, box = find_fill(stored, declared)
    if fill.all() or not fill.any():
        return fill, box, []
    low, high = (float(value) for value in np.percentile(sampled(stored, ~fill), [DARKEST, 100 - DARKEST]))
    hot = hot_pixels_in_fill(stored, fill, low=low, high=high)
    if hot is None:
        return fill, box, []
    note = about_hot_pixels_in_fill(hot, stored, where=where)
    fill, box = find_fill(stored, hot if declared is None else declared | hot)
    return fill, box, [note]


def _around(box: Box, mask: NDArray[np.bool_]) -> Box:
    """The smallest box around a box and a mask."""
    other = box_of(mask)
    if other[0].stop == 0:
        return box
    slices, rows, columns = (
        slice(min(one.start, two.start), max(one.stop, two.stop)) for one, two in zip(box, other, strict=True)
    )
    return slices, rows, columns


def _about_fill(fill: NDArray[np.bool_], tumour: NDArray[np.bool_], sequence: Sequence) -> list[QualityNote]:
    notes = []
    share = np.count_nonzero(fill) / fill.size
    in_tumour = int(np.count_nonzero(fill & tumour))
    if in_tumour:
        part = in_tumour / np.count_nonzero(tumour)
        found = (
            f"{share_of(part, 1)} of the tumour on {sequence.label} lies where the image holds fill and no measurement"
        )
        if part > LARGEST_TUMOUR_IN_FILL:
            raise StudyRejected(
                f"{found}; at most {share_of(LARGEST_TUMOUR_IN_FILL)} was expected. Send an image that covers the "
                "tumour, or "
                "check that the segmentation belongs to it."
            )
        notes.append(QualityNote("fill-in-tumour", Severity.WARNING, f"{found}.", sequence))
    if share > NOTABLE_FILL:
        sentence = f"{share_of(share)} of the {sequence.label} image is fill and no measurement; it was left out."
        notes.append(QualityNote("fill-large", Severity.NOTE, sentence, sequence))
    return notes


def _about_body(
    body: NDArray[np.bool_],
    usable: NDArray[np.bool_],
    fill: NDArray[np.bool_],
    tumour: NDArray[np.bool_],
    spacing_mm: tuple[float, float, float],
    sequence: Sequence,
) -> list[QualityNote]:
    """Notes on a body mask that is not plausible, and on an image, or fill, that ends inside the body."""
    notes = []
    share = np.count_nonzero(body) / np.count_nonzero(usable)
    measured = np.count_nonzero(usable) / usable.size
    low, high = PLAUSIBLE_BODY
    # Where the scanner has set the air to one value there is none left among what was measured.
    if share < low or (share > high and measured > high):
        sentence = (
            f"The body takes {share_of(share)} of the {sequence.label} image; {share_of(low)} to {share_of(high)} "
            "is usual. Either there "
            "is hardly any air in the image, or tissue and air were not told apart: grey levels depend on it."
        )
        notes.append(QualityNote("body-share-unusual", Severity.WARNING, sentence, sequence))
    sides = [body[:, 0], body[:, -1], body[:, :, 0], body[:, :, -1]]
    along = [np.count_nonzero(side) / side.size for side in sides]
    cut = sum(one > SIDE_IN_BODY for one in along)
    room_mm = _room_mm(tumour, spacing_mm)
    is_close = room_mm is not None and room_mm <= CLOSE_MM and sum(one > SIDE_TOUCHED for one in along) >= SIDES_TOUCHED
    if cut >= SIDES_CUT or is_close:
        found = (
            f"inside the body on {cut} of its four sides in the plane"
            if cut >= SIDES_CUT
            else f"within {room_mm:.0f} mm of the tumour on all four sides in the plane, and inside the body"
        )
        sentence = (
            f"The {sequence.label} image ends {found}: it seems to be a crop. Grey levels are normalised over the body "
            "that is seen, so they are not those of the whole image."
        )
        notes.append(QualityNote("body-cut-by-image", Severity.WARNING, sentence, sequence))
    outline, along_fill = pixel_kernels.outline(body, fill)
    if outline and along_fill > FILL_ALONG_BODY * outline:
        part = along_fill / outline
        # All of it: the scanner has set the air around the body to one value, which cuts nothing.
        cuts = FILL_CUTS_BODY < part < 1 - FILL_CUTS_BODY
        sentence = (
            f"Fill borders {share_of(part)} of the outline of the body on {sequence.label}: a part of it may be "
            "missing."
        )
        severity = Severity.WARNING if cuts else Severity.NOTE
        notes.append(QualityNote("fill-along-body", severity, sentence, sequence))
    return notes


def _about_edge(
    body: NDArray[np.bool_], box: Box, shape: tuple[int, int, int], sequence: Sequence
) -> list[QualityNote]:
    """A note on a body that reaches the edge of what is measured where the image goes on as fill.

    Fill that was put around an image leaves the body as it is, a border that blackens the image cuts it; the pixels do
    not say which.
    """
    sides = [
        side
        for axis in (1, 2)
        for is_cut, side in (
            (box[axis].start > 0, np.take(body, 0, axis)),
            (box[axis].stop < shape[axis], np.take(body, -1, axis)),
        )
        if is_cut
    ]
    along = sum(int(np.count_nonzero(side)) for side in sides)
    outline = pixel_kernels.outline(body, body)[0] + along
    if along <= FILL_ALONG_BODY * outline:
        return []
    sentence = (
        f"The {sequence.label} image goes on as fill where the body reaches its edge ({share_of(along / outline)} "
        "of the "
        "outline of the body): if the fill was put over the image, a part of the body is missing."
    )
    return [QualityNote("body-at-fill", Severity.NOTE, sentence, sequence)]


def _room_mm(tumour: NDArray[np.bool_], spacing_mm: tuple[float, float, float]) -> float | None:
    """Largest distance in the plane from the box of the tumour to a side of the image; None without a tumour."""
    if not tumour.any():
        return None
    parts = box_of(tumour)
    return max(max(parts[axis].start, tumour.shape[axis] - parts[axis].stop) * spacing_mm[axis] for axis in (1, 2))


def _spacing(volume: Volume, storage: Storage) -> tuple[float, float, float]:
    slices, rows, columns = (volume.spacing_mm[axis] for axis in storage.order)
    return slices, rows, columns
