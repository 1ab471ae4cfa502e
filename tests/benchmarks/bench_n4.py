"""N4: ours against SimpleITK's in speed, field, a known bias, and the features. Writes `tests/benchmarks/N4.md`.

    python -m tests.benchmarks.bench_n4 [--only SECTION …] [--volumes TEXT …]

CPU seconds are user and system time of the process over all threads, in one run; ratios of such times hold on a machine
that others use too, seconds do not. SimpleITK at shrink 2 takes more than ten minutes; `--only` measures the named
sections again and keeps the others of the last run, and `--volumes` the volumes whose names hold one of the texts, of
Field and Stopping. Fields of SimpleITK are kept in `build/n4`, as they do not change with ours.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from numpy.typing import NDArray

from dicom_io.reading.read import read_study
from dicom_io.rules import NO_ASSIGNMENT, Assignment, SelectionRules
from models.features.extract import FeatureEngine, extract_features, open_engine
from models.features.settings import FeatureSettings
from models.features.table import FeatureTable
from models.images import read_image, read_mask
from models.preprocessing.measurement import body_mask
from models.preprocessing.n4 import N4
from models.preprocessing.n4_settings import N4Settings
from models.preprocessing.n4_simpleitk import SimpleItkN4
from models.preprocessing.prepare import BiasCorrection, NoBiasCorrection, prepare
from models.volume import Roi, Volume
from models.volume import Sequence as MrSequence
from tests.models.geometry import sphere
from tests.models.preprocessing.bias_phantom import BiasPhantom, bias_phantom

HERE = Path(__file__).resolve().parent
RESULT = HERE / "N4.md"
KEPT = HERE.parent.parent / "build" / "n4"
DATA = Path(os.environ.get("RDEEPNET_TEST_DATA", HERE.parent.parent.parent / "shared" / "data"))

# The T1+C volume of the reference patient, and its T2W volume.
T1C = ((120, 448, 448), (1.2, 0.8, 0.8))
T2W = ((60, 384, 384), (2.5, 0.9, 0.9))
OURS = N4(device="cpu")
SIMPLEITK = SimpleItkN4(threads=1)
SIMPLEITK_2 = SimpleItkN4(threads=2)


def cpu_seconds(function: Callable[[], object]) -> float:
    """CPU seconds of a call, over all threads of this process."""
    before = time.process_time()
    function()
    return time.process_time() - before


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def speed(phantom: BiasPhantom, *, shrinks: Sequence[int]) -> str:
    """CPU seconds of `correct` at one and two threads, SimpleITK beside it."""
    N4(N4Settings(iterations=(1,)), "cpu").correct(phantom.volume, phantom.body)  # first use of torch's kernels
    rows = []
    for shrink in shrinks:
        settings = N4Settings(shrink=shrink)
        for threads in (1, 2) if shrink >= 4 else (1,):
            torch.set_num_threads(threads)
            theirs, ours = SimpleItkN4(settings, threads), N4(settings, "cpu")
            # Ours before and after theirs, so that neighbours on the machine trouble both alike.
            our_times = [cpu_seconds(lambda run=ours: run.correct(phantom.volume, phantom.body)) for _ in range(3)]
            other = cpu_seconds(lambda run=theirs: run.correct(phantom.volume, phantom.body))
            our_times += [cpu_seconds(lambda run=ours: run.correct(phantom.volume, phantom.body)) for _ in range(3)]
            one = statistics.median(our_times)
            rows.append([str(shrink), str(threads), f"{other:.1f}", f"{one:.2f}", f"{other / one:.0f}×"])
    torch.set_num_threads(1)
    return table(["shrink", "threads", "SimpleITK, CPU-s", "ours, CPU-s", "ratio"], rows)


@dataclass(frozen=True, eq=False)
class Case:
    """A volume to fit a field to."""

    name: str
    volume: Volume
    body: NDArray[np.bool_]


def real_cases(wanted: Callable[[str], bool]) -> Iterator[Case]:
    """Those wanted of brain1, the three phases of the breast DCE-MRI, and both sequences of STS_001."""
    if wanted("brain1"):
        brain = read_image(DATA / "pyradiomics" / "brain1_image.nrrd")
        yield Case("brain1", brain, body_mask(brain))
    if wanted("breast DCE, phase"):
        for phase, volume in enumerate(breast_phases(), start=1):
            yield Case(f"breast DCE, phase {phase}", volume, body_mask(volume))
    names = {sequence: f"sts_001, as {sequence.label}" for sequence in MrSequence}
    if any(map(wanted, names.values())):
        for sequence, volume in sarcoma().volumes.items():
            if wanted(names[sequence]):
                yield Case(names[sequence], volume, body_mask(volume))


def breast_phases() -> Iterator[Volume]:
    """The phases of UCSF-BR-06."""
    study = DATA / "breast_dce_ucsf_br_06"
    files = [*sorted((study / "dce").rglob("*.dcm")), study / "seg" / "tumour_binary_dcmqi.dcm"]
    for phase in (1, 2, 3):
        rules = SelectionRules(phase=phase, phase_from_segmentation=False)
        yield read_study(files, rules=rules, assignment=NO_ASSIGNMENT).volumes[MrSequence.T1C]


def simpleitk_field(case: Case, settings: N4Settings, *, threads: int) -> NDArray[np.float64]:
    """SimpleITK's log field in the body: float64 (voxels,); from `KEPT` where it was computed before."""
    image = hashlib.sha256(np.ascontiguousarray(case.volume.voxels).tobytes() + case.body.tobytes())
    image.update(f"{settings} {threads} {sitk.Version().VersionString()}".encode())
    file = KEPT / f"{image.hexdigest()[:24]}.npy"
    if not file.is_file():
        field = SimpleItkN4(settings, threads).log_field(case.volume, case.body)[case.body]
        KEPT.mkdir(parents=True, exist_ok=True)
        np.save(file, field)
    found: NDArray[np.float64] = np.load(file).astype(np.float64)
    return found


