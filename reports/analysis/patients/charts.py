"""Figures of the analysis of patients, with their captions."""

from __future__ import annotations

from models.number_words import counted
from models.patients.analyse import HORIZON_MONTHS, PatientSet
from models.patients.covariates import UNKNOWN
from models.patients.differential import DifferentialFeatures
from models.patients.study import CohortFlow, PatientFlow, Study
from models.patients.subgroups import Subgroup
from models.statistics.clustering import Clustering
from models.statistics.cutpoint import SelectedCutOff
from models.statistics.estimate import Found, NotEstimable
from reports.analysis.cells import p_shown
from reports.analysis.patients.tables import ratio_shown
from reports.feature_words import feature_label
from reports.figures.chart import Chart
from reports.figures.cut_off import cut_off_chart
from reports.figures.flow import Box, Branch, Stage, flow_chart
from reports.figures.forest import ForestRow, forest_chart
from reports.figures.heatmap import Track, heatmap, risk_track
from reports.figures.kaplan_meier import SurvivalGroup, kaplan_meier_chart
from reports.figures.theme import Theme

TRACKS = ("subtype", "stage", "grade")  # annotation bars, where the columns exist
MOST_CATEGORIES = 8
NO_ROW = NotEstimable("A heading.")


def flow_picture(flow: PatientFlow) -> Chart:
    """The flow of patients as a drawing."""
    stages, title, count = [], "Recruited", flow.recruited
    for step in flow.steps:
        lines = tuple(f"{reason}: {number:,}" for reason, number in step.left_out)
        left = Box(f"Left out, n = {count - step.remaining:,}", lines) if count != step.remaining else None
        if left is not None or step is flow.steps[-1]:
            stages.append(Stage(Box(f"{title}, n = {count:,}"), left))
            title, count = step.title, step.remaining
        else:
            title = f"{title}, {step.title[0].lower()}{step.title[1:]}"
    stages.append(Stage(Box(f"{title}, n = {count:,}")))
    left_out = "; ".join(
        f"{number:,} {reason[0].lower()}{reason[1:]}" for step in flow.steps for reason, number in step.left_out
    )
    return flow_chart(
        "patient-flow",
        caption="Flow of patients: who was left out, and why; the analysed patients by cohort and risk group.",
        alternative=f"{flow.recruited:,} recruited, {flow.analysed:,} analysed; left out: {left_out or 'nobody'}.",
        stages=stages,
        branches=[_branch(cohort) for cohort in flow.cohorts if cohort.patients],
    )


def _branch(cohort: CohortFlow) -> Branch:
    box = Box(f"{cohort.name}, n = {cohort.patients:,}", (counted(cohort.events, "event"),))
    parts = (
        Box("High risk", (f"n = {cohort.high:,}", counted(cohort.events_high, "event"))),
        Box("Low risk", (f"n = {cohort.low:,}", counted(cohort.events - cohort.events_high, "event"))),
    )
    return Branch(box, parts)


def cut_off_picture(study: Study, selected: SelectedCutOff) -> Chart:
    """The curve of the search for the optimal cut-off."""
    return cut_off_chart(
        selected,
        name="cut-off-search",
        caption=(
            f"Search for the optimal cut-off in the cohort {study.reference}: standardised log-rank statistic of every "
            f"candidate. P corrected for the search {p_shown(selected.p_lausen94)} (Lausen 1994)."
        ),
        alternative=(
            f"{selected.candidates.size} candidates from {selected.candidates[0]:.3g} to "
            f"{selected.candidates[-1]:.3g}; the best is {selected.cut_off:.3g} with a statistic of "
            f"{selected.statistic:.2f}; {study.cut_off:.3g} is in use."
        ),
        used=study.cut_off,
    )


