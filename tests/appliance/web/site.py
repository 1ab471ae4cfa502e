"""A state folder with a study in every state, and the page on it as a process of its own."""

from __future__ import annotations

import http.client
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

from appliance.settings import Settings, load_settings
from appliance.stages import StageCost
from appliance.state.choices import Choices
from appliance.state.commitment_records import CommitmentRecords
from appliance.state.inbox_folder import FolderInbox
from appliance.state.not_kept_records import NotKeptRecords
from appliance.state.operator_actions import OperatorActions
from appliance.state.outbox import Outgoing
from appliance.state.outbox_folder import FolderOutbox
from appliance.state.record_rows import DeliveryState
from appliance.state.records import Records
from appliance.state.states import State
from appliance.state.worker_records import WorkerRecords
from dicom_io.answer import Answer, AnswerObject
from dicom_io.answer_roles import Role
from tests.end_to_end.running import free_port, wait_for
from tests.end_to_end.small_study import document, segmentation

TOKEN = "0123456789abcdef" * 4
RECEIVED, QUEUED, SENDING, DELIVERED, REFUSED, FAILED = (f"1.2.826.0.1.3680043.8.498.{n}" for n in range(1, 7))
REASON = "No segmentation was found among the objects of this study; a DICOM-SEG of the tumour was expected."
UNREACHABLE = "PACS2 at 127.0.0.1:104 cannot be reached; check its address and that it is running."
PDF = b"%PDF-1.4 Test^Patient"


def configuration(folder: Path, *, port: int, token: bool, more: str = "") -> Path:
    """A configuration file for `rdeepnet web`, with two destinations of which nobody answers."""
    tokens = folder / "tokens"
    tokens.write_text(f"jo {TOKEN}\n", encoding="ascii")
    tokens.chmod(0o600)
    path = folder / "rdeepnet.toml"
    path.write_text(
        f'[service]\nhost = "127.0.0.1"\nport = {free_port()}\nstate_dir = "state"\n'
        f"[web]\nenabled = true\nport = {port}\n"
        + ('token_file = "tokens"\n' if token else "")
        + more
        + '[[senders]]\nae_title = "PACS"\n'
        + "".join(
            f'[[destinations]]\nname = "{name}"\nae_title = "PACS"\nhost = "127.0.0.1"\nport = {free_port()}\n'
            for name in ("pacs", "second")
        ),
        encoding="utf-8",
    )
    return path


def populate(state_dir: Path) -> None:
    """A study in every state, as a service leaves them."""
    records = Records(state_dir / "studies.sqlite3")
    inbox, outbox = FolderInbox(state_dir / "inbox"), FolderOutbox(state_dir / "outbox")
    CommitmentRecords(records)
    OperatorActions(records)
    Choices(records)
    NotKeptRecords(records)
    WorkerRecords(records)

    def queued(study: str) -> str:
        inbox.keep(study, instance_uid="1.1", meta=b"", dataset=b"pixels")
        records.arrived(study)
        return records.queue(study, digest=inbox.content(study).digest)

    def sending(study: str) -> str:
        job = queued(study)
        records.start(job)
        stages = (StageCost("read", 1.5, 1.0, 300.0), StageCost("extract", 4.5, 4.0, 800.0))
        outbox.put(job, Outgoing(Answer((AnswerObject(Role.PDF, document(study, ours=True)),), PDF), stages))
        records.answered(job, destinations=["pacs", "second"])
        return job

    def tried(destination: str, state: DeliveryState, sentence: str = "") -> None:
        for delivery in records.take_deliveries(destination, lease_s=0):
            records.delivery_tried(delivery, state=state, sentence=sentence, next_at=datetime.now(UTC))

    sending(DELIVERED)
    tried("pacs", DeliveryState.DONE)
    tried("second", DeliveryState.DONE)
    sending(SENDING)
    tried("pacs", DeliveryState.DONE)
    tried("second", DeliveryState.WAITING, UNREACHABLE)
    for study, state, sentence in ((REFUSED, State.REFUSED, REASON), (FAILED, State.FAILED, "<b>memory</b> & more")):
        job = queued(study)
        records.start(job)
        records.gave_up(job, state=state, sentence=sentence, code="no-tumour")
    queued(QUEUED)
    records.arrived(RECEIVED)
    records.close()


def draft(settings: Settings, study: str) -> str:
    """A study in review, as the worker leaves it; returns the SOP Instance UID of its draft."""
    state_dir = settings.service.state_dir
    records = Records(state_dir / "studies.sqlite3")
    inbox, outbox = FolderInbox(state_dir / "inbox"), FolderOutbox(state_dir / "outbox")
    inbox.keep(study, instance_uid="1.1", meta=b"", dataset=b"pixels")
    records.arrived(study)
    job = records.queue(study, digest=inbox.content(study).digest)
    records.start(job)
    made = AnswerObject(Role.DRAFT_SEG, segmentation(study, ours=True))
    outbox.put(job, Outgoing(Answer((made,), PDF), (), created=datetime.now(UTC), review="A draft waits."))
    records.drafted(job, sentence="A draft waits.", destinations=["pacs"])
    records.close()
    return made.sop_instance_uid


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    text: str


@dataclass
class Page:
    """The running page, and a client that keeps its cookie."""

    settings: Settings
    config: Path
    cookie: str = ""

    def ask(
        self,
        path: str,
        form: Mapping[str, str | list[str]] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        host: str = "",
    ) -> Reply:
        port = self.settings.web.port
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        sent = {"Host": host or f"127.0.0.1:{port}", **(headers or {})}
        if self.cookie:
            sent["Cookie"] = self.cookie
        body = None if form is None else urlencode(form, doseq=True)
        if body is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request("GET" if form is None else "POST", path, body, sent)
        response = connection.getresponse()
        reply = Reply(
            response.status, {k.lower(): v for k, v in response.getheaders()}, response.read().decode("latin-1")
        )
        connection.close()
        return reply

    def sign_in(self) -> None:
        reply = self.ask("/sign-in", {"token": TOKEN})
        assert reply.status == 303, reply.text
        self.cookie = reply.headers["set-cookie"].split(";")[0]

    def csrf(self) -> str:
        return self.ask("/").text.split('name="csrf" value="')[1].split('"')[0]

    def act(self, action: str, *studies: str, **more: str) -> Reply:
        return self.ask("/actions", {"csrf": self.csrf(), "action": action, "study": list(studies), **more})


@contextmanager
def running_page(folder: Path, *, token: bool = True, more: str = "") -> Iterator[Page]:
    """`rdeepnet web` on a populated state folder."""
    config = configuration(folder, port=free_port(), token=token, more=more)
    settings = load_settings(config)
    populate(settings.service.state_dir)
    log = (folder / "web.log").open("w")
    process = subprocess.Popen(
        [sys.executable, "-m", "appliance.cli", "web", "--config", str(config)], stderr=log, stdout=log
    )
    page = Page(settings, config)

    def answers() -> bool:
        assert process.poll() is None, (folder / "web.log").read_text()
        try:
            return "first time" not in page.ask("/").text
        except OSError:
            return False

    try:
        wait_for(answers, what="the page")
        yield page
    finally:
        process.terminate()
        status = process.wait(timeout=30)
        log.close()
    assert status == 0, "told to stop, it stopped in order"
