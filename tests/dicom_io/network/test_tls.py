"""TLS between real sockets: what is agreed, what is refused, and what every mistake in the files is called."""

from __future__ import annotations

import gc
import os
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from pynetdicom.association import Association

from dicom_io.errors import PeerUnavailable
from dicom_io.network.bounded_transport import Bounds
from dicom_io.network.callers import Caller
from dicom_io.network.certificate import certificate_of, mistakes
from dicom_io.network.echo import echo
from dicom_io.network.find import images_held
from dicom_io.network.peer import Delivery, Peer
from dicom_io.network.receive import Receiver
from dicom_io.network.send import send
from dicom_io.network.storage_commitment import commitment_call
from dicom_io.network.tls import SUITES, ClientTls, ListenerTls, TlsFiles
from models.errors import SetupError
from tests.conftest import require_programs
from tests.dicom_io.network.made_certificates import DAY, NOW, Authority, make_authority
from tests.dicom_io.network.test_receive import Listening
from tests.end_to_end.running import free_port
from tests.end_to_end.small_study import image

TITLE = "RDEEPNET"

# pynetdicom leaves the socket of a connection that failed to the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    r"ignore:Exception ignored in. <(ssl\.SSLS|socket\.s)ocket:pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    yield
    for thread in threading.enumerate():
        if isinstance(thread, Association):
            thread.join(10)
    gc.collect()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def ours(authority: Authority) -> TlsFiles:
    return authority.issue("rdeepnet")


@pytest.fixture(scope="module")
def theirs(authority: Authority) -> TlsFiles:
    return authority.issue("pacs", use_rsa=True)


class Secured(Listening):
    """A receiver over TLS, with the connections it did not secure."""

    def __init__(self) -> None:
        super().__init__()
        self.not_secured: list[str] = []

    def wait_for_reason(self) -> str:
        (why,) = self.wait_for_reasons(1)
        return why

    def wait_for_reasons(self, count: int) -> list[str]:
        """All reasons, as soon as there are so many: the peer knows of a failed handshake before our thread tells."""
        end = time.monotonic() + 15
        while len(self.not_secured) < count and time.monotonic() < end:
            time.sleep(0.01)
        return self.not_secured


@contextmanager
def listening(files: TlsFiles, *, mutual: bool = True) -> Iterator[Secured]:
    heard = Secured()
    receiver = Receiver(
        ae_title=TITLE,
        callers=[Caller("PACS", ("127.0.0.0/8",))],
        store=heard.store,
        opened=heard.opened.append,
        closed=heard.closed.append,
        refused=lambda title, address, why: heard.refused.append((title, address)),
        bounds=Bounds(associations=10, idle_s=10.0),
        tls=ListenerTls(files, peers_need_certificates=mutual),
        not_secured=lambda address, why: heard.not_secured.append(why),
    )
    heard.port = receiver.start(host="127.0.0.1", port=0)
    try:
        yield heard
    finally:
        end = time.monotonic() + 10  # the library complains when it aborts what has not asked for anything yet
        while receiver._ae.active_associations and time.monotonic() < end:
            time.sleep(0.01)
        receiver.stop()


def peer(port: int, files: TlsFiles | None, *, check_names: bool = True, timeout_s: float = 5.0) -> Peer:
    tls = None if files is None else ClientTls(files, check_names=check_names)
    return Peer(TITLE, "127.0.0.1", port, "PACS", timeout_s, tls)


def written(folder: Path) -> Path:
    path = folder / "image.dcm"
    image("one", 1).save_as(path, enforce_file_format=True)
    return path


