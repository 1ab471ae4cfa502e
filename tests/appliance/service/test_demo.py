"""The demonstration itself, with small images: the real service, real associations, everything stopped afterwards."""

from __future__ import annotations

import socket
import tomllib
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import Comprehensive3DSRStorage
from typer.testing import CliRunner

from appliance.cli import app
from dicom_io.writing.read_answer import read_predictions


@pytest.mark.slow
def test_the_results_come_back_and_everything_is_stopped(tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = CliRunner().invoke(app, ["demo", "--small", "--keep", "--out", str(out)])
    assert result.exit_code == 0, result.output
    objects = {pydicom.dcmread(file).SOPClassUID.name: file for file in (out / "received").iterdir()}
    assert set(objects) == {"Segmentation Storage", "Comprehensive 3D SR Storage", "Encapsulated PDF Storage"}
    assert len(list((out / "received").iterdir())) == 4
    predictions = read_predictions(objects[Comprehensive3DSRStorage.name])
    # Reasons are there only where something is against an answer, which depends on the models.
    questions = [set(prediction.conclusions) - {"Reason for the validity"} for prediction in predictions]
    assert questions == [
        {"Risk group for recurrence", "Validity of the answer", "Summary of Analyses"},
        {"Expression group of KRT7-AS", "Validity of the answer", "Summary of Analyses"},
    ]
    for prediction in predictions:
        assert prediction.model in " ".join(result.stdout.split())
    assert (out / "report.pdf").read_bytes().startswith(b"%PDF")
    assert "Synthetic^" not in (out / "service.log").read_text(encoding="utf-8")
    service = tomllib.loads((out / "rdeepnet.toml").read_text(encoding="utf-8"))["service"]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((service["host"], service["port"]), timeout=2.0)
