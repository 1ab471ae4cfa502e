"""Choice of the tumour segments of each sequence."""

from __future__ import annotations

from collections.abc import Sequence

from dicom_io.errors import NotReadable, Remedy, SelectionAmbiguous, TumourNotFound
from dicom_io.images.headers import matrix_of
from dicom_io.reading.segment_candidates import NOT_ASSIGNED
from dicom_io.reading.selection import Candidate, Selection, listed
from dicom_io.rules import Assignment, SelectionRules
from models.acquisition import SeveralTumours
from models.number_words import counted
from models.volume import Sequence as MrSequence


def assign_tumours(selection: Selection, rules: SelectionRules, assignment: Assignment) -> None:
    """Assigns each tumour segment to its sequence; of several, those by the first rule that fits."""
    if MrSequence.T1C not in selection.chosen:
        return  # its problem is already there
    tumours = [one for one in selection.segments if one.rank is not None]
    if not tumours:
        raise _no_tumour(selection, assignment)
    unusable = tuple(one for one in tumours if one.segment.problem)
    if len(unusable) == len(tumours):
        described = "; ".join(f"{one.segment.name}: {one.segment.problem}" for one in unusable)
        raise NotReadable(f"The segmentation of the tumour cannot be used: {described}.")
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
    """Refuses segments that could all be the tumour, unless they may be taken as several tumours."""
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
        f"{counted(len(found), 'segment')} could be the tumour on {sequence.label}: "
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
    matrix = matrix_of(candidate.segment.instance.header)
    for sequence in by_reference or selection.chosen:
        if matrix == selection.chosen[sequence].dynamic.phase.shape[1:]:
            return sequence
    return MrSequence.T1C


def _no_tumour(selection: Selection, assignment: Assignment) -> TumourNotFound:
    """The refusal when there is no segmentation, or none that is a tumour."""
    if not selection.segments:
        uid = selection.series[0].instances[0].study_instance_uid
        return TumourNotFound(
            "No segmentation of the tumour was found; a DICOM Segmentation or RT Structure Set of it was expected. "
            f"The study holds: {listed(selection)}. Segment the tumour, and send the segmentation with the Study "
            f"Instance UID of the images, {uid}."
        )
    found = "; ".join(f"{one.segment.name}: {one.why}" for one in selection.segments)
    wanted = (
        f"none is called or has the UID {' or '.join(assignment.tumour)}, as assigned"
        if assignment.tumour and all(one.why == NOT_ASSIGNED for one in selection.segments)
        else "none is a tumour that can be used"
    )
    return TumourNotFound(
        f"The study has {len(selection.segments)} segment{'s' if len(selection.segments) > 1 else ''}, but {wanted}: "
        f"{found}. Send a segmentation of the tumour.",
        remedies=(Remedy.CHOOSE_TUMOUR,),
    )
