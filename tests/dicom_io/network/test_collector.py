"""The demonstration's receiving peer, with our own sender as the other side."""

from __future__ import annotations

from pathlib import Path

import pydicom

from dicom_io.network.collector import collecting
from dicom_io.network.echo import echo
from dicom_io.network.peer import Delivery, Peer
from dicom_io.network.send import send
from dicom_io.synthetic.study_writer import Grid, make_study
from models.volume import Sequence


def test_what_is_sent_is_kept_once(tmp_path: Path) -> None:
    study = make_study(tmp_path / "study", sequences=(Sequence.T1C,), t1c=Grid(12, 48, 48, 10.0, (7.0, 7.0)))
    with collecting(tmp_path / "came", ae_title="COLLECTOR") as (collector, port):
        peer = Peer(ae_title="COLLECTOR", host="127.0.0.1", port=port, calling_title="TEST", timeout_s=10.0)
        echo(peer)
        for _ in range(2):
            assert {sent.delivery for sent in send(study.files, peer)} == {Delivery.STORED}
        came = collector.collected
    assert len(came) == len(study.files) == 13
    assert [item.sop_class_name for item in came].count("Segmentation Storage") == 1
    assert sum(item.size for item in came) == sum(file.stat().st_size for file in (tmp_path / "came").iterdir())
    for item, file in zip(came, study.files, strict=True):
        assert pydicom.dcmread(item.file).PixelData == pydicom.dcmread(file).PixelData
