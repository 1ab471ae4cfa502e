"""Destinations that are reached by DICOMweb: settings, checks, audit. Kind: mechanics."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from appliance.files import make_private_folder
from appliance.peer_settings import Destination, TlsSettings
from appliance.secret_files import readable_by_others
from appliance.service.audit import Audit
from appliance.service.delivery import Courier, pause_s
from appliance.service.destination_peers import web_peer_of
from appliance.service.doctor import Verdict, check_destination, check_stow_tokens
from appliance.service.receiving import callers
from appliance.service.startup_checks import missing_peers
from appliance.service.storage_commitment import Commitments
from appliance.settings import DeliverySettings, ServiceSettings, Settings, WebSettings, load_settings
from appliance.state.commitment_records import CommitmentRecords
from appliance.state.outbox_folder import FolderOutbox
from appliance.state.record_rows import DeliveryState
from appliance.state.records import Records
from appliance.web.look import _echo
from dicom_io.errors import PeerUnavailable
from dicom_io.network.dicomweb.store import store
from dicom_io.network.dicomweb.web_peer import WebPeer, retry_after_s
from models.errors import SetupError
from tests.appliance.web.site import populate
from tests.dicom_io.network.dicomweb.web_server import Reply, web_server
from tests.end_to_end.running import free_port
from tests.end_to_end.small_study import write_study


def destination(url: str = "https://pacs.example.org:8443/dicom-web", **more: object) -> Destination:
    return Destination("cloud", stow_url=url, **more)  # type: ignore[arg-type]


def test_it_has_a_title_and_an_address_and_no_storage_commitment() -> None:
    cloud = destination()
    assert (cloud.title, cloud.address, cloud.storage_commitment, cloud.commits) == (
        "cloud",
        "pacs.example.org",
        True,
        False,
    )
    pacs = Destination("pacs", "PACS", "192.0.2.1")
    assert (pacs.title, pacs.address, pacs.commits) == ("PACS", "192.0.2.1", True)
    titles = [caller.ae_title for caller in callers(Settings(destinations=(cloud, pacs))) or ()]
    assert titles == ["RDEEPNET", "PACS"]  # nobody calls back for a server of DICOMweb


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"ae_title": "PACS"}, "has stow_url, and ae_title as well; expected one way"),
        ({"host": "192.0.2.1"}, "has stow_url, and host as well"),
        ({"stow_url": "http://pacs/dicom-web"}, "is not secured; expected https://"),
        ({"stow_url": "https://user:secret@pacs/"}, "holds a user or a password"),
        ({"stow_url": ""}, "lacks ae_title or host"),
        ({"stow_url": "", "ae_title": "PACS", "host": "pacs", "stow_token_file": Path("token")}, "and no stow_url"),
    ],
)
def test_mistakes_are_sentences(more: dict[str, object], sentence: str) -> None:
    with pytest.raises(SetupError, match=sentence) as caught:
        Destination("cloud", **{"stow_url": "https://pacs/dicom-web", **more})  # type: ignore[arg-type]
    assert "secret" not in str(caught.value)


def test_files_are_relative_to_the_settings_and_our_certificate_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "rdeepnet.toml"
    path.write_text(
        '[[destinations]]\nname = "cloud"\nstow_url = "https://pacs/dicom-web"\nstow_token_file = "token"\n'
        'stow_authorities = "ca.pem"\n[tls]\ncertificate = "our.pem"\nkey = "our.key"\nauthorities = "site.pem"\n'
    )
    settings = load_settings(path)
    peer = web_peer_of(settings.destinations[0], settings, timeout_s=3.0)
    assert peer is not None
    assert (peer.token_file, peer.authorities) == (tmp_path / "token", tmp_path / "ca.pem")
    assert (peer.certificate, peer.key) == (tmp_path / "our.pem", tmp_path / "our.key")
    (tmp_path / "token").touch(mode=0o644)
    assert any("the token of cloud" in sentence for sentence in readable_by_others(settings, file=path))
    with_tls = Settings(tls=TlsSettings(Path("a"), Path("b"), Path("c")))
    plain = web_peer_of(destination(plain=True), with_tls, timeout_s=3.0)
    assert plain is not None
    assert plain.certificate is None
    assert web_peer_of(Destination("pacs", "PACS", "192.0.2.1"), with_tls, timeout_s=3.0) is None


@pytest.mark.parametrize(
    ("status", "verdict", "sentence", "is_up"),
    [
        (200, Verdict.GOOD, "answers", True),
        (204, Verdict.GOOD, "answers", True),
        (501, Verdict.GOOD, "answers", True),  # a server that only stores
        (401, Verdict.BAD, "name a file with a bearer token, or allow it there. Results wait until then.", False),
        (503, Verdict.WARNING, "Results wait until it answers.", False),
    ],
)
def test_doctor_and_page_ask_whether_it_answers(status: int, verdict: Verdict, sentence: str, is_up: bool) -> None:
    with web_server(lambda request: Reply(status)) as server:
        cloud = destination(server.url, plain=True)
        settings = Settings(destinations=(cloud,))
        check = check_destination(cloud, settings)
        fact = _echo(cloud, settings)
    assert check.verdict is verdict
    assert sentence in check.sentence
    assert fact.is_well is is_up


def test_a_server_that_is_away_is_a_warning() -> None:
    cloud = destination(f"http://127.0.0.1:{free_port()}/dicom-web", plain=True)
    check = check_destination(cloud, Settings(destinations=(cloud,)))
    assert check.verdict is Verdict.WARNING
    assert "cannot be reached, or broke off (Connection refused)" in check.sentence


def test_doctor_looks_at_the_tokens_of_who_may_send_images(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    assert check_stow_tokens(tokens).verdict is Verdict.BAD
    tokens.write_text("router short\n")
    tokens.chmod(0o600)
    assert "line 1 of" in check_stow_tokens(tokens).sentence
    tokens.write_text(f"router {'a' * 64}\n")
    check = check_stow_tokens(tokens)
    assert (check.verdict, check.sentence) == (Verdict.GOOD, "1 sender may send images by STOW-RS")
    tokens.chmod(0o644)
    check = check_stow_tokens(tokens)
    assert check.verdict is Verdict.BAD
    assert "web.stow_token_file" in check.sentence
    assert "a" * 64 not in check.sentence


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [("", 0), ("120", 120), (" 7 ", 7), ("-1", 0), ("soon", 0), ("9" * 12, 0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0)],
)
def test_the_time_that_a_server_asks_for_is_known(asked: str, seconds: int, tmp_path: Path) -> None:
    assert retry_after_s(asked) == seconds
    file = write_study(tmp_path, "busy", images=1, with_segmentation=False)
    with (
        web_server(lambda _: Reply(503, headers={"Retry-After": asked})) as server,
        pytest.raises(PeerUnavailable, match="503") as caught,
    ):
        store(file, WebPeer(server.url, 10.0))
    assert caught.value.after_s == seconds


def test_a_date_is_a_time_from_now() -> None:
    assert 3500 < retry_after_s(format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)) <= 3600


def test_a_server_that_is_busy_is_left_alone_for_as_long_as_it_asks_within_bounds() -> None:
    settings = DeliverySettings(retry_min_s=10.0, retry_max_s=600.0)
    assert [pause_s(1, settings=settings, asked_s=asked) for asked in (0.0, 5.0, 120.0, 1e9)] == [10, 10, 120, 600]
    assert pause_s(5, settings=settings, asked_s=20.0) == 160.0


def test_the_next_attempt_waits_for_as_long_as_the_server_asks(tmp_path: Path) -> None:
    chosen = Settings(service=ServiceSettings(state_dir=tmp_path / "state"))
    state_dir = chosen.service.state_dir
    make_private_folder(state_dir)
    populate(state_dir)
    records, outbox, audit = Records(state_dir / "studies.sqlite3"), FolderOutbox(state_dir / "outbox"), Audit(chosen)
    commitments = Commitments(
        destinations=[], settings=chosen.delivery, records=CommitmentRecords(records), outbox=outbox
    )
    with web_server(lambda _: Reply(503, headers={"Retry-After": "500"})) as server:
        courier = Courier(
            replace(destination(server.url, plain=True), name="second"),
            calling_title="RDEEPNET",
            settings=chosen.delivery,
            records=records,
            outbox=outbox,
            commitments=commitments,
            poll_s=0.1,
            audit=audit,
            web=WebPeer(server.url, 10.0),
        )
        delivery = next(each for each in records.deliveries() if each.state is DeliveryState.WAITING)
        assert courier.deliver(delivery) is DeliveryState.WAITING
    (tried,) = [each for each in records.deliveries() if each.state is DeliveryState.WAITING]
    assert tried.next_at is not None
    assert 400 < (tried.next_at - datetime.now(UTC)).total_seconds() <= 500
    audit.close()
    records.close()


def test_a_door_for_images_is_a_sender() -> None:
    door = WebSettings(stow_token_file=Path("tokens"))
    assert missing_peers(Settings(destinations=(destination(),), web=door)) == []
    assert len(missing_peers(Settings(destinations=(destination(),)))) == 1
