"""`--pseudonymise` of run, features and score: no identity in any byte that is written. Invariants, on whole commands.

Two patients with names, numbers, dates and UIDs in headers, items, private elements, file and folder names; one study
without a segmentation, whose refusal quotes headers. Results are searched for every text and UID of theirs, inside
compressed files as well.
"""

from __future__ import annotations

import datetime
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest
from click.testing import Result
from pypdf import PdfReader
from typer.testing import CliRunner

from appliance.cli import app
from appliance.offline.result_folder import folder_name
from dicom_io.reading.pseudonymise import CODES, METHOD, SHIFTED
from dicom_io.synthetic.study_writer import Grid, SyntheticPatient, SyntheticStudy, make_study
from models.inference.package import shipped_packages
from models.pseudonyms import Kind, Pseudonyms, make_pseudonym_key, read_pseudonym_key
from models.volume import Sequence

TINY = Grid(16, 64, 64, 6.0, (5.0, 5.0))
BORN, EXAMINED = datetime.date(1931, 2, 3), datetime.date(2019, 7, 23)
WORDS = (
    *("mustermann", "erika", "sanatorium", "schwarzwald", "allwissend", "knecht", "ruprecht", "geheimer", "zimmer"),
    *("mrn471108", "471109", "acc998877", "stid4455", "kq77", "private-4711", "stationx9"),
    *("19310203", "1931-02-03", "20190723", "2019-07-23"),
)


@dataclass
class Site:
    """Studies with names, and what the commands made of them without."""

    root: Path
    key: Path
    config: Path
    out: Path
    table: Path
    studies: tuple[SyntheticStudy, SyntheticStudy]
    uids: frozenset[str]
    ran: Result
    extracted: Result

    @property
    def pseudonyms(self) -> Pseudonyms:
        return read_pseudonym_key(self.key)


def planted(folder: Path, patient: SyntheticPatient, *, seed: int, is_segmented: bool) -> SyntheticStudy:
    """A study with identity wherever a header has room for it."""
    study = make_study(
        folder,
        seed=seed,
        sequences=(Sequence.T1C,),
        t1c=TINY,
        phases=2 if is_segmented else 1,
        segmented=(Sequence.T1C,) if is_segmented else (),
        patient=patient,
        study_date=EXAMINED,
    )
    for file in study.files:
        header = pydicom.dcmread(file)
        header.SeriesDescription = f"{header.get('SeriesDescription', '')} Mustermann 471109"
        header.StudyDescription = "MR BREAST Schwarzwald"
        header.InstitutionName = "Sanatorium Schwarzwald"
        header.ReferringPhysicianName = "Allwissend^Doktor"
        header.OperatorsName = "Knecht^Ruprecht"
        header.StudyID = "STID4455"
        header.StationName = "StationX9"
        header.PatientComments = "Geheimer Befund, Zimmer 12"
        header.OtherPatientIDs = "KQ77"
        header.RequestedProcedureDescription = "MRT Mamma Mustermann"
        header.private_block(0x0011, "Geheimer Hersteller", create=True).add_new(1, "LO", "private-4711")
        for segment in header.get("SegmentSequence", ()):
            segment.SegmentLabel = "Tumor Mustermann"
            segment.SegmentDescription = "Geheimer Tumor"
        header.save_as(file)
        file.rename(file.with_name(f"Mustermann_{file.name}"))
    (folder / "Mustermann.zip").write_bytes(b"PK\x03\x04")  # left out, and named in a refusal
    return study


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("site")
    root, key, config = folder / "Schwarzwald", folder / "key", folder / "rdeepnet.toml"
    make_pseudonym_key(key)
    config.write_text(
        '[preprocessing]\nn4 = "none"\n[report]\nwithheld = true\nfeatures_sr = true\nkey_images = true\n',
        encoding="utf-8",
    )
    patients = (
        SyntheticPatient("Mustermann^Erika", "MRN471108", BORN, "ACC998877"),
        SyntheticPatient("Mustermann^Erika^zwei", "MRN471109", BORN, ""),
    )
    studies = tuple(
        planted(root / f"Mustermann {number}", patient, seed=number, is_segmented=number == 1)
        for number, patient in enumerate(patients, start=1)
    )
    uids = frozenset(uid for file in root.rglob("*.dcm") for uid in uids_of(pydicom.dcmread(file)))
    out, table = folder / "results", folder / "features.csv"
    shared = ["--pseudonymise", str(key), "--config", str(config)]
    extracted = CliRunner().invoke(app, ["features", str(root), "--out", str(table), "--id", "patient", *shared])
    ran = CliRunner().invoke(app, ["run", str(root), "--out", str(out), *shared])
    return Site(root, key, config, out, table, (studies[0], studies[1]), uids, ran, extracted)