def fields(cases: Sequence[Case], settings: N4Settings) -> str:
    """Differences of log fields inside the mask; and SimpleITK's own between one and two threads."""
    rows = []
    for case in cases:
        theirs = simpleitk_field(case, settings, threads=1)
        ours = N4(settings, "cpu").log_field(case.volume, case.body)[case.body] - theirs
        again = simpleitk_field(case, settings, threads=2) - theirs
        rows.append(
            [
                case.name,
                f"{theirs.std():.3f}",
                f"{np.abs(ours).max():.1e}",
                f"{ours.mean():.1e}",
                f"**{ours.std():.1e}**",
                f"{np.corrcoef(ours + theirs, theirs)[0, 1]:.8f}",
                f"{np.abs(again).max():.1e}",
                f"{again.std():.1e}",
            ]
        )
    head = ["volume", "sd of the field", "max", "gain", "sd, gain removed", "correlation"]
    return table([*head, "SimpleITK at 2 threads: max", "sd, gain removed"], rows)


def recovered(phantom: BiasPhantom) -> str:
    """Remainder of a known field: standard deviation of the log error inside the body, gain removed."""
    rows = [["before", f"{phantom.log_field[phantom.body].std():.5f}"]]
    for name, correction in (("SimpleITK, 1 thread", SIMPLEITK), ("SimpleITK, 2 threads", SIMPLEITK_2), ("ours", OURS)):
        error = correction.log_field(phantom.volume, phantom.body).astype(float) - phantom.log_field
        rows.append([name, f"{error[phantom.body].std():.5f}"])
    return table(["field", "sd of the error"], rows)


@dataclass(frozen=True, eq=False)
class Patient:
    """Images and tumours of one study."""

    name: str
    volumes: dict[MrSequence, Volume]
    tumours: dict[MrSequence, Roi]


