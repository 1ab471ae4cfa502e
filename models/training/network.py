"""One small dense network: built in torch, trained full batch with early stopping, handed on as plain arrays.

Full batch because 698 patients fit at once: exact partial likelihood, no sampling noise, deterministic. Double
precision because it costs little at this size and keeps early stopping from depending on the processor.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.errors import CohortRejected, EngineUnavailable, SetupError
from models.number_words import counted
from models.training.scorer import Layer

Loss = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Recipe:
    """Training options of an ensemble. The defaults were fixed on simulated cohorts before any reported measurement.

    Attributes
    ----------
    members : networks of the ensemble, one for each inner fold that is held out for early stopping
    folds : inner folds; as many as members when None
    hidden : width of each hidden layer
    dropout : share of hidden units dropped while training
    batch_norm : batch normalisation before the activation; folded into the dense layer afterwards
    learning_rate, weight_decay : of AdamW
    epochs : at most
    patience : epochs without improvement of the held-out loss before stopping
    correlation_limit : inputs with |r| above this with an earlier input are dropped; 1 keeps all
    selected : inputs each member keeps by univariate association inside its fold; None keeps all
    diagnostics : whether the 12 image and mask diagnostics may be used
    """

    members: int = 5
    hidden: tuple[int, ...] = (64, 32)
    dropout: float = 0.3
    batch_norm: bool = True
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    epochs: int = 150
    patience: int = 20
    correlation_limit: float = 0.9
    selected: int | None = 100
    diagnostics: bool = False
    folds: int | None = None

    def __post_init__(self) -> None:
        if (
            not 1 <= self.members <= self.inner_folds
            or self.inner_folds < 2
            or not self.hidden
            or min(self.hidden) < 1
            or self.epochs < 1
            or self.patience < 1
        ):
            raise SetupError(
                "A recipe needs at least 1 member, 2 folds, no more members than folds, 1 hidden unit, 1 epoch and a "
                "patience of 1 epoch."
            )
        if not 0 <= self.dropout < 1 or not 0 < self.correlation_limit <= 1 or not self.learning_rate > 0:
            raise SetupError(
                f"Dropout {self.dropout}, correlation limit {self.correlation_limit}, learning rate "
                f"{self.learning_rate}: 0 to below 1, above 0 to 1, and a positive number were expected."
            )

    @property
    def inner_folds(self) -> int:
        """Folds the training patients are divided into, and outer folds of the out-of-fold outputs."""
        return self.members if self.folds is None else self.folds

    def in_words(self) -> str:
        """One sentence for manifest and card."""
        widths = "-".join(str(width) for width in self.hidden)
        members = "1 network" if self.members == 1 else f"{self.members} members"
        dropped = (
            "no input dropped for correlation"
            if self.correlation_limit >= 1
            else f"inputs with |r| above {self.correlation_limit:g} dropped"
        )
        selected = (
            "no selection" if self.selected is None else f"{counted(self.selected, 'input')} selected inside each fold"
        )
        return (
            f"{members} ({widths} units, SiLU{', batch normalisation' if self.batch_norm else ''}, dropout "
            f"{self.dropout:g}), {dropped}, {selected}, AdamW with early stopping on the held-out fold, seed fixed."
        )


# The method of the paper: all inputs, diagnostics included, one network; a fifth of the patients stops the training.
PAPER = Recipe(members=1, folds=5, correlation_limit=1.0, selected=None, diagnostics=True)
# For a table of a few inputs that are all meant: no selection, no correlation filter, no batch normalisation. Set once,
# on the data sets of the DeepSurv paper (10 to 14 inputs).
LOW_DIMENSIONAL = Recipe(
    hidden=(32, 32),
    dropout=0.0,
    batch_norm=False,
    learning_rate=1e-2,
    epochs=400,
    patience=40,
    correlation_limit=1.0,
    selected=None,
)


def training_device(name: str) -> str:
    """ "cpu" or "cuda"; "auto" is CUDA where there is a device.

    Raises
    ------
    EngineUnavailable
        When CUDA was requested and is not available.
    SetupError
        When the name is any other.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise SetupError(f"The device is '{name}'; auto, cpu or cuda was expected.")
    available = name != "cpu" and torch.cuda.is_available()
    if name == "cuda" and not available:
        raise EngineUnavailable(
            "Training on CUDA was requested, but torch finds no CUDA device; check the driver with nvidia-smi and "
            "install a torch build with CUDA, or use --device cpu."
        )
    return "cuda" if available else "cpu"


