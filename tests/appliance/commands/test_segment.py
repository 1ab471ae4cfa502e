"""`rdeepnet segment`: drafts, contact sheets, acceptance, and what a user can get wrong. Kind: mechanics."""

from __future__ import annotations

import json
from pathlib import Path

import pydicom
import pytest
from typer.testing import CliRunner, Result

from appliance.cli import app
from tests.appliance.test_json_views import written
from tests.dicom_io.drafted import images, painted

RUNNER = CliRunner()


def rdeepnet(*arguments: object) -> Result:
    return RUNNER.invoke(app, [str(one) for one in arguments])


@pytest.fixture
def study(tmp_path: Path) -> Path:
    folder = tmp_path / "study"
    folder.mkdir()
    painted(folder / "s.dcm", images(folder, phases=3), phase=1)
    return folder


def test_a_draft_is_made_and_accepted(study: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    record = written("segment", "segment", study, "--out", out)
    assert record["method"]["key"] == "grow-cut"
    assert record["painted_slices"] == [3, 5, 7, 9, 11]
    assert record == {**json.loads((out / "draft.json").read_text()), "files": record["files"]}
    assert pydicom.dcmread(out / "draft.dcm").ContentLabel == "DRAFT"
    assert (out / "contact_sheet.pdf").read_bytes().startswith(b"%PDF")
    accepted = written("segment_accepted", "segment", "--accept", out / "draft.dcm", "--by", "Ada Reader")
    assert accepted == {**json.loads((out / "accepted.json").read_text()), "files": accepted["files"]}
    assert accepted["accepted_by"] == "Ada Reader"
    assert accepted["draft"]["sop_instance_uid"] == record["sop_instance_uid"]
    assert pydicom.dcmread(out / "final.dcm").SOPInstanceUID == accepted["final"]["sop_instance_uid"]
    again = rdeepnet("segment", "--accept", out / "draft.dcm")
    assert again.exit_code == 1
    assert "a final one is never replaced by a draft" in again.output
    (out / "final.dcm").rename(out / "renamed.dcm")
    elsewhere = rdeepnet("segment", "--accept", out / "draft.dcm", "--out", tmp_path / "elsewhere")
    assert elsewhere.exit_code == 1
    assert "renamed.dcm is a final segmentation already" in elsewhere.output


def test_a_network_may_make_the_draft(study: Path, tmp_path: Path) -> None:
    from models.segmentation.network_package import shipped_network

    made = rdeepnet("segment", study, "--out", tmp_path / "out", "--network", shipped_network())
    assert made.exit_code == 0, made.output
    assert "Draft by demonstration network and strokes on 5 slices" in made.stdout
    assert "trained on a synthetic breast and on no patient" in made.stdout
    draft = pydicom.dcmread(tmp_path / "out" / "draft.dcm")
    assert "trained on a synthetic breast and on no patient" in draft.ImageComments


def test_a_box_that_fits_nothing_is_refused_with_advice(study: Path, tmp_path: Path) -> None:
    made = rdeepnet(
        "segment", study, "--out", tmp_path / "out", "--box", "900,900,900,910,910,910", "--point", "905,905,905"
    )
    assert made.exit_code == 1
    assert "3D Slicer shows RAS" in made.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["STUDY"], "FOLDER and --out are needed"),
        (["STUDY", "--out", "o", "--point", "1,2,3"], "needs --box"),
        (["STUDY", "--out", "o", "--ftv"], "needs --box"),
        (["STUDY", "--out", "o", "--box", "1,2,3,4,5,6"], "needs --point as well, or --ftv"),
        (["STUDY", "--out", "o", "--box", "1,2", "--point", "1,2,3"], "6 numbers in mm"),
        (["STUDY", "--out", "o", "--box", "1,2,3,4,5,nan", "--point", "1,2,3"], "6 numbers in mm"),
        (["STUDY", "--out", "o", "--mirrored"], "needs --network"),
        (["STUDY", "--out", "o", "--by", "Ada"], "it needs --accept"),
        (["STUDY", "--accept", "STROKES"], "cannot be combined with FOLDER"),
    ],
)
def test_mistakes_in_the_command_line_are_named(arguments: list[str], sentence: str, study: Path) -> None:
    known = {"STUDY": str(study), "STROKES": str(study / "s.dcm")}
    ended = rdeepnet("segment", *(known.get(one, one) for one in arguments))
    assert ended.exit_code == 2
    assert sentence in " ".join(ended.output.split())


def test_strokes_are_no_draft_to_accept(study: Path) -> None:
    ended = rdeepnet("segment", "--accept", study / "s.dcm")
    assert ended.exit_code == 1
    assert "is no draft of this software" in " ".join(ended.output.split())
