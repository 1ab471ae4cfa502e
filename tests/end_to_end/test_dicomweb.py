"""Results go into Orthanc by STOW-RS, studies come from it by WADO-RS.

Kind: oracle (an independent archive stores, lists and sends).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import dcmread

from dicom_io.errors import PeerRefused
from dicom_io.network.dicomweb.retrieve import fetch_study, listed_instances
from dicom_io.network.dicomweb.store import answers, has_instance, store
from dicom_io.network.dicomweb.web_peer import WebPeer
from dicom_io.network.peer import Delivery
from tests.conftest import require_programs
from tests.end_to_end.running import Orthanc
from tests.end_to_end.small_study import uid, write_study
from tests.end_to_end.test_wado import dicomweb_plugin

pytestmark = [pytest.mark.peers, pytest.mark.slow]


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    require_programs("Orthanc")
    orthanc = Orthanc(tmp_path_factory.mktemp("dicomweb") / "orthanc", plugins=[dicomweb_plugin()])
    yield orthanc
    orthanc.stop()


@pytest.fixture
def peer(orthanc: Orthanc) -> WebPeer:
    return WebPeer(orthanc.web_url, 30.0)


def test_what_is_stored_comes_back_as_it_was(peer: WebPeer, tmp_path: Path) -> None:
    files = write_study(tmp_path / "sent", "web", images=20)
    answers(peer)
    for _ in range(2):  # a repetition makes no duplicate
        assert [sent.delivery for sent in store(files, peer)] == [Delivery.STORED] * len(files)
    assert listed_instances(peer, uid("web")) == len(files)
    fetched = fetch_study(peer, uid("web"), tmp_path / "fetched")
    sent = {str(dcmread(file).SOPInstanceUID): dcmread(file) for file in files}
    assert {file.stem: dcmread(file) for file in fetched.files} == sent
    series = str(dcmread(files[0]).SeriesInstanceUID)
    of_series = [one for one in sent.values() if one.SeriesInstanceUID == series]
    assert len(fetch_study(peer, uid("web"), tmp_path / "series", series_uid=series).files) == len(of_series)


def test_of_good_and_bad_the_good_is_stored(peer: WebPeer, tmp_path: Path) -> None:
    """Orthanc answers 400, and lists what it has stored."""
    files = write_study(tmp_path, "partly", images=2, with_segmentation=False)
    good, bad = files
    whole = bad.read_bytes()
    identity = dcmread(bad)
    bad.write_bytes(whole[:128] + b"NONE" + whole[132:])
    results = {}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("dicom_io.network.dicomweb.store._identity", lambda file: _uids(file, identity, bad))
        results = {sent.sop_instance_uid: sent.delivery for sent in store(files, peer)}
    assert results[str(dcmread(good).SOPInstanceUID)] is Delivery.STORED
    assert results[str(identity.SOPInstanceUID)] is Delivery.UNAVAILABLE
    assert has_instance(peer, study_uid=uid("partly"), sop_instance_uid=str(dcmread(good).SOPInstanceUID))
    assert not has_instance(peer, study_uid=uid("partly"), sop_instance_uid=str(identity.SOPInstanceUID))


def _uids(file: Path, identity: object, bad: Path) -> tuple[str, str]:
    dataset = identity if file == bad else dcmread(file)
    return str(dataset.StudyInstanceUID), str(dataset.SOPInstanceUID)  # type: ignore[attr-defined]


def test_a_study_that_is_not_there_is_a_sentence(peer: WebPeer, tmp_path: Path) -> None:
    with pytest.raises(PeerRefused, match="lists no instance of this study"):
        fetch_study(peer, uid("absent"), tmp_path)
