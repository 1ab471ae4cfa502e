"""The demonstration network, trained on the phantom.

`python -m tests.models.segmentation.shipped` trains it and writes its package again (some minutes); other phantoms say
how well it does, in its card.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from dicom_io.synthetic.phantom import Look, Phantom, bias_field, signal, tumour
from models.segmentation.agreement import dice
from models.segmentation.grow_cut import grow_cut
from models.segmentation.network import prepare, resampled, segment
from models.segmentation.network_package import Channel, NetworkInput, load_network, shipped_network
from models.segmentation.seeds import Images, Seeds
from models.training.segmentation_network import About, Recipe, train, write_package
from models.volume import Volume
from tests.models.segmentation.readers import outlined, strokes

INPUT = NetworkInput((2.0, 1.5, 1.5), (16, 32, 32), (Channel.CONTRAST, Channel.SEEDS))
TRAINED_ON, TESTED_ON = range(100, 124), range(200, 208)
WINDOWS = 10  # of each phantom
NAME = "demonstration network"
NOTICE = "demonstration network, trained on a synthetic breast and on no patient"

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Example:
    """A phantom with the strokes of a simulated reader."""

    images: Images
    seeds: Seeds
    tumour: Mask


def example(seed: int) -> Example:
    """A phantom tumour of random size and place, its images before and after contrast, strokes on 3 to 7 slices."""
    rng = np.random.default_rng([seed, 77])
    centre = np.array([80.0, -58.0, 4.0]) + rng.uniform(-8, 8, size=3)
    patient = Phantom(seed=seed, tumour_centre_mm=tuple(centre), tumour_radius_mm=float(rng.uniform(8, 17)))
    spacing = np.array([rng.uniform(1.5, 2.5), *([rng.uniform(0.9, 1.4)] * 2)])
    shape = tuple(int(value) for value in np.ceil(84 / spacing))
    affine = np.zeros((4, 4))
    affine[2, 0], affine[1, 1], affine[0, 2], affine[3, 3] = *spacing, 1.0
    affine[:3, 3] = centre - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    field, sigma = bias_field(seed, affine=affine, shape=shape), rng.uniform(10, 60)

    def image(look: Look) -> Volume:
        clean = 1400 * field * signal(patient, look, affine=affine, shape=shape)
        noisy = np.hypot(clean + rng.normal(scale=sigma, size=shape), rng.normal(scale=sigma, size=shape))
        return Volume(affine, noisy.astype(np.float32))

    images = Images(image(Look.T1_EARLY), image(Look.T1_BEFORE))
    truth = tumour(patient, affine=affine, shape=shape)
    outline = outlined(truth, images.after.spacing_mm, rng)
    return Example(
        images, Seeds(strokes=strokes(outline, int(rng.integers(3, 8)), with_ends=bool(rng.integers(2)))), truth
    )


def windows_of(one: Example, rng: np.random.Generator) -> list[tuple[NDArray[np.float32], Mask]]:
    """Random windows of the size of the patch, with the truth in them."""
    ready = prepare(one.images, one.seeds, INPUT)
    truth = resampled(one.tumour[ready.part].astype(np.float32), ready.channels.shape[1:], order=1) >= 0.5
    missing = [max(0, size - have) for size, have in zip(INPUT.patch, truth.shape, strict=True)]
    channels = np.pad(ready.channels, [(0, 0), *((0, more) for more in missing)], mode="edge")
    truth = np.pad(truth, [(0, more) for more in missing])
    found = []
    for _ in range(WINDOWS):
        start = [int(rng.integers(have - size + 1)) for have, size in zip(truth.shape, INPUT.patch, strict=True)]
        window = tuple(slice(begin, begin + size) for begin, size in zip(start, INPUT.patch, strict=True))
        found.append((channels[(slice(None), *window)], truth[window]))
    return found


def write_shipped(folder: Path) -> None:
    """Trains, tests on other phantoms, and writes the package with its card."""
    rng = np.random.default_rng(5)
    pairs = [pair for seed in TRAINED_ON for pair in windows_of(example(seed), rng)]
    network, reached = train([pair[0] for pair in pairs], [pair[1] for pair in pairs], Recipe())
    reference = np.stack([pair[0] for pair in pairs[:2]])

    def write(card: str, to: Path) -> None:
        about = About(
            name=NAME,
            version="1.0.0",
            title="Demonstration of a segmentation network",
            notice=NOTICE,
            training=f"{len(TRAINED_ON)} synthetic breasts (dicom_io/synthetic/phantom.py), no patient",
            licence="that of rdeepnet",
            card=card,
        )
        write_package(
            to,
            network,
            about,
            spacing_mm=(2.0, 1.5, 1.5),
            patch=(16, 32, 32),
            channels=INPUT.channels,
            reference=reference,
        )

    with TemporaryDirectory() as made:
        write("", Path(made) / "untested")
        loaded = load_network(Path(made) / "untested")
        tests = [example(seed) for seed in TESTED_ON]
        found = [dice(segment(loaded, one.images, one.seeds), one.tumour) for one in tests]
        grown = [dice(grow_cut(one.images, one.seeds), one.tumour) for one in tests]
    write(card_of(reached, found, grown), folder)


def card_of(reached: float, found: list[float], grown: list[float]) -> str:
    """The model card, with what was measured."""
    recipe = Recipe()
    trained, tested = (f"seeds {seeds.start} to {seeds.stop - 1}" for seeds in (TRAINED_ON, TESTED_ON))
    points = (
        "What it is: a 3D U-Net with one step down (8 and 16 channels), a proof that a network fits behind the drafts "
        "of `rdeepnet segment --network`. Grow-cut, which needs no network, is used unless told otherwise.\n"
        "Input: early minus before contrast as a z-score over the limit box, and the strokes of a person; voxels of "
        "2 × 1.5 × 1.5 mm, windows of 16 × 32 × 32 voxels.\n"
        "Output: the probability that a voxel is tumour; at least 0.5 is tumour. What was painted stays as drawn.\n"
        f"Trained on: {len(TRAINED_ON)} synthetic breasts of `dicom_io/synthetic/phantom.py` ({trained}), {WINDOWS} "
        f"windows each, strokes of simulated readers (± 1 mm) on 3 to 7 slices; {recipe.steps} steps of "
        f"{recipe.batch} windows, Adam. No patient.\n"
        f"Measured on {len(TESTED_ON)} other synthetic breasts ({tested}): mean Dice {np.mean(found):.3f} (lowest "
        f"{min(found):.3f}). Grow-cut from the same strokes: {np.mean(grown):.3f} (lowest {min(grown):.3f}). On the "
        f"training windows: {reached:.3f}.\n"
        "Not known: anything about real images. It has seen one kind of tumour on one kind of background.\n"
        "Written by `python -m tests.models.segmentation.shipped`."
    )
    head = f"# {NAME}\n\n**{NOTICE}.** Research use only. Not a medical device; not for diagnosis.\n\n"
    return head + "".join(f"- {point}\n" for point in points.split("\n"))


if __name__ == "__main__":
    write_shipped(shipped_network())
