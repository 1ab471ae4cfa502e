"""From a trained `Scorer` to a package folder: the ONNX graph, the reference patients, the manifest.

Decision: the graph is written operator by operator, not by torch's exporters. It has a dozen kinds of operators;
written out, its bytes are the same every time, integrated gradients are plain matrix products in the same graph, and
inputs carry their names. Rejected: torch's TorchScript exporter (deprecated, warns on every call) and its successor
(needs onnxscript, writes weights to a side file, takes half a minute), neither of which exports a gradient.

Decision: double precision throughout. Features reach 10⁹, where single precision drops whole units before the mean is
subtracted; the networks are small, and the reference patients reproduce far below the tolerance of the check.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray
from onnx import TensorProto, helper, numpy_helper

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
from models.inference.runtime import ATTRIBUTIONS, INPUT, NAMES_KEY, SCORE
from models.inference.signature import SIGNATURE
from models.inference.tasks import BASELINE, BASELINE_RESAMPLES, FINGERPRINTS, TASKS, TRAINING_SCORES, Task
from models.inference.training_scores import TrainingScores
from models.model_card.card import card_files
from models.model_card.facts import CardFacts, Measurement, feature_classes
from models.statistics.baseline_resamples import BaselineResamples
from models.statistics.risk_coverage import RiskCoverage
from models.statistics.survival import BaselineHazard
from models.training.familiarity import input_ranges
from models.training.scorer import CLIP, STEPS, Layer, Scorer, sigmoid
from models.volume import Region, Sequence

OPSET = 17
IR_VERSION = 8  # of opset 17's time: every ONNX Runtime since 1.11 reads it


class _Graph:
    """Collects nodes and constants; every method returns the name of the tensor it makes."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, value: ArrayLike, dtype: type = np.float64) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype=dtype), name))
        return name

    def op(self, kind: str, *inputs: str, output: str | None = None, axis: int | None = None) -> str:
        name = output or f"t{len(self.nodes)}"
        node = helper.make_node(kind, list(inputs), [name])
        if axis is not None:
            node.attribute.append(helper.make_attribute("axis", axis))
        self.nodes.append(node)
        return name

    def sum(self, tensor: str, axis: int) -> str:
        name = f"t{len(self.nodes)}"
        axes = self.constant([axis], np.int64)
        self.nodes.append(helper.make_node("ReduceSum", [tensor, axes], [name], keepdims=0))
        return name


def scorer_graph(
    scorer: Scorer,
    names: tuple[str, ...],
    *,
    spread: tuple[Scorer, ...] = (),
    source: RangeSource = RangeSource.REFITS,
) -> bytes:
    """The scorer as an ONNX model: `features` (n, inputs) → `score` (n,), `attributions` (n, inputs).

    With `spread` there is a third output, named after its `source`: the outputs (log-risk or logit) of these scorers,
    (n, len(spread)).

    Attributions are integrated gradients (Sundararajan et al. (2017), arXiv:1703.01365) of the output (log-risk or
    logit) from the patient whose inputs are all at their centre, along the straight line in scaled and clipped inputs,
    by Gauss-Legendre quadrature with 32 nodes. They sum to the output less the output of that reference patient.
    """
    graph = _Graph()
    z = _scaled(graph, scorer)

    output, gradient = graph.constant(scorer.offset), None
    for layers, gain in zip(scorer.networks, scorer.gains, strict=True):
        factor = graph.constant(gain)
        projected = graph.op("MatMul", z, graph.constant(layers[0][0]))
        output = graph.op("Add", output, graph.op("Mul", factor, _forward(graph, projected, layers)))
        member = graph.op("Mul", factor, _mean_gradient(graph, projected, layers))
        gradient = member if gradient is None else graph.op("Add", gradient, member)
    assert gradient is not None
    column = graph.op("Squeeze", output, graph.constant([1], np.int64))
    graph.op("Sigmoid" if scorer.is_probability else "Identity", column, output=SCORE)

    # Unused inputs point at a column of zeros behind the used ones.
    attributions = graph.op("Mul", gradient, z)
    zero = graph.op("Mul", graph.op("Gather", z, graph.constant([0], np.int64), axis=1), graph.constant(0.0))
    column_of = np.full(scorer.inputs, scorer.selected.size)
    column_of[scorer.selected] = np.arange(scorer.selected.size)
    padded = graph.op("Concat", attributions, zero, axis=1)
    graph.op("Gather", padded, graph.constant(column_of, np.int64), axis=1, output=ATTRIBUTIONS)
    outputs = [
        helper.make_tensor_value_info(SCORE, TensorProto.DOUBLE, ["patients"]),
        helper.make_tensor_value_info(ATTRIBUTIONS, TensorProto.DOUBLE, ["patients", scorer.inputs]),
    ]
    if spread:
        graph.op("Concat", *(_output(graph, other) for other in spread), axis=1, output=source)
        outputs.append(helper.make_tensor_value_info(source, TensorProto.DOUBLE, ["patients", len(spread)]))

    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "rdeepnet",
            [helper.make_tensor_value_info(INPUT, TensorProto.DOUBLE, ["patients", scorer.inputs])],
            outputs,
            initializer=graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="rdeepnet",
    )
    helper.set_model_props(model, {NAMES_KEY: "\n".join(names)})
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def _scaled(graph: _Graph, scorer: Scorer) -> str:
    """Its inputs, scaled and clipped: (n, used)."""
    x = graph.op("Gather", INPUT, graph.constant(scorer.selected, np.int64), axis=1)
    standardised = graph.op("Div", graph.op("Sub", x, graph.constant(scorer.centre)), graph.constant(scorer.scale))
    return graph.op("Clip", standardised, graph.constant(-CLIP), graph.constant(CLIP))


