"""The service and Orthanc as its PACS, which sends strokes and gets drafts; for tests."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pydicom
from typer.testing import CliRunner, Result

from appliance.cli import app
from appliance.state.record_rows import StudyRecord
from appliance.state.states import State
from dicom_io.identity import is_draft
from dicom_io.synthetic.study_writer import make_study
from models.volume import Sequence
from tests.end_to_end.running import Orthanc, RunningService, wait_for
from tests.end_to_end.strokes import strokes

PATIENCE_S = 600.0  # a worker loads its libraries and compiles its kernels, on a machine that may be busy
WANTED = 'drafts = ["draft_seg", "draft_note", "draft_sheet"]'  # of a destination


@dataclass
class DraftSite:
    """The service as it ships and Orthanc, each the other's peer; the PACS wants drafts."""

    service: RunningService
    orthanc: Orthanc

    def send(self, folder: Path, *, seed: int) -> tuple[str, str]:
        """Sends a study with strokes; returns Orthanc's name of it, and its Study Instance UID."""
        made = make_study(folder / "study", seed=seed, sequences=(Sequence.T1C,), phases=2)
        (segmentation,) = made.series["seg_t1c"]
        painted = strokes(segmentation, folder / "strokes.dcm")
        study = self.orthanc.upload([*made.series["t1c"], painted])
        self.orthanc.push(study)
        return study, made.study_instance_uid

    def wait(self, uid: str, state: State) -> StudyRecord:
        """Waits until a study is in a state."""
        return self.service.wait_for_state(uid, state, patience_s=PATIENCE_S)

    def objects(self, study: str) -> list[pydicom.Dataset]:
        """Everything the PACS has of a study but its images."""
        found = []
        for item in self.orthanc.get(f"studies/{study}/instances"):
            _, content = self.orthanc.get_bytes(f"instances/{item['ID']}/file", accept="*/*")
            found.append(pydicom.dcmread(io.BytesIO(content)))
        return [one for one in found if one.Modality != "MR"]

    def kinds(self, study: str) -> Counter[str]:
        return Counter(one.Modality for one in self.objects(study))

    def draft(self, study: str) -> pydicom.Dataset:
        return next(one for one in self.objects(study) if is_draft(one) and one.Modality == "SEG")

    def wait_for_objects(self, study: str, kinds: Counter[str]) -> None:
        """Waits until the PACS has so many objects of each modality, besides images."""
        wait_for(lambda: self.kinds(study) == kinds, what=f"{kinds} at the PACS", patience_s=PATIENCE_S)

    def accept(self, uid: str) -> Result:
        """Acceptance of the draft of a study at the command line."""
        config = str(self.service.settings_file)
        return CliRunner().invoke(app, ["segment", "--accept", uid, "--by", "Ada Reader", "--config", config])