def synthetic_patient() -> Patient:
    """Both volumes of the reference patient, with a known bias and a tumour of 25 mm."""
    volumes = {
        MrSequence.T1C: bias_phantom(*T1C, seed=1).volume,
        MrSequence.T2W: bias_phantom(*T2W, seed=2, strength=0.25).volume,
    }
    t1c = volumes[MrSequence.T1C]
    tumour = Roi(t1c.affine, sphere(t1c.shape, t1c.affine, 12.5, centre_mm=(85, -40, 5)), "tumour")
    return Patient("synthetic, 25 mm", volumes, {MrSequence.T1C: tumour})


def sarcoma() -> Patient:
    """STS_001: T1 and T2."""
    study = DATA / "sts_001"
    files = sorted(file for folder in ("t1", "t2", "seg") for file in (study / folder).rglob("*.dcm"))
    series = {name: _series_uid(study / name) for name in ("t1", "t2")}
    assigned = Assignment.parse([f"t1c={series['t1']}", f"t2w={series['t2']}"])
    read = read_study(files, rules=SelectionRules(), assignment=assigned)
    return Patient("sts_001", dict(read.volumes), dict(read.tumours))


def real_patients() -> Iterator[Patient]:
    """STS_001 (both sequences), UCSF-BR-06 and brain1 (T1+C)."""
    yield sarcoma()
    study = DATA / "breast_dce_ucsf_br_06"
    files = [*sorted((study / "dce").rglob("*.dcm")), study / "seg" / "tumour_binary_dcmqi.dcm"]
    read = read_study(files, rules=SelectionRules(), assignment=NO_ASSIGNMENT)
    yield Patient("breast DCE", dict(read.volumes), dict(read.tumours))
    folder = DATA / "pyradiomics"
    yield Patient(
        "brain1",
        {MrSequence.T1C: read_image(folder / "brain1_image.nrrd")},
        {MrSequence.T1C: read_mask(folder / "brain1_label.nrrd")},
    )


def _series_uid(folder: Path) -> str:
    import pydicom

    return str(pydicom.dcmread(sorted(folder.rglob("*.dcm"))[0], stop_before_pixels=True).SeriesInstanceUID)


def features(patients: Sequence[Patient]) -> str:
    """Relative change of the features against those after SimpleITK's N4 at one thread."""
    engine = open_engine("own", device="cpu")
    rows = []
    for patient in patients:
        reference = _features(patient, SIMPLEITK, engine)
        for name, correction in (
            ("ours", OURS),
            ("SimpleITK, 2 threads", SIMPLEITK_2),
            ("no correction", NoBiasCorrection()),
        ):
            changed = _features(patient, correction, engine)
            change = np.array([_relative(changed[one].value, reference[one].value) for one in reference.names])
            order = np.argsort(change)[::-1]
            worst = "; ".join(
                f"{one} {change[index]:.1e} ({changed[one].value:.3g}, {reference[one].value:.3g})"
                for index in order[:3]
                for one in [reference.names[index]]
            )
            share = f"{np.mean(change <= 1e-3):.1%}"
            rows.append([patient.name, str(change.size), name, f"{np.median(change):.1e}", share, worst])
    return table(["study", "features", "N4", "median", "at most 1e-3", "worst three"], rows)


def _features(patient: Patient, correction: BiasCorrection, engine: FeatureEngine) -> FeatureTable:
    prepared = prepare(patient.volumes, patient.tumours, bias=correction, shell_mm=10)
    return extract_features(prepared, engine=engine, settings=FeatureSettings())


