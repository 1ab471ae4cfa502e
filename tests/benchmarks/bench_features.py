"""Features: the own engine against PyRadiomics 3.0.1 in CPU seconds and memory. Writes `tests/benchmarks/RESULTS.md`.

    python -m tests.benchmarks.bench_features

CPU seconds are user and system time of a process over all its threads, the median of three calls after one to warm up;
every engine and number of threads has a process of its own. Ratios of such times hold on a machine that others use
too, seconds hold less. Takes about ten minutes, nearly all of it PyRadiomics.
"""

from __future__ import annotations

import argparse
import cProfile
import importlib.metadata
import json
import logging
import os
import platform
import pstats
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from models.features.own import OwnEngine
from models.features.settings import FeatureSettings
from models.images import to_sitk
from models.preprocessing.prepare import open_bias_correction, prepare
from models.volume import Region, Roi, Volume
from models.volume import Sequence as MrSequence
from tests.models.features.phantoms import tumour_study
from tests.models.features.reference import differences, pyradiomics_values, roi_of, volume_of

RESULT = Path(__file__).resolve().parent / "RESULTS.md"
# The reference patient: both sequences, a tumour of 25 mm and its shell of 10 mm.
GRIDS = {
    MrSequence.T1C: ((120, 448, 448), (1.2, 0.8, 0.8)),
    MrSequence.T2W: ((60, 384, 384), (2.5, 0.9, 0.9)),
}
Study = tuple[Volume, dict[Region, Roi]]


def make_patient(folder: Path, diameter_mm: float) -> None:
    """Write the volumes of the reference patient with their regions; making them takes more memory than measuring."""
    for seed, (sequence, (shape, spacing_mm)) in enumerate(GRIDS.items()):
        volume, rois = tumour_study(shape, spacing_mm, diameter_mm, seed=seed)
        np.save(folder / f"{sequence}_{diameter_mm:g}.npy", volume.voxels)
        for region, roi in rois.items():
            np.save(folder / f"{sequence}_{diameter_mm:g}_{region}.npy", roi.mask)


def patient(folder: Path, diameter_mm: float) -> dict[MrSequence, Study]:
    """Paths that `make_patient` wrote."""
    studies: dict[MrSequence, Study] = {}
    for sequence, (_, spacing_mm) in GRIDS.items():
        volume = volume_of(np.load(folder / f"{sequence}_{diameter_mm:g}.npy"), spacing_mm)
        rois = {
            region: roi_of(np.load(folder / f"{sequence}_{diameter_mm:g}_{region}.npy"), spacing_mm, region.value)
            for region in Region
        }
        studies[sequence] = (volume, rois)
    return studies


def own(studies: dict[MrSequence, Study]) -> None:
    engine = OwnEngine()
    for volume, rois in studies.values():
        engine.extract(volume, rois, FeatureSettings())


def pyradiomics(studies: dict[MrSequence, Study], *, tuned: bool) -> None:
    """PyRadiomics as its documentation shows it, or cropped before the filters, which spares it most of its work."""
    from radiomics.featureextractor import RadiomicsFeatureExtractor

    logging.getLogger("radiomics").setLevel(logging.CRITICAL + 1)
    tuning = {"preCrop": True, "padDistance": 5} if tuned else {}
    extractor = RadiomicsFeatureExtractor(normalize=True, normalizeScale=100, binWidth=25, **tuning)
    extractor.enableImageTypeByName("Wavelet")
    for volume, rois in studies.values():
        image = to_sitk(np.asarray(volume.voxels), volume)
        for roi in rois.values():
            extractor.execute(image, to_sitk(roi.mask.astype(np.uint8), roi))


def cpu_seconds(function: Callable[[], None], *, repeats: int) -> float:
    """Median over the calls."""
    taken = []
    for _ in range(repeats):
        before = time.process_time()
        function()
        taken.append(time.process_time() - before)
    return statistics.median(taken)


