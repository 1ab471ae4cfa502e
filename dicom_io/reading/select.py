"""Series and segments from which a study is read: the rules and the assignment applied to the study, with reasons.

No image is decoded here. The same selection answers `read` (which raises the first problem) and `survey` (which shows
all of it).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from dicom_io.errors import GeometryInvalid, Remedy
from dicom_io.images.headers import Instance
from dicom_io.images.series import series_of
from dicom_io.reading.one_study import check_one_study
from dicom_io.reading.segment_candidates import IsMark, candidates
from dicom_io.reading.selection import Selection
from dicom_io.reading.series_choice import choose_if_usable, series_that_fit
from dicom_io.reading.tumour_choice import assign_tumours
from dicom_io.rules import Assignment, Registration, SelectionRules
from models.errors import StudyRejected
from models.volume import Sequence as MrSequence


def select(
    instances: Sequence[Instance], *, rules: SelectionRules, assignment: Assignment, marks: IsMark | None = None
) -> Selection:
    """Apply assignment and rules to the objects of one study; problems are collected, not raised.

    Parameters
    ----------
    marks : which segments stand in for the tumour, whatever the rules say of them: the strokes a draft is made from
    """
    selection = Selection(series=series_of(instances))
    _attempt(selection, lambda: check_one_study(instances))
    selection.segments = candidates(selection, rules, assignment, marks=marks)
    fits = series_that_fit(selection, rules)
    for sequence in MrSequence:
        _attempt(selection, partial(choose_if_usable, selection, sequence, fits[sequence], rules, assignment))
    _attempt(selection, lambda: assign_tumours(selection, rules, assignment))
    if rules.registration is Registration.NONE:
        _attempt(selection, lambda: _same_frame_of_reference(selection, assignment))
    return selection


def _attempt(selection: Selection, step: Callable[[], None]) -> None:
    try:
        step()
    except StudyRejected as problem:
        selection.problems.append(problem)


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
