"""Liveness probe of the running service: the checks of `rdeepnet health`, every half minute."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from appliance.service.pulse import PULSE, STOPPED_AFTER_S
from appliance.service.roles import ServiceRole
from appliance.settings import Settings
from appliance.state.disk import free_gb, unwritable
from appliance.state.worker_notes import Doing, activity_in, supervision_in
from appliance.transport import client_tls
from dicom_io.network.echo import echo
from dicom_io.network.peer import Peer
from models.errors import RDeepNetError
from models.number_words import counted

DISK_FULL_GB = 1.0  # a study takes 0.1 to 1 GB

_ECHO_TIMEOUT_S = 5.0  # on this machine it takes milliseconds


def ailments(settings: Settings) -> Iterator[str]:
    """Failed checks of the service of these settings, one sentence each; none when it receives and works."""
    yield from not_receiving(settings)
    yield from not_writing(settings)
    yield from not_computing(settings)


def not_receiving(settings: Settings) -> Iterator[str]:
    """Failed checks of what a restart may cure: the port, where the process has one, and the main loop."""
    state_dir = settings.service.state_dir
    listens = supervision_in(state_dir).role != ServiceRole.WORKER
    if listens and (why_not := echo_refused(settings)):
        yield f"No C-ECHO: {why_not}."
    pulse = state_dir / PULSE
    if not pulse.exists():
        yield f"No pulse: {pulse} does not exist; the service has not started."
    elif (age_s := time.time() - pulse.stat().st_mtime) > STOPPED_AFTER_S:
        yield f"No pulse: the last round was {age_s:.0f} s ago, expected within {STOPPED_AFTER_S:g} s; see the log."


def not_writing(settings: Settings) -> Iterator[str]:
    """Failed checks of the disk."""
    state_dir = settings.service.state_dir
    if why_not := unwritable(state_dir):
        yield why_not
    elif (free := free_gb(state_dir)) < DISK_FULL_GB:
        yield f"{free:.1f} GB are free for {state_dir}, expected {DISK_FULL_GB:g} GB: make space."


def not_computing(settings: Settings) -> Iterator[str]:
    """Failed checks of the computation; received studies wait meanwhile."""
    state_dir = settings.service.state_dir
    seen, activity = supervision_in(state_dir), activity_in(state_dir)
    if activity is not None and activity.pid != seen.pid:
        activity = None
    if seen.trouble:
        yield seen.trouble
    if seen.failures and (activity is None or activity.doing is Doing.OPENING):
        again = f"it is tried again at {_clock(seen.next_at)}" if seen.next_at else "it is tried again now"
        yield (
            f"The worker, which computes, ended {counted(seen.failures, 'time')} at its start ({seen.how}); {again}. "
            "Studies are received and wait; see the log for the cause."
        )
    if activity is not None and activity.doing is Doing.OUT_OF_SPACE:
        yield f"The disk is too full for the results of a study ({free_gb(state_dir):.1f} GB are free): make space."
    if activity is not None and activity.doing is Doing.CUT_OFF:
        yield "The worker waits with a study until the shared database answers."


def _clock(moment: str) -> str:
    return f"{datetime.fromisoformat(moment).astimezone():%H:%M:%S}"


def echo_refused(settings: Settings) -> str:
    """Empty when our service answers a C-ECHO; else why not. Asked under its own AE title, which it knows from here."""
    service = settings.service
    host = "127.0.0.1" if service.host in ("0.0.0.0", "") else service.host  # noqa: S104
    tls = client_tls(settings, plain=service.plain)
    if tls is not None:
        tls = replace(tls, check_names=False)  # our certificate names the host, not the loopback
    try:
        echo(Peer(service.ae_title, host, service.port, service.ae_title, _ECHO_TIMEOUT_S, tls))
    except RDeepNetError as error:
        return str(error).rstrip(".")
    return ""