def _relative(one: float, other: float) -> float:
    return 0.0 if one == other else abs(one - other) / max(abs(one), abs(other))


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only", nargs="+", choices=("speed", "field", "stopping", "known", "features"), help="these sections"
    )
    parser.add_argument(
        "--volumes", nargs="+", default=[""], metavar="TEXT", help="of Field and Stopping, these volumes"
    )
    arguments = parser.parse_args()
    phantom = cache(lambda: bias_phantom(*T1C, seed=1))
    have_data = (DATA / "README.md").is_file()

    def cases() -> list[Case]:
        def wanted(name: str) -> bool:
            return any(text in name for text in arguments.volumes)

        known = [Case("synthetic T1+C", phantom().volume, phantom().body)] if wanted("synthetic T1+C") else []
        return [*known, *(real_cases(wanted) if have_data else [])]

    sections: list[tuple[str, str, Callable[[], str]]] = [
        (
            "Speed",
            (
                "The synthetic T1+C volume, 448 × 448 × 120 at 0.8 × 0.8 × 1.2 mm, from image and body mask to "
                "corrected image. SimpleITK once, ours three times before and three times after it (median)."
            ),
            lambda: speed(phantom(), shrinks=(4, 2)),
        ),
        (
            "Field",
            (
                "Difference of the log fields inside the body mask, ours less SimpleITK's at one thread. The constant "
                "gain goes with the z-score, so what counts is the standard deviation; at most 1e-3 was asked, of the "
                "phantom, brain1 and the breast phases."
            ),
            lambda: fields(cases(), N4Settings()),
        ),
        (
            "Stopping",
            (
                "The same at equal numbers of iterations (4 × 10, no early end). What is left above comes from when a "
                "level ends: ITK's convergence statistic, a running mean in single precision, is too large on large "
                "masks, ours is exact."
            ),
            lambda: fields(cases(), N4Settings(iterations=(10,) * 4, convergence_threshold=1e-9)),
        ),
        (
            "A known field",
            "The synthetic T1+C volume was multiplied with a known field.",
            lambda: recovered(phantom()),
        ),
        (
            "Features",
            (
                "Relative change of every feature (own engine, default settings, 10 mm shell) against the features "
                "after SimpleITK's N4 at one thread. A median of at most 5e-4 was asked. The worst, with both "
                "values, are signed features near zero, of which a relative change says little."
            ),
            lambda: features([synthetic_patient(), *(real_patients() if have_data else [])]),
        ),
    ]
    texts = [
        "# N4: ours against SimpleITK's",
        (
            f"Written by `python -m tests.benchmarks.bench_n4` on {datetime.now(UTC):%Y-%m-%d}: {_processor()}, "
            f"{os.cpu_count()} processors, Python {platform.python_version()}, torch {torch.__version__}, SimpleITK "
            f"{sitk.Version().VersionString()}. Parameters, where not said otherwise: {N4Settings().in_words()}."
        ),
    ]
    for title, words, measured in sections:
        key = title.lower().removeprefix("a ").split()[0]
        is_wanted = not arguments.only or key in arguments.only
        kept = None if is_wanted else _section(title)
        if not is_wanted and kept is None:
            continue  # never measured, and not asked for
        found = kept or f"## {title}\n\n{words}\n\n{measured()}"
        if not kept and key in ("field", "stopping") and arguments.volumes != [""]:
            found = with_rows(_section(title), found)
        texts.append(found)
        print(texts[-1], flush=True)
    RESULT.write_text("\n\n".join(texts) + "\n", encoding="utf-8")


def with_rows(before: str | None, found: str) -> str:
    """A section as it was, with the rows that were measured again or for the first time."""
    if before is None:
        return found
    rows = {line.split(" | ")[0]: line for line in found.splitlines() if line.startswith("| ")}
    lines = [rows.pop(line.split(" | ")[0], line) for line in before.splitlines()]
    return "\n".join([*lines, *rows.values()])


def _section(title: str) -> str | None:
    """A section of the result as it is now."""
    if not RESULT.is_file():
        return None
    for part in RESULT.read_text(encoding="utf-8").split("\n## ")[1:]:
        if part.startswith(f"{title}\n"):
            return f"## {part.strip()}"
    return None


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


if __name__ == "__main__":
    main()
