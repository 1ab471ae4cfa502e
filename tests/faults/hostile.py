"""Hostile and broken peers at the port of the running service: an echo is answered and a study delivered meanwhile.

The attacks are those of `tests/dicom_io/network/test_bounds.py`, here against the whole process and all together.
"""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pydicom.uid import ImplicitVRLittleEndian, MRImageStorage
from pynetdicom import AE
from pynetdicom.association import Association

from tests.dicom_io.network.test_bounds import REQUEST_HEADER
from tests.faults.home import AE_TITLE, SENDER, Home, Stuck
from tests.faults.kills import Trial, judge, warm_up
from tests.faults.results import Tally
from tests.faults.watch import Watch

GROUP = "Hostile peers"
ATTACK_S = 12.0  # longer than the bounds of `Home` let a peer be silent
ATTACKER = "127.0.0.2"  # another address than that of sender and destination, as it is in a hospital
GROWN_MB = 64.0  # more must not be kept of an attack


def _connection(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=ATTACK_S, source_address=(ATTACKER, 0))


def _association(port: int) -> Association:
    ae = AE(SENDER)
    ae.add_requested_context(MRImageStorage, ImplicitVRLittleEndian)
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = ATTACK_S
    return ae.associate("127.0.0.1", port, ae_title=AE_TITLE, bind_address=(ATTACKER, 0))


def _socket_of(association: Association) -> socket.socket | None:
    transport = association.dul.socket
    return None if transport is None else transport.socket


def _half_requests(port: int, stop: threading.Event) -> None:
    """25 half requests, again and again."""
    held: list[socket.socket] = []
    while not stop.is_set():
        with contextlib.suppress(OSError):
            held.append(_connection(port))
            held[-1].sendall(REQUEST_HEADER + b"\x00\x01")
        if len(held) >= 25:
            stop.wait(1.0)
            held.pop(0).close()
    for connection in held:
        connection.close()


def _half_message(port: int, stop: threading.Event) -> None:
    """A P-DATA of which half is sent, on each of 20 associations."""
    held = []
    while not stop.is_set():
        association = _association(port)
        connection = _socket_of(association)
        if association.is_established and connection is not None:
            with contextlib.suppress(OSError):
                connection.sendall(struct.pack(">BBL", 0x04, 0, 5000) + b"half of it")
        held.append(association)
        stop.wait(0.05 if len(held) < 20 else 1.0)
    for association in held:
        association.abort()


def _dripping(port: int, stop: threading.Event) -> None:
    """25 peers that send a byte every 0.2 s."""
    held: list[socket.socket] = []
    while not stop.wait(0.2):
        while len(held) < 25 and not stop.is_set():
            try:
                held.append(_connection(port))
                held[-1].sendall(REQUEST_HEADER)
            except OSError:
                break
        for connection in list(held):
            try:
                connection.sendall(b"\x00")
            except OSError:
                held.remove(connection)
                connection.close()
    for connection in held:
        connection.close()


def _claims(port: int, stop: threading.Event) -> None:
    """Requests that claim 4 GB, with as much sent as is taken."""
    while not stop.is_set():
        with contextlib.suppress(OSError), _connection(port) as connection:
            connection.sendall(struct.pack(">BBL", 0x01, 0, 0xFFFFFFFF))
            for _ in range(100):
                connection.sendall(bytes(1024**2))


def _endless(port: int, stop: threading.Event) -> None:
    """A data set without an end: fragments are sent as long as they are taken."""
    command = (
        b"\x00\x00\x00\x00\x04\x00\x00\x00\x78\x00\x00\x00"  # group length
        b"\x00\x00\x02\x00\x1a\x00\x00\x001.2.840.10008.5.1.4.1.1.4\x00"
        b"\x00\x00\x00\x01\x02\x00\x00\x00\x01\x00\x00\x00\x10\x01\x02\x00\x00\x00\x01\x00"
        b"\x00\x00\x00\x07\x02\x00\x00\x00\x02\x00\x00\x00\x00\x08\x02\x00\x00\x00\x00\x00"
        b"\x00\x00\x00\x10\x08\x00\x00\x001.2.3.4\x00"
    )
    data = bytes(16000)
    while not stop.is_set():
        association = _association(port)
        connection = _socket_of(association)
        if not association.is_established or connection is None:
            stop.wait(0.5)
            continue
        with contextlib.suppress(OSError):
            connection.sendall(_pdata(1, 3, command))
            while not stop.is_set():
                connection.sendall(_pdata(1, 0, data))
        association.abort()


