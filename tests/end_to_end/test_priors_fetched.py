"""An earlier study is fetched by C-GET or by DICOMweb inside the running service, and the delivered report compares.

Kind: mechanics, with nothing faked; Orthanc is the archive and the destination.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import FileDataset

from appliance.service.study_status import list_studies
from appliance.state.states import State
from dicom_io.answer_roles import Role
from tests.conftest import require_programs
from tests.end_to_end.running import Orthanc, RunningService, free_port, running_service, storescu
from tests.end_to_end.test_priors import FIRST, SECOND, made, said, with_issuer
from tests.end_to_end.test_wado import dicomweb_plugin

pytestmark = [pytest.mark.peers, pytest.mark.slow]

QUICK = '[preprocessing]\nn4 = "none"\n'
WAYS = {
    "get": '[archive]\nhost = "127.0.0.1"\nport = {port}\nae_title = "ORTHANC"\n',
    "dicomweb": '[archive]\nplain = true\ndicomweb_url = "{url}"\n',
}


@pytest.fixture(scope="module", params=list(WAYS))
def archived(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RunningService, Orthanc]]:
    """The service as it ships, whose port the archive does not call for earlier studies, and the archive."""
    require_programs("Orthanc", "storescu")
    folder, way, port = tmp_path_factory.mktemp(request.param), request.param, free_port()
    orthanc = Orthanc(folder / "orthanc", port=port, plugins=[dicomweb_plugin()])
    archive = WAYS[way].format(port=port, url=orthanc.web_url)
    try:
        with running_service(
            folder / "service",
            destinations={"pacs": port},
            senders=["STORESCU"],  # not the archive
            hung_after_s=600,
            computes=True,
            more=f'{QUICK}{archive}[priors]\ncompare = true\narchive = true\nretrieve = "{way}"\n',
        ) as service:
            yield service, orthanc
    finally:
        orthanc.stop()


def delivered(orthanc: Orthanc, study_uid: str) -> list[FileDataset]:
    """Structured Reports of a study that the archive has."""
    found = []
    for name in orthanc.get("instances"):
        tags = orthanc.get(f"instances/{name}/simplified-tags")
        if tags["StudyInstanceUID"] == study_uid and tags["Modality"] == "SR":
            found.append(dcmread(BytesIO(orthanc.get_bytes(f"instances/{name}/file", accept="*/*")[1])))
    return found


def test_the_delivered_report_compares_with_a_study_that_only_the_archive_has(
    tmp_path: Path, archived: tuple[RunningService, Orthanc]
) -> None:
    service, orthanc = archived
    prior = with_issuer(made(tmp_path / "prior", 91, FIRST), "HOSPA")
    orthanc.upload(prior.files)
    now = with_issuer(made(tmp_path / "now", 92, SECOND, radius_mm=10.0), "HOSPA")
    assert storescu(now.files, port=service.port) == 0
    service.wait_for_state(now.study_instance_uid, State.DELIVERED, patience_s=550)
    (report,) = delivered(orthanc, now.study_instance_uid)
    title, *lines = said(report, "CHANGE")
    assert title == "Change since 2025-03-14, 128 days"
    assert any(line.startswith("Tumour volume, T1+C: ") and "change −" in line for line in lines)
    assert said(report, "PRIOR_NOT_USED") == said(report, "PRIORS_NOT_ASKED") == []
    assert not hasattr(report, "PertinentOtherEvidenceSequence")  # the earlier study has no report
    assert delivered(orthanc, prior.study_instance_uid) == []
    assert {line.study_uid for line in list_studies(service.settings)} == {now.study_instance_uid}
    assert list((service.settings.service.state_dir / "priors").iterdir()) == []
    assert "SYN-P" not in service.log()


def test_an_archive_that_is_gone_holds_nothing_up(tmp_path: Path, archived: tuple[RunningService, Orthanc]) -> None:
    """The last test of each way: the archive is stopped."""
    service, orthanc = archived
    orthanc.stop()
    now = made(tmp_path / "now", 93, SECOND)
    assert storescu(now.files, port=service.port) == 0
    service.wait_for_state(now.study_instance_uid, State.SENDING, patience_s=550)
    (file,) = [one.file for one in service.show(now.study_instance_uid).objects if one.role is Role.KEY_SR]
    assert len(said(dcmread(file), "PRIORS_NOT_ASKED")) == 1
