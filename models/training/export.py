"""From a trained `Scorer` to a package folder: its graph, the reference patients, the manifest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.acquisition import TrainingImages
from models.csv_table import lines
from models.features.columns import InputColumn
from models.files import SHARED, write_into_folder
from models.inference.familiarity import Familiarity, FamiliarityTest
from models.inference.fingerprints import fingerprints_of, salt_of
from models.inference.package import (
    MANIFEST,
    FeatureOrigin,
    InputsFrom,
    OutOfFold,
    RangeSource,
    SpreadFacts,
    Training,
)
from models.inference.package import SCHEMA as PACKAGE_SCHEMA
from models.inference.package_files import FOREIGN, INPUTS
from models.inference.signature import SIGNATURE
from models.inference.tasks import BASELINE, BASELINE_RESAMPLES, FINGERPRINTS, TASKS, TRAINING_SCORES, Task
from models.inference.training_scores import TrainingScores
from models.model_card.card import card_files
from models.model_card.facts import CardFacts, Measurement, feature_classes
from models.statistics.baseline_resamples import BaselineResamples
from models.statistics.risk_coverage import RiskCoverage
from models.statistics.survival import BaselineHazard
from models.training.familiarity import input_ranges
from models.training.scorer import Scorer
from models.training.scorer_graph import attribution, scorer_graph
from models.volume import Region, Sequence


@dataclass(frozen=True)
class PackageText:
    """Texts of a package about itself, for the manifest and the model card.

    Attributes
    ----------
    task : what it predicts
    name, version, title, notice : as in `ModelIdentity`
    cut_off : on the scale of the score
    horizons_months : for survival; empty where the task has none
    origin : how the training features were made
    training : what it was trained on
    out_of_fold : how well it tells its training patients apart
    caveats : sentences for the model card
    stands_in_for, statements : as in `ModelPackage`
    images : what the training images were
    search : as in `ModelPackage`
    measurements, notes : for the model card
    spread : what the plausible range is made of; None where there is none
    curve : share withheld against flips among the groups shown
    familiarity_test : what the familiarity catches; None where it was not tested
    foreign : what each input is, where they come from elsewhere than the appliance; empty where it computes them
    """

    task: Task
    name: str
    version: str
    title: str
    notice: str
    cut_off: float
    horizons_months: tuple[float, ...]
    origin: FeatureOrigin
    training: Training
    out_of_fold: OutOfFold
    caveats: tuple[str, ...]
    stands_in_for: str = ""
    statements: Mapping[str, str] = field(default_factory=dict)
    images: TrainingImages = field(default_factory=TrainingImages)
    search: Mapping[str, str] = field(default_factory=dict)
    measurements: tuple[Measurement, ...] = ()
    notes: tuple[str, ...] = ()
    spread: SpreadFacts | None = None
    curve: tuple[RiskCoverage, ...] = ()
    familiarity_test: FamiliarityTest | None = None
    foreign: tuple[InputColumn, ...] = ()


def write_package(
    folder: Path,
    *,
    text: PackageText,
    names: tuple[str, ...],
    scorer: Scorer,
    baseline: BaselineHazard | None,
    familiarity: Familiarity,
    training_values: NDArray[np.float64],
    reference_values: NDArray[np.float64],
    spread: tuple[Scorer, ...] = (),
    resamples: BaselineResamples | None = None,
    training_scores: TrainingScores | None = None,
) -> None:
    """Writes a package into a folder that is new, empty, or holds an older package of the same task.

    Parameters
    ----------
    names : inputs in order
    baseline : for a task with survival, else None
    familiarity : of the same training patients
    training_values : float64 (patients, inputs), for the ranges and the fingerprints
    reference_values : float64 (patients, inputs), a few patients whose outputs become the reference
    spread : refits or members, as many as `text.spread` says
    resamples : of the baseline, for a task with survival
    training_scores : summary of the training patients' out-of-fold scores; None where they are too few
    """
    assert len(spread) == (0 if text.spread is None else text.spread.count)
    low, high = input_ranges(training_values)
    sequences: tuple[Sequence, ...] = ()
    regions: tuple[Region, ...] = ()
    if not text.foreign:
        sequences = tuple(sequence for sequence in Sequence if any(name.startswith(f"{sequence}_") for name in names))
        regions = tuple(region for region in Region if any(name.split("_", 2)[1] == region for name in names))
    files = {
        "model.onnx": scorer_graph(
            scorer, names, spread=spread, source=RangeSource.REFITS if text.spread is None else text.spread.source
        ),
        "inputs.csv": _inputs(names, low, high, text.foreign),
        "reference.json": _reference(scorer, names, reference_values, baseline, text.horizons_months, spread),
        "familiarity.npz": familiarity.to_bytes(),
        **card_files(_facts(text, names, scorer, sequences, regions)),
    }
    if baseline is not None:
        rows = zip(baseline.times_months.tolist(), baseline.cumulative.tolist(), strict=True)
        files[BASELINE] = _table(["time_months", "cumulative_hazard"], rows)
    if resamples is not None:
        table = np.column_stack([resamples.slopes, resamples.hazards]).tolist()
        header = ["slope", *(f"hazard_{months:g}" for months in resamples.horizons_months)]
        files[BASELINE_RESAMPLES] = _table(header, (tuple(row) for row in table))
    if training_scores is not None:
        files[TRAINING_SCORES] = training_scores.to_bytes()
    fingerprints = fingerprints_of(training_values, familiarity, salt=salt_of(files["model.onnx"]))
    if fingerprints is not None:
        files[FINGERPRINTS] = fingerprints.to_bytes()
    assert TASKS[text.task].files <= set(files) <= TASKS[text.task].files | TASKS[text.task].optional_files
    files[MANIFEST] = _manifest(text, sequences, regions, files).encode()
    write_into_folder(folder, files, instead_of=(SIGNATURE,), mode=SHARED)


def reference_vectors(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Made-up feature vectors from quartiles of the training patients (patients, inputs): (2, inputs).

    The first has every input at its median, the second at its lower and upper quartile by turns: no patient's features
    leave the site with the package.
    """
    lower, median, upper = np.quantile(values, (0.25, 0.5, 0.75), axis=0)
    return np.stack([median, np.where(np.arange(median.size) % 2 == 0, lower, upper)])


