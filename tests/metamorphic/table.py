"""Measures all changes on the real studies and a synthetic one, and writes the table of `docs/inputs.md`.

    python -m tests.metamorphic.table SHARED_DATA [STUDY …]

Some minutes for each study; named studies are measured again, the columns of the others stay. "breast, DICOM" and
"thigh, DICOM" are the real studies written as DICOM with the change and read again. What was measured is kept after
every row, so that a run can be broken off.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pydicom

from dicom_io.reading.read import read_study
from dicom_io.rules import NO_ASSIGNMENT, Assignment, SelectionRules
from dicom_io.study import Study
from dicom_io.synthetic.study_writer import make_study
from models.errors import StudyRejected
from models.features.extract import open_engine
from models.inference.package import shipped_packages
from models.inference.runtime import load_models
from models.preprocessing.prepare import open_bias_correction
from tests.metamorphic.changes import CHANGES, Change
from tests.metamorphic.study import Scored, changed, scored, with_tumours
from tests.metamorphic.through_dicom import NOT_THROUGH_DICOM, PLAIN, WAYS, Way, through_dicom

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "inputs.md"
MEASURED = Path(__file__).with_name("measured.json")
BEGIN, END = "<!-- table: made by python -m tests.metamorphic.table -->", "<!-- end of the table -->"


def breast(data: Path) -> Study:
    """UCSF-BR-06, sagittal T1+C with a tumour of 33 cm³."""
    study = data / "breast_dce_ucsf_br_06"
    files = [*sorted((study / "dce").rglob("*.dcm")), study / "seg" / "tumour_binary_dcmqi.dcm"]
    return read_study(files, rules=SelectionRules(), assignment=NO_ASSIGNMENT)


def thigh(data: Path) -> Study:
    """STS_001, T1 taken for T1+C and T2 of a thigh with a tumour of 365 cm³."""
    study = data / "sts_001"
    first = {name: next((study / name).rglob("*.dcm")) for name in ("t1", "t2")}
    uids = {name: pydicom.dcmread(file, stop_before_pixels=True).SeriesInstanceUID for name, file in first.items()}
    files = sorted(file for name in ("t1", "t2", "seg") for file in (study / name).rglob("*.dcm"))
    assignment = Assignment.parse([f"t1c={uids['t1']}", f"t2w={uids['t2']}"])
    return read_study(files, rules=SelectionRules(), assignment=assignment)


def synthetic(data: Path) -> Study:
    """The synthetic study of the demonstration, small grids."""
    with tempfile.TemporaryDirectory() as folder:
        make_study(Path(folder), seed=1)
        files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        return read_study(files, rules=SelectionRules(), assignment=NO_ASSIGNMENT)


STUDIES: dict[str, Callable[[Path], Study]] = {"breast": breast, "thigh": thigh, "synthetic": synthetic}
# Columns that go through DICOM, and their studies.
DICOM = {f"{name}, DICOM": name for name in ("breast", "thigh")}
COLUMNS = (*STUDIES, *DICOM)


def measured(study: Study, keep: Callable[[dict[str, str]], None], *, dicom: bool) -> None:
    """Change → differences of the scores and new quality notes, in words; kept after each."""
    models = {model.package.identity.name: model for model in load_models(shipped_packages(), provider="cpu")}
    engine, bias = open_engine("own", device="cpu"), open_bias_correction("own", device="cpu")
    images = with_tumours(study.volumes, study.tumours)

    def scores_of(change: Change | Way | None) -> Scored:
        one = changed(images, change) if isinstance(change, Change) else images
        if dicom:
            with tempfile.TemporaryDirectory() as folder:
                one = through_dicom(one, Path(folder), change if isinstance(change, Way) else PLAIN)
        return scored(one, models=models, engine=engine, bias=bias)

    base = scores_of(None)
    found = {"unchanged": " / ".join(f"{score:.2f}" for score in base.scores.values())}
    for change in (*WAYS, *CHANGES) if dicom else CHANGES:
        if dicom and change.words in NOT_THROUGH_DICOM:
            continue
        try:
            one = scores_of(change)
        except StudyRejected as refusal:
            found[change.words] = f"refused: {str(refusal).split(';')[0]}"
        else:
            differences = [one.scores[name] - score for name, score in base.scores.items()]
            # Adding 0 turns -0.000 into 0.000.
            shown = " / ".join("0" if value == 0 else f"{round(value, 3) + 0:.3f}" for value in differences)
            notes = ", ".join(f"`{code}`" for code in sorted(one.codes - base.codes))
            found[change.words] = f"{shown}{f' ({notes})' if notes else ''}"
        print(change.words, found[change.words], flush=True)
        keep(found)


def _is_empty(change: Change | Way, column: str) -> bool:
    return change.words in NOT_THROUGH_DICOM if column in DICOM else isinstance(change, Way)


def table(results: dict[str, dict[str, str]]) -> str:
    """The table in Markdown."""
    studies = [name for name in COLUMNS if name in results]
    rows = [["change", "promised", *studies], ["---"] * (2 + len(studies))]
    rows.append(["unchanged: the scores", "", *(results[name]["unchanged"] for name in studies)])
    for change in (*CHANGES, *WAYS):
        promised = "a note" if change.tolerance is None else f"≤ {change.tolerance:g}" if change.tolerance else "0"
        cells = ["" if _is_empty(change, name) else results[name].get(change.words, "not measured") for name in studies]
        rows.append([change.words, promised, *cells])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main() -> None:
    """Measure and write."""
    data, *names = sys.argv[1:]
    results = json.loads(MEASURED.read_text(encoding="utf-8")) if MEASURED.is_file() else {}
    for name in names or COLUMNS:

        def keep(found: dict[str, str], column: str = name) -> None:
            results[column] = found
            MEASURED.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

        measured(STUDIES[DICOM.get(name, name)](Path(data)), keep, dicom=name in DICOM)
    text = DOCUMENT.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    DOCUMENT.write_text(f"{before}{BEGIN}\n{table(results)}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