def uids_of(dataset: pydicom.Dataset) -> Iterator[str]:
    """Every UID of a data set but those of DICOM itself and of the software."""
    for element in dataset.iterall():
        if element.VR == "UI" and element.value and element.keyword not in ("DeviceUID", "CodingSchemeUID"):
            values = [element.value] if isinstance(element.value, str) else element.value
            yield from (str(value) for value in values if not str(value).startswith("1.2.840.10008"))


def everything(path: Path) -> Iterator[bytes]:
    """Name and bytes of a file, and of what is packed inside."""
    yield path.name.encode()
    if not path.is_file():
        return
    content = path.read_bytes()
    yield content
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield from (archive.read(name) for name in archive.namelist())
    if content.startswith(b"%PDF"):
        pdf = PdfReader(io.BytesIO(content))
        yield json.dumps({str(name): str(value) for name, value in (pdf.metadata or {}).items()}).encode()
        yield from (page.extract_text().encode() for page in pdf.pages)
        yield from (contents.get_data() for page in pdf.pages if (contents := page.get_contents()) is not None)
    if path.suffix == ".dcm":
        yield str(pydicom.dcmread(path)).encode()


def found_in(contents: bytes, uids: frozenset[str]) -> list[str]:
    """Words and UIDs of the patients in some bytes."""
    small = contents.lower()
    words = [word for word in WORDS if word.encode() in small or word.encode("utf-16-be") in small]
    return words + [uid for uid in uids if uid.encode() in contents]


def test_the_search_finds_what_is_there(site: Site) -> None:
    assert len(site.uids) > 30
    seen = {word for file in site.root.rglob("*") for part in everything(file) for word in found_in(part, site.uids)}
    written_otherwise = {"1931-02-03", "2019-07-23"}
    assert seen >= {*WORDS, *site.uids} - written_otherwise


def test_nothing_that_run_writes_holds_an_identity(site: Site) -> None:
    assert site.ran.exit_code == 1, site.ran.output  # one was refused
    files = [file for file in site.out.rglob("*") if file.is_file()]
    assert {file.name for file in files} >= {"studies.csv", "result.json", "report.pdf", "key_sr.dcm", "seg_t1c.dcm"}
    assert {file.name for file in files} >= {f"key_images-{number}.dcm" for number in (1, 2, 3)}
    leaks = {
        (str(file), word)
        for file in site.out.rglob("*")
        for part in everything(file)
        for word in found_in(part, site.uids)
    }
    assert not leaks
    assert not found_in(site.ran.output.encode(), site.uids)


def test_studies_csv_is_joined_by_the_pseudonym_that_features_gives(site: Site) -> None:
    rows = pd.read_csv(site.out / "studies.csv", dtype=str, keep_default_na=False)
    (answered,) = rows[rows["outcome"] == "answered"].to_dict("records")
    assert answered["patient_id"] == site.pseudonyms.of(Kind.PATIENT, "MRN471108")
    assert answered["patient_id"] in pd.read_csv(site.table, dtype=str)["patient"].tolist()
    assert answered["accession_number"] == site.pseudonyms.of(Kind.ACCESSION, "ACC998877")
    assert answered["study_date"] == site.pseudonyms.shifted(EXAMINED, patient="MRN471108").isoformat()
    assert set(rows["source_folder"]) == {""}
    assert answered["notices"] == "demonstration model, not trained on patients"


def test_nothing_that_features_writes_holds_an_identity(site: Site) -> None:
    assert site.extracted.exit_code == 1, site.extracted.output
    written = [
        site.table,
        site.table.with_name("features.refused.csv"),
        *site.table.with_name("features.rows").iterdir(),
    ]
    assert any(file.suffix == ".npz" for file in written)
    leaks = {(str(file), word) for file in written for part in everything(file) for word in found_in(part, site.uids)}
    assert not leaks
    # The command line names the folder that it was given.
    assert not found_in(site.extracted.output.replace(str(site.table.parent), "").encode(), site.uids)


