"""Responses reach the call that waits for them, however the threads are timed. Kind: regression.

The race of pynetdicom 3.0 is forced: the reactor is held where it has just passed its pause, and the call between its
request and the wait for the response, so that the response is there when the reactor goes on. Without
`leave_responses_to_calls` every association loses one.
"""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import ImplicitVRLittleEndian, MRImageStorage
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider

from dicom_io.network.echo import echo
from dicom_io.network.peer import Delivery, Peer
from dicom_io.network.send import send
from tests.end_to_end.small_study import image

REACTOR_HELD_S, CALL_HELD_S = 0.05, 0.1


class HeldCheckpoint(threading.Event):
    """The place where the reactor pauses, which takes long to leave."""

    def wait(self, timeout: float | None = None) -> bool:
        passed = super().wait(timeout)
        time.sleep(REACTOR_HELD_S)
        return passed


@pytest.fixture
def forced_race(monkeypatch: pytest.MonkeyPatch) -> None:
    prepare, send_message = Association.__init__, DIMSEServiceProvider.send_msg

    def held_reactor(self: Association, *args: Any, **options: Any) -> None:
        prepare(self, *args, **options)
        if self.is_requestor:
            self._reactor_checkpoint = HeldCheckpoint()
            self._reactor_checkpoint.set()

    def held_call(self: DIMSEServiceProvider, *args: Any) -> None:
        send_message(self, *args)
        if self.assoc.is_requestor:
            time.sleep(CALL_HELD_S)

    monkeypatch.setattr(Association, "__init__", held_reactor)
    monkeypatch.setattr(DIMSEServiceProvider, "send_msg", held_call)


@pytest.mark.usefixtures("forced_race")
def test_no_response_is_lost_to_the_reactor(tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.dcm" for number in range(3)]
    for number, path in enumerate(files):
        image("one", number).save_as(path, enforce_file_format=True)
    archive = AE("ARCHIVE")
    archive.add_supported_context(MRImageStorage, ImplicitVRLittleEndian)
    archive.add_supported_context("1.2.840.10008.1.1")
    server = archive.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, lambda _: 0x0000)])
    assert server is not None
    peer = Peer("ARCHIVE", "127.0.0.1", server.server_address[1], "RDEEPNET", 2.0)
    try:
        echo(peer)
        for _ in range(2):
            assert [sent.delivery for sent in send(files, peer)] == [Delivery.STORED] * len(files)
    finally:
        archive.shutdown()


@pytest.mark.usefixtures("forced_race")
def test_nobody_waits_for_a_connection_that_is_gone(tmp_path: Path) -> None:
    """The archive dies with the first of three objects; each of the others waited out its time behind it."""
    files = [tmp_path / f"{number}.dcm" for number in range(3)]
    for number, path in enumerate(files):
        image("one", number).save_as(path, enforce_file_format=True)

    def dies(event: evt.Event) -> int:
        transport = event.assoc.dul.socket
        assert transport is not None
        assert transport.socket is not None
        transport.socket.shutdown(socket.SHUT_RDWR)
        return 0x0000

    archive = AE("ARCHIVE")
    archive.add_supported_context(MRImageStorage, ImplicitVRLittleEndian)
    server = archive.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, dies)])
    assert server is not None
    timeout_s = 20.0
    begun = time.monotonic()
    try:
        results = send(files, Peer("ARCHIVE", "127.0.0.1", server.server_address[1], "RDEEPNET", timeout_s))
        assert time.monotonic() - begun < timeout_s
        assert [sent.delivery for sent in results] == [Delivery.UNAVAILABLE] * len(files)
    finally:
        archive.shutdown()