def test_images_are_sent_and_received_over_tls(tmp_path: Path, ours: TlsFiles, theirs: TlsFiles) -> None:
    path = written(tmp_path)
    with listening(ours) as heard:
        echo(peer(heard.port, theirs))
        (sent,) = send([path], peer(heard.port, theirs))
        heard.wait_until_closed()
    assert sent.delivery is Delivery.STORED
    (received,) = heard.received
    assert path.read_bytes().endswith(received.dataset)
    assert heard.not_secured == []


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_only_what_bcp_195_recommends_is_agreed(ours: TlsFiles, theirs: TlsFiles, version: ssl.TLSVersion) -> None:
    context = ClientTls(theirs, check_names=True).context()
    context.maximum_version = version
    with (
        listening(ours) as heard,
        socket.create_connection(("127.0.0.1", heard.port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
    ):
        name, _, _ = secure.cipher() or ("", "", 0)
        assert secure.version() == version.name.replace("_", ".")
        assert name in SUITES or name.startswith("TLS_")


@pytest.mark.parametrize(
    ("setting", "why"),
    [("AES128-SHA256:AES256-GCM-SHA384", "no shared cipher"), ("ALL", "unsupported protocol")],
)
def test_old_suites_and_versions_are_refused(ours: TlsFiles, theirs: TlsFiles, setting: str, why: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_cert_chain(theirs.certificate, theirs.key)
    context.load_verify_locations(theirs.authorities)
    context.set_ciphers(f"{setting}:@SECLEVEL=0")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    if "protocol" in why:
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with listening(ours) as heard, socket.create_connection(("127.0.0.1", heard.port), timeout=5) as plain:
        with pytest.raises(ssl.SSLError):
            context.wrap_socket(plain, server_hostname="127.0.0.1")
        assert heard.wait_for_reason() == why
    assert heard.opened == []


def test_a_plain_peer_is_disconnected(ours: TlsFiles) -> None:
    with listening(ours) as heard:
        with pytest.raises(PeerUnavailable, match="cannot be reached"):
            echo(peer(heard.port, None))
        assert "does not speak TLS" in heard.wait_for_reason()
        assert heard.opened == heard.received == []


def test_a_silent_peer_does_not_hold_up_the_others(ours: TlsFiles, theirs: TlsFiles) -> None:
    with listening(ours) as heard, socket.create_connection(("127.0.0.1", heard.port)):
        begin = time.monotonic()
        echo(peer(heard.port, theirs))
        assert time.monotonic() - begin < 5  # the silent one has 10 s


def test_a_peer_without_certificate_is_refused_unless_the_site_allows_it(ours: TlsFiles) -> None:
    context = ssl.create_default_context(cafile=ours.authorities)
    for mutual in (True, False):
        with (
            listening(ours, mutual=mutual) as heard,
            socket.create_connection(("127.0.0.1", heard.port), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
        ):
            if mutual:
                assert heard.wait_for_reason() == "the peer showed no certificate"
                with pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"):
                    secure.recv(1)
            else:
                end = time.monotonic() + 5
                while not heard.opened and time.monotonic() < end:
                    time.sleep(0.01)
                assert len(heard.opened) == 1


def test_a_certificate_of_a_stranger_is_refused_on_both_sides(
    tmp_path: Path, authority: Authority, ours: TlsFiles
) -> None:
    strange = make_authority(tmp_path, "strange")
    trusting = strange.issue("stranger", authorities=authority)  # it trusts us, we do not trust it
    with listening(ours) as heard:
        with pytest.raises(PeerUnavailable, match=r"the peer did not accept us \(.*alert unknown ca\)"):
            echo(peer(heard.port, trusting))
        assert (
            "the peer's certificate is not accepted" in heard.wait_for_reasons(1)[0]
        )  # the sender may have tried twice
    with listening(ours) as heard, pytest.raises(PeerUnavailable, match="the peer's certificate is not accepted"):
        echo(peer(heard.port, strange.issue("other")))


def test_a_certificate_of_another_host_is_refused(authority: Authority, ours: TlsFiles) -> None:
    elsewhere = authority.issue("elsewhere", address="192.0.2.1")
    with listening(elsewhere) as heard:
        with pytest.raises(PeerUnavailable, match="IP address mismatch"):
            echo(peer(heard.port, ours))
        echo(peer(heard.port, ours, check_names=False))


def test_an_expired_certificate_is_refused(authority: Authority, ours: TlsFiles) -> None:
    expired = authority.issue("expired", since=NOW - 3 * DAY, until=NOW - DAY)
    with listening(expired) as heard, pytest.raises(PeerUnavailable, match="certificate has expired"):
        echo(peer(heard.port, ours))
    assert mistakes(expired) == []  # the files are right; how long it is valid is said apart
    certificate = certificate_of(expired)
    assert not certificate.is_valid(NOW)
    assert "certificate of expired, issued by authority, expired on" in certificate.in_words(NOW)


def test_how_long_a_certificate_is_valid(authority: Authority, ours: TlsFiles) -> None:
    certificate = certificate_of(ours)
    assert certificate.is_valid(NOW)
    assert not certificate.ends_soon(NOW)
    assert certificate.ends_soon(NOW + timedelta(days=340))
    until = (NOW + 365 * DAY).strftime("%Y-%m-%d %H:%M")
    expected = f"certificate of rdeepnet, issued by authority, is valid until {until} UTC (365 days)"
    assert certificate.in_words(NOW) == expected
    assert "is not valid before" in certificate.in_words(NOW - 2 * DAY)


def test_a_peer_that_speaks_no_tls_is_named(ours: TlsFiles) -> None:
    """A plain peer answers what it does not understand with an A-ABORT, or just closes."""
    abort = bytes([0x07, 0, 0, 0, 0, 4, 0, 0, 2, 1])

    def answer(server: socket.socket) -> None:
        for _ in range(2):  # the association, and the look at why it failed
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(abort)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer, args=(server,))
        thread.start()
        with pytest.raises(PeerUnavailable, match=r"\(TLS\) cannot be reached: the peer does not speak TLS \("):
            echo(peer(server.getsockname()[1], ours, timeout_s=2.0))
        thread.join(10)


def test_files_that_are_gone_let_results_wait(tmp_path: Path, ours: TlsFiles) -> None:
    gone = TlsFiles(tmp_path / "no.crt", ours.key, ours.authorities)
    with pytest.raises(PeerUnavailable, match=r"TLS cannot be used with .*no\.crt"):
        echo(peer(1, gone))


def test_renewed_files_are_taken_up_without_a_restart(tmp_path: Path, theirs: TlsFiles, authority: Authority) -> None:
    own = Authority(tmp_path, authority.name, authority.key, authority.certificate)
    own.file.write_bytes(authority.file.read_bytes())
    files = own.issue("renewed", since=NOW - 3 * DAY, until=NOW - DAY)
    with listening(files) as heard:
        with pytest.raises(PeerUnavailable):
            echo(peer(heard.port, theirs))
        own.issue("renewed")
        for path in (files.certificate, files.key):
            os.utime(path, ns=(1, 1))  # another time, whatever the resolution of the disk's clock
        echo(peer(heard.port, theirs))
        files.key.write_bytes(b"half")
        echo(peer(heard.port, theirs))  # the last good ones go on


def test_every_mistake_in_the_files_is_named(tmp_path: Path, authority: Authority, ours: TlsFiles) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    protected = authority.issue("protected", password=b"secret")
    ended = make_authority(tmp_path, "ended", until=NOW - DAY)
    assert mistakes(ours) == []
    found = mistakes(TlsFiles(tmp_path / "no.crt", empty, empty))
    assert [text.split(" ", 1)[0] for text in found] == ["certificate", "authorities", "key"]
    assert "cannot be read (No such file or directory)" in found[0]
    assert "holds no certificate in PEM" in found[1]
    assert "is no private key in PEM" in found[2]
    (locked,) = mistakes(protected)
    assert "has a password; a key without one was expected" in locked
    (foreign,) = mistakes(TlsFiles(ours.certificate, authority.issue("other").key, ours.authorities))
    assert "does not belong to the first certificate in" in foreign
    (old,) = mistakes(TlsFiles(ours.certificate, ours.key, ended.file))
    assert old.endswith("holds ended, expired; replace it")
    with pytest.raises(SetupError, match="TLS cannot be used with"):
        ListenerTls(protected)


def test_queries_and_commitment_go_over_tls(ours: TlsFiles) -> None:
    """Against a port without TLS, each fails at the handshake: none falls back to a plain connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        secured = peer(server.getsockname()[1], ours, timeout_s=0.5)
        with pytest.raises(PeerUnavailable):
            images_held(secured, "1.2.3")
        with pytest.raises(PeerUnavailable), commitment_call(secured, reported=lambda _: True):
            raise AssertionError("there is no association")
        heard = []
        while True:
            try:
                connection, _ = server.accept()
            except TimeoutError:
                break
            with connection:
                connection.settimeout(0.2)
                heard.append(connection.recv(1))
        assert set(heard) == {b"\x16"}  # a TLS handshake record; an association request starts with 01


@pytest.mark.peers
@pytest.mark.parametrize("profile", ["--profile-bcp195-nd", "--profile-bcp195", "--profile-bcp195-ex"])
def test_dcmtk_sends_to_us(tmp_path: Path, ours: TlsFiles, theirs: TlsFiles, profile: str) -> None:
    require_programs("storescu")
    path = written(tmp_path)
    command = ["storescu", "-aet", "PACS", "-aec", TITLE, profile]
    with listening(ours) as heard:
        secure = ["+tls", theirs.key, theirs.certificate, "+cf", theirs.authorities]
        done = subprocess.run([*command, *secure, "127.0.0.1", str(heard.port), path], capture_output=True, timeout=30)
        assert done.returncode == 0, done.stderr
        assert len(heard.received) == 1
        plain = subprocess.run([*command[:5], "127.0.0.1", str(heard.port), path], capture_output=True, timeout=30)
        assert plain.returncode != 0
        nameless = [*command, "+tla", "+cf", theirs.authorities, "127.0.0.1", str(heard.port), path]
        assert subprocess.run(nameless, capture_output=True, timeout=30).returncode != 0
        assert len(heard.received) == 1
        assert len(heard.wait_for_reasons(2)) == 2


@pytest.mark.peers
def test_we_send_to_dcmtk(tmp_path: Path, ours: TlsFiles, theirs: TlsFiles) -> None:
    require_programs("storescp")
    port, archive = free_port(), tmp_path / "archive"
    archive.mkdir()
    command = ["storescp", "-od", archive, "+tls", theirs.key, theirs.certificate, "+cf", theirs.authorities, str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 10
        while time.monotonic() < end:
            try:
                echo(peer(port, ours))
                break
            except PeerUnavailable:
                time.sleep(0.1)
        (sent,) = send([written(tmp_path)], peer(port, ours))
        assert sent.delivery is Delivery.STORED
        with pytest.raises(PeerUnavailable):
            echo(peer(port, None, timeout_s=2.0))
    finally:
        process.terminate()
        process.wait(10)
    assert len(list(archive.iterdir())) == 1
