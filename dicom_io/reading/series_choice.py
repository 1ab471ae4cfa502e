"""Choice of the series of each sequence: assigned, or by the rules and by what the tumour was drawn on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dicom_io.errors import GeometryInvalid, NotReadable, Remedy, SelectionAmbiguous, SeriesNotFound
from dicom_io.images.dynamic import dynamic_of
from dicom_io.images.headers import matrix_of
from dicom_io.images.planes import Plane
from dicom_io.images.series import Series, attributes_counted
from dicom_io.reading.same_acquisition import attributes_for_rules, is_stopped_phase, same_acquisition
from dicom_io.reading.selection import Candidate, Chosen, Selection, listed
from dicom_io.reading.stack_with_tumour import with_tumour
from dicom_io.rules import COUNTED, Assignment, Rule, SelectionRules, keywords_of
from models.number_words import counted
from models.volume import Sequence as MrSequence

# Series that fit a rule of a role → the place of that rule, and the rule.
Fits = Mapping[Series, tuple[int, Rule]]

LEFT_OUT = "none"  # the assignment t2w=none


def series_that_fit(selection: Selection, rules: SelectionRules) -> dict[MrSequence, Fits]:
    """For each sequence the series that fit one of its rules; every series of MR images gets its verdict."""
    wanted = {sequence: rules.of(sequence) for sequence in MrSequence}
    looked_at = keywords_of([rule for of_sequence in wanted.values() for rule in of_sequence] + list(rules.exclude))
    keywords = [one for one in looked_at if one not in COUNTED]
    fits: dict[MrSequence, dict[Series, tuple[int, Rule]]] = {sequence: {} for sequence in wanted}
    for series in selection.series:
        if not series.is_mr:
            continue
        values = {**attributes_for_rules(series, keywords), **attributes_counted(series), **series.kind}
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


def choose_if_usable(
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
    matrices = {matrix_of(series.header) for series in fits if series.key not in taken}
    others = {dynamic.phase.shape[1:] for dynamic in chosen}
    return matrix_of(candidate.segment.instance.header) in matrices - others - {None}


def _choose(
    selection: Selection, sequence: MrSequence, fits: Fits, rules: SelectionRules, assignment: Assignment
) -> None:
    """Chooses the images of a sequence, or records why there are none; raises where the sequence is required."""
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
            f"No {sequence.label} series was found. The study holds: {listed(selection)}.{_drawn_elsewhere(selection)}",
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
    """The one series that an assignment names, by UID or description."""
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
            f"The study holds: {listed(selection)}."
        )
    if not found:
        raise SeriesNotFound(
            f"The series {named[0].name}, which was assigned to {sequence.label}, cannot be used. {named[0].problem} "
            f"MR images were expected; the study holds: {listed(selection)}."
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
    members = same_acquisition(pool[0], list(fits)) if sequence.has_contrast_phases else (pool[0],)
    stopped = [series for series in pool if is_stopped_phase(members, series)]
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


def _drawn_elsewhere(selection: Selection) -> str:
    """That segmentations of this study were drawn on images that are not in it; empty when there are none."""
    elsewhere = {
        one.segment.instance.sop_instance_uid: one
        for one in selection.segments
        if one.instance_uids and not one.series_keys
    }
    return "".join(
        f' The segmentation "{one.segment.series_description}" refers to '
        f"{counted(len(one.instance_uids), 'image')} that are in no series of this study: they were not sent, or have "
        "another Study Instance UID. Have both stored under one."
        for one in elsewhere.values()
    )


def _evidence(rule: Rule, values: Mapping[str, str]) -> str:
    return ", ".join(f'{keyword} "{values.get(keyword, "")}"' for keyword in rule.keywords)


def _described(series: Series) -> str:
    return f"{series.name} ({series.uid})"