def survival_picture(one: PatientSet, stem: str) -> Chart | None:
    """Kaplan-Meier curves of the risk groups; None where nobody is in one of them."""
    if one.high is None or one.low is None:
        return None

    def low(theme: Theme) -> str:
        return theme.low

    def high(theme: Theme) -> str:
        return theme.high

    test = "no log-rank test" if one.log_rank is None else f"log-rank P {_equals(p_shown(one.log_rank.p))}"
    ratio = ratio_shown(one.forest.rows[0].low_against_high)
    return kaplan_meier_chart(
        [SurvivalGroup("low risk", one.low, low), SurvivalGroup("high risk", one.high, high)],
        name=f"survival-{stem}",
        caption=f"{one.name}: recurrence-free survival by risk group.",
        months=(HORIZON_MONTHS,),
        title=one.name,
        notes=(test, f"HR low vs high {ratio}"),
    )


def forest_picture(one: PatientSet, stem: str, *, by_group: bool) -> Chart:
    """Hazard ratios in the subgroups, of the score or of the risk groups, with the interaction P of each column."""
    interaction = {row.column: row.test for row in one.forest.interactions}

    def found(row: Subgroup) -> Found:
        return row.low_against_high if by_group else row.by_score

    rows, column = [], ""
    for row in one.forest.rows:
        if row.column != column:
            column = row.column
            test = interaction.get(column)
            words = "" if test is None or by_group else f", interaction P {_equals(p_shown(test.p))}"
            rows.append(ForestRow(f"{column}{words}", "", NO_ROW, "", is_main=True))
        label = row.level or "all patients"
        counts = f"{row.events} / {row.patients}"
        rows.append(ForestRow(label, counts, found(row), ratio_shown(found(row)), is_main=not row.column))
    what = (
        "low against high risk"
        if by_group
        else f"per standard deviation of the score ({one.forest.score_deviation:.3g})"
    )
    kind = "groups" if by_group else "score"
    return forest_chart(
        rows,
        name=f"forest-{kind}-{stem}",
        heads=("Patients", "Events / n", "HR (95 %)"),
        axis="low risk is better  ←  hazard ratio  →  low risk is worse"
        if by_group
        else "higher score is better  ←  hazard ratio  →  higher score is worse",
        caption=f"{one.name}: hazard ratio {what}, in all patients and in subgroups. – : not estimable.",
        reference=1.0,
        is_ratio=True,
    )


def feature_picture(found: DifferentialFeatures, clustering: Clustering, study: Study) -> Chart:
    """Heatmap of the features that differ between the risk groups."""
    inside = study.cohorts == study.reference
    tracks = [risk_track(found.is_high.tolist())]
    events = study.events[inside].tolist()
    tracks.append(Track("Event", tuple("recurrence" if event else "none" for event in events)))
    for name in TRACKS:
        cells = [
            "" if cell.lower() in UNKNOWN else cell for cell in study.clinical.get(name, study.cohorts)[inside].tolist()
        ]
        if name in study.clinical and 2 <= len(set(cells) - {""}) <= MOST_CATEGORIES:
            tracks.append(Track(name, tuple(cells)))
    names = [found.names[place] for place in found.drawn.tolist()]
    count = found.moderated.discoveries
    part = "" if len(names) == count else f", the {len(names):,} with the smallest P of {count:,}"
    return heatmap(
        "features-heatmap",
        clustering,
        [feature_label(name) for name in names],
        tracks,
        caption=(
            f"Features of {counted(len(found.is_high), 'patient')} of the cohort {study.reference} that differ between "
            f"high and low risk at a false discovery rate below {found.moderated.alpha:g}{part}: z-scores. They were "
            "selected by the risk group, so the clusters separate by construction."
        ),
        alternative=(
            f"{counted(f'{len(names):,}', 'feature')} of {counted(found.high, 'patient')} of high and "
            f"{found.low} of low risk; first by P: {'; '.join(feature_label(name) for name in names[:3])}."
        ),
    )


def _equals(p: str) -> str:
    return p if p[0] in "<>" else f"= {p}"