def test_a_refusal_still_says_what_is_wrong(site: Site) -> None:
    folder = site.out / folder_name(site.pseudonyms.uid(site.studies[1].study_instance_uid))
    refused = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    assert refused["outcome"] == "refused"
    assert "No segmentation of the tumour was found" in refused["sentence"]
    assert '4 "T1 GRE AX FS POST CONTRAST …"' in refused["sentence"]
    assert "1 file (….zip): packed (ZIP" in refused["sentence"]


def test_objects_say_how_they_were_pseudonymised(site: Site) -> None:
    study, pseudonyms = site.studies[0], site.pseudonyms
    folder = site.out / folder_name(pseudonyms.uid(study.study_instance_uid))
    for file in folder.glob("*.dcm"):
        made = pydicom.dcmread(file)
        assert made.PatientIdentityRemoved == "YES"
        assert made.DeidentificationMethod == METHOD
        codes = {item.CodeValue: item.CodeMeaning for item in made.DeidentificationMethodCodeSequence}
        assert codes == {**CODES, SHIFTED[0]: SHIFTED[1]}
        assert made.StudyInstanceUID == pseudonyms.uid(study.study_instance_uid)
        assert made.PatientID == pseudonyms.of(Kind.PATIENT, "MRN471108")
        assert made.AccessionNumber == pseudonyms.of(Kind.ACCESSION, "ACC998877")
        assert made.StudyDate == f"{pseudonyms.shifted(EXAMINED, patient='MRN471108'):%Y%m%d}"
        assert (made.PatientName, made.PatientBirthDate, made.StudyID, made.StudyTime) == ("", "", "", "")
        assert made.PatientSex == "F"
    segmentation = pydicom.dcmread(folder / "seg_t1c.dcm")
    referred = {
        item.ReferencedSOPInstanceUID
        for series in segmentation.ReferencedSeriesSequence
        for item in series.ReferencedInstanceSequence
    }
    assert referred
    assert referred <= {pseudonyms.uid(uid) for uid in site.uids}
    assert segmentation.FrameOfReferenceUID == pseudonyms.uid(study.frame_of_reference_uid)


def test_the_oldest_patients_are_of_one_age(site: Site) -> None:
    made = pydicom.dcmread(next(site.out.rglob("key_sr.dcm")))
    stated = pydicom.dcmread(next(site.root.rglob("*.dcm"))).PatientAge
    assert int(stated[:3]) >= 88
    assert made.PatientAge == ("088Y" if stated == "088Y" else "090Y")


def test_numbers_are_those_with_names(site: Site, tmp_path: Path) -> None:
    plain = tmp_path / "plain.csv"
    options = ["--out", str(plain), "--id", "patient", "--config", str(site.config)]
    CliRunner().invoke(app, ["features", str(site.root), *options])
    without, named = pd.read_csv(site.table), pd.read_csv(plain)
    pd.testing.assert_frame_equal(without.drop(columns="patient"), named.drop(columns="patient"))
    assert list(named["patient"]) == ["MRN471108"]
    assert list(without["patient"]) == [site.pseudonyms.of(Kind.PATIENT, "MRN471108")]

    # Scores of either table have the same pseudonyms; and nothing else of the one with names.
    package = next(folder for folder in shipped_packages() if folder.name == "recurrence_t1c")
    scored = []
    for table in (site.table, plain):
        out = tmp_path / f"{table.stem}.scores.csv"
        options = ["--features", str(table), "--out", str(out), "--pseudonymise", str(site.key)]
        result = CliRunner().invoke(app, ["score", str(package), *options])
        assert result.exit_code == 0, result.output
        assert not found_in(out.read_bytes() + result.output.replace(str(tmp_path), "").encode(), site.uids)
        scored.append(pd.read_csv(out))
    pd.testing.assert_frame_equal(*scored)

    # Rows with names and rows without are not kept in one folder.
    named_rows = CliRunner().invoke(
        app, ["features", str(site.root), "--out", str(plain), "--pseudonymise", str(site.key)]
    )
    assert named_rows.exit_code == 3
    assert "holds results with names" in named_rows.output


