"""The archive is asked for its counts before a study is answered, and does not hold one up when it cannot answer."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.peer_settings import ArchiveSettings
from appliance.pipeline import Workbench
from appliance.service.bench import answer, archive_of
from appliance.service.worker import Asked
from appliance.settings import Settings
from dicom_io.errors import GeometryInvalid
from dicom_io.network.peer import Peer
from dicom_io.rules import SelectionRules
from models.features.settings import FeatureSettings
from models.plausibility import PlausibilityLimits
from models.preprocessing.prepare import NoBiasCorrection
from tests.dicom_io.made_series import affine_of, ball, voxels_of, write_seg, write_series
from tests.dicom_io.network.test_find import archive, match
from tests.end_to_end.running import free_port

SHAPE = (6, 10, 12)


class NoEngine:
    """The studies of these tests are refused, or stopped, before features are computed."""

    name = "none"

    def extract(
        self, volume: object, rois: object, settings: object, *, body: object
    ) -> dict[object, dict[str, float]]:
        raise Reached


class Reached(Exception):
    """The study was read."""


BENCH = Workbench(
    rules=SelectionRules(),
    bias=NoBiasCorrection(),
    shell_mm=10.0,
    plausibility=PlausibilityLimits(),
    engine=NoEngine(),
    features=FeatureSettings(),
    models=(),
    features_sr=False,
)
NOW = datetime(2026, 7, 1, tzinfo=UTC)


def study(folder: Path) -> tuple[str, list[Path]]:
    images = write_series(folder, [voxels_of(SHAPE)], affine=affine_of(), description="T1 POST", number=4)
    mask = ball(SHAPE, centre=(2.5, 5, 6), radius=(2, 3, 3))
    write_seg(folder / "s.dcm", mask, affine=affine_of(), source=images)
    return images.uid, sorted(folder.iterdir())


def test_a_study_with_fewer_images_than_the_archive_is_refused(tmp_path: Path) -> None:
    uid, files = study(tmp_path)
    refused = pytest.raises(GeometryInvalid, match=r"The archive holds 7 objects .* but 6 arrived")
    with archive([(0xFF00, match(uid, "7"))]) as (peer, _), refused:
        answer(files, Asked(NOW), bench=BENCH, archive=peer)
    with archive([(0xFF00, match(uid, "6"))]) as (peer, asked), pytest.raises(Reached):
        answer(files, Asked(NOW), bench=BENCH, archive=peer)
    assert len(asked) == 1
    with archive([(0xFF00, match(uid, "7"))]) as (peer, _), pytest.raises(Reached):
        answer(files, Asked(NOW, not_kept={uid: 1}), bench=BENCH, archive=peer)  # a Secondary Capture in the series


# pynetdicom leaves the socket of a refused connection to the garbage collector.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning")
def test_an_archive_that_does_not_answer_holds_nothing_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    _, files = study(tmp_path)
    closed = Peer("PACS", "127.0.0.1", free_port(), calling_title="RDEEPNET", timeout_s=2)
    with caplog.at_level(logging.WARNING, "rdeepnet.workbench"), pytest.raises(Reached):
        answer(files, Asked(NOW), bench=BENCH, archive=closed)
    assert "the archive could not be asked" in caplog.text


def test_no_archive_is_asked_unless_the_settings_name_one() -> None:
    assert archive_of(Settings()) is None
    peer = archive_of(Settings(archive=ArchiveSettings(host="192.0.2.10", port=11112)))
    assert peer == Peer("PACS", "192.0.2.10", 11112, calling_title="RDEEPNET", timeout_s=30.0)