def peak_mb() -> float:
    """Largest resident size of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure_engine(folder: Path, engine: str, diameter_mm: float, repeats: int) -> dict[str, float]:
    """CPU seconds for the patient, peak memory, and voxels of the regions."""
    studies = patient(folder, diameter_mm)
    if engine == "own":
        own(studies)
    calls: dict[str, Callable[[], None]] = {
        "own": lambda: own(studies),
        "default": lambda: pyradiomics(studies, tuned=False),
        "tuned": lambda: pyradiomics(studies, tuned=True),
    }
    seconds = cpu_seconds(calls[engine], repeats=repeats)
    voxels = sum(int(np.count_nonzero(roi.mask)) for _, rois in studies.values() for roi in rois.values())
    return {"seconds": seconds, "peak_mb": peak_mb(), "voxels": voxels}


def measure_preprocessing(folder: Path) -> dict[str, float]:
    """CPU seconds and peak memory of N4, body mask, shell and features of the patient."""
    studies = patient(folder, 25)
    own({MrSequence.T2W: studies[MrSequence.T2W]})
    volumes = {sequence: volume for sequence, (volume, _) in studies.items()}
    tumours = {sequence: rois[Region.INTRATUMORAL] for sequence, (_, rois) in studies.items()}
    studies.clear()
    bias = open_bias_correction("own", device="cpu")
    engine = OwnEngine()

    def both() -> None:
        prepared = prepare(volumes, tumours, bias=bias, shell_mm=10)
        for one in prepared.sequences.values():
            engine.extract(one.volume, one.rois, FeatureSettings())

    return {"seconds": cpu_seconds(both, repeats=3), "peak_mb": peak_mb()}


def measure_first_call(folder: Path) -> dict[str, float]:
    """CPU seconds of the first call for the patient, and of the later ones."""
    studies = patient(folder, 25)
    return {
        "first": cpu_seconds(lambda: own(studies), repeats=1),
        "later": cpu_seconds(lambda: own(studies), repeats=3),
    }


def measure_shares(folder: Path, diameter_mm: float) -> dict[str, float]:
    """Share of the time spent inside each function itself, of the largest."""
    studies = patient(folder, diameter_mm)
    own(studies)
    profile = cProfile.Profile()
    profile.runcall(own, studies)
    rows = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    total = sum(own_time for _, _, own_time, _, _ in rows.values())
    largest = sorted(rows.items(), key=lambda row: -row[1][2])[:10]
    return {f"{Path(file).stem}.{name}".removeprefix("~."): row[2] / total for (file, _, name), row in largest}


def measure_equality(folder: Path) -> dict[str, float]:
    """Counts the values of the patient compared with PyRadiomics, and those that differ by more than 1e-9."""
    compared = different = 0
    for volume, rois in patient(folder, 25).values():
        found = OwnEngine().extract(volume, rois, FeatureSettings())
        for region, roi in rois.items():
            reference = pyradiomics_values(volume, roi, FeatureSettings(), pre_crop=True)
            compared += len(reference)
            different += len(differences(found[region], reference))
    return {"compared": compared, "different": different}


MEASUREMENTS: dict[str, Callable[..., dict[str, float]]] = {
    "engine": lambda folder, engine, diameter, repeats: measure_engine(folder, engine, float(diameter), int(repeats)),
    "preprocessing": measure_preprocessing,
    "first": measure_first_call,
    "shares": lambda folder, diameter: measure_shares(folder, float(diameter)),
    "equality": measure_equality,
}


def in_a_process(folder: Path, *what: str, threads: int = 1, cache: Path | None = None) -> dict[str, float]:
    """Run one measurement in a process with that many threads."""
    limits = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS")
    environment = os.environ | dict.fromkeys(limits, str(threads))
    if cache is not None:
        environment["NUMBA_CACHE_DIR"] = str(cache)
    command = [sys.executable, "-m", "tests.benchmarks.bench_features", "--folder", str(folder), "--measure", *what]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    print(*what, f"threads={threads}", found, file=sys.stderr)
    return found


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *rows])


def machine() -> str:
    """Kind of processor, cores, memory and versions; nothing that identifies the machine."""
    cpu = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}"
        for name in ("numpy", "numba", "torch", "SimpleITK", "PyWavelets", "pyradiomics")
    )
    return f"{cpu}, {os.cpu_count()} cores (shared), {memory_gb:.0f} GB; Python {platform.python_version()}, {versions}"


def engines_table(folder: Path, diameter_mm: int, *, default: bool) -> tuple[str, dict[str, float]]:
    """CPU seconds and ratios at one and two threads; and the own engine's result with one."""
    rows = []
    first: dict[str, float] = {}
    for threads in (1, 2):
        repeats = "3" if diameter_mm < 50 else "1"
        ours = in_a_process(folder, "engine", "own", str(diameter_mm), "3", threads=threads)
        tuned = in_a_process(folder, "engine", "tuned", str(diameter_mm), repeats, threads=threads)
        first = first or ours
        row = [str(threads), f"{ours['seconds']:.3f}", f"{ours['peak_mb']:.0f}"]
        row += [f"{tuned['seconds']:.1f}", f"{tuned['seconds'] / ours['seconds']:.0f}×"]
        if default:
            plain = in_a_process(folder, "engine", "default", str(diameter_mm), repeats, threads=threads)
            row += [f"{plain['seconds']:.1f}", f"{plain['seconds'] / ours['seconds']:.0f}×", f"{plain['peak_mb']:.0f}"]
        rows.append(row)
    head = ["threads", "own, CPU-s", "own, peak MB", "PyRadiomics tuned, CPU-s", "ratio"]
    head += ["PyRadiomics default, CPU-s", "ratio", "peak MB"] if default else []
    return table(head, rows), first