def _output(graph: _Graph, scorer: Scorer) -> str:
    """Log-risk or logit of a scorer, without attributions: (n, 1)."""
    z, output = _scaled(graph, scorer), graph.constant(scorer.offset)
    for layers, gain in zip(scorer.networks, scorer.gains, strict=True):
        projected = graph.op("MatMul", z, graph.constant(layers[0][0]))
        output = graph.op("Add", output, graph.op("Mul", graph.constant(gain), _forward(graph, projected, layers)))
    return output


def _forward(graph: _Graph, projected: str, layers: tuple[Layer, ...]) -> str:
    """Network from the first layer's z·W on: (n, 1)."""
    h = graph.op("Add", projected, graph.constant(layers[0][1]))
    for weights, bias in layers[1:]:
        activated = graph.op("Mul", h, graph.op("Sigmoid", h))
        h = graph.op("Add", graph.op("MatMul", activated, graph.constant(weights)), graph.constant(bias))
    return h


def _mean_gradient(graph: _Graph, projected: str, layers: tuple[Layer, ...]) -> str:
    """Mean over the path from 0 to z of the gradient by z: (n, used)."""
    nodes, weights = np.polynomial.legendre.leggauss(STEPS)
    alpha = graph.constant(((nodes + 1) / 2)[np.newaxis, :, np.newaxis])
    path = graph.op("Mul", graph.op("Unsqueeze", projected, graph.constant([1], np.int64)), alpha)
    h = graph.op("Add", path, graph.constant(layers[0][1]))
    slopes = []
    for matrix, bias in layers[1:]:
        share = graph.op("Sigmoid", h)
        activated = graph.op("Mul", h, share)
        # d/dh h·s(h) = s + h·s·(1 - s)
        rest = graph.op("Mul", activated, graph.op("Sub", graph.constant(1.0), share))
        slopes.append(graph.op("Add", share, rest))
        h = graph.op("Add", graph.op("MatMul", activated, graph.constant(matrix)), graph.constant(bias))
    gradient = graph.op("Mul", slopes[-1], graph.constant(layers[-1][0][:, 0]))
    for (matrix, _), slope in zip(layers[-2:0:-1], slopes[-2::-1], strict=True):
        gradient = graph.op("Mul", graph.op("MatMul", gradient, graph.constant(matrix.T)), slope)
    weighted = graph.op("Mul", gradient, graph.constant((weights / 2)[np.newaxis, :, np.newaxis]))
    return graph.op("MatMul", graph.sum(weighted, axis=1), graph.constant(layers[0][0].T))


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


def attribution(scorer: Scorer, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Integrated gradients in numpy, (patients, inputs): the oracle of those in the graph."""
    nodes, weights = np.polynomial.legendre.leggauss(STEPS)
    z = scorer.scaled(values)
    mean = np.zeros_like(z)
    for layers, gain in zip(scorer.networks, scorer.gains, strict=True):
        for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
            mean += gain * weight * _gradient(layers, node * z)
    result = np.zeros((len(z), scorer.inputs))
    result[:, scorer.selected] = mean * z
    return result


def _gradient(layers: tuple[Layer, ...], z: NDArray[np.float64]) -> NDArray[np.float64]:
    slopes = []
    for matrix, bias in layers[:-1]:
        h = z @ matrix + bias
        share = sigmoid(h)
        slopes.append(share + h * share * (1 - share))
        z = h * share
    gradient = np.broadcast_to(layers[-1][0][:, 0], slopes[-1].shape)
    for (matrix, _), slope in zip(layers[-2::-1], slopes[::-1], strict=True):
        gradient = (gradient * slope) @ matrix.T
    return np.asarray(gradient)
