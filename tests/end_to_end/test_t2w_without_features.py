"""Invariant: T2W whose features cannot be computed is left out with the reason, and T1+C is answered as without it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pydicom
from pydicom.pixels import pack_bits

from appliance.pipeline import Result, answer_study
from appliance.settings import Settings
from appliance.workbench import open_workbench
from dicom_io.rules import NO_ASSIGNMENT
from dicom_io.synthetic.study_writer import make_study
from models.inference.predict import ModelOutcome, NotApplicable
from models.quality_notes import Severity
from models.volume import Sequence

CREATED = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def answered(folder: Path) -> Result:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return answer_study(files, open_workbench(Settings()), assignment=NO_ASSIGNMENT, created=CREATED)


def thinned(path: Path) -> None:
    """One row of the middle frame of a segmentation is left: a line, of which texture features are not defined."""
    dataset = pydicom.dcmread(path)
    mask = dataset.pixel_array
    frame = mask[len(mask) // 2]
    row = int(np.argmax(frame.sum(axis=1)))
    line = np.zeros_like(mask)
    line[len(mask) // 2, row] = frame[row]
    dataset.PixelData = pack_bits(line.ravel())
    dataset.save_as(path)


def scores_of(result: Result) -> dict[str, float]:
    """Model → score, shown or withheld: validity is tested elsewhere."""
    asked = [outcome for outcome in result.outcomes if isinstance(outcome, ModelOutcome)]
    return {outcome.model.name: (outcome.predictions or outcome.withheld)[0].value for outcome in asked}


def test_t1c_is_answered_when_no_features_can_be_computed_on_t2w(tmp_path: Path) -> None:
    make_study(tmp_path / "both", segmented=(Sequence.T1C, Sequence.T2W))
    make_study(tmp_path / "one", sequences=(Sequence.T1C,))
    t2w = {
        str(dataset.SeriesInstanceUID)
        for dataset in map(pydicom.dcmread, (tmp_path / "both").rglob("*.dcm"))
        if dataset.Modality == "MR" and "T2" in dataset.SeriesDescription
    }
    segmentations = [
        path
        for path in (tmp_path / "both").rglob("*.dcm")
        for dataset in [pydicom.dcmread(path)]
        if dataset.Modality == "SEG" and dataset.ReferencedSeriesSequence[0].SeriesInstanceUID in t2w
    ]
    assert len(segmentations) == 1
    thinned(segmentations[0])

    result, alone = answered(tmp_path / "both"), answered(tmp_path / "one")
    scores, expected = scores_of(result), scores_of(alone)
    assert scores == expected
    assert scores
    reasons = [one.reason for one in result.outcomes if isinstance(one, NotApplicable)]
    assert reasons
    assert all("T2W cannot be used: The region" in reason for reason in reasons)
    left_out = [note for note in result.report.notes if note.code == "sequence-left-out"]
    assert [(note.severity, note.sequence) for note in left_out] == [(Severity.WARNING, Sequence.T2W)]
    assert "features need an extent of at least 2 voxels along at least 2 axes" in left_out[0].sentence
    assert result.features.names == alone.features.names
    assert not [note for note in result.report.notes if note.code.startswith("shell") and note.sequence is Sequence.T2W]
