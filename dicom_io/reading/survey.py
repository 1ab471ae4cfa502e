"""Roles that the rules would give each series and segment of a study, with reasons, for `rdeepnet series`.

Nothing is decoded, and a refusal by the selection is not raised but part of the result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from dicom_io.advice import Reader, advised
from dicom_io.errors import NotReadable
from dicom_io.images.file_kinds import LeftOut, LeftOutBecause, counted
from dicom_io.images.headers import Instance, read_instances
from dicom_io.images.library_remarks import library_remarks
from dicom_io.images.limits import USUAL, Limits
from dicom_io.images.series import Series
from dicom_io.reading.folder import look_into
from dicom_io.reading.select import select
from dicom_io.reading.selection import Candidate, Selection
from dicom_io.reading.study_identity import NOBODY, StudyIdentity, identity_of
from dicom_io.rules import Assignment, SelectionRules
from models.progress import Tell, silent
from models.quality_notes import QualityNote, Severity
from models.volume import Sequence as MrSequence


@dataclass(frozen=True)
class SurveyRow:
    """One series, or one segment of a segmentation.

    Attributes
    ----------
    number, modality, description : of the series; for a segment its label is the description
    objects : SOP instances of the series; 0 for a segment
    detail : phases, slices and spacing, or property type and encoding
    role : "T1+C", "T2W", "Tumour (T1+C)", or empty when it is not used
    why : the rule or assignment, or why it is not used
    problem : why a series is no stack of images, whether or not a rule fits it; else empty
    series_instance_uid : of the series
    is_segment : whether the row is a segment of the series in the row above it
    """

    number: str
    modality: str
    description: str
    objects: int
    detail: str
    role: str
    why: str
    series_instance_uid: str
    is_segment: bool
    problem: str = ""


@dataclass(frozen=True)
class Survey:
    """Roles that the series and segments of a study would get.

    Attributes
    ----------
    study_instance_uid : of the study, empty when no header could be read
    rows : series by number, each segmentation followed by its segments
    refusals : why the study would be refused, first what `read_study` raises, with what to do; empty when it would be
        read
    missing : why there is a sequence without a series, or one that is left out, as in the report
    notes : doubts about phases, and what is left out, that the report would carry
    left_out : how many files in the folders of the study were left out, and why; one phrase for each reason
    remarks : what else may explain a refusal: other studies with a part of this one
    identity : by which a person finds the study
    """

    study_instance_uid: str
    rows: tuple[SurveyRow, ...]
    refusals: tuple[str, ...]
    missing: tuple[str, ...]
    notes: tuple[QualityNote, ...]
    left_out: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    identity: StudyIdentity = NOBODY

    def as_json(self) -> dict[str, Any]:
        """Everything that `rdeepnet series --json` says of the study; docs/views.schema.json describes it."""
        values = asdict(self)
        del values["identity"]
        return {
            "study_instance_uid": values.pop("study_instance_uid"),
            **self.identity.as_json(),
            "warnings": sum(note.severity is Severity.WARNING for note in self.notes),
            "quality_notes": values.pop("notes"),
            **values,
        }


def survey_folder(
    root: Path, *, rules: SelectionRules, assignment: Assignment, limits: Limits = USUAL, tell: Tell = silent
) -> tuple[Survey, ...]:
    """One survey for each study below a folder, and one without a study for files that lie in the folder of none.

    `tell` is told how many files have been looked at, then how many studies.

    Raises
    ------
    StudyRejected
        When there is no study; the sentence says what there is instead.
    """
    folder = look_into(root, limits=limits, tell=tell)
    surveys = []
    for number, (study, files) in enumerate(folder.studies.items()):
        tell("Reading headers", number, len(folder.studies))
        left_out = folder.left_out.get(study, ())
        survey = survey_study(files, rules=rules, assignment=assignment, left_out=left_out, limits=limits)
        surveys.append(replace(survey, remarks=folder.halves.get(study, ()), identity=identity_of(files)))
    if elsewhere := folder.left_out.get("", ()):
        surveys.append(Survey("", (), (), (), (), left_out=counted(elsewhere)))
    return tuple(surveys)


def _copies(files: Sequence[Path], instances: Sequence[Instance]) -> list[LeftOut]:
    """Files whose object another file holds as well."""
    read = {instance.path for instance in instances}
    return [LeftOut(path, LeftOutBecause.COPY) for path in files if path not in read]


def survey_study(
    files: Sequence[Path],
    *,
    rules: SelectionRules,
    assignment: Assignment,
    left_out: Sequence[LeftOut] = (),
    limits: Limits = USUAL,
) -> Survey:
    """Surveys the files of one study; a study that would be refused has its sentence in `refusals`.

    The survey counts `left_out`, known from its folders, and the copies among its files.

    Pixels are not decoded, so a truncated image or a segmentation that lies off its images is not noticed here.
    """
    with library_remarks() as remarks:
        try:
            instances = read_instances(files, limits=limits)
        except NotReadable as problem:
            return Survey("", (), (str(problem),), (), (), left_out=counted(left_out))
        selection = select(instances, rules=rules, assignment=assignment)
    rows: list[SurveyRow] = []
    for series in selection.series:
        rows.append(_series_row(selection, series))
        rows += [
            _segment_row(selection, series, candidate)
            for candidate in selection.segments
            if candidate.segment.instance in series.instances
        ]
    return Survey(
        study_instance_uid=instances[0].study_instance_uid if instances else "",
        rows=tuple(rows),
        refusals=tuple(advised(problem, Reader.COMMAND_LINE) for problem in selection.problems),
        missing=tuple(selection.missing.values()),
        notes=(
            *(note for chosen in selection.chosen.values() for note in chosen.dynamic.notes),
            *selection.notes,
            *remarks.notes(),
        ),
        left_out=counted([*left_out, *_copies(files, instances)]),
    )


def _series_row(selection: Selection, series: Series) -> SurveyRow:
    """The row of one series."""
    role, why = "", selection.verdicts.get(series.key, "")
    for sequence, chosen in selection.chosen.items():
        if series is chosen.dynamic.source:
            role = sequence.label
            if chosen.dynamic.why:
                why = f"{why}; phase {chosen.dynamic.used + 1}: {chosen.dynamic.why}"
        elif series in chosen.dynamic.series:
            why = f"another phase of the {sequence.label} series {chosen.dynamic.source.name}"
    modalities = Counter(instance.modality or "?" for instance in series.instances)
    is_mask = any(one.segment.instance in series.instances for one in selection.segments)
    return SurveyRow(
        number=series.number,
        modality="+".join(sorted(modalities)),
        description=series.description,
        objects=len(series.instances),
        detail=_detail(series),
        role=role,
        why=why,
        series_instance_uid=series.uid,
        is_segment=False,
        problem="" if is_mask else series.problem,
    )


def _detail(series: Series) -> str:
    if not series.phases:
        return ""
    phase = series.phases[0]
    plane = phase.planes[0]
    phases = f"{len(series.phases)} phases by {series.ordered_by}; " if len(series.phases) > 1 else ""
    return (
        f"{phases}{len(phase.planes)} {plane.orientation.name} slices of {phase.slice_distance_mm:.2f} mm; "
        f"{plane.spacing_mm[0]:.2f} × {plane.spacing_mm[1]:.2f} mm; {plane.shape[0]} × {plane.shape[1]}"
    )


def _segment_row(selection: Selection, series: Series, candidate: Candidate) -> SurveyRow:
    """The row of one segment."""
    segment = candidate.segment
    homes = [sequence for sequence, found in selection.tumours.items() if candidate in found]
    refers = [one.name for one in selection.series if one.key in candidate.series_keys]
    parts = [
        f"{'region' if segment.encoding == 'CONTOURS' else 'segment'} {segment.number}",
        segment.property_type or "no property type",
        segment.encoding.lower(),
        f"refers to {', '.join(refers)}" if refers else "refers to no series of this study",
    ]
    return SurveyRow(
        number=series.number,
        modality=series.instances[0].modality or "?",
        description=segment.label,
        objects=0,
        detail="; ".join(parts),
        role=_tumour_role(homes),
        why=candidate.why if homes or candidate.rank is None else f"{candidate.why}; {_unused(selection)}",
        series_instance_uid=series.uid,
        is_segment=True,
    )


def _tumour_role(homes: Sequence[MrSequence]) -> str:
    return f"Tumour ({', '.join(sequence.label for sequence in homes)})" if homes else ""


def _unused(selection: Selection) -> str:
    if MrSequence.T1C not in selection.chosen:
        return "not placed, because there is no T1+C series"
    return "another segment takes precedence"
