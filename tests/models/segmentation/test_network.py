"""Networks behind the drafts: the seam with the shipped demonstration network, windows, checks. Kind: mechanics."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch

from models.errors import PackageInvalid
from models.segmentation import network as module
from models.segmentation.agreement import dice
from models.segmentation.network import method, resampled, segment
from models.segmentation.network_package import (
    CARD,
    GRAPH,
    MANIFEST,
    LoadedNetwork,
    NetworkInput,
    load_network,
    shipped_network,
)
from models.segmentation.seeds import Seeds
from models.training.segmentation_network import SmallUNet, graph_of
from tests.benchmarks.segmentation_cases import phantom
from tests.models.segmentation.readers import strokes
from tests.models.segmentation.shipped import NOTICE


@pytest.fixture(scope="module")
def loaded() -> LoadedNetwork:
    return load_network(shipped_network())


def test_the_demonstration_network_outlines_a_phantom(loaded: LoadedNetwork) -> None:
    case = phantom(seed=7)
    marks = Seeds(strokes=strokes(case.tumour, 5, with_ends=True))
    found = segment(loaded, case.images, marks)
    assert dice(found, case.tumour) > 0.85
    painted = marks.painted_slices
    assert marks.strokes is not None
    np.testing.assert_array_equal(found[painted], marks.strokes[painted])
    assert method(loaded, marks).name == "demonstration network and strokes on 5 slices"


def test_the_card_says_what_the_network_is(loaded: LoadedNetwork) -> None:
    card = (shipped_network() / CARD).read_text(encoding="utf-8")
    assert NOTICE in card
    assert loaded.manifest.notice == NOTICE
    assert "no patient" in loaded.manifest.training


def test_the_written_graph_computes_what_torch_does(loaded: LoadedNetwork) -> None:
    """Oracle: the same weights in PyTorch."""
    import onnxruntime

    torch.manual_seed(3)
    own = SmallUNet(2).eval()
    patches = np.random.default_rng(1).normal(size=(2, 2, 6, 8, 10)).astype(np.float32)
    session = onnxruntime.InferenceSession(graph_of(own, channels=2), providers=["CPUExecutionProvider"])
    (found,) = session.run(["tumour"], {"patches": patches})
    with torch.no_grad():
        expected = torch.sigmoid(own(torch.from_numpy(patches))).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)


@dataclass
class Recorder:
    """Stands for a network: gives its first channel back, and counts the windows."""

    patch: tuple[int, int, int] = (4, 6, 6)
    seen: list[np.ndarray] = field(default_factory=list)

    @property
    def manifest(self) -> Recorder:
        return self

    @property
    def input(self) -> NetworkInput:
        return NetworkInput((1.0, 1.0, 1.0), self.patch, ("contrast",))  # type: ignore[arg-type]

    def probabilities(self, patches: np.ndarray) -> np.ndarray:
        self.seen.append(patches)
        return patches[:, 0]


@pytest.mark.parametrize("shape", [(4, 6, 6), (9, 13, 6), (3, 5, 20)])
@pytest.mark.parametrize("mirrored", [False, True])
def test_windows_cover_everything_and_mirrors_are_turned_back(shape: tuple[int, int, int], mirrored: bool) -> None:
    image = np.random.default_rng(2).uniform(size=(1, *shape)).astype(np.float32)
    recorder = Recorder()
    found = module._windows(recorder, image, mirrored=mirrored)  # type: ignore[arg-type]
    np.testing.assert_allclose(found, image[0], atol=1e-6)
    assert all(window.shape == (1, 1, *recorder.patch) for window in recorder.seen)
    assert len(recorder.seen) % (8 if mirrored else 1) == 0


def test_resampling_keeps_extent_and_constant() -> None:
    ramp = np.broadcast_to(np.arange(8, dtype=np.float32), (4, 4, 8))
    finer = resampled(ramp, (8, 8, 16), order=1)
    assert finer.shape == (8, 8, 16)
    assert finer.mean() == pytest.approx(ramp.mean(), abs=1e-6)
    np.testing.assert_allclose(finer[0, 0, 2:4], [0.75, 1.25])


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda folder: (folder / MANIFEST).unlink(), "holds no manifest.toml"),
        (lambda folder: (folder / CARD).write_text("another"), "MODEL_CARD.md: SHA-256"),
        (lambda folder: (folder / GRAPH).unlink(), r"\(missing\) was found"),
        (lambda folder: (folder / MANIFEST).write_text("schema = 2"), "schema 2 was found"),
        (lambda folder: (folder / MANIFEST).write_text("schema = 1"), "name"),
        (lambda folder: (folder / MANIFEST).write_text("schema ="), "is not valid TOML"),
    ],
)
def test_a_spoilt_package_is_refused(spoil: Callable[[Path], object], sentence: str, tmp_path: Path) -> None:
    folder = tmp_path / "package"
    shutil.copytree(shipped_network(), folder)
    spoil(folder)
    with pytest.raises(PackageInvalid, match=sentence):
        load_network(folder)
