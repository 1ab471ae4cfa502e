"""The ONNX graph of a trained `Scorer`, and the oracle of its attributions in numpy.

Decision: the graph is written operator by operator, not by torch's exporters. It has a dozen kinds of operators;
written out, its bytes are the same every time, integrated gradients are plain matrix products in the same graph, and
inputs carry their names. Rejected: torch's TorchScript exporter (deprecated, warns on every call) and its successor
(needs onnxscript, writes weights to a side file, takes half a minute), neither of which exports a gradient.

Decision: double precision throughout. Features reach 10⁹, where single precision drops whole units before the mean is
subtracted; the networks are small, and the reference patients reproduce far below the tolerance of the check.
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray
from onnx import TensorProto, helper, numpy_helper

from models.inference.package import RangeSource
from models.inference.runtime import ATTRIBUTIONS, INPUT, NAMES_KEY, SCORE
from models.training.scorer import CLIP, STEPS, Layer, Scorer, sigmoid

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
