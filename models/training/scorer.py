"""`Scorer`: a trained model as plain arrays, between the trainer and the ONNX graph.

`score` and `attributions` in numpy are the reference the exported graph is tested against.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.errors import SetupError
from models.number_words import counted

Layer = tuple[NDArray[np.float64], NDArray[np.float64]]  # weights (inputs, outputs), bias (outputs,)

CLIP = 4.0  # standard deviations; bounds what an odd input can do
STEPS = 32  # Gauss-Legendre nodes of the integrated gradients


def sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / (1 + exp(-x)) without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)))


@dataclass(frozen=True, eq=False)
class Scorer:
    """An ensemble of small dense networks on scaled, clipped inputs.

    z = clip((x[selected] - centre) / scale, ±4);  output = offset + Σ gain_k · network_k(z)

    Each network is dense layers with SiLU, x · sigmoid(x), between them: smooth, so that integrated gradients converge
    fast, and made of operators that ONNX Runtime has in double precision on every provider.

    Attributes
    ----------
    inputs : number of inputs offered
    selected : int64 (used,), which of them are used
    centre, scale : float64 (used,), scale positive
    networks : the members; first layer (used, hidden), last layer (hidden, 1)
    gains : weight of each member
    offset : added to the sum
    is_probability : whether the score is sigmoid(output); attributions stay on the scale of the output (logit)
    """

    inputs: int
    selected: NDArray[np.int64]
    centre: NDArray[np.float64]
    scale: NDArray[np.float64]
    networks: tuple[tuple[Layer, ...], ...]
    gains: tuple[float, ...]
    offset: float
    is_probability: bool

    def __post_init__(self) -> None:
        used = self.selected.size
        if not used or self.centre.shape != (used,) or self.scale.shape != (used,) or not np.all(self.scale > 0):
            raise SetupError("The model uses no input, or an input has no positive scale; drop constant inputs.")
        if len(self.networks) != len(self.gains):
            raise SetupError(
                f"{counted(len(self.networks), 'network')} and {counted(len(self.gains), 'gain')}; one gain per "
                "network expected."
            )

    def scaled(self, values: ArrayLike) -> NDArray[np.float64]:
        """(patients, inputs) → z, float64 (patients, used)."""
        x = np.asarray(values, dtype=np.float64)[:, self.selected]
        return np.clip((x - self.centre) / self.scale, -CLIP, CLIP)

    def output(self, values: ArrayLike) -> NDArray[np.float64]:
        """(patients, inputs) → log-risk or logit, float64 (patients,)."""
        z = self.scaled(values)
        return self.offset + sum(
            (gain * _forward(net, z) for net, gain in zip(self.networks, self.gains, strict=True)), np.zeros(len(z))
        )

    def score(self, values: ArrayLike) -> NDArray[np.float64]:
        """(patients, inputs) → log-risk or probability, float64 (patients,)."""
        output = self.output(values)
        return sigmoid(output) if self.is_probability else output

    @property
    def output_at_reference(self) -> float:
        """Output of the reference patient of the attributions: every used input at its centre."""
        zero = np.zeros((1, self.selected.size))
        return self.offset + sum(
            float(gain * _forward(net, zero)[0]) for net, gain in zip(self.networks, self.gains, strict=True)
        )


def _forward(layers: tuple[Layer, ...], z: NDArray[np.float64]) -> NDArray[np.float64]:
    for weights, bias in layers[:-1]:
        h = z @ weights + bias
        z = h * sigmoid(h)
    weights, bias = layers[-1]
    return (z @ weights + bias)[:, 0]