@dataclass(frozen=True)
class Fit:
    """A trained network and where it stopped."""

    layers: tuple[Layer, ...]
    epoch: int
    held_out_loss: float


def fit_network(
    z: NDArray[np.float64],
    held_out: NDArray[np.float64],
    *,
    loss: Loss,
    held_out_loss: Loss,
    recipe: Recipe,
    seed: int,
    device: str = "cpu",
) -> Fit:
    """Trains on `z` and keeps the epoch with the smallest loss on `held_out`.

    Parameters
    ----------
    z, held_out : (patients, inputs), scaled and clipped
    loss, held_out_loss : outputs (patients,) → scalar, on the device
    device : "cpu" or "cuda"; dropout draws other numbers on each, so the two give different networks

    Raises
    ------
    CohortRejected
        When the loss stops being finite.
    """
    with torch.random.fork_rng(devices=[torch.cuda.current_device()] if device == "cuda" else []):
        torch.manual_seed(seed)
        network = built_network(z.shape[1], recipe).double().to(device)
        optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
        inputs, unseen = torch.from_numpy(z).to(device), torch.from_numpy(held_out).to(device)
        best, best_epoch, best_state = np.inf, 0, copy.deepcopy(network.state_dict())
        for epoch in range(1, recipe.epochs + 1):
            network.train()
            optimiser.zero_grad()
            value = loss(network(inputs)[:, 0])
            value.backward()
            optimiser.step()
            network.eval()
            with torch.no_grad():
                current = float(held_out_loss(network(unseen)[:, 0]))
            if not np.isfinite(current):
                raise CohortRejected(
                    f"The loss is {current} after {counted(epoch, 'epoch')}; a finite number was expected. A feature "
                    "may hold values far from all others: look at the table with rdeepnet cohort check."
                )
            if current < best:
                best, best_epoch, best_state = current, epoch, copy.deepcopy(network.state_dict())
            elif epoch - best_epoch >= recipe.patience:
                break
        network.load_state_dict(best_state)
    return Fit(folded_layers(network.cpu()), best_epoch, best)


def built_network(inputs: int, recipe: Recipe) -> nn.Sequential:
    """Dense, batch normalisation, SiLU and dropout for each hidden width, then one output; untrained."""
    layers: list[nn.Module] = []
    for width in recipe.hidden:
        layers.append(nn.Linear(inputs, width))
        if recipe.batch_norm:
            layers.append(nn.BatchNorm1d(width))
        layers += [nn.SiLU(), nn.Dropout(recipe.dropout)]
        inputs = width
    layers.append(nn.Linear(inputs, 1))
    return nn.Sequential(*layers)


def folded_layers(network: nn.Sequential) -> tuple[Layer, ...]:
    """Dense layers with batch normalisation folded in: y = (xW + b - mean) / sqrt(var + eps) · gamma + beta."""
    layers: list[Layer] = []
    for module in network:
        if isinstance(module, nn.Linear):
            layers.append((module.weight.detach().numpy().T.copy(), module.bias.detach().numpy().copy()))
        elif isinstance(module, nn.BatchNorm1d):
            assert module.running_mean is not None
            assert module.running_var is not None
            factor = (module.weight / torch.sqrt(module.running_var + module.eps)).detach().numpy()
            weights, bias = layers[-1]
            mean, shift = module.running_mean.numpy(), module.bias.detach().numpy()
            layers[-1] = (weights * factor, (bias - mean) * factor + shift)
    return tuple(layers)
