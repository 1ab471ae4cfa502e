"""Composes the report of `rdeepnet analyse patients`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime

from models.number_words import counted
from models.patients.added_value import AddedValue
from models.patients.analyse import PatientAnalysis, PatientSet
from models.patients.differential import DifferentialFeatures
from models.quality_notes import Severity
from models.statistics.estimate import NotEstimable
from reports import wording
from reports.analysis.content import AnalysisReport, Block, ChartRow, Paragraph, Section
from reports.analysis.patients import words
from reports.analysis.patients.charts import (
    cut_off_picture,
    feature_picture,
    flow_picture,
    forest_picture,
    survival_picture,
)
from reports.analysis.patients.result_values import patient_result
from reports.analysis.patients.tables import (
    added_table,
    characteristics_table,
    coefficient_table,
    cohort_table,
    feature_table,
    flow_table,
    forest_table,
    hazards_table,
)
from reports.figures.chart import file_name


def compose_patients(analysis: PatientAnalysis, *, created: datetime, software: str) -> AnalysisReport:
    """The report, with every figure drawn.

    Parameters
    ----------
    created : when, with its time zone
    software : name and version
    """
    study = analysis.study
    events = int(study.events.sum())
    notice = f" · {study.notice}" if study.notice else ""
    return AnalysisReport(
        analysis="patients",
        title="Patients, and what the score adds",
        subtitle=(
            f"{counted(f'{len(study):,}', 'patient')}, {counted(events, 'event')}, "
            f"{counted(len(study.cohort_names), 'cohort')}"
        ),
        strip=f"Groups of patients, not one patient{notice}",
        notice=wording.NOTICE,
        facts=(
            ("Score", study.score_source),
            ("Cut-off", f"{study.cut_off:.4g} ({study.rule}); high risk is above it"),
            ("Trained on", study.training or "no cohort of this table is named as such"),
            ("Covariates", _covariates(analysis)),
            ("Bootstrap", f"{counted(analysis.settings.resamples, 'sample')}, seed {analysis.settings.seed}"),
        ),
        sections=(
            _summary(analysis),
            _flow(analysis),
            _characteristics(analysis),
            *_added(analysis),
            *_subgroups(analysis),
            _features(analysis),
            _cut_off(analysis),
            _notes(analysis),
        ),
        methods=words.methods_words(analysis),
        result=patient_result(analysis),
        created=created,
        software=software,
    )


def _covariates(analysis: PatientAnalysis) -> str:
    found = next((one.added.covariates for one in analysis.sets if isinstance(one.added, AddedValue)), ())
    return ", ".join(found) or "none"


def _summary(analysis: PatientAnalysis) -> Section:
    blocks: list[Block] = [Paragraph(sentence, is_warning=True) for sentence in words.few_events_words(analysis)]
    blocks += [Paragraph(words.added_words(one)) for one in analysis.sets]
    blocks += [added_table(analysis.sets), cohort_table(analysis.sets), *_curves(analysis)]
    return Section("Summary: what the score adds beyond clinical covariates", tuple(blocks))


def _curves(analysis: PatientAnalysis) -> Iterator[ChartRow]:
    """Survival of the risk groups, two sets side by side."""
    charts = [chart for one, stem in _with_stems(analysis) if (chart := survival_picture(one, stem)) is not None]
    for at in range(0, len(charts), 2):
        yield ChartRow(tuple(charts[at : at + 2]))


def _flow(analysis: PatientAnalysis) -> Section:
    flow = analysis.study.flow
    blocks: list[Block] = [flow_picture(flow), flow_table(flow)]
    if flow.features_only:
        blocks.append(
            Paragraph(
                f"{counted(flow.features_only, 'row')} of features belong to nobody in the table of outcomes; they are "
                "not counted among the recruited."
            )
        )
    if analysis.by_analysis is not None:
        blocks.append(
            Paragraph("Are those who were left out like the others? Large differences say that they are not.")
        )
        blocks.append(characteristics_table(analysis.by_analysis, name="characteristics-left-out"))
    return Section("Flow of patients", tuple(blocks), starts_page=True)


def _characteristics(analysis: PatientAnalysis) -> Section:
    blocks: list[Block] = []
    if analysis.by_cohort is not None:
        blocks.append(characteristics_table(analysis.by_cohort, name="characteristics-by-cohort"))
    stems = stems_of([table.by.removeprefix("risk group, ") for table in analysis.by_risk])
    for table, stem in zip(analysis.by_risk, stems, strict=True):
        blocks.append(characteristics_table(table, name=f"characteristics-by-risk-{stem}"))
    return Section("Characteristics", tuple(blocks), starts_page=True)


def _added(analysis: PatientAnalysis) -> Iterator[Section]:
    yield Section(
        "The score and clinical covariates together",
        (
            Paragraph(
                "Each model holds the score and all clinical covariates. A hazard ratio above 1 is a worse outcome; "
                "the reference level of each category is named."
            ),
        ),
        starts_page=True,
    )
    for one, stem in _with_stems(analysis):
        yield Section(_title(one), tuple(_added_blocks(one, stem)), level=2)


def _added_blocks(one: PatientSet, stem: str) -> Iterator[Block]:
    added = one.added
    if isinstance(added, NotEstimable):
        yield Paragraph(added.reason, is_warning=True)
        return
    yield Paragraph(words.beyond_words(added))
    if missing := words.missing_words(added):
        yield Paragraph(missing, is_warning=True)
    yield coefficient_table(one, added, stem)
    hazards = hazards_table(one, added, stem)
    if hazards is not None:
        yield hazards


def _subgroups(analysis: PatientAnalysis) -> Iterator[Section]:
    yield Section(
        "Subgroups",
        (
            Paragraph(
                "Subgroups overlap and are small: read the interaction tests, not the P values of single subgroups."
            ),
        ),
        starts_page=True,
    )
    for one, stem in _with_stems(analysis):
        blocks: list[Block] = []
        if one.forest.interactions:
            blocks.append(Paragraph(words.interaction_words(one)))
            blocks += [forest_picture(one, stem, by_group=False), forest_picture(one, stem, by_group=True)]
        blocks.append(forest_table(one, one.forest, stem))
        yield Section(_title(one), tuple(blocks), level=2)


def _features(analysis: PatientAnalysis) -> Section:
    found = analysis.features
    title = "Features of high and low risk"
    if not isinstance(found, DifferentialFeatures):
        return Section(title, (Paragraph(found.reason, is_warning=True),), starts_page=True)
    picture = () if found.clustering is None else (feature_picture(found, found.clustering, analysis.study),)
    hits, by_construction = words.features_words(found, analysis.study)
    return Section(
        title,
        (Paragraph(hits), Paragraph(by_construction, is_warning=True), *picture, feature_table(found)),
        starts_page=True,
    )


def _cut_off(analysis: PatientAnalysis) -> Section:
    study = analysis.study
    blocks: list[Block] = [Paragraph(sentence) for sentence in words.cut_off_words(study)]
    if study.selected is not None:
        blocks.append(cut_off_picture(study, study.selected))
    return Section("Cut-off", tuple(blocks))


def _notes(analysis: PatientAnalysis) -> Section:
    blocks = tuple(Paragraph(note.sentence, is_warning=note.severity is Severity.WARNING) for note in analysis.notes)
    return Section("Notes on the data", blocks or (Paragraph("Nothing was noticed."),))


def _with_stems(analysis: PatientAnalysis) -> list[tuple[PatientSet, str]]:
    return list(zip(analysis.sets, stems_of([one.name for one in analysis.sets]), strict=True))


def stems_of(names: Sequence[str]) -> list[str]:
    """Parts of file names for the names of cohorts: small letters, digits and hyphens, each of them once."""
    found: list[str] = []
    for number, name in enumerate(names, start=1):
        stem = re.sub(r"[^a-z0-9]+", "-", file_name(name)).strip("-")
        found.append(stem if stem and stem not in found else f"{stem}-{number}".strip("-"))
    return found


def _title(one: PatientSet) -> str:
    trained = ", who trained the model" if one.is_training else ""
    return f"{one.name}{trained}"
