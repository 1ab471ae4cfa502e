"""Selection: the series and segments from which a study is read, with reasons.

`select` fills it in; `read` and `survey` use it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from dicom_io.images.dynamic import Dynamic
from dicom_io.images.series import Series
from dicom_io.masks.segmentation import (
    Segment,
)
from dicom_io.rules import Assignment
from models.errors import StudyRejected
from models.quality_notes import QualityNote, left_out
from models.volume import Sequence as MrSequence


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


def listed(selection: Selection) -> str:
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
