"""Our objects go into Orthanc by C-STORE and come back over WADO-RS as they were.

Kind: oracle (an independent archive keeps and returns them).
"""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread

from dicom_io.answer import AnswerObject
from dicom_io.network.peer import Delivery, Peer
from dicom_io.network.send import send
from dicom_io.writing.encode import encode
from tests.conftest import require_programs
from tests.dicom_io.made_studies import make
from tests.end_to_end.running import Orthanc

pytestmark = [pytest.mark.peers, pytest.mark.slow]

FOLDERS = (Path("/usr/share/orthanc/plugins"), Path("/usr/lib/orthanc"))


def dicomweb_plugin() -> Path:
    """Orthanc's DICOMweb plugin, wherever Debian puts it."""
    found = [file for folder in FOLDERS for file in sorted(folder.glob("libOrthancDicomWeb.so*"))]
    if not found:
        pytest.skip("not installed: orthanc-dicomweb (make peers installs Debian's test peers)")
    return found[0]


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    require_programs("Orthanc")
    orthanc = Orthanc(tmp_path_factory.mktemp("wado") / "orthanc", plugins=[dicomweb_plugin()])
    yield orthanc
    orthanc.stop()


def retrieved(orthanc: Orthanc, sent: Dataset) -> Dataset:
    """One instance over WADO-RS (PS3.18 §10.4): a multipart answer with one part."""
    path = f"dicom-web/studies/{sent.StudyInstanceUID}/series/{sent.SeriesInstanceUID}/instances/{sent.SOPInstanceUID}"
    kind, body = orthanc.get_bytes(path, accept='multipart/related; type="application/dicom"')
    message = email.message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body, policy=email.policy.HTTP)
    (part,) = message.iter_parts()
    assert part.get_content_type() == "application/dicom"
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return dcmread(BytesIO(content))


@pytest.mark.parametrize("multi_frame", [False, True], ids=["one image a slice", "multi-frame source"])
def test_every_object_comes_back_equal(orthanc: Orthanc, tmp_path: Path, multi_frame: bool) -> None:
    made = make("oblique", multi_frame=multi_frame)
    answer = encode(made.study, made.prepared, made.report, features_sr=True)
    files = [written(item, tmp_path) for item in answer.objects]
    results = send(files, Peer("ORTHANC", "127.0.0.1", orthanc.port, "RDEEPNET", 30.0))
    assert [result.delivery for result in results] == [Delivery.STORED] * 5
    for item, file in zip(answer.objects, files, strict=True):
        sent, back = dcmread(file), retrieved(orthanc, item.dataset)
        assert back.file_meta.TransferSyntaxUID == sent.file_meta.TransferSyntaxUID
        assert back == sent, item.role
        assert encoded(back) == encoded(sent), item.role


def written(item: AnswerObject, folder: Path) -> Path:
    file = folder / f"{item.role}.dcm"
    item.dataset.save_as(file, enforce_file_format=True)
    return file


def encoded(dataset: Dataset) -> bytes:
    """The data set without its file meta information, of which Orthanc writes its own."""
    copy = Dataset(dataset)
    buffer = BytesIO()
    copy.save_as(buffer, implicit_vr=False, little_endian=True, enforce_file_format=False)
    return buffer.getvalue()