def report(folder: Path) -> str:
    """The whole result file."""
    for diameter in (25, 80):
        # In a process of its own: a child counts the largest size of its parent before exec as its own.
        subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.bench_features", "--folder", str(folder), "--make", str(diameter)],
            check=True,
        )
    equality = in_a_process(folder, "equality")
    small, own_small = engines_table(folder, 25, default=True)
    large, own_large = engines_table(folder, 80, default=False)
    together = [in_a_process(folder, "preprocessing", threads=threads) for threads in (1, 2)]
    compiling = in_a_process(folder, "first", cache=folder / "numba")
    cached = in_a_process(folder, "first", cache=folder / "numba")
    shares = {diameter: in_a_process(folder, "shares", str(diameter)) for diameter in (25, 80)}
    per_voxel = [1e6 * one["seconds"] / one["voxels"] for one in (own_small, own_large)]
    head = ("threads", "CPU-s", "peak MB")
    rows = [(str(n), f"{one['seconds']:.2f}", f"{one['peak_mb']:.0f}") for n, one in zip((1, 2), together, strict=True)]
    share_rows = [
        (f"{diameter} mm", "; ".join(f"`{name}` {share:.0%}" for name, share in found.items() if share >= 0.03))
        for diameter, found in shares.items()
    ]
    return f"""# Features: the own engine against PyRadiomics 3.0.1

Made by `python -m tests.benchmarks.bench_features` on {datetime.now(UTC):%Y-%m-%d}.
{machine()}.

CPU seconds: user and system time over all threads, median of three calls after one to warm up (one call of PyRadiomics
with the tumour of 80 mm). Both volumes and both regions of the reference patient: T1+C 448 × 448 × 120 of
0.8 × 0.8 × 1.2 mm, T2W 384 × 384 × 60 of 0.9 × 0.9 × 2.5 mm, shell of 10 mm; 863 features each. Tuned means
`preCrop=True, padDistance=5`. Memory is the largest resident size of the process, with Python, the libraries and the
two volumes with their masks.

Equality in this run: {equality["compared"]} values compared with PyRadiomics (tuned),
{equality["different"]} differ by more than a relative 1e-9.

## Tumour of 25 mm ({own_small["voxels"]:.0f} voxels in four regions)

{small}

## Tumour of 80 mm ({own_large["voxels"]:.0f} voxels)

{large}

Per voxel of the regions: {per_voxel[0]:.2f} µs with 25 mm, {per_voxel[1]:.2f} µs with 80 mm; growth
{per_voxel[1] / per_voxel[0]:.2f} × linear.

## Preprocessing (own N4, body mask, shell) and features of the patient, tumour of 25 mm

{table(head, rows)}

## First call

Compiled kernels are cached on disk. First call without a cache: {compiling["first"]:.1f} CPU-s; first call of a process
with it: {cached["first"]:.2f} CPU-s; later calls: {cached["later"]:.3f} CPU-s.

## What bounds the engine now

Shares of the time inside the function itself (cProfile, one thread), from 3 %:

{table(("tumour", "functions"), share_rows)}

- 25 mm: the eigenvalues of MCC (`linalg_eigvals`), LAPACK calls on 13 matrices per image, slowest for the low-pass
  image with its many levels; then run lengths and zones; then the one pass over the volumes for mean and deviation
  (`exact_sums`), which has 130 MB to read.
- 80 mm: run lengths (`count_runs`) and the union-find of the zones (`zones`, branches that cannot be predicted), then
  the passes over all grey values for moments and percentiles.
- The counting runs on the CPU by design. A GPU (`--device cuda`) takes over the formulas only; it was not measured.
"""


def main() -> None:
    """Measure everything and write the result, or one thing and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="where the patients are")
    parser.add_argument("--make", type=float, metavar="MM", help="write the patient with a tumour of that diameter")
    parser.add_argument("--measure", nargs="+", metavar="WHAT", help="one measurement, as JSON")
    arguments = parser.parse_args()
    if arguments.make:
        make_patient(arguments.folder, arguments.make)
    elif arguments.measure:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(int(os.environ.get("OMP_NUM_THREADS", "1")))
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # PyRadiomics' 0/0 in directions without pairs
            name, *rest = arguments.measure
            print(json.dumps(MEASUREMENTS[name](arguments.folder, *rest)))
    else:
        with tempfile.TemporaryDirectory() as folder:
            RESULT.write_text(report(Path(folder)), encoding="utf-8")


if __name__ == "__main__":
    main()
