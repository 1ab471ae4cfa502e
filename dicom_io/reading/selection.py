"""Series and segments from which a study is read, with reasons: the rules and the assignment applied to the study.

No image is decoded here. The same selection answers `read` (which raises the first problem) and `survey` (which shows
all of it).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from pydicom.dataset import Dataset

from dicom_io.errors import GeometryInvalid, NotReadable, Remedy, SelectionAmbiguous, SeriesNotFound
from dicom_io.images.dynamic import Dynamic, dynamic_of
from dicom_io.images.functional_groups import attributes_of
from dicom_io.images.headers import Instance, values_for_rules, whole_number
from dicom_io.images.planes import Plane
from dicom_io.images.series import Series, attributes_counted, series_of
from dicom_io.images.stack import is_later
from dicom_io.masks.rtstruct import STRUCTURE_SETS, contoured_instances, contoured_series, regions_of
from dicom_io.masks.segmentation import (
    SEGMENTATIONS,
    Segment,
    referenced_frames,
    referenced_instances,
    referenced_series,
    segments_of,
)
from dicom_io.reading.one_study import check_one_study
from dicom_io.reading.stack_with_tumour import with_tumour
from dicom_io.rules import COUNTED, Assignment, Registration, Rule, SelectionRules
from models.acquisition import SeveralTumours
from models.errors import StudyRejected
from models.quality_notes import QualityNote, left_out
from models.volume import Sequence as MrSequence

# Series that fit a rule of a role → the place of that rule, and the rule.
Fits = Mapping[Series, tuple[int, Rule]]

LEFT_OUT = "none"  # the assignment t2w=none


@dataclass(frozen=True, eq=False)
class Candidate:
    """One segment, with what the rules say about it.

    Attributes
    ----------
    segment : the segment
    rank : position of the rule that makes it a tumour; None when it is not one
    why : the rule, or why it is no tumour
    series_keys : `Series.key` of the series of this study it refers to
    instance_uids : SOP Instance UIDs it refers to
    frames : (SOP Instance UID, one-based frame) it refers to in multi-frame images
    """

    segment: Segment
    rank: int | None
    why: str
    series_keys: frozenset[str]
    instance_uids: frozenset[str]
    frames: frozenset[tuple[str, int]]


@dataclass(frozen=True, eq=False)
class Chosen:
    """The images of one sequence: the series they come from (several for phases in series of their own), and why."""

    dynamic: Dynamic
    why: str


@dataclass(eq=False)
class Selection:
    """Series and segments from which a study is read.

    Attributes
    ----------
    series : every series, sorted by number
    segments : every segment, with what the rules say
    chosen : images for each sequence that has any
    tumours : tumour segments for each sequence (one, unless the rules allow several)
    passed_over : for each sequence the segments that could be a tumour by a rule further down, and are not used
    verdicts : `Series.key` → why a series was taken or not
    missing : sequences without a series, or left out → the clause for the report
    notes : what was left out, and why
    problems : why the study cannot be read, most important first
    """

    series: tuple[Series, ...]
    segments: tuple[Candidate, ...] = ()
    chosen: dict[MrSequence, Chosen] = field(default_factory=dict)
    tumours: dict[MrSequence, tuple[Candidate, ...]] = field(default_factory=dict)
    passed_over: dict[MrSequence, tuple[Candidate, ...]] = field(default_factory=dict)
    verdicts: dict[str, str] = field(default_factory=dict)
    missing: dict[MrSequence, str] = field(default_factory=dict)
    notes: list[QualityNote] = field(default_factory=list)
    problems: list[StudyRejected] = field(default_factory=list)

    def leave_out(self, sequence: MrSequence, problem: StudyRejected, assignment: Assignment) -> None:
        """Go on without a sequence that was chosen and cannot be used; its own tumour goes with it.

        Raises
        ------
        StudyRejected
            `problem`, where the study cannot do without: the sequence is required or was assigned, or the tumour was
            drawn on it alone.
        """
        has_tumour_elsewhere = any(other is not sequence for other in self.tumours)
        if sequence.is_required or assignment.of(sequence) or not has_tumour_elsewhere:
            raise problem
        for series in self.chosen.pop(sequence).dynamic.series:
            self.verdicts[series.key] = f"{sequence.label}, left out"
        self.tumours.pop(sequence, None)
        self.passed_over.pop(sequence, None)
        self.note_left_out(sequence, problem)

    def note_left_out(self, sequence: MrSequence, problem: StudyRejected) -> None:
        """Record why a sequence is left out."""
        self.missing[sequence], note = left_out(sequence, str(problem))
        self.notes.append(note)


def select(instances: Sequence[Instance], *, rules: SelectionRules, assignment: Assignment) -> Selection:
    """Apply assignment and rules to the objects of one study; problems are collected, not raised."""
    selection = Selection(series=series_of(instances))
    _attempt(selection, lambda: check_one_study(instances))
    selection.segments = _candidates(selection, rules, assignment)
    fits = _fits(selection, rules)
    for sequence in MrSequence:
        _attempt(selection, partial(_choose_if_usable, selection, sequence, fits[sequence], rules, assignment))
    _attempt(selection, lambda: _assign_tumours(selection, rules, assignment))
    if rules.registration is Registration.NONE:
        _attempt(selection, lambda: _same_frame_of_reference(selection, assignment))
    return selection


def _attempt(selection: Selection, step: Callable[[], None]) -> None:
    try:
        step()
    except StudyRejected as problem:
        selection.problems.append(problem)


def _candidates(selection: Selection, rules: SelectionRules, assignment: Assignment) -> tuple[Candidate, ...]:
    """Every segment of the study, each judged by the assignment or else by the rules."""
    images = [series for series in selection.series if series.is_mr]
    homes: dict[str, list[Series]] = defaultdict(list)
    for series in images:
        for instance in series.instances:
            homes[instance.sop_instance_uid].append(series)
    candidates: list[Candidate] = []
    for series in selection.series:
        for instance in series.instances:
            contours = instance.sop_class_uid in STRUCTURE_SETS
            if instance.sop_class_uid not in SEGMENTATIONS and not contours:
                continue
            try:
                segments = regions_of(instance) if contours else segments_of(instance)
                instance_uids = contoured_instances(instance) if contours else referenced_instances(instance)
                named = contoured_series(instance) if contours else referenced_series(instance)
                frames = frozenset() if contours else referenced_frames(instance)
            except (NotReadable, GeometryInvalid) as problem:
                selection.problems.append(problem)
                continue
            by_instance = frozenset(one.key for uid in instance_uids for one in homes[uid] if _holds(one, uid, frames))
            series_keys = by_instance or frozenset(one.key for one in images if one.uid in named)
            for segment in segments:
                rank, why = _judge(segment, rules, assignment)
                if rank is not None and contours:
                    rank += len(rules.tumour)  # a segmentation goes before contours of the same thing
                candidates.append(Candidate(segment, rank, why, series_keys, instance_uids, frames))
    return tuple(candidates)


def _holds(series: Series, uid: str, frames: frozenset[tuple[str, int]]) -> bool:
    """Returns whether a series holds a referenced object, or frames of it where frames are named."""
    named = {frame for owner, frame in frames if owner == uid}
    return not (series.part and named) or any(
        plane.frame_number in named and plane.instance.sop_instance_uid == uid
        for phase in series.phases
        for plane in phase.planes
    )


def _judge(segment: Segment, rules: SelectionRules, assignment: Assignment) -> tuple[int | None, str]:
    if assignment.tumour:
        names = {
            segment.instance.series_instance_uid,
            segment.instance.sop_instance_uid,
            segment.label.casefold(),
            segment.series_description.casefold(),
        }
        if any(wanted in names or wanted.casefold() in names for wanted in assignment.tumour):
            return 0, "assigned"
        return None, "another segmentation was assigned"
    keywords = _keywords((*rules.tumour, *rules.not_tumour))
    values = segment.values(keywords)
    for rule in rules.not_tumour:
        if not rule.objection(values):
            return None, f"left out: {rule.name}"
    for rank, rule in enumerate(rules.tumour):
        if not rule.objection(values):
            return rank, f"rule: {rule.name}"
    return None, f'"{segment.label}" is not a tumour'


def _fits(selection: Selection, rules: SelectionRules) -> dict[MrSequence, Fits]:
    """For each sequence the series that fit one of its rules; every series of MR images gets its verdict."""
    wanted = {sequence: rules.of(sequence) for sequence in MrSequence}
    looked_at = _keywords([rule for of_sequence in wanted.values() for rule in of_sequence] + list(rules.exclude))
    keywords = [one for one in looked_at if one not in COUNTED]
    fits: dict[MrSequence, dict[Series, tuple[int, Rule]]] = {sequence: {} for sequence in wanted}
    for series in selection.series:
        if not series.is_mr:
            continue
        values = {**_attributes(series, keywords), **attributes_counted(series), **series.kind}
        excluded = next((rule for rule in rules.exclude if not rule.objection(values)), None)
        if excluded is not None:
            selection.verdicts[series.key] = f"left out: {excluded.name} ({_evidence(excluded, values)})"
            continue
        found = []
        for sequence, sequence_rules in wanted.items():
            for rank, rule in enumerate(sequence_rules):
                if not rule.objection(values):
                    fits[sequence][series] = (rank, rule)
                    found.append(f"fits {sequence.label} by the rule: {rule.name}")
                    break
        selection.verdicts[series.key] = "; ".join(found) or "no rule fits"
    return dict(fits)


def _choose_if_usable(
    selection: Selection, sequence: MrSequence, fits: Fits, rules: SelectionRules, assignment: Assignment
) -> None:
    """Choose the images of a sequence; one the study can do without is left out when its images are no volume.

    A choice that a person should make (`SelectionAmbiguous`) is a refusal for every sequence.
    """
    try:
        _choose(selection, sequence, fits, rules, assignment)
    except (GeometryInvalid, NotReadable) as problem:
        drawn = [one for one in selection.segments if one.rank is not None and not one.segment.problem]
        on_it = [one for one in drawn if _is_drawn_on(one, fits, selection)]
        if sequence.is_required or assignment.of(sequence) or len(on_it) == len(drawn):
            raise
        selection.segments = tuple(
            replace(one, rank=None, why=f"drawn on {sequence.label}, which is left out") if one in on_it else one
            for one in selection.segments
        )
        selection.note_left_out(sequence, problem)


def _is_drawn_on(candidate: Candidate, fits: Fits, selection: Selection) -> bool:
    """Returns whether a segment was drawn on series that fit a sequence: by reference, else by their matrix alone."""
    chosen = [one.dynamic for one in selection.chosen.values()]
    taken = {series.key for dynamic in chosen for series in dynamic.series}
    if candidate.series_keys:
        return candidate.series_keys <= {series.key for series in fits} - taken
    matrices = {_matrix(series.header) for series in fits if series.key not in taken}
    others = {dynamic.phase.shape[1:] for dynamic in chosen}
    return _matrix(candidate.segment.instance.header) in matrices - others - {None}


def _matrix(header: Dataset) -> tuple[int, int] | None:
    """(rows, columns) of images or masks; None for contours."""
    return (whole_number(header, "Rows"), whole_number(header, "Columns")) if "Rows" in header else None


def _choose(
    selection: Selection, sequence: MrSequence, fits: Fits, rules: SelectionRules, assignment: Assignment
) -> None:
    assigned = assignment.of(sequence)
    if not sequence.is_required and assigned.casefold() == LEFT_OUT:
        selection.missing[sequence] = f"no {sequence.label} series was found ({sequence}=none was assigned)"
        return
    taken = {series.key for chosen in selection.chosen.values() for series in chosen.dynamic.series}
    fits = {series: place for series, place in fits.items() if series.key not in taken}
    members: tuple[Series, ...]
    stopped: tuple[Plane, ...] = ()
    if assigned:
        members, why = (_assigned(selection, sequence, assigned),), "assigned"
    elif fits:
        members, why, stopped = _decide(selection, sequence, fits)
    elif not sequence.is_required:
        selection.missing[sequence] = f"no {sequence.label} series was found"
        return
    else:
        raise SeriesNotFound(
            f"No {sequence.label} series was found. The study holds: {_listed(selection)}."
            f"{_drawn_elsewhere(selection)}",
            remedies=(Remedy.CHOOSE_SERIES,) if any(series.phases for series in selection.series) else (),
        )
    for member in members:
        if member.problem:
            raise GeometryInvalid(f"The {sequence.label} series {member.name} cannot be used. {member.problem}")
    tumours = [one for one in selection.segments if one.rank is not None]
    dynamic = dynamic_of(
        members,
        referenced=frozenset(uid for one in tumours for uid in one.instance_uids),
        frames=frozenset(frame for one in tumours for frame in one.frames),
        stopped=stopped,
        sequence=sequence,
        rules=rules,
    )
    selection.chosen[sequence] = Chosen(dynamic, why)
    for member in members:
        selection.verdicts[member.key] = why


def _assigned(selection: Selection, sequence: MrSequence, wanted: str) -> Series:
    named = [series for series in selection.series if wanted in (series.uid, series.key)] or [
        series for series in selection.series if series.description.casefold() == wanted.casefold()
    ]
    found = [series for series in named if series.is_mr]
    if found and all(series.stacks > 1 for series in found):
        found = with_tumour(found, [one.segment for one in selection.segments if one.rank is not None])
    if len(found) == 1:
        return found[0]
    if not named:
        raise SeriesNotFound(
            f"No series is called or has the UID '{wanted}', which was assigned to {sequence.label}. "
            f"The study holds: {_listed(selection)}."
        )
    if not found:
        raise SeriesNotFound(
            f"The series {named[0].name}, which was assigned to {sequence.label}, cannot be used. {named[0].problem} "
            f"MR images were expected; the study holds: {_listed(selection)}."
        )
    raise SelectionAmbiguous(
        f"{len(found)} series are called '{wanted}', which was assigned to {sequence.label}; one was expected. "
        f"Assign one of: {', '.join(series.description if series.part else series.uid for series in found)}."
    )


def _decide(
    selection: Selection, sequence: MrSequence, fits: Fits
) -> tuple[tuple[Series, ...], str, tuple[Plane, ...]]:
    """One series, or the series of one dynamic acquisition, among those that fit; why; images of a stopped phase."""
    referenced = frozenset().union(
        *(one.series_keys for one in selection.segments if one.rank is not None), frozenset()
    )
    preferred = [series for series in fits if series.key in referenced]
    best = min(rank for rank, _ in fits.values())
    pool = with_tumour(
        preferred or [series for series, (rank, _) in fits.items() if rank == best],
        [one.segment for one in selection.segments if one.rank is not None],
    )
    members = _same_acquisition(pool[0], list(fits)) if sequence.has_contrast_phases else (pool[0],)
    stopped = [series for series in pool if _is_stopped_phase(members, series)]
    uids = {member.key for member in (*members, *stopped)}
    if any(series.key not in uids for series in pool):
        rule = fits[pool[0]][1]
        raise SelectionAmbiguous(
            f"{len(pool)} series could be {sequence.label} ("
            + ("the tumour segmentations refer to them" if preferred else f"rule: {rule.name}")
            + f"): {'; '.join(_described(series) for series in pool)}. One was expected.",
            remedies=(Remedy.CHOOSE_SERIES,),
        )
    for series in fits:
        if series in stopped:
            selection.verdicts[series.key] = f"a phase of {sequence.label} that was stopped"
        elif series.key not in uids:
            is_other_stack = series.uid == pool[0].uid and series.stacks > 1
            reason = "holds the tumour" if is_other_stack else "takes precedence"
            selection.verdicts[series.key] = f"fits {sequence.label} as well, but {pool[0].name} {reason}"
    why = f"rule: {fits[pool[0]][1].name}"
    planes = tuple(plane for series in stopped for plane in series.phases[0].planes)
    return members, f"{why}; the tumour segmentation refers to it" if preferred else why, planes


def _same_acquisition(first: Series, others: Sequence[Series]) -> tuple[Series, ...]:
    """The series that are phases of one dynamic acquisition with `first`: one phase each, same grid, same timing."""
    if len(first.phases) != 1:
        return (first,)
    return tuple(series for series in others if series is first or (len(series.phases) == 1 and _alike(first, series)))


def _is_stopped_phase(members: Sequence[Series], other: Series) -> bool:
    """Returns whether a series is a later phase of the same acquisition of which only some slices were made."""
    if len(members) < 2 or other in members or len(other.phases) != 1 or other.part != members[0].part:
        return False
    whole, part = members[0].phases[0], other.phases[0]
    if len(part.planes) >= len(whole.planes) or not _timed_alike(members[0], other):
        return False
    if part.shape[1:] != whole.shape[1:] or abs(whole.affine[:3, :3] - part.affine[:3, :3]).max() > 0.01:
        return False
    first = np.linalg.solve(whole.affine[:3, :3], part.affine[:3, 3] - whole.affine[:3, 3])
    is_on_its_slices = np.abs(first - np.round(first)).max() < 0.05 and np.abs(first[1:]).max() < 0.05
    is_within = 0 <= round(first[0]) <= len(whole.planes) - len(part.planes)
    return bool(is_on_its_slices and is_within) and is_later(
        part.planes, [plane for member in members for plane in member.phases[0].planes]
    )


def _alike(one: Series, other: Series) -> bool:
    if one.uid == other.uid or one.part != other.part:
        return False  # water and fat, or two echoes, are no phases
    first, second = one.phases[0], other.phases[0]
    if first.shape != second.shape or abs(first.affine - second.affine).max() > 0.01:
        return False
    return _timed_alike(one, other)


def _timed_alike(one: Series, other: Series) -> bool:
    timing = ("FrameOfReferenceUID", "RepetitionTime", "EchoTime", "FlipAngle", "ScanningSequence")
    return _attributes(one, timing) == _attributes(other, timing)


def _attributes(series: Series, keywords: Iterable[str]) -> Mapping[str, str]:
    """Values for the rules; those of the last phase, which is after contrast if any is."""
    if not series.phases:
        return values_for_rules(series.header, keywords)
    return attributes_of(series.phases[-1].planes[0], keywords)


def _same_frame_of_reference(selection: Selection, assignment: Assignment) -> None:
    """Leave the sequences out that lie in another Frame of Reference than T1+C, or raise where that cannot be."""
    references = {
        sequence: chosen.dynamic.phase.planes[0].instance.frame_of_reference_uid
        for sequence, chosen in selection.chosen.items()
    }
    if len({uid for uid in references.values() if uid}) > 1:
        problem = GeometryInvalid(
            f"{' and '.join(sequence.label for sequence in references)} have different Frame of Reference UIDs "
            f"({' and '.join(references.values())}): how they lie to each other is not "
            "known, so the tumour cannot be carried from one to the other. One Frame of Reference was expected; "
            'set registration = "rigid" in [reading] of the settings to register the series.',
            remedies=(Remedy.LEAVE_T2W_OUT,),
        )
        first = next(iter(references.values()))
        for sequence in [sequence for sequence, uid in references.items() if uid not in ("", first)]:
            selection.leave_out(sequence, problem, assignment)


def _assign_tumours(selection: Selection, rules: SelectionRules, assignment: Assignment) -> None:
    if MrSequence.T1C not in selection.chosen:
        return  # its problem is already there
    tumours = [one for one in selection.segments if one.rank is not None]
    if not tumours:
        raise _no_tumour(selection, assignment)
    unusable = tuple(one for one in tumours if one.segment.problem)
    if len(unusable) == len(tumours):
        listed = "; ".join(f"{one.segment.name}: {one.segment.problem}" for one in unusable)
        raise NotReadable(f"The segmentation of the tumour cannot be used: {listed}.")
    for one in tumours:
        if one not in unusable:
            selection.tumours[_home(selection, one)] = (*selection.tumours.get(_home(selection, one), ()), one)
    for sequence in [one for one in MrSequence if one in selection.tumours]:
        found = selection.tumours.pop(sequence)  # put back in the order of the sequences
        best = min(one.rank for one in found if one.rank is not None)
        selection.tumours[sequence] = tuple(one for one in found if one.rank == best)
        selection.passed_over[sequence] = tuple(one for one in found if one.rank != best)
    first = next(iter(selection.tumours))
    selection.passed_over[first] += unusable
    for sequence, found in selection.tumours.items():
        objects = {one.segment.instance.sop_instance_uid for one in found}
        if len(objects) == 1 or not rules.newest_segmentation:  # else one may replace another where they are placed
            check_several(sequence, found, rules, is_assigned=bool(assignment.tumour))


def check_several(
    sequence: MrSequence, found: Sequence[Candidate], rules: SelectionRules, *, is_assigned: bool
) -> None:
    """Raises `SelectionAmbiguous` unless segments that could all be the tumour may be taken as several tumours."""
    kinds = {tuple(one.segment.property_type.split(" ")[:2]) for one in found}
    is_refused = rules.tumours_together is SeveralTumours.REFUSE
    if len(found) == 1 or not (is_refused or (len(kinds) > 1 and not is_assigned)):
        return
    advice = (
        "Set several_tumours in [reading] of the settings to union or largest to combine them."
        if is_refused
        else "Their property types differ, so they are not combined automatically."
    )
    raise SelectionAmbiguous(
        f"{len(found)} segments could be the tumour on {sequence.label}: "
        f"{'; '.join(f'{one.segment.name} ({one.why})' for one in found)}. One was expected. {advice}",
        remedies=(Remedy.CHOOSE_TUMOUR,),
    )


def _home(selection: Selection, candidate: Candidate) -> MrSequence:
    """The sequence on whose grid a segment was made: by reference, else by geometry, else T1+C."""
    by_reference = [
        sequence
        for sequence, chosen in selection.chosen.items()
        if candidate.series_keys & {series.key for series in chosen.dynamic.series}
    ]
    if len(by_reference) == 1:
        return by_reference[0]
    matrix = _matrix(candidate.segment.instance.header)
    for sequence in by_reference or selection.chosen:
        if matrix == selection.chosen[sequence].dynamic.phase.shape[1:]:
            return sequence
    return MrSequence.T1C


def _no_tumour(selection: Selection, assignment: Assignment) -> SeriesNotFound:
    if not selection.segments:
        uid = selection.series[0].instances[0].study_instance_uid
        return SeriesNotFound(
            "No segmentation of the tumour was found; a DICOM Segmentation or RT Structure Set of it was expected. "
            f"The study holds: {_listed(selection)}. Segment the tumour, and send the segmentation with the Study "
            f"Instance UID of the images, {uid}."
        )
    found = "; ".join(f"{one.segment.name}: {one.why}" for one in selection.segments)
    wanted = (
        f"none is called or has the UID {' or '.join(assignment.tumour)}, as assigned"
        if assignment.tumour
        else "none is a tumour"
    )
    return SeriesNotFound(
        f"The study has {len(selection.segments)} segment{'s' if len(selection.segments) > 1 else ''}, but {wanted}: "
        f"{found}. Send a segmentation of the tumour.",
        remedies=(Remedy.CHOOSE_TUMOUR,),
    )


def _drawn_elsewhere(selection: Selection) -> str:
    """That segmentations of this study were drawn on images that are not in it; empty when there are none."""
    elsewhere = {
        one.segment.instance.sop_instance_uid: one
        for one in selection.segments
        if one.instance_uids and not one.series_keys
    }
    return "".join(
        f' The segmentation "{one.segment.series_description}" refers to {len(one.instance_uids)} images that are in '
        "no series of this study: they were not sent, or have another Study Instance UID. Have both stored under "
        "one."
        for one in elsewhere.values()
    )


def _keywords(rules: Sequence[Rule]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(keyword for rule in rules for keyword in rule.keywords))


def _evidence(rule: Rule, values: Mapping[str, str]) -> str:
    return ", ".join(f'{keyword} "{values.get(keyword, "")}"' for keyword in rule.keywords)


def _described(series: Series) -> str:
    return f"{series.name} ({series.uid})"


def _listed(selection: Selection) -> str:
    """Every series with its modality, number of objects, and why it is or is not used."""
    drawn = {one.segment.instance.sop_instance_uid for one in selection.segments}
    lines = []
    for series in selection.series:
        count = len(series.instances)
        parts = [series.instances[0].modality or "?", "1 object" if count == 1 else f"{count} objects"]
        parts += [verdict] if (verdict := selection.verdicts.get(series.key, "")) else []
        is_mask = any(instance.sop_instance_uid in drawn for instance in series.instances)
        parts += [series.problem.rstrip(".")] if series.problem and not is_mask else []
        lines.append(f"{series.name} ({', '.join(parts)})")
    return "; ".join(lines)
