"""The tumour of one sequence on the grid of its images: placed, several combined, doubts recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from dicom_io.errors import GeometryInvalid, NotReadable, Remedy, SelectionAmbiguous, StrokesOnly
from dicom_io.images.series import Series
from dicom_io.masks.placement import Placement, Remark, empty_runs, place
from dicom_io.masks.references import NOTABLE, check_references
from dicom_io.masks.rtstruct import place_contours
from dicom_io.masks.segmentation import mask_frames, maximum_fraction
from dicom_io.reading import newest
from dicom_io.reading.laterality import MIDLINE_MM, from_midline_mm
from dicom_io.reading.newest import Statement
from dicom_io.reading.selection import Candidate, Chosen
from dicom_io.reading.tumour_choice import check_several
from dicom_io.rules import SelectionRules
from models.acquisition import SeveralTumours
from models.errors import StudyRejected
from models.number_words import agreeing, counted, share_of
from models.quality_notes import QualityNote, Severity
from models.segmentation.seeds import FEWEST_SLICES
from models.volume import Roi, Volume
from models.volume import Sequence as MrSequence

# Two segments that share more than this part of the smaller one are two drawings of one tumour, not two tumours.
LARGEST_OVERLAP = 0.1

Mask = NDArray[np.bool_]
Placed = tuple[Candidate, Placement]


@dataclass(frozen=True, eq=False)
class TumourOn:
    """The tumour on the grid of one sequence.

    Attributes
    ----------
    roi : all of it
    used : segments it comes from
    stated : segments that count as tumours; more than `used` where only the largest is analysed
    notes : how it got there
    """

    roi: Roi
    used: tuple[Candidate, ...]
    stated: tuple[Candidate, ...]
    notes: list[QualityNote]


def tumour_on(
    chosen: Chosen,
    volume: Volume,
    *,
    sequence: MrSequence,
    candidates: Sequence[Candidate],
    passed_over: Sequence[Candidate],
    series: Sequence[Series],
    rules: SelectionRules,
    is_assigned: bool,
) -> TumourOn:
    """The tumour on the grid of the images, the segments it comes from, and how it got there.

    `series` are those of the study: a segment is held against the images it names, also where others are used.
    `is_assigned` says that the segments were chosen explicitly.

    Raises
    ------
    SelectionAmbiguous
        When segments overlap, so that they cannot be several tumours, and none replaces the other.
    GeometryInvalid, NotReadable
        As `placement.place` and `references.check_references`, and when the Frames of Reference differ or too many
        slices are empty.
    """
    images = [one for one in series if one.is_mr]
    placed = [(candidate, placed_on(candidate, chosen, volume, images)) for candidate in candidates]
    superseded: list[QualityNote] = []
    if rules.newest_segmentation:
        equals = [] if is_assigned else _of_equal_standing(passed_over, candidates, rules)
        others = _placed_if_possible(equals, chosen, volume, images)
        placed, superseded = _newest(sequence, placed, others)
        counted = {id(candidate) for candidate, _ in placed}
        passed_over = [one for one in passed_over if id(one) not in counted]
        check_several(sequence, [candidate for candidate, _ in placed], rules, is_assigned=is_assigned)
    notes = [*superseded, *_left_out(sequence, passed_over)]
    _apart(sequence, placed)
    stated = tuple(candidate for candidate, _ in placed)
    everything = np.logical_or.reduce([placement.mask for _, placement in placed])
    notes += _both_sides(sequence, everything, volume)
    if len(placed) > 1:
        remark, placed = _of_several(sequence, placed, volume, rules)
        notes += [remark, *_unlike_training(sequence, rules)]
    mask = np.logical_or.reduce([placement.mask for _, placement in placed])
    for candidate, placement in placed:
        notes += _of_placement(sequence, candidate, placement)
    try:
        notes += _holes(sequence, mask, rules.hole_limit_slices, contours=_are_contours(placed))
    except GeometryInvalid as problem:
        raise _strokes_or(problem, mask, placed) from problem
    notes += _flat(sequence, mask)
    used = tuple(candidate for candidate, _ in placed)
    return TumourOn(Roi(affine=volume.affine, mask=mask, label="tumour"), used, stated, notes)


def _of_equal_standing(
    passed_over: Sequence[Candidate], candidates: Sequence[Candidate], rules: SelectionRules
) -> list[Candidate]:
    """Segments of other objects that only a later one of the shipped rules calls a tumour.

    The order of the shipped rules says how plainly a segment is named, not who is right; that of a site's own rules
    does.
    """
    objects = {one.segment.instance.sop_instance_uid for one in candidates}
    shipped = SelectionRules().tumour
    first_shipped = len(rules.tumour) - len(shipped)
    best = min((one.rank for one in candidates if one.rank is not None), default=0)
    if rules.tumour[-len(shipped) :] != shipped or not first_shipped <= best < len(rules.tumour):
        return []
    return [
        one
        for one in passed_over
        if one.segment.instance.sop_instance_uid not in objects
        and not one.segment.problem
        and one.rank is not None
        and one.rank < len(rules.tumour)
    ]


def _placed_if_possible(
    candidates: Sequence[Candidate], chosen: Chosen, volume: Volume, images: Sequence[Series]
) -> list[Placed]:
    """Segments on the grid of the images; what cannot be placed replaces nothing."""
    placed = []
    for candidate in candidates:
        try:
            placed.append((candidate, placed_on(candidate, chosen, volume, images)))
        except StudyRejected:
            continue
    return placed


def _newest(
    sequence: MrSequence, placed: Sequence[Placed], others: Sequence[Placed]
) -> tuple[list[Placed], list[QualityNote]]:
    """The segments that count, without those of objects that newer ones replace; and a note for each replaced object.

    `others` count only where their object replaces one of `placed`, and are not replaced by each other alone.
    """
    statements = _statements([*placed, *others])
    replaced = newest.replaced_by(statements)
    objects = {candidate.segment.instance.sop_instance_uid for candidate, _ in placed}
    notes = [
        newest.note(sequence, statements[uid], statements[later]) for uid, later in replaced.items() if uid in objects
    ]
    counting = (objects | {later for uid, later in replaced.items() if uid in objects}) - set(replaced)
    kept = [one for one in (*placed, *others) if one[0].segment.instance.sop_instance_uid in counting]
    return kept, notes


def _statements(placed: Sequence[Placed]) -> Mapping[str, Statement]:
    """SOP Instance UID → the object with its segments among `placed`."""
    by_object: dict[str, list[Placed]] = {}
    for candidate, placement in placed:
        by_object.setdefault(candidate.segment.instance.sop_instance_uid, []).append((candidate, placement))
    return {
        uid: Statement(
            header=of_object[0][0].segment.instance.header,
            names=tuple(candidate.segment.name for candidate, _ in of_object),
            mask=np.logical_or.reduce([placement.mask for _, placement in of_object]),
            is_automatic=all(candidate.segment.algorithm_type == "AUTOMATIC" for candidate, _ in of_object),
        )
        for uid, of_object in by_object.items()
    }


def _left_out(sequence: MrSequence, passed_over: Sequence[Candidate]) -> list[QualityNote]:
    notes = []
    if unusable := [one.segment for one in passed_over if one.segment.problem]:
        names = "; ".join(f"{one.name}: {one.problem}" for one in unusable)
        sentence = f"Could be a tumour as well, but cannot be used: {names}."
        notes.append(QualityNote("tumour-segments-unusable", Severity.WARNING, sentence, sequence))
    if outranked := [one for one in passed_over if not one.segment.problem]:
        names = "; ".join(f"{one.segment.name} ({one.why})" for one in outranked)
        sentence = f"Not used on {sequence.label}, because a rule with precedence chose the tumour: {names}."
        notes.append(QualityNote("tumour-segments-not-used", Severity.NOTE, sentence, sequence))
    return notes


def _apart(sequence: MrSequence, placed: Sequence[Placed]) -> None:
    for (one, first), (other, second) in combinations(placed, 2):
        common = int(np.count_nonzero(first.mask & second.mask))
        smaller = min(int(np.count_nonzero(first.mask)), int(np.count_nonzero(second.mask)))
        if common > LARGEST_OVERLAP * smaller:
            statements = list(_statements([(one, first), (other, second)]).values())
            reason = f" {newest.why_not(statements)}" if len(statements) > 1 else ""
            raise SelectionAmbiguous(
                f"Two segments on {sequence.label} overlap by {share_of(common / smaller)} of the smaller: "
                f"{one.segment.name} and {other.segment.name}. They seem to be two segmentations of one tumour; one "
                f"was expected.{reason}",
                remedies=(Remedy.CHOOSE_TUMOUR,),
            )


def _of_several(
    sequence: MrSequence, placed: list[Placed], volume: Volume, rules: SelectionRules
) -> tuple[QualityNote, list[Placed]]:
    volumes_cm3 = [np.count_nonzero(placement.mask) * volume.voxel_volume_mm3 / 1000 for _, placement in placed]
    listed = "; ".join(
        f'"{candidate.segment.label}" {cm3:.2f} cm³' for (candidate, _), cm3 in zip(placed, volumes_cm3, strict=True)
    )
    several = f"{counted(len(placed), 'tumour was', 'tumours were')} segmented on {sequence.label} ({listed})"
    if rules.tumours_together is SeveralTumours.LARGEST:
        kept = int(np.argmax(volumes_cm3))
        chosen = placed[kept][0].segment.label
        sentence = f'{several}; only the largest, "{chosen}", is analysed.'
        return QualityNote("several-tumours", Severity.WARNING, sentence, sequence), [placed[kept]]
    sentence = f"{several}; all of them together are analysed as one region of {sum(volumes_cm3):.2f} cm³."
    return QualityNote("several-tumours", Severity.WARNING, sentence, sequence), placed


def _unlike_training(sequence: MrSequence, rules: SelectionRules) -> list[QualityNote]:
    """A quality note for each model that was trained to take several tumours otherwise than the settings say."""
    done = rules.tumours_together
    words = {
        SeveralTumours.UNION: "all tumours as one region",
        SeveralTumours.LARGEST: "the largest tumour alone",
        SeveralTumours.REFUSE: "patients with one tumour only",
    }
    return [
        QualityNote(
            "several-tumours-unlike-training",
            Severity.WARNING,
            f"The model '{title}' was trained on {words[images.several_tumours]}; the settings ask for "
            f"{words[done]} ({sequence.label}).",
            sequence,
        )
        for title, images in rules.models.items()
        if images.several_tumours not in (None, done)
    ]


def _flat(sequence: MrSequence, mask: Mask) -> list[QualityNote]:
    """PyRadiomics takes regions that extend along two axes only; along one only it refuses, as we do."""
    slices = mask[mask.any(axis=(1, 2))]
    extent = [len(slices), *(int(np.count_nonzero(slices.any(axis=others))) for others in ((0, 2), (0, 1)))]
    if min(extent) > 1:
        return []
    axis = ("slice", "row", "column")[int(np.argmin(extent))]
    sentence = f"The tumour on {sequence.label} lies in one {axis} only: shape and texture across it are undetermined."
    return [QualityNote("tumour-flat", Severity.WARNING, sentence, sequence)]


def _both_sides(sequence: MrSequence, mask: Mask, volume: Volume) -> list[QualityNote]:
    """A quality note when tumours lie on both sides of images that show both breasts, and none near the middle."""
    x = from_midline_mm(mask, volume)
    if x is None or np.abs(x).min() < MIDLINE_MM or x.min() > 0 or x.max() < 0:
        return []
    left, right = (np.count_nonzero(side) * volume.voxel_volume_mm3 / 1000 for side in (x > 0, x < 0))
    sentence = (
        f"Tumours were segmented on both sides of the {sequence.label} images: {left:.2f} cm³ in the left breast and "
        f"{right:.2f} cm³ in the right. The models were made for one tumour, and both were analysed together."
    )
    return [QualityNote("bilateral-tumours", Severity.WARNING, sentence, sequence)]


def placed_on(candidate: Candidate, chosen: Chosen, volume: Volume, images: Sequence[Series]) -> Placement:
    """One segment on the grid of the images.

    Raises
    ------
    GeometryInvalid, NotReadable
        As `tumour_on`.
    """
    segment = candidate.segment
    own, theirs = (
        segment.instance.frame_of_reference_uid,
        chosen.dynamic.phase.planes[0].instance.frame_of_reference_uid,
    )
    refers = bool(candidate.series_keys & {series.key for series in chosen.dynamic.series})
    if own != theirs and ((own and theirs) or not refers):
        raise GeometryInvalid(
            f"The segmentation with {segment.name} has the Frame of Reference {own or '(none)'}, the images have "
            f"{theirs or '(none)'}: their relative position is not known. The same Frame of Reference was expected."
        )
    try:
        if segment.encoding == "CONTOURS":
            placement = place_contours(segment, affine=volume.affine, shape=volume.shape)
            remarks = _of_other_series(candidate.instance_uids, chosen, images)
        else:
            frames = mask_frames(segment, image_voxels=volume.voxels.size)
            named = candidate.instance_uids or _held_by(candidate, images)
            remarks = check_references(frames, images, named=named)
            placement = place(frames, affine=volume.affine, shape=volume.shape)
            of_frames = frozenset(uid for sources in frames.sources for uid, _ in sources)
            remarks += _of_other_series(of_frames or candidate.instance_uids, chosen, images)
        return replace(placement, remarks=(*placement.remarks, *remarks))
    except (GeometryInvalid, NotReadable) as error:
        raise type(error)(f"The tumour cannot be placed on the images ({segment.name}). {error}") from error


def _held_by(candidate: Candidate, images: Sequence[Series]) -> frozenset[str]:
    """SOP Instance UIDs of the series a segmentation names."""
    named = [series for series in images if series.key in candidate.series_keys]
    return frozenset(instance.sop_instance_uid for series in named for instance in series.instances)


def _of_other_series(named: frozenset[str], chosen: Chosen, images: Sequence[Series]) -> tuple[Remark, ...]:
    """A remark when a segment was drawn on images that are not used, and which ones were used instead.

    `named` are the SOP Instance UIDs its frames name; where they name none, those the object names.
    """
    used = {series.key for series in chosen.dynamic.series}
    homes = [one for one in images if any(instance.sop_instance_uid in named for instance in one.instances)]
    if not named or any(series.key in used for series in homes):
        return ()
    phases = len(chosen.dynamic.phases)
    phase = f"phase {chosen.dynamic.used + 1} of {phases} ({chosen.dynamic.why}) of " if phases > 1 else ""
    drawn = (
        f"the series {', '.join(series.name for series in homes)}, which is not used"
        if homes
        else f"{len(named)} image{'s' if len(named) > 1 else ''} that did not arrive with the study"
    )
    sentence = (
        f"The tumour was drawn on {drawn}; {phase}the series {chosen.dynamic.source.name} was taken instead: check "
        "that it shows the tumour where it was drawn."
    )
    return (Remark("segmentation-of-other-series", Severity.WARNING, sentence),)


def _of_placement(sequence: MrSequence, candidate: Candidate, placement: Placement) -> list[QualityNote]:
    # What lies off its images by a shift alone is told below in more detail.
    shifted = any(abs(offset) > NOTABLE for offset in placement.offset_voxels)
    notes = [
        QualityNote(remark.code, remark.severity, remark.sentence, sequence)
        for remark in placement.remarks
        if not (shifted and remark.code == "segmentation-off-its-images")
    ]
    if candidate.segment.encoding == "FRACTIONAL":
        notes.append(
            QualityNote(
                code="fractional-threshold",
                severity=Severity.NOTE,
                sentence=(
                    f"The tumour on {sequence.label} is stored as fractions of {maximum_fraction(candidate.segment)}; "
                    f"voxels of at least half of it ({maximum_fraction(candidate.segment) / 2:g}) were taken."
                ),
                sequence=sequence,
            )
        )
    if not placement.same_grid:
        notes.append(
            QualityNote(
                code="segmentation-resampled",
                severity=Severity.NOTE,
                sentence=(
                    f"The tumour segmentation has another grid than the {sequence.label} images; it was carried over "
                    "in patient space (nearest neighbour)."
                ),
                sequence=sequence,
            )
        )
    if any(placement.offset_voxels):
        slices, rows, columns = (abs(offset) for offset in placement.offset_voxels)
        notes.append(
            QualityNote(
                code="segmentation-off-grid",
                severity=Severity.WARNING,
                sentence=(
                    f"The frames of the tumour segmentation lie {placement.offset_mm:.2f} mm off the {sequence.label} "
                    f"voxels ({slices:.2f} slices, {rows:.2f} rows, {columns:.2f} columns); nearest neighbour was used."
                ),
                sequence=sequence,
            )
        )
    if placement.lost_voxels:
        notes.append(
            QualityNote(
                code="segmentation-cut",
                severity=Severity.WARNING,
                sentence=(
                    f"{counted(placement.lost_voxels, 'voxel')} of the tumour segmentation "
                    f"{agreeing(placement.lost_voxels, 'lies', 'lie')} on the border of the {sequence.label} images "
                    f"and {agreeing(placement.lost_voxels, 'was', 'were')} left out."
                ),
                sequence=sequence,
            )
        )
    return notes


def _are_contours(placed: Sequence[Placed]) -> bool:
    return all(candidate.segment.encoding == "CONTOURS" for candidate, _ in placed)


def _strokes_or(problem: GeometryInvalid, mask: Mask, placed: Sequence[Placed]) -> GeometryInvalid:
    """The same refusal, as `StrokesOnly` where one object is drawn on slices of which no two lie side by side."""
    filled = np.flatnonzero(mask.any(axis=(1, 2)))
    paths = {candidate.segment.instance.path for candidate, _ in placed}
    if len(paths) > 1 or len(filled) < FEWEST_SLICES or np.diff(filled).min() == 1:
        return problem
    return StrokesOnly(str(problem), path=paths.pop())


def _no_two_together(sequence: MrSequence, mask: Mask) -> list[QualityNote]:
    """Refuses a tumour on three slices or more of which no two lie side by side: strokes that do not overlap.

    The empty slices between them break no region, so they are no holes.
    """
    filled = np.flatnonzero(mask.any(axis=(1, 2)))
    if len(filled) >= FEWEST_SLICES and np.diff(filled).min() > 1:
        raise GeometryInvalid(
            f"The tumour on {sequence.label} is drawn on {len(filled)} of {filled[-1] - filled[0] + 1} slices, no two "
            "of them side by side: these are strokes of a tumour and not all of it. Make a draft of them (rdeepnet "
            "segment), or outline every slice, and send it again."
        )
    return []


def _holes(sequence: MrSequence, mask: Mask, limit: int, *, contours: bool) -> list[QualityNote]:
    """A quality note on empty slices inside the tumour.

    Refused are runs above the limit, tumours on every second slice (or fewer), contours that leave out a third of
    their slices, and other segmentations that leave out half: they were drawn to be interpolated, and as they are they
    would be a part of the tumour only.
    """
    runs = empty_runs(mask)
    if not runs:
        return _no_two_together(sequence, mask)
    total = sum(last - first + 1 for first, last in runs)
    where = ", ".join(f"{first + 1}" if first == last else f"{first + 1} to {last + 1}" for first, last in runs[:5])
    slices = "1 empty slice" if total == 1 else f"{total} empty slices"
    found = f"The tumour on {sequence.label} has {slices} inside its extent (slice {where})"
    longest = max(last - first + 1 for first, last in runs)
    if longest > limit:
        raise GeometryInvalid(
            f"{found}, {longest} in a row; at most {limit} were expected (setting hole_limit_slices). Frames of the "
            "segmentation seem to be missing: send it again."
        )
    filled = np.flatnonzero(mask.any(axis=(1, 2)))
    if len(runs) == len(filled) - 1 or (3 if contours else 2) * total >= filled[-1] - filled[0] + 1:
        raise GeometryInvalid(
            f"{found} and is drawn on {len(filled)} of {counted(filled[-1] - filled[0] + 1, 'slice')}: most of what "
            "lies between them would be left out. Draw it on every slice, or interpolate it where it was drawn, and "
            "send it again."
        )
    return [
        QualityNote("tumour-hole", Severity.WARNING, f"{found}: frames of the segmentation may be missing.", sequence)
    ]