def test_results_of_another_key_or_with_names_are_not_mixed_in(site: Site, tmp_path: Path) -> None:
    make_pseudonym_key(tmp_path / "other")
    for options in (
        ["--pseudonymise", str(tmp_path / "other")],
        [],
        ["--pseudonymise", str(site.key), "--dates", "drop"],
    ):
        result = CliRunner().invoke(app, ["run", str(site.root), "--out", str(site.out), *options])
        assert result.exit_code == 3
        assert "Name a new folder" in result.output


def test_a_clinical_table_joins(site: Site, tmp_path: Path) -> None:
    clinical = tmp_path / "clinical.csv"
    clinical.write_text(
        "mrn;name;time_months;event;subtype;surgery\n"
        "MRN471109;Mustermann, E.;12.5;0;luminal;2019-08-01\n"
        "MRN471108;Mustermann, Erika;40;1;her2;20190730\n",
        encoding="utf-8",
    )
    out = tmp_path / "outcomes.csv"
    options = [
        "--key",
        str(site.key),
        "--out",
        str(out),
        "--column",
        "id=mrn",
        "--keep",
        "subtype",
        "--date",
        "surgery",
    ]
    result = CliRunner().invoke(app, ["pseudonymise", "table", str(clinical), *options])
    assert result.exit_code == 0, result.output
    assert "Left out: name" in result.output
    assert not found_in(out.read_bytes(), site.uids)
    assert out.stat().st_mode & 0o777 == 0o600
    joined = pd.read_csv(site.table).merge(pd.read_csv(out), left_on="patient", right_on="mrn")
    assert list(joined["subtype"]) == ["her2"]
    # The date of surgery keeps its distance from that of the study, which run moved with the same key.
    examined = site.pseudonyms.shifted(EXAMINED, patient="MRN471108")
    assert datetime.date.fromisoformat(joined["surgery"][0]) - examined == datetime.timedelta(days=7)
    dropped = CliRunner().invoke(app, ["pseudonymise", "table", str(clinical), *options, "--dates", "drop"])
    assert "name, surgery" in dropped.output
    assert "surgery" not in out.read_text()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--column", "id=missing"], "has no column missing"),
        (["--date", "name"], "no date in row 1 of the column name"),
        (["--keep", "mrn"], "two uses"),
        (["--id", "study", "--date", "surgery"], "has no column of patients"),
    ],
)
def test_tables_that_cannot_be_pseudonymised(site: Site, tmp_path: Path, options: list[str], sentence: str) -> None:
    clinical = tmp_path / "clinical.csv"
    clinical.write_text("mrn,name,surgery\nMRN471108,Erika,2019-07-30\n", encoding="utf-8")
    shared = ["--key", str(site.key), "--out", str(tmp_path / "out.csv"), "--column", "id=mrn"]
    result = CliRunner().invoke(app, ["pseudonymise", "table", str(clinical), *shared, *options])
    assert result.exit_code != 0
    assert sentence in result.output
    assert not found_in(result.output.replace(str(tmp_path), "").encode(), site.uids)
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("command", ["run", "features", "score"])
def test_commands_refuse_a_key_that_others_can_read(site: Site, tmp_path: Path, command: str) -> None:
    exposed = tmp_path / "key"
    exposed.write_bytes(site.key.read_bytes())
    exposed.chmod(0o644)
    first = {"score": [str(shipped_packages()[0]), "--features", str(site.table)]}.get(command, [str(site.root)])
    out = tmp_path / ("out" if command == "run" else "out.csv")
    result = CliRunner().invoke(app, [command, *first, "--out", str(out), "--pseudonymise", str(exposed)])
    assert result.exit_code == 3
    assert "can be read or changed by others" in result.output
    assert not out.exists()


def test_values_of_rows_are_kept(site: Site) -> None:
    (kept,) = site.table.with_name("features.rows").glob("*.npz")
    with np.load(kept, allow_pickle=False) as row:
        about = json.loads(row["about"].tobytes())
    assert about["study_instance_uid"] == site.pseudonyms.uid(site.studies[0].study_instance_uid)