def _facts(
    text: PackageText,
    names: tuple[str, ...],
    scorer: Scorer,
    sequences: tuple[Sequence, ...],
    regions: tuple[Region, ...],
) -> CardFacts:
    """The facts of the model card."""
    return CardFacts(
        title=text.title,
        name=text.name,
        version=text.version,
        notice=text.notice,
        task=text.task,
        inputs=scorer.inputs,
        used=scorer.selected.size,
        classes=feature_classes(text.foreign or names),
        sequences=tuple(sequence.label for sequence in sequences) or _distinct(one.sequence for one in text.foreign),
        regions=tuple(str(region) for region in regions) or _distinct(one.region for one in text.foreign),
        is_foreign=bool(text.foreign),
        cut_off=text.cut_off,
        horizons_months=text.horizons_months,
        origin=text.origin,
        training=text.training,
        out_of_fold=text.out_of_fold,
        search=text.search,
        statements=text.statements,
        measurements=text.measurements,
        notes=text.notes,
        caveats=text.caveats,
        spread=text.spread,
        curve=text.curve,
        familiarity_test=text.familiarity_test,
    )


def _distinct(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, words)))


def _manifest(
    text: PackageText, sequences: tuple[Sequence, ...], regions: tuple[Region, ...], files: Mapping[str, bytes]
) -> str:
    """The manifest as TOML; `files` are listed with their SHA-256."""
    row = TASKS[text.task]
    output: dict[str, object] = {"scale": row.scale, "direction": row.direction, "cut_off": text.cut_off}
    if row.has_survival:
        output["horizons_months"] = list(text.horizons_months)
    return _toml(
        {
            "": {
                "schema": PACKAGE_SCHEMA,
                "name": text.name,
                "version": text.version,
                "task": text.task,
                "title": text.title,
                "notice": text.notice,
                **(
                    {"inputs_from": InputsFrom.ELSEWHERE}
                    if text.foreign
                    else {"sequences": list(sequences), "regions": list(regions)}
                ),
                **({"stands_in_for": text.stands_in_for} if text.stands_in_for else {}),
                **({"several_tumours": text.images.several_tumours} if text.images.several_tumours else {}),
            },
            "output": output,
            "features": asdict(text.origin),
            "training": _known(asdict(text.training)),
            **{
                f"acquisition.{sequence}": {key: list(limits) for key, limits in asdict(ranges).items() if limits}
                for sequence, ranges in text.images.ranges.items()
            },
            "out_of_fold": {"statistic": row.statistic, **asdict(text.out_of_fold)},
            **({} if text.spread is None else {"range": _known(asdict(text.spread))}),
            **_familiarity(text.familiarity_test),
            **({"search": dict(text.search)} if text.search else {}),
            "statements": dict(text.statements),
            "files": {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())},
        }
    )


