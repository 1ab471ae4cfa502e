"""The demonstration: a synthetic study through the real service, between a sending and a receiving peer of our own.

    synthetic study ─C-STORE→ rdeepnet serve (a process of its own) ─C-STORE→ collector

Everything listens on free ports of this machine, the state is temporary, and every process started is stopped by
its id, whatever happens in between.
"""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from appliance.stages import StageCost
from appliance.state.outbox import PDF
from appliance.state.outbox_folder import FolderOutbox
from appliance.state.record_rows import StudyRecord
from appliance.state.records import Records
from appliance.state.states import FINAL
from dicom_io.network.collector import Collected, collecting
from dicom_io.network.echo import echo
from dicom_io.network.peer import Delivery, Peer
from dicom_io.network.send import send
from dicom_io.synthetic.study_writer import (
    REALISTIC_T1C,
    REALISTIC_T2W,
    SMALL_T1C,
    SMALL_T2W,
    SyntheticStudy,
    make_study,
)
from dicom_io.writing.read_answer import ReadPrediction, read_predictions
from models.errors import RDeepNetError, SetupError
from models.number_words import counted

_HOST = "127.0.0.1"
_AE_TITLE = "RDEEPNET"
_PACS = "DEMO_PACS"
_READY_WITHIN_S = 120.0
_ANSWERED_WITHIN_S = 900.0
_KEY_SR = "1.2.840.10008.5.1.4.1.1.88.34"  # Comprehensive 3D SR Storage

_CONFIGURATION = """\
# Made by `rdeepnet demo`.
[service]
ae_title = "{ae_title}"
host = "{host}"
port = {port}
state_dir = "state"

[study]
idle_s = 2.0

[logs]
level = "info"

[[senders]]
ae_title = "{pacs}"
addresses = ["{host}"]

[[destinations]]
name = "demo-pacs"
ae_title = "{pacs}"
host = "{host}"
port = {pacs_port}
"""


@dataclass(frozen=True)
class DemoResult:
    """Results of the demonstration.

    Attributes
    ----------
    record : the study as the service has it
    collected : what came back, in order
    predictions : as read from the SR that came back
    stages : cost of each stage in the service
    seconds : label → wall seconds of the steps around it
    pdf, log : the report and the service's log in the output folder
    """

    record: StudyRecord
    collected: tuple[Collected, ...]
    predictions: tuple[ReadPrediction, ...]
    stages: tuple[StageCost, ...]
    seconds: dict[str, float]
    pdf: Path | None
    log: Path


def run_demo(out: Path, *, keep: bool, small: bool, seed: int, tell: Callable[[str], None]) -> DemoResult:
    """Runs the demonstration.

    Parameters
    ----------
    out : folder for the results, the PDF and the service's log
    keep : also move the synthetic study, the configuration and the service's state there
    small : small images, for tests
    tell : called with what happens now

    Raises
    ------
    SetupError
        When the service does not start.
    RDeepNetError
        When the results do not come back in time.
    """
    out.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="rdeepnet-demo-"))
    seconds: dict[str, float] = {}
    try:
        tell("Making a synthetic study: T1+C, T2W, the tumour's segmentation, and series that are not needed")
        began_s = time.monotonic()
        study = make_study(
            work / "study",
            seed=seed,
            t1c=SMALL_T1C if small else REALISTIC_T1C,
            t2w=SMALL_T2W if small else REALISTIC_T2W,
            other_series=True,
        )
        seconds["make the study"] = time.monotonic() - began_s
        shutil.rmtree(out / "received", ignore_errors=True)
        with collecting(out / "received", ae_title=_PACS, host=_HOST) as (collector, pacs_port):
            began_s = time.monotonic()
            with _serving(work, pacs_port=pacs_port, log=out / "service.log") as peer:
                seconds["start the service"] = time.monotonic() - began_s
                tell(f"The service listens as {_AE_TITLE} on {_HOST} port {peer.port}")
                began_s = time.monotonic()
                _push(study, peer, tell=tell)
                seconds["push the study"] = time.monotonic() - began_s
                tell("The study is being answered …")
                began_s = time.monotonic()
                record = _finished(work / "state", study.study_instance_uid)
                seconds["answer and send back"] = time.monotonic() - began_s
            collected = collector.collected
        outbox = FolderOutbox(work / "state" / "outbox")
        pdf = outbox.path(record.job_id, PDF)
        if pdf is not None:
            shutil.copy(pdf, out / PDF)
        return DemoResult(
            record=record,
            collected=collected,
            predictions=tuple(
                prediction
                for item in collected
                if item.sop_class_uid == _KEY_SR
                for prediction in read_predictions(item.file)
            ),
            stages=outbox.stages(record.job_id),
            seconds=seconds,
            pdf=None if pdf is None else out / PDF,
            log=out / "service.log",
        )
    finally:
        if keep:
            shutil.copytree(work, out, dirs_exist_ok=True)
        shutil.rmtree(work)


def _push(study: SyntheticStudy, peer: Peer, *, tell: Callable[[str], None]) -> None:
    """Sends the study as a PACS does: every object of it, series after series."""
    for key, files in study.series.items():
        results = send(files, peer)
        lost = [result.sentence for result in results if result.delivery is not Delivery.STORED]
        if lost:
            raise RDeepNetError(f"The service did not store {len(lost)} of {counted(len(files), 'object')}: {lost[0]}")
        tell(f"Pushed {key}: {counted(len(files), 'object')}")


def _finished(state_dir: Path, study_uid: str) -> StudyRecord:
    """The study once it is delivered, refused or failed."""
    records = Records(state_dir / "studies.sqlite3")
    try:
        deadline_s = time.monotonic() + _ANSWERED_WITHIN_S
        while time.monotonic() < deadline_s:
            record = records.find(study_uid)
            if record is not None and record.state in FINAL:
                return record
            time.sleep(0.2)
    finally:
        records.close()
    raise RDeepNetError(f"The study was not answered within {_ANSWERED_WITHIN_S:g} s; see the service's log.")


@contextmanager
def _serving(work: Path, *, pacs_port: int, log: Path) -> Iterator[Peer]:
    """The service as a process of its own, ready for as long as the context lasts."""
    port = _free_port()
    configuration = work / "rdeepnet.toml"
    configuration.write_text(
        _CONFIGURATION.format(ae_title=_AE_TITLE, host=_HOST, port=port, pacs=_PACS, pacs_port=pacs_port),
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "appliance.cli", "serve", "--config", str(configuration)]
    peer = Peer(ae_title=_AE_TITLE, host=_HOST, port=port, calling_title=_PACS, timeout_s=30.0)
    with log.open("wb") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=stream, start_new_session=True)
        try:
            _wait_until_ready(process, peer, log=log)
            yield peer
        finally:
            _stop(process)


def _wait_until_ready(process: subprocess.Popen[bytes], peer: Peer, *, log: Path) -> None:
    deadline_s = time.monotonic() + _READY_WITHIN_S
    while time.monotonic() < deadline_s:
        if process.poll() is not None:
            last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
            raise SetupError(f"The service ended with status {process.returncode}: {' '.join(last)}")
        if _listens(peer):
            echo(peer)
            return
        time.sleep(0.2)
    raise SetupError(f"The service did not answer a C-ECHO within {_READY_WITHIN_S:g} s; see {log}.")


def _listens(peer: Peer) -> bool:
    try:
        socket.create_connection((peer.host, peer.port), timeout=1.0).close()
    except OSError:
        return False
    return True


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])
