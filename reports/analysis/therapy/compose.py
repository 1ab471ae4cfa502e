"""`TherapyAnalysis` → `AnalysisReport`: what is shown, in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from models.quality_notes import QualityNote, Severity
from models.therapy.design import LISTS, Comparison
from models.therapy.results import ComparedFeatures, TherapyAnalysis
from reports import wording
from reports.analysis.content import AnalysisReport, Block, ChartRow, Paragraph, Section
from reports.analysis.therapy import charts, tables, words
from reports.analysis.therapy.methods import methods
from reports.figures.chart import Chart

_MANY = 2  # features, from which lists and their overlap have a meaning


def compose_therapy(
    analysis: TherapyAnalysis,
    *,
    created: datetime,
    software: str,
    sources: Sequence[str],
    tracks: Mapping[str, Sequence[str]] | None = None,
) -> AnalysisReport:
    """Content of the report for a reader.

    Parameters
    ----------
    created : with its time zone
    software : name and version
    sources : names of the tables before, after, clinical
    tracks : annotation bars of the heatmaps, one text for each patient
    """
    patients, settings = analysis.patients, analysis.settings
    count = len(analysis.names)
    sections = [_summary(analysis), Section("Patients", tables.patients_tables(analysis))]
    if count >= _MANY:
        sections.append(_volcanoes(analysis))
    order = (Comparison.CHANGE, *LISTS)
    sections += [_comparison(analysis, analysis.comparisons[one], tracks or {}) for one in order]
    if count >= _MANY:
        sections.append(_overlap(analysis))
    if analysis.correlation is not None:
        sections.append(
            Section(
                "Correlations among features",
                (
                    Paragraph(words.correlation_words(analysis)),
                    charts.matrices_chart(analysis),
                    tables.correlations_table(analysis),
                ),
                starts_page=True,
            )
        )
    paragraphs = methods(analysis, software=software)
    sections.append(Section("Methods", tuple(Paragraph(one) for one in paragraphs)))
    groups = f"{patients.responders} responders, {patients.non_responders} non-responders"
    return AnalysisReport(
        analysis="therapy",
        title="Features before and after neoadjuvant therapy",
        subtitle=f"{count:,} {'feature' if count == 1 else 'features'} in {groups} ({patients.responses.scale})",
        strip=words.STRIP,
        notice=wording.NOTICE,
        facts=(
            ("Before", sources[0]),
            ("After", sources[1]),
            ("Clinical", sources[2]),
            ("Scale", f"{settings.scale.value}, over all examinations before and after together"),
            ("Adjusted for", ", ".join(settings.adjusted) or "nothing"),
            ("Blocks", settings.block or "none"),
            ("Permutations", f"{settings.permutations:,}, seed {settings.seed}" if settings.permutations else "none"),
        ),
        sections=tuple(sections),
        methods=paragraphs,
        result=_result(analysis),
        created=created,
        software=software,
    )


def _summary(analysis: TherapyAnalysis) -> Section:
    """The first page: the direct answer, all counts beside chance, the note on the overlap, every doubt."""
    change = analysis.comparisons[Comparison.CHANGE]
    blocks: list[Block] = [Paragraph(words.direct_answer(change))]
    if len(analysis.names) >= _MANY:
        blocks += [tables.counts_table(analysis), Paragraph(words.overlap_words(analysis))]
        blocks.append(Paragraph(words.NOT_EVIDENCE, is_warning=True))
    else:
        blocks += [Paragraph(f"{words.TITLES[one]}: {words.count_words(analysis.comparisons[one])}") for one in LISTS]
    blocks += [
        Paragraph(note.sentence, is_warning=True) for note in analysis.notes if note.severity is Severity.WARNING
    ]
    if not any("_shape_" in name for name in analysis.settings.adjusted):
        advice = f" {words.SIZE_ADVICE}" if words.is_radiomic(analysis.names) else ""
        blocks.append(Paragraph(f"{words.SIZE}{advice}", is_warning=True))
    blocks.append(Paragraph(words.READERS))
    blocks += [Paragraph(note.sentence) for note in analysis.notes if note.severity is not Severity.WARNING]
    if len(analysis.names) >= _MANY and analysis.settings.permutations:
        blocks.append(charts.chance_chart(analysis))
    return Section("Summary", tuple(blocks))


def _volcanoes(analysis: TherapyAnalysis) -> Section:
    drawn = [charts.volcano_chart(analysis, analysis.comparisons[one]) for one in (Comparison.BEFORE, *LISTS[1:])] + [
        charts.volcano_chart(analysis, analysis.comparisons[Comparison.CHANGE])
    ]
    rows = tuple(ChartRow(tuple(drawn[at : at + 2])) for at in range(0, len(drawn), 2))
    return Section("Effects and P", rows, starts_page=True)


def _comparison(analysis: TherapyAnalysis, compared: ComparedFeatures, tracks: Mapping[str, Sequence[str]]) -> Section:
    """One comparison: what was found, its table, its heatmap."""
    blocks: list[Block] = [
        Paragraph(f"{words.groups_words(compared)}: {words.count_words(compared)}"),
        Paragraph(words.moderation_words(compared)),
    ]
    if survival := words.survival_words(compared):
        blocks.append(Paragraph(survival))
    if compared.comparison is Comparison.CHANGE:
        blocks.append(charts.slopes_chart(analysis))
    picture: Chart | None = charts.heatmap_chart(analysis, compared, tracks)
    if picture is not None:
        blocks.append(picture)
    blocks.append(tables.features_table(analysis, compared))
    title = f"{words.TITLES[compared.comparison]} ({words.PART[compared.comparison]})"
    if compared.comparison is Comparison.CHANGE:
        title = words.TITLES[compared.comparison]
    return Section(title, tuple(blocks))


def _overlap(analysis: TherapyAnalysis) -> Section:
    blocks: list[Block] = [
        Paragraph(words.overlap_words(analysis)),
        Paragraph(words.NOT_EVIDENCE, is_warning=True),
        charts.upset_chart(analysis),
        tables.classes_table(analysis),
    ]
    if analysis.overlap.features:
        blocks.append(tables.overlap_table(analysis))
    return Section("Overlap of the four lists (B6)", tuple(blocks), starts_page=True)


def _result(analysis: TherapyAnalysis) -> dict[str, Any]:
    """Every number, for programs."""
    settings, patients = analysis.settings, analysis.patients
    return {
        "settings": {
            "scale": settings.scale.value,
            "alpha": settings.alpha,
            "permutations": settings.permutations,
            "seed": settings.seed,
            "adjusted": settings.adjusted,
            "block": settings.block,
        },
        "patients": {
            "responders": patients.responders,
            "non_responders": patients.non_responders,
            "scale": patients.responses.scale.value,
            "left_out": {str(reason): number for reason, number in patients.reasons().items()},
        },
        "quality_notes": [_note(note) for note in analysis.notes],
        "features": analysis.names,
        "features_constant": analysis.constant,
        "features_covariates": analysis.covariates_tested,
        "comparisons": {one.value: _compared(compared) for one, compared in analysis.comparisons.items()},
        "overlap": {
            "features": [
                name for name, common in zip(analysis.names, analysis.overlap.is_common, strict=True) if common
            ],
            "expected": analysis.overlap.expected,
            "intersections": [
                {"lists": [name.value for name in one.lists], "features": one.features, "expected": one.expected}
                for one in analysis.overlap.intersections
            ],
            "response_makes_no_difference": _chance(analysis.overlap.response),
            "nothing_makes_a_difference": _chance(analysis.overlap.nothing),
        },
        "correlations": _correlations(analysis),
    }


def _note(note: QualityNote) -> dict[str, str]:
    return {"code": note.code, "severity": note.severity.value, "sentence": note.sentence}


def _compared(compared: ComparedFeatures) -> dict[str, Any]:
    test = compared.test
    return {
        "patients": compared.patients,
        "tested": compared.count.tested,
        "hits": compared.count.hits,
        "expected": compared.count.expected,
        "discoveries": compared.count.discoveries,
        "permutations": _chance(compared.chance),
        "prior_degrees": "infinite" if test.prior_degrees == float("inf") else test.prior_degrees,
        "degrees": test.degrees,
        "ordinary_hits": compared.ordinary_hits,
        "other_calls": compared.other_calls,
        "survivors": compared.survivors,
        "effects": test.effects,
        "standard_errors": test.standard_errors,
        "t": test.statistics,
        "p": test.p,
        "fdr": compared.fdr,
        "p_unadjusted": compared.unadjusted,
    }


def _chance(chance: Any) -> dict[str, Any] | None:
    if chance is None:
        return None
    return {
        "permutations": int(chance.drawn.size),
        "median": chance.median,
        "percentile_95": chance.upper,
        "largest": int(chance.drawn.max()),
        "p": chance.p,
    }


def _correlations(analysis: TherapyAnalysis) -> dict[str, Any] | None:
    found = analysis.correlation
    if found is None:
        return None
    return {
        "tested_features": found.tested_features,
        "order": [analysis.names[place] for place in found.order],
        **{
            name: {
                "patients": group.patients,
                "mean_before": group.mean_before,
                "mean_after": group.mean_after,
                "noise": group.noise,
                "tested_change": group.tested_change,
                "p": group.p,
            }
            for name, group in (("responders", found.responders), ("non_responders", found.non_responders))
        },
    }