def _known(table: Mapping[str, object]) -> dict[str, object]:
    """Without the keys that have no value: TOML has no null."""
    return {key: value for key, value in table.items() if value is not None}


def _familiarity(test: FamiliarityTest | None) -> dict[str, dict[str, object]]:
    """The tables about the test of the familiarity; none where it was not tested."""
    if test is None:
        return {}
    return {
        "familiarity": {"false_alarms": list(test.false_alarms), "whom": test.whom},
        "familiarity.caught": {what: list(shares) for what, shares in test.caught.items()},
    }


def _toml(manifest: Mapping[str, Mapping[str, object]]) -> str:
    """Two levels of TOML; JSON's notation of texts, numbers and lists of them is TOML's as well."""
    sections = []
    for header, table in manifest.items():
        lines = [f"[{header}]"] if header else []
        for key, value in table.items():
            shown = key if key.replace("_", "").isalnum() else json.dumps(key)
            lines.append(f"{shown} = {json.dumps(value, ensure_ascii=False)}")
        sections.append("\n".join(lines))
    return "\n\n".join(sections) + "\n"


def _inputs(
    names: tuple[str, ...], low: NDArray[np.float64], high: NDArray[np.float64], foreign: tuple[InputColumn, ...]
) -> bytes:
    rows = zip(names, low.tolist(), high.tolist(), strict=True)
    if not foreign:
        return _table(list(INPUTS), rows)
    what = ((one.kind.value, one.sequence, one.region, one.feature, one.unit) for one in foreign)
    return _table([*INPUTS, *FOREIGN], ((*row, *one) for row, one in zip(rows, what, strict=True)))


def _table(header: list[str], rows: Iterable[tuple[str | float, ...]]) -> bytes:
    return "".join(lines([header, *rows])).encode()


def _reference(
    scorer: Scorer,
    names: tuple[str, ...],
    values: NDArray[np.float64],
    baseline: BaselineHazard | None,
    horizons: tuple[float, ...],
    spread: tuple[Scorer, ...] = (),
) -> bytes:
    """Expected outputs come from the trained arrays in numpy, not from the graph that is checked against them."""
    scores, attributions = scorer.score(values), attribution(scorer, values)
    cases = []
    for patient, score in enumerate(scores.tolist()):
        leading = np.argsort(-np.abs(attributions[patient]), kind="stable")[:10]
        survival = {} if baseline is None else {f"{m:g}": float(baseline.survival(score, m)) for m in horizons}
        cases.append(
            {
                "score": score,
                "survival": survival,
                "attributions": {names[i]: float(attributions[patient, i]) for i in leading},
                **({"spread": [float(other.output(values)[patient]) for other in spread]} if spread else {}),
                "inputs": values[patient].tolist(),
            }
        )
    return (json.dumps({"cases": cases}, indent=1) + "\n").encode()
