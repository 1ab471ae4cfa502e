"""A corrected segmentation, then a corrected name, through the service as it ships: old reports are withdrawn.

Kind: mechanics, with Orthanc as peer and nothing faked.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import FileDataset

from appliance.service.study_status import show_study
from appliance.state.states import State
from dicom_io.synthetic.study_writer import Grid, make_study
from models.volume import Sequence
from reports.replacement import Reason
from tests.conftest import require_programs
from tests.end_to_end.running import Orthanc, RunningService, free_port, storescu, wait_for

pytestmark = [pytest.mark.peers, pytest.mark.slow]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[RunningService, Orthanc]]:
    """The service as it ships, which sends rejection notes, and Orthanc, each the other's peer."""
    require_programs("Orthanc", "storescu")
    port = free_port()
    service = RunningService(
        tmp_path / "service",
        destinations={"pacs": port},
        hung_after_s=600,
        computes=True,
        of_destination="reject_replaced = true",
    )
    orthanc = Orthanc(tmp_path / "orthanc", service_port=service.port, port=port)
    try:
        service.start()
        yield service, orthanc
    finally:
        service.end()
        orthanc.stop()


def held(orthanc: Orthanc, modality: str) -> list[FileDataset]:
    """Objects of ours in Orthanc, by series number."""
    found = []
    for name in orthanc.get("instances"):
        dataset = dcmread(BytesIO(orthanc.get_bytes(f"instances/{name}/file", accept="*/*")[1]))
        if dataset.Modality == modality and dataset.get("Manufacturer") == "rdeepnet":
            found.append(dataset)
    return sorted(found, key=lambda one: int(one.SeriesNumber))


def test_the_report_after_a_correction_names_what_it_replaces(
    tmp_path: Path, pair: tuple[RunningService, Orthanc]
) -> None:
    service, orthanc = pair
    made = make_study(tmp_path / "study", seed=5, t1c=Grid(14, 64, 64, 5.0, (2.5, 2.5)), sequences=(Sequence.T1C,))
    storescu(made.files, port=service.port)
    service.wait_for_state(made.study_instance_uid, State.DELIVERED)

    (mask,) = [dataset for dataset in map(dcmread, made.files) if dataset.Modality == "SEG"]
    drawn = mask.pixel_array
    mask.SOPInstanceUID = mask.file_meta.MediaStorageSOPInstanceUID = "2.25.4711"
    mask.SeriesInstanceUID = "2.25.4712"
    mask.ContentDate, mask.ContentTime = "20991231", "120000"
    mask.InstanceCreationDate, mask.InstanceCreationTime = "20991231", "120000"
    mask.PixelData = np.packbits(np.roll(drawn, 1, axis=2).astype(np.uint8).ravel(), bitorder="little").tobytes()
    mask.save_as(tmp_path / "corrected.dcm", enforce_file_format=True)
    storescu([tmp_path / "corrected.dcm"], port=service.port)
    wait_for(lambda: len(held(orthanc, "SR")) == 2, what="the second report", patience_s=300)
    service.wait_for_state(made.study_instance_uid, State.DELIVERED)

    first, second = held(orthanc, "SR")
    predecessor = second.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert predecessor.ReferencedSOPInstanceUID == first.SOPInstanceUID
    assert second.SeriesDescription == f"v2 {first.SeriesDescription}"
    assert "because the tumour was segmented again." in held(orthanc, "DOC")[1].DocumentTitle
    (note,) = held(orthanc, "KO")
    assert note.ConceptNameCodeSequence[0].CodeValue == "113001"
    assert first.SOPInstanceUID in str(note)

    renamed = []
    for file in [*made.files, tmp_path / "corrected.dcm"]:
        dataset = dcmread(file)
        dataset.PatientName = "Right^Name"
        renamed.append(tmp_path / "renamed" / file.name)
        renamed[-1].parent.mkdir(exist_ok=True)
        dataset.save_as(renamed[-1], enforce_file_format=True)
    storescu(renamed, port=service.port)
    wait_for(lambda: len(held(orthanc, "SR")) == 3, what="the third report", patience_s=300)
    wait_for(lambda: len(held(orthanc, "KO")) == 2, what="the second rejection note")
    assert "because the identity of the patient was corrected." in held(orthanc, "DOC")[2].DocumentTitle
    assert held(orthanc, "KO")[1].ConceptNameCodeSequence[0].CodeValue == "113038"
    chain = show_study(service.settings, made.study_instance_uid).answers
    assert [answer.facts.version for answer in chain] == [1, 2, 3]
    assert [answer.facts.replacement.reasons for answer in chain if answer.facts.replacement] == [
        (Reason.SEGMENTATION,),
        (Reason.IDENTITY,),
    ]
    assert "Right" not in service.log()
