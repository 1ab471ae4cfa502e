"""T2W whose tumour cannot be one, or has no features, is left out with the reason; T1+C is answered as without it.

Kind: invariant.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.pixels import pack_bits

from appliance.pipeline import Result, answer_study
from appliance.settings import Settings
from appliance.workbench import open_workbench
from dicom_io.rules import NO_ASSIGNMENT
from dicom_io.synthetic.study_writer import make_study
from models.inference.predict import ModelOutcome, NotApplicable
from models.quality_notes import Severity
from models.validity import State, Validity
from models.volume import Sequence

CREATED = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def answered(folder: Path) -> Result:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return answer_study(files, open_workbench(Settings()), assignment=NO_ASSIGNMENT, created=CREATED)


def thinned(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One row of the middle frame is left: a line, of which texture features are not defined."""
    frame = mask[len(mask) // 2]
    row = int(np.argmax(frame.sum(axis=1)))
    line = np.zeros_like(mask)
    line[len(mask) // 2, row] = frame[row]
    return line


def inverted(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Everything around the tumour on its slices: far more than any breast tumour."""
    return 1 - mask


def spoil(path: Path, edit: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]) -> None:
    """Writes a segmentation again with another mask."""
    dataset = pydicom.dcmread(path)
    dataset.PixelData = pack_bits(edit(dataset.pixel_array).ravel())
    dataset.save_as(path)


def segmentation_of_t2w(folder: Path) -> Path:
    """The one segmentation that refers to the T2W images."""
    read = {path: pydicom.dcmread(path) for path in folder.rglob("*.dcm")}
    images = {str(one.SeriesInstanceUID) for one in read.values() if "T2" in one.SeriesDescription}
    (found,) = (
        path
        for path, one in read.items()
        if one.Modality == "SEG" and one.ReferencedSeriesSequence[0].SeriesInstanceUID in images
    )
    return found


def scores_of(result: Result) -> dict[str, float]:
    """Model → score, shown or withheld: validity is tested elsewhere."""
    asked = [outcome for outcome in result.outcomes if isinstance(outcome, ModelOutcome)]
    return {outcome.model.name: (outcome.predictions or outcome.withheld)[0].value for outcome in asked}


def validities_of(result: Result) -> dict[str, Validity]:
    """Model → state and every reason."""
    return {o.model.name: o.validity for o in result.outcomes if isinstance(o, ModelOutcome)}


SPOILT = {
    "no features": (thinned, "The region", "features need an extent of at least 2 voxels along at least 2 axes"),
    "no tumour": (
        inverted,
        "The segmentation on T2W cannot be a breast tumour. It measures",
        "Check the segmentation and send it again (limits: plausibility.volume_impossible_cm3",
    ),
}


@pytest.mark.parametrize("fault", SPOILT)
def test_t1c_is_answered_as_without_t2w(tmp_path: Path, fault: str) -> None:
    edit, start, part = SPOILT[fault]
    make_study(tmp_path / "both", segmented=(Sequence.T1C, Sequence.T2W))
    make_study(tmp_path / "one", sequences=(Sequence.T1C,))
    spoil(segmentation_of_t2w(tmp_path / "both"), edit)

    result, alone = answered(tmp_path / "both"), answered(tmp_path / "one")
    scores, expected = scores_of(result), scores_of(alone)
    assert scores == expected
    assert scores
    assert validities_of(result) == validities_of(alone)
    reasons = [one.reason for one in result.outcomes if isinstance(one, NotApplicable)]
    assert reasons
    assert all(f"T2W cannot be used: {start}" in reason for reason in reasons)
    left_out = [note for note in result.report.notes if note.code == "sequence-left-out"]
    assert [(note.severity, note.sequence) for note in left_out] == [(Severity.WARNING, Sequence.T2W)]
    assert part in left_out[0].sentence
    assert result.features is not None
    assert alone.features is not None
    assert result.features.names == alone.features.names
    assert not [note for note in result.report.notes if note.code.startswith("shell") and note.sequence is Sequence.T2W]
    assert {image.sequence for image in result.report.key_images} == {Sequence.T1C}


def test_nothing_is_answered_where_the_tumour_was_drawn_on_t2w_alone(tmp_path: Path) -> None:
    make_study(tmp_path, segmented=(Sequence.T2W,))
    spoil(segmentation_of_t2w(tmp_path), inverted)
    result = answered(tmp_path)
    assert {outcome.validity.state for outcome in result.outcomes if isinstance(outcome, ModelOutcome)} == {
        State.NOT_COMPUTABLE
    }
    assert not [note for note in result.report.notes if note.code == "sequence-left-out"]