def _pdata(context: int, control: int, content: bytes) -> bytes:
    return struct.pack(">BBLLBB", 0x04, 0, len(content) + 6, len(content) + 2, context, control) + content


def _noise(port: int, stop: threading.Event) -> None:
    """Random bytes, some of them behind the beginning of a request."""
    chance = random.Random(1)
    while not stop.is_set():
        with contextlib.suppress(OSError), _connection(port) as connection:
            connection.sendall((REQUEST_HEADER if chance.random() < 0.5 else b"") + chance.randbytes(400))
            connection.shutdown(socket.SHUT_WR)
            connection.recv(4096)


def _probes(port: int, stop: threading.Event) -> None:
    """Connections without a word, as scanners and load balancers make them."""
    while not stop.wait(0.002):
        with contextlib.suppress(OSError):
            _connection(port).close()


def _silent(port: int, stop: threading.Event) -> None:
    """Associations that never send anything, as many as are accepted."""
    held = []
    while not stop.wait(0.2):
        held.append(_association(port))
    for association in held:
        association.abort()


def _aborts(port: int, stop: threading.Event) -> None:
    """Associations that are aborted as soon as they are there."""
    while not stop.is_set():
        _association(port).abort()


ATTACKS: dict[str, Callable[[int, threading.Event], None]] = {
    "half requests": _half_requests,
    "half messages": _half_message,
    "25 dripping peers": _dripping,
    "requests that claim 4 GB": _claims,
    "a data set without an end": _endless,
    "random bytes": _noise,
    "bare TCP probes": _probes,
    "silent associations": _silent,
    "associations aborted at once": _aborts,
}
ALL = "all of them together"


@contextlib.contextmanager
def under_attack(port: int, names: tuple[str, ...]) -> Iterator[None]:
    """Attackers are at work within the block."""
    stop = threading.Event()
    threads = [threading.Thread(target=ATTACKS[name], args=(port, stop), daemon=True) for name in names]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=2 * ATTACK_S)


def attack(folder: Path, name: str, *, trials: int, attack_s: float = ATTACK_S) -> Tally:
    """Attacks while a study is pushed and echoes are asked for."""
    tally = Tally(GROUP, name)
    home = Home(folder)
    names = tuple(ATTACKS) if name == ALL else (name,)
    done = []
    home.start()
    try:
        warm_up(home)
        with Watch(home) as watch:
            for number in range(trials):
                trial = Trial(home, f"{name} {number} {time.monotonic_ns()}")
                tally.trials += 1
                begun_s = time.monotonic()
                with under_attack(home.port, names):
                    try:
                        trial.push()
                        trial.wait_for_end("delivered")
                        tally.recover_s.append(round(time.monotonic() - begun_s, 2))
                    except Stuck as stuck:
                        tally.stuck += 1
                        tally.problems.append(str(stuck).splitlines()[0])
                    time.sleep(max(0.0, begun_s + attack_s - time.monotonic()))
                done.append(trial)
        log = home.log()
        ended, refused = log.count("connection ended"), log.count("association refused")
        tally.measured = f"{ended} connections ended, {refused} associations refused"
        watch.say(tally, most_mb=GROWN_MB)
        if home.deaths:
            tally.problems.append(f"the service ended with status {home.deaths[-1].status}")
        judge(tally, home, done)
    finally:
        home.stop()
    return tally
