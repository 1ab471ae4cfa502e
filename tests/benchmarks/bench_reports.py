"""CPU time to make, check and write the SRs: `python -m tests.benchmarks.bench_reports` writes REPORTS.md.

An answer with two sequences, two regions and 863 features each, as a study with the standard settings has. CPU seconds
are user and system time of the process, one thread, median of five after one to warm up. The bars: key SR 0.3 CPU-s,
SR with all features 5 CPU-s.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import highdicom
import pydicom
from pydicom.dataset import Dataset

from dicom_io.answer import AnswerObject
from dicom_io.writing.object_check import check_object
from dicom_io.writing.segmentation_object import make_segmentation, segment_references
from dicom_io.writing.structured_report import make_features_report, make_key_report
from tests.benchmarks.bench_reading import REPEATS, cpu_s
from tests.dicom_io.made_studies import make

TARGET = Path(__file__).with_name("REPORTS.md")
FEATURES = 863  # of one sequence and region, standard settings


def written(dataset: Dataset) -> bytes:
    """The object as a file."""
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def main() -> None:
    """Measure, and write the table."""
    made = make(features_per_region=FEATURES)
    study, report, prepared = made.study, made.report, made.prepared.sequences
    sent = {one: make_segmentation(study, prepared[one], report, sequence=one) for one in prepared}
    segments = {one: segment_references(sent[one], prepared[one], study.sources[one]) for one in prepared}
    makers: tuple[tuple[str, Callable[[], AnswerObject]], ...] = (
        (
            "key SR",
            lambda: make_key_report(study, report, segments=segments, segmentations=tuple(sent.values())),
        ),
        (
            "SR with all features",
            lambda: make_features_report(study, report, segments=segments, segmentations=tuple(sent.values())),
        ),
    )
    rows = []
    for title, maker in makers:
        dataset = maker().dataset

        def check(dataset: Dataset = dataset) -> None:
            check_object(dataset)

        def write(dataset: Dataset = dataset) -> bytes:
            return written(dataset)

        times = [cpu_s(step) for step in (maker, check, write)]
        cells = " | ".join(f"{one:.2f}" for one in times)
        rows.append(f"| {title} | {len(written(dataset)) / 1000:.0f} | {cells} | **{sum(times):.2f}** |")
        print(rows[-1], flush=True)
    features = sum(len(section.features) for section in report.regions)
    text = f"""# Writing the reports

Made by `python -m tests.benchmarks.bench_reports`. CPU seconds, one thread; median of {REPEATS} after one to warm up.
{features:,} features. Bars: key SR 0.3 CPU-s, SR with all features 5 CPU-s. Python {platform.python_version()},
highdicom {highdicom.__version__}, pydicom {pydicom.__version__}, 2 shared cores ({platform.machine()}).

| object | kB | made | checked | written | all |
| --- | --- | --- | --- | --- | --- |
"""
    bounds = """
What bounds it: the number of data elements. Each feature is a NUM item with three codes, some thirteen elements, and
every one of them is a Python object that pydicom makes and validates (half of the time of making); our own check then
looks at each once more.
"""
    TARGET.write_text(text + "\n".join(rows) + "\n" + bounds, encoding="utf-8")


if __name__ == "__main__":
    main()
