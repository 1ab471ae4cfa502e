"""Features of far-apart lesions and of other types of values, in CPU seconds and memory. Writes `SPARSE.md`.

    python -m tests.benchmarks.bench_sparse

Every case has a process of its own, which reads the regions from files. CPU seconds are the median of five calls after
one to warm up; memory is what the largest resident size of the process grew by during the calls. Takes a minute.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from models.features.extract import extract_region
from models.features.own import OwnEngine, warm_up
from models.features.settings import FeatureSettings
from models.images import read_image, read_mask

RESULT = Path(__file__).resolve().parent / "SPARSE.md"
SHAPE, SPACING = (120, 448, 448), (1.2, 0.8, 0.8)
ONE, OTHER, MIDDLE = (24, 70, 70), (96, 380, 370), (60, 220, 220)
LESIONS = {
    "lesion of 10 mm": [(ONE, 10)],
    "the other": [(OTHER, 10)],
    "both": [(ONE, 10), (OTHER, 10)],
    "lesion of 25 mm": [(MIDDLE, 25)],
}
TYPES = ("float32", "int16", "float64")


def write(voxels: np.ndarray, path: Path) -> None:
    """An NRRD file of the values as they are."""
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing(SPACING[::-1])
    sitk.WriteImage(image, str(path))


def make(folder: Path) -> None:
    """Writes images and masks: making them takes more memory than measuring."""
    voxels = 300 + 60 * np.random.default_rng(0).standard_normal(SHAPE, dtype=np.float32)
    for kind in TYPES:
        write(np.rint(voxels).astype(kind), folder / f"{kind}.nrrd")
    z, y, x = (axis * step for axis, step in zip(np.ogrid[tuple(slice(n) for n in SHAPE)], SPACING, strict=True))
    for name, balls in LESIONS.items():
        mask = np.zeros(SHAPE, np.uint8)
        for (s, r, c), diameter_mm in balls:
            squared = (z - s * SPACING[0]) ** 2 + (y - r * SPACING[1]) ** 2 + (x - c * SPACING[2]) ** 2
            mask[squared <= (diameter_mm / 2) ** 2] = 1
        write(mask, folder / f"{name}.nrrd")


def measure(folder: Path, lesion: str, kind: str, *, with_reading: bool) -> dict[str, float]:
    """CPU seconds and growth of the peak memory, in MB, of one case."""
    warm_up()
    engine, settings = OwnEngine(), FeatureSettings()
    image, mask = folder / f"{kind}.nrrd", folder / f"{lesion}.nrrd"
    volume, roi = read_image(image), read_mask(mask)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    taken = []
    for _ in range(6):
        start = time.process_time()
        if with_reading:
            volume = read_image(image)
        extract_region(volume, roi, engine=engine, settings=settings)
        taken.append(time.process_time() - start)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": statistics.median(taken[1:]), "grown_mb": after - before, "peak_mb": after}


def in_a_process(folder: Path, lesion: str, kind: str, *, with_reading: bool = False) -> dict[str, float]:
    """`measure` in a process of its own, on one thread."""
    line = [sys.executable, "-m", "tests.benchmarks.bench_sparse", str(folder), lesion, kind, str(int(with_reading))]
    done = subprocess.run(
        line, capture_output=True, text=True, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, cwd=Path.cwd()
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def report(folder: Path) -> str:
    """The page."""
    far = {lesion: in_a_process(folder, lesion, "float32") for lesion in LESIONS}
    both, alone = far["both"]["seconds"], far["lesion of 10 mm"]["seconds"] + far["the other"]["seconds"]
    kinds = {kind: in_a_process(folder, "lesion of 25 mm", kind, with_reading=True) for kind in TYPES}
    usual = kinds["float32"]
    written = (
        f"Written by `python -m tests.benchmarks.bench_sparse` on {datetime.now(UTC):%Y-%m-%d}: {platform.machine()}, "
        f"Python {platform.python_version()}, one thread. An image of {' × '.join(map(str, SHAPE))} voxels, the 863 "
        "features of one region with the default settings."
    )
    together = (
        f"Both lesions together cost **{both / alone:.2f}×** the sum of the two alone (at most 2× is the aim). The "
        f"process needed {far['both']['peak_mb']:.0f} MB in all, libraries and image included (at most 1,000)."
    )
    lines = [
        "# Features of far-apart lesions and of other types of values",
        "",
        written,
        "",
        "## Far-apart lesions",
        "",
        "| region | CPU-s | memory grown by, MB |",
        "| --- | --- | --- |",
        *(f"| {lesion} | {found['seconds']:.3f} | {found['grown_mb']:.0f} |" for lesion, found in far.items()),
        "",
        together,
        "",
        "## Types of values",
        "",
        "Reading the file and the features of the lesion of 25 mm; the values are the same whole numbers.",
        "",
        "| type | CPU-s | against float32 | peak memory, MB |",
        "| --- | --- | --- | --- |",
        *(
            f"| {kind} | {found['seconds']:.3f} | {found['seconds'] / usual['seconds']:.2f}× | {found['peak_mb']:.0f} |"
            for kind, found in kinds.items()
        ),
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Writes the page, or measures one case when called with its names."""
    if len(sys.argv) > 1:
        folder, lesion, kind, with_reading = sys.argv[1:]
        print(json.dumps(measure(Path(folder), lesion, kind, with_reading=with_reading == "1")))
        return
    with tempfile.TemporaryDirectory() as name:
        make(Path(name))
        RESULT.write_text(report(Path(name)), encoding="utf-8")


if __name__ == "__main__":
    main()
