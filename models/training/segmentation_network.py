"""Training of a small segmentation network, and its package.

A U-Net with one step down, some thousand weights: it proves the seam between a network and the drafts, and is no
recipe for one that is used on patients. A site brings such a network as a package with an ONNX graph.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from models.files import SHARED, write_into_folder
from models.segmentation.network_package import CARD, GRAPH, INPUT, MANIFEST, OUTPUT, REFERENCE, SCHEMA, Channel
from models.training.scorer_graph import IR_VERSION, OPSET

_WIDTHS = (8, 16)  # channels at full and at half resolution
_SMOOTH = 1.0  # voxels added to both sides of the Dice loss


@dataclass(frozen=True)
class Recipe:
    """Options of a training."""

    steps: int = 300
    batch: int = 4
    rate: float = 3e-3
    seed: int = 1


class SmallUNet(nn.Module):
    """(patches, channels, slices, rows, columns) → logits (patches, 1, slices, rows, columns); even sizes."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        wide, deep = _WIDTHS
        self.first = nn.Conv3d(channels, wide, 3, padding=1)
        self.second = nn.Conv3d(wide, deep, 3, padding=1)
        self.third = nn.Conv3d(deep, deep, 3, padding=1)
        self.up = nn.ConvTranspose3d(deep, wide, 2, stride=2)
        self.fourth = nn.Conv3d(2 * wide, wide, 3, padding=1)
        self.last = nn.Conv3d(wide, 1, 1)

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        """Logits of the tumour."""
        full = torch.relu(self.first(patches))
        half = torch.relu(self.third(torch.relu(self.second(nn.functional.max_pool3d(full, 2)))))
        joined = torch.cat([full, torch.relu(self.up(half))], dim=1)
        logits: torch.Tensor = self.last(torch.relu(self.fourth(joined)))
        return logits


def train(
    inputs: Sequence[NDArray[np.float32]], truths: Sequence[NDArray[np.bool_]], recipe: Recipe
) -> tuple[SmallUNet, float]:
    """A trained network and its last mean Dice on the training patches.

    Parameters
    ----------
    inputs : of each patch (channels, slices, rows, columns), all of one even size
    truths : of each patch (slices, rows, columns)
    """
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    network = SmallUNet(inputs[0].shape[0])
    optimiser = torch.optim.Adam(network.parameters(), lr=recipe.rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, recipe.steps)
    reached: list[float] = []
    for _ in range(recipe.steps):
        patches, truth = _batch(inputs, truths, rng, recipe.batch)
        logits = network(patches)
        soft = torch.sigmoid(logits)
        both = (soft * truth).sum()
        dice = (2 * both + _SMOOTH) / (soft.sum() + truth.sum() + _SMOOTH)
        loss = 1 - dice + nn.functional.binary_cross_entropy_with_logits(logits, truth)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        reached.append(float(dice.detach()))
    return network.eval(), float(np.mean(reached[-20:]))


def _batch(
    inputs: Sequence[NDArray[np.float32]], truths: Sequence[NDArray[np.bool_]], rng: np.random.Generator, size: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Random patches, mirrored at random."""
    patches, masks = [], []
    for place in rng.integers(len(inputs), size=size):
        axes = tuple(int(axis) for axis in np.flatnonzero(rng.integers(2, size=3)))
        patches.append(np.flip(inputs[place], tuple(axis + 1 for axis in axes)))
        masks.append(np.flip(truths[place], axes)[np.newaxis])
    return torch.from_numpy(np.stack(patches).copy()), torch.from_numpy(np.stack(masks).astype(np.float32))


def graph_of(network: SmallUNet, *, channels: int) -> bytes:
    """The network as ONNX, operator by operator: the same bytes every time; ends in probabilities."""
    weights = {
        name: numpy_helper.from_array(value.numpy().astype(np.float32), name)
        for name, value in network.state_dict().items()
    }

    def conv(name: str, source: str, target: str, *, kind: str = "Conv", **attributes: Any) -> onnx.NodeProto:
        return helper.make_node(kind, [source, f"{name}.weight", f"{name}.bias"], [target], **attributes)

    padded: dict[str, Any] = {"kernel_shape": [3, 3, 3], "pads": [1] * 6}
    halved: dict[str, Any] = {"kernel_shape": [2, 2, 2], "strides": [2, 2, 2]}
    nodes = [
        conv("first", INPUT, "a", **padded),
        helper.make_node("Relu", ["a"], ["full"]),
        helper.make_node("MaxPool", ["full"], ["b"], **halved),
        conv("second", "b", "c", **padded),
        helper.make_node("Relu", ["c"], ["d"]),
        conv("third", "d", "e", **padded),
        helper.make_node("Relu", ["e"], ["half"]),
        conv("up", "half", "f", kind="ConvTranspose", **halved),
        helper.make_node("Relu", ["f"], ["g"]),
        helper.make_node("Concat", ["full", "g"], ["joined"], axis=1),
        conv("fourth", "joined", "h", **padded),
        helper.make_node("Relu", ["h"], ["i"]),
        conv("last", "i", "logits", kernel_shape=[1, 1, 1]),
        helper.make_node("Sigmoid", ["logits"], [OUTPUT]),
    ]
    graph = helper.make_graph(
        nodes,
        "segmentation",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["n", channels, "s", "r", "c"])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["n", 1, "s", "r", "c"])],
        list(weights.values()),
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="rdeepnet")
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


@dataclass(frozen=True)
class About:
    """Texts of a package, as the manifest and the card have them."""

    name: str
    version: str
    title: str
    notice: str
    training: str
    licence: str
    card: str


def write_package(
    folder: Path,
    network: SmallUNet,
    about: About,
    *,
    spacing_mm: tuple[float, float, float],
    patch: tuple[int, int, int],
    channels: tuple[Channel, ...],
    reference: NDArray[np.float32],
) -> None:
    """Writes a package.

    Parameters
    ----------
    reference : patches (patches, channels, slices, rows, columns) that must reproduce where it is loaded
    """
    with torch.no_grad():
        expected = torch.sigmoid(network(torch.from_numpy(reference))).numpy()[:, 0]
    stream = io.BytesIO()
    arrays: dict[str, Any] = {INPUT: reference, OUTPUT: expected}
    np.savez_compressed(stream, **arrays)
    files = {
        GRAPH: graph_of(network, channels=len(channels)),
        REFERENCE: stream.getvalue(),
        CARD: about.card.encode(),
    }
    lines = [f"schema = {SCHEMA}"]
    lines += [
        f'{key} = "{getattr(about, key)}"' for key in ("name", "version", "title", "notice", "training", "licence")
    ]
    lines += ["", "[input]", f"spacing_mm = {list(spacing_mm)}", f"patch = {list(patch)}"]
    lines += [f"channels = [{', '.join(f'{channel.value!r}' for channel in channels)}]".replace("'", '"')]
    lines += [
        "",
        "[files]",
        *(f'"{name}" = "{hashlib.sha256(content).hexdigest()}"' for name, content in files.items()),
    ]
    write_into_folder(folder, {**files, MANIFEST: ("\n".join(lines) + "\n").encode()}, mode=SHARED)
