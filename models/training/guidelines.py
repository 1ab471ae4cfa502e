"""The items of the reporting guidelines, each with what package and trainers can say about it.

TRIPOD+AI: Collins et al. (2024), BMJ 385:e078378, by its item numbers. CLEAR: Kocak et al. (2023), Insights Imaging
14:75, by topic. METRICS: Kocak et al. (2024), Insights Imaging 15:8, by topic. An item nobody answers is "not stated".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from models.package import DIRECTIONS, SCALES, STATISTICS, FeatureOrigin, OutOfFold, Task, Training
from models.training.statements import NOT_STATED


@dataclass(frozen=True)
class Answer:
    """What is said about one item of a guideline."""

    guideline: str
    item: str
    answer: str


_TRIPOD = (
    ("3b Intended use and users", "intended_use"),
    ("5a, 5b Sources and dates of the data", "data_and_dates"),
    ("6a Setting and centres", "centres"),
    ("6b Eligibility", "population"),
    ("6c Treatments", "treatment"),
    ("7 Data preparation", "preparation"),
    ("8a Outcome and horizon", "outcome"),
    ("9a Predictors", "predictors"),
    ("10 Sample size", "sample_size"),
    ("11 Missing data", "missing_data"),
    ("12a Partition of the data", "partition"),
    ("12b Scaling of predictors", "scaling"),
    ("12c Model building, tuning, internal validation", "building"),
    ("12d Heterogeneity between centres", "heterogeneity"),
    ("12e Measures of performance", "measures"),
    ("12f Model updating", "updating"),
    ("12g Computing predictions", "computing"),
    ("13 Class imbalance", "imbalance"),
    ("14 Fairness", "fairness"),
    ("15 Output and threshold", "threshold"),
    ("16 Development against evaluation", "characteristics"),
    ("17 Ethics", "ethics"),
    ("18a Funding", "funding"),
    ("18b Conflicts of interest", "conflicts"),
    ("18c Protocol", "protocol"),
    ("18d Registration", "registration"),
    ("18e Data availability", "data_availability"),
    ("18f Code availability", "code_availability"),
    ("19 Patient and public involvement", "involvement"),
    ("20a Flow of participants", "flow"),
    ("20b, 20c Characteristics", "characteristics"),
    ("21 Participants and events", "participants"),
    ("22 Full model", "full_model"),
    ("23a Performance with intervals", "performance"),
    ("23b Performance across centres", "heterogeneity"),
    ("24 Results of updating", "updating"),
    ("26 Limitations", "limitations"),
    ("27a Poor or missing input", "poor_input"),
    ("27b Interaction and expertise", "expertise"),
)
_CLEAR = (
    ("7 Adherence to guidelines", "adherence"),
    ("8 Ethics", "ethics"),
    ("9 Sample size", "sample_size"),
    ("10 Design", "design"),
    ("12 Flow of the pipeline", "pipeline"),
    ("13 Data source", "data_and_dates"),
    ("Imaging protocol", "imaging"),
    ("Segmentation", "segmentation"),
    ("Image preparation and feature extraction", "preparation"),
    ("Feature selection", "building"),
    ("Uncertainty", "performance"),
    ("Availability of model, code and data", "full_model"),
)
_METRICS = (
    ("Reference standard", "outcome"),
    ("Eligibility", "population"),
    ("Imaging protocol", "imaging"),
    ("Image preparation, extraction parameters", "preparation"),
    ("Segmentation", "segmentation"),
    ("Data partition", "partition"),
    ("Multi-centre data", "centres"),
    ("Robust and redundant features", "building"),
    ("Dimensionality against sample size", "sample_size"),
    ("Performance measures", "measures"),
    ("Uncertainty", "performance"),
    ("Calibration", "calibration"),
    ("Comparison with a simpler model", "comparison"),
    ("External testing", "heterogeneity"),
    ("Data, code and model availability", "data_availability"),
)


def answers(
    *,
    task: Task,
    inputs: int,
    used: int,
    cut_off: float,
    horizons_months: tuple[float, ...],
    origin: FeatureOrigin,
    training: Training,
    out_of_fold: OutOfFold,
    statements: Mapping[str, str],
    measured: tuple[tuple[str, str], ...],
) -> tuple[Answer, ...]:
    """Every item with its answer.

    Parameters
    ----------
    measured : (what, value) of what was measured in the training
    """
    found = dict(measured)
    months = ", ".join(f"{one:g}" for one in horizons_months)
    evidence = (
        f"{STATISTICS[task]} {out_of_fold.value:.2f} out of fold (95% interval {out_of_fold.low:.2f} to "
        f"{out_of_fold.high:.2f})"
    )
    known = {
        "preparation": (
            f"Feature settings {origin.settings_digest or NOT_STATED}, engine {origin.engine or NOT_STATED}, bias "
            f"correction {origin.bias_correction or NOT_STATED}; see the software's documentation for the steps."
        ),
        "outcome": (
            "Recurrence-free survival" + (f" at {months} months" if months else "")
            if task is Task.RECURRENCE
            else "High expression of KRT7-AS"
        ),
        "predictors": f"{inputs:,} radiomic features offered, {used} with any influence.",
        "sample_size": found.get("Parameters the sample can carry", NOT_STATED),
        "missing_data": found.get("Patients left out", NOT_STATED),
        "partition": "Training patients only; folds stratified by the outcome. Other cohorts: rdeepnet evaluate.",
        "scaling": "Mean and standard deviation of the training patients, clipped at ±4; inside model.onnx.",
        "building": training.recipe,
        "heterogeneity": "Not part of the training; rdeepnet evaluate reports every cohort and subgroup.",
        "measures": "Discrimination and calibration out of fold; decision curves, Brier scores: rdeepnet evaluate.",
        "computing": "model.onnx with inputs.csv" + (" and baseline.csv." if task is Task.RECURRENCE else "."),
        "imbalance": "No resampling or weighting; folds are stratified by the outcome.",
        "threshold": f"{SCALES[task]}, {DIRECTIONS[task]}; cut-off {cut_off:g}. {found.get('Cut-off', '')}".strip(),
        "participants": f"{training.patients} patients, {training.events} with the event.",
        "full_model": "The package holds the whole model; it is checked against reference.json when loaded.",
        "performance": evidence + ".",
        "limitations": "See doubts and caveats above.",
        "poor_input": (
            "A study that lacks a sequence is not scored; inputs unlike those of the training patients are reported "
            "with every result (familiarity.npz)."
        ),
        "expertise": "A segmentation of the tumour made or checked by a radiologist is expected.",
        "adherence": "This table.",
        "design": "Development of a prediction model with internal validation by cross-validation.",
        "pipeline": "N4, z-score, feature extraction, model; each report names settings, versions and digests.",
        "calibration": found.get("Calibration slope out of fold", NOT_STATED),
        "comparison": found.get("Penalised Cox model", NOT_STATED),
    }

    def answer(key: str) -> str:
        if key == "data_and_dates":
            return f"{training.data} Dates: {statements.get('dates', NOT_STATED)}."
        return " ".join(text for text in (known.get(key), statements.get(key)) if text) or NOT_STATED

    return tuple(
        Answer(guideline, item, answer(key))
        for guideline, items in (("TRIPOD+AI", _TRIPOD), ("CLEAR", _CLEAR), ("METRICS", _METRICS))
        for item, key in items
    )
