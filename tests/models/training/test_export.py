"""The exported graph says what the trained arrays say, and its attributions are integrated gradients."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from models.inference.runtime import LoadedModel, Provider, load_model
from models.inference.tasks import Task
from models.training.network import Recipe, built_network, folded_layers
from models.training.scorer import CLIP, Scorer, sigmoid
from models.training.scorer_graph import attribution, scorer_graph
from tests.models.small_packages import patients, random_scorer, write_small_package


def loaded(folder: Path, task: Task) -> tuple[LoadedModel, Scorer]:
    scorer = write_small_package(folder, task=task, name="small")
    return load_model(folder, provider=Provider.CPU), scorer


@pytest.mark.parametrize("task", Task)
def test_the_graph_equals_the_arrays(tmp_path: Path, task: Task) -> None:
    model, scorer = loaded(tmp_path / "small", task)
    values = patients(scorer, 200, seed=4)
    output = model.explain(values)
    np.testing.assert_allclose(output.score, scorer.score(values), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(output.attributions, attribution(scorer, values), rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("task", Task)
def test_attributions_are_complete(tmp_path: Path, task: Task) -> None:
    """Their sum is the output less that of the reference patient (completeness, Sundararajan et al. (2017))."""
    model, scorer = loaded(tmp_path / "small", task)
    values = patients(scorer, 200, seed=4)
    change = scorer.output(values) - scorer.output_at_reference
    gap = np.abs(model.explain(values).attributions.sum(axis=1) - change)
    assert gap.max() < 1e-4
    assert np.median(gap) < 1e-8


def test_attributions_equal_torch_autograd() -> None:
    """Gradients by autograd along the path, 2,000 midpoints: another way, the same integral."""
    scorer = random_scorer(30, seed=1)
    values = patients(scorer, 3, seed=2)
    z = torch.tensor(scorer.scaled(values))
    steps = (torch.arange(2000, dtype=torch.float64) + 0.5) / 2000
    path = (steps[:, None, None] * z).requires_grad_()
    total = torch.zeros((), dtype=torch.float64)
    for layers, gain in zip(scorer.networks, scorer.gains, strict=True):
        h = path
        for weights, bias in layers[:-1]:
            h = torch.nn.functional.silu(h @ torch.tensor(weights) + torch.tensor(bias))
        total = total + gain * (h @ torch.tensor(layers[-1][0]) + torch.tensor(layers[-1][1])).sum()
    total.backward()
    assert path.grad is not None
    expected = (path.grad.mean(dim=0) * z).numpy()
    np.testing.assert_allclose(attribution(scorer, values)[:, scorer.selected], expected, rtol=1e-4, atol=1e-6)


def test_inputs_without_influence_have_no_attribution(tmp_path: Path) -> None:
    model, scorer = loaded(tmp_path / "small", Task.RECURRENCE)
    unused = np.setdiff1d(np.arange(scorer.inputs), scorer.selected)
    values = patients(scorer, 5, seed=4)
    assert np.all(model.explain(values).attributions[:, unused] == 0)
    moved = values.copy()
    moved[:, unused] += 1e6
    np.testing.assert_array_equal(model.score(moved), model.score(values))


def test_inputs_are_clipped(tmp_path: Path) -> None:
    model, scorer = loaded(tmp_path / "small", Task.RECURRENCE)
    values = np.zeros((2, scorer.inputs))
    values[0, scorer.selected] = scorer.centre + CLIP * scorer.scale
    values[1, scorer.selected] = scorer.centre + 1e3 * CLIP * scorer.scale
    scores = model.score(values)
    assert scores[0] == pytest.approx(scores[1], rel=1e-12)


def test_the_same_scorer_gives_the_same_bytes() -> None:
    names = tuple(f"n{i}" for i in range(30))
    assert scorer_graph(random_scorer(30, seed=1), names) == scorer_graph(random_scorer(30, seed=1), names)


def test_the_graph_is_plain() -> None:
    model = onnx.load_from_string(scorer_graph(random_scorer(30, seed=1), tuple(f"n{i}" for i in range(30))))
    assert {node.op_type for node in model.graph.node} <= {
        "Add", "Clip", "Concat", "Div", "Gather", "Identity", "MatMul", "Mul", "ReduceSum", "Sigmoid", "Squeeze", "Sub",
        "Unsqueeze",
    }  # fmt: skip
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 17)]


@pytest.mark.parametrize("batch_norm", [True, False])
def test_folding_batch_normalisation_changes_nothing(batch_norm: bool) -> None:
    torch.manual_seed(0)
    network = built_network(12, Recipe(hidden=(8, 5), batch_norm=batch_norm)).double()
    z = torch.randn(40, 12, dtype=torch.float64)
    for _ in range(3):
        network(z)  # moves the running statistics away from 0 and 1
    network.eval()
    with torch.no_grad():
        expected = network(z)[:, 0].numpy()
    scorer = Scorer(12, np.arange(12), np.zeros(12), np.ones(12), (folded_layers(network),), (1.0,), 0.0, False)
    np.testing.assert_allclose(scorer.output(np.clip(z.numpy(), -4, 4)), expected, rtol=1e-10, atol=1e-12)


def test_sigmoid_does_not_overflow() -> None:
    x = np.array([-1e4, -1.0, 0.0, 1.0, 1e4])
    np.testing.assert_allclose(sigmoid(x), [0.0, 1 / (1 + np.e), 0.5, 1 / (1 + np.exp(-1.0)), 1.0], rtol=1e-15)
