"""Drafts of tumour outlines on cases with a known tumour, by simulated readers. Writes `SEGMENTATION.md`.

    python -m tests.benchmarks.bench_segmentation [--readers N]

Needs the real data sets. CPU seconds are those of one draft on the machine of the run.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.errors import StudyRejected
from models.outline import ADDED, ADDED_FEW_STROKES
from models.segmentation.agreement import dice, hausdorff_95_mm, volume_error
from models.segmentation.functional_tumour_volume import functional_tumour_volume
from models.segmentation.grow_cut import grow_cut
from models.segmentation.half_way import half_way
from models.segmentation.network import segment
from models.segmentation.network_package import load_network, shipped_network
from models.segmentation.seeds import Images, Seeds
from tests.benchmarks.segmentation_cases import CASES, Case
from tests.models.segmentation.readers import boxed, outlined, strokes

RESULT = Path(__file__).resolve().parent / "SEGMENTATION.md"

Mask = NDArray[np.bool_]
# Case and random numbers of a reader → the mask that comes of what the reader marks.
Way = Callable[[Case, np.random.Generator], Mask]


@dataclass(frozen=True)
class Found:
    """One reader: agreement with the truth; None where a draft was refused."""

    dice: float
    hausdorff_mm: float
    volume: float
    seconds: float


def by_hand(case: Case, rng: np.random.Generator) -> Mask:
    return outlined(case.tumour, case.images.after.spacing_mm, rng)


def grown(count: int, *, with_ends: bool) -> Way:
    def way(case: Case, rng: np.random.Generator) -> Mask:
        return grow_cut(case.images, Seeds(strokes=strokes(by_hand(case, rng), count, with_ends=with_ends)))

    return way


def in_box(function: Callable[[Images, Seeds], Mask]) -> Way:
    def way(case: Case, rng: np.random.Generator) -> Mask:
        return function(case.images, boxed(case.tumour, case.images.after.spacing_mm, rng))

    return way


def by_network(case: Case, rng: np.random.Generator) -> Mask:
    marks = Seeds(strokes=strokes(by_hand(case, rng), 5, with_ends=True))
    return segment(load_network(shipped_network()), case.images, marks)


WAYS: dict[str, Way] = {
    "by hand, every slice (the bar)": by_hand,
    "grow-cut, 5 slices, first and last among them": grown(5, with_ends=True),
    "grow-cut, 5 slices inside the extent": grown(5, with_ends=False),
    "grow-cut, 3 slices, first and last among them": grown(3, with_ends=True),
    "grow-cut, 3 slices inside the extent": grown(3, with_ends=False),
    "half-way threshold, point and box": in_box(half_way),
    "functional tumour volume, box": in_box(functional_tumour_volume),
    "demonstration network, 5 slices, ends among them": by_network,
}


def measured(case: Case, way: Way, readers: int) -> list[Found | None]:
    """One result for each reader."""
    found: list[Found | None] = []
    for reader in range(readers):
        rng = np.random.default_rng([reader, 3])
        before = time.process_time()
        try:
            mask = way(case, rng)
        except StudyRejected:
            found.append(None)
            continue
        seconds = time.process_time() - before
        spacing = case.images.after.spacing_mm
        found.append(
            Found(
                dice(mask, case.tumour),
                hausdorff_95_mm(mask, case.tumour, spacing_mm=spacing),
                volume_error(mask, case.tumour),
                seconds,
            )
        )
    return found


def cell(found: Sequence[Found | None]) -> str:
    """Mean ± SD of Dice (mean 95 % Hausdorff mm, volume error), and how many readers got a draft if not all."""
    made = [one for one in found if one is not None]
    given = f"; {len(made)} of {len(found)} given" if len(made) < len(found) else ""
    if not made:
        return f"refused ({len(found)} of {len(found)})"
    scores = [one.dice for one in made]
    spread = statistics.stdev(scores) if len(scores) > 1 else 0.0
    hausdorff, volume = statistics.mean(one.hausdorff_mm for one in made), statistics.mean(one.volume for one in made)
    return f"{statistics.mean(scores):.3f} ± {spread:.3f} ({hausdorff:.1f} mm, {volume:+.0%}{given})"


def added(bar: Sequence[Found | None], method: Sequence[Found | None]) -> float:
    """Returns what a method adds to 1 − Dice beyond a hand outline, in squares; 0 where it adds nothing."""
    hand, drawn = (1 - statistics.mean(one.dice for one in found if one is not None) for found in (bar, method))
    return math.sqrt(max(drawn**2 - hand**2, 0.0))


def document(cases: Sequence[Case], results: dict[str, dict[str, list[Found | None]]], readers: int) -> Iterable[str]:
    yield "# Drafts of tumour outlines"
    yield ""
    yield (
        f"Measured {datetime.now(UTC):%Y-%m-%d} by `python -m tests.benchmarks.bench_segmentation`: mean Dice ± SD "
        f"over {readers} simulated readers (95 % Hausdorff distance, volume error). A reader outlines each slice "
        "± 1 mm (bias and wobble together in 19 of 20 places); strokes are that outline on some slices; a box is "
        "1 to 6 mm wider on each side; a point lies in the deeper half. A refused draft has no figure."
    )
    yield ""
    yield "| case | image | what the truth is worth |"
    yield "|---|---|---|"
    for case in cases:
        spacing = " × ".join(f"{step:.2g}" for step in case.images.after.spacing_mm)
        size = np.count_nonzero(case.tumour) * case.images.after.voxel_volume_mm3 / 1000
        contrast = "early minus before" if case.images.before is not None else "no phases"
        yield f"| {case.name} | {contrast}, {spacing} mm, {size:.1f} cm³ | {case.worth} |"
    yield ""
    yield f"| method | {' | '.join(case.name for case in cases)} | CPU s |"
    yield f"|---|{'---|' * (len(cases) + 1)}"
    for name, of_case in results.items():
        seconds = [one.seconds for found in of_case.values() for one in found if one is not None]
        spent = "–" if name.startswith("by hand") or not seconds else f"{min(seconds):.2f}–{max(seconds):.2f}"
        yield f"| {name} | {' | '.join(cell(of_case[case.name]) for case in cases)} | {spent} |"
    yield ""
    yield "What a method adds to 1 − Dice beyond the hand outline (the square root of the difference of the squares):"
    yield ""
    yield f"| method | {' | '.join(case.name for case in cases)} |"
    yield f"|---|{'---|' * len(cases)}"
    bar = results[next(iter(results))]
    for name, of_case in list(results.items())[1:]:
        cells = [
            f"{added(bar[case.name], of_case[case.name]):.2f}" if any(of_case[case.name]) else "–" for case in cases
        ]
        yield f"| {name} | {' | '.join(cells)} |"
    yield ""
    yield (
        f"`models/outline.py` widens the plausible range by {ADDED['grow-cut']:.2f} (grow-cut from 5 slices), "
        f"{ADDED['half-way']:.2f} (half-way threshold), {ADDED['ftv']:.2f} (functional tumour volume) and "
        f"{ADDED_FEW_STROKES:.2f} (fewer strokes, networks): the worst on the real breast (br06) and the phantom."
    )
    yield ""
    yield (
        "One real breast and one thigh are no validation. The truth of br06 is itself a threshold mask, which flatters "
        "threshold methods; expert contours exist for the thigh alone. The readers are simulated."
    )


def main() -> None:
    """Measures everything and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=10)
    readers = parser.parse_args().readers
    cases = [make() for make in CASES.values()]
    grown(3, with_ends=True)(cases[1], np.random.default_rng(0))  # compiles
    results: dict[str, dict[str, list[Found | None]]] = {
        name: {case.name: measured(case, way, readers) for case in cases} for name, way in WAYS.items()
    }
    RESULT.write_text("\n".join(document(cases, results, readers)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
