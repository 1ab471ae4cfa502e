"""Real processes for end-to-end tests: the service, Orthanc, DCMTK. Ports are free ones on 127.0.0.1."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from appliance.service.study_status import StudyDetail, list_studies, show_study
from appliance.settings import Settings, load_settings
from appliance.state.record_rows import StudyRecord
from appliance.state.states import State
from dicom_io.network.echo import echo
from dicom_io.network.peer import Peer
from models.errors import SetupError
from tests.end_to_end.small_study import uid

AE_TITLE = "RDEEPNET"
PATIENCE_S = 60.0  # generous: the machine may be busy


def free_port() -> int:
    """A port nobody listens on at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def wait_for(condition: Callable[[], Any], *, what: str, patience_s: float = PATIENCE_S) -> Any:
    """Wait until a condition gives something true, and return it."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited {patience_s:g} s in vain: {what}")


@dataclass(frozen=True)
class Archive:
    """A receiving peer: the folder it writes to, and its port."""

    folder: Path
    port: int

    def count(self, study: str) -> int:
        """Objects it has of a study of `small_study`; one that was sent twice under the same UID is one file."""
        return sum(_study_of(file) == uid(study) for file in self.folder.iterdir())


def _study_of(file: Path) -> str:
    """Study Instance UID of a file; "" of one that a receiver has just begun to write."""
    try:
        return str(dcmread(file, stop_before_pixels=True).get("StudyInstanceUID", ""))
    except (InvalidDicomError, EOFError, FileNotFoundError):
        return ""


class RunningService:
    """The service as a process of its own that may be killed and started again.

    Parameters
    ----------
    destinations : name → port of a peer "PACS" that gets the results
    commitment_report_s : without a report for so long, storage commitment is asked for again
    database_url : PostgreSQL database of a home that hosts share; "" for a state folder
    role, executor : of this process in a shared home; its control folder may be shared, too
    of_destination : further settings of every destination
    more : further tables of the settings
    computes : run `rdeepnet serve` as it ships; otherwise with the fake answer of `fake_service.py`
    """

    def __init__(
        self,
        folder: Path,
        *,
        destinations: Mapping[str, int],
        senders: Sequence[str] = ("STORESCU", "ORTHANC"),
        idle_s: float = 0.7,
        hung_after_s: float = 60.0,
        computes: bool = False,
        more: str = "",
        commitment_report_s: float = 3600.0,
        database_url: str = "",
        of_destination: str = "",
        role: str = "all",
        executor: str = "",
        control: Path | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.role = role
        self.control = control or folder / "control"
        self.control.mkdir(exist_ok=True)
        self.settings_file = folder / "rdeepnet.toml"
        peers = "".join(f'[[senders]]\nae_title = "{title}"\naddresses = ["127.0.0.1"]\n' for title in senders)
        peers += "".join(
            f'[[destinations]]\nname = "{name}"\nae_title = "PACS"\nhost = "127.0.0.1"\nport = {port}\n'
            f"{of_destination}\n"
            for name, port in destinations.items()
        )
        self.settings_file.write_text(
            f'[service]\nhost = "127.0.0.1"\nport = {self.port}\nstate_dir = "state"\n'
            f"[study]\nidle_s = {idle_s}\n[jobs]\npoll_s = 0.1\nhung_after_s = {hung_after_s}\n"
            f'executor = "{executor}"\n[shared]\ndatabase_url = "{database_url}"\n'
            f"[delivery]\nretry_min_s = 0.3\nretry_max_s = 1.0\ntimeout_s = 10.0\n"
            f"commitment_report_s = {commitment_report_s}\n{more}{peers}",
            encoding="utf-8",
        )
        self.settings: Settings = load_settings(self.settings_file)
        self._log = folder / "service.log"
        self._said = 0
        self._sender = senders[0]
        self._computes = computes
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it answers a C-ECHO, or its worker is ready where it does not listen."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start without waiting."""
        self._said = len(self.log())
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command(), stderr=log, stdout=log)

    def wait_ready(self) -> None:
        """Wait until it works, after `launch`."""
        peer = Peer(AE_TITLE, "127.0.0.1", self.port, self._sender, 10.0)

        def is_answering() -> bool:
            assert self._process is not None
            assert self._process.poll() is None, self.log()
            if self.role == "worker":
                return "worker ready" in self.log()[self._said :]
            if not is_listening(self.port):
                return False
            echo(peer)
            return True

        wait_for(is_answering, what=f"the service to answer\n{self.log()}", patience_s=3 * PATIENCE_S)

    def start_another(self) -> str:
        """Output of a second service with the same settings, which does not start."""
        result = subprocess.run(self._command(), capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        assert result.returncode != 0
        return result.stderr

    def _command(self) -> list[str]:
        if self._computes:
            return [str(Path(sys.executable).with_name("rdeepnet")), "serve", "--config", str(self.settings_file)] + (
                ["--role", self.role] if self.role != "all" else []
            )
        module = "tests.end_to_end.fake_service"
        return [sys.executable, "-m", module, str(self.settings_file), str(self.control), self.role]

    def workers(self) -> list[int]:
        """Process ids of the workers that began an answer, one for each answer."""
        path = self.control / "workers"
        return [int(line) for line in path.read_text().splitlines()] if path.exists() else []

    @property
    def pid(self) -> int:
        """Process id of the service, not of its worker."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """SIGKILL: no handler runs, nothing is flushed."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._process = None

    def wait_for_end(self) -> int:
        """Wait until the process ends by itself; returns its exit status."""
        assert self._process is not None
        status = self._process.wait(timeout=PATIENCE_S)
        self._process = None
        return status

    def stop(self) -> int:
        """SIGTERM, as a supervisor does; returns the exit status."""
        assert self._process is not None
        self._process.terminate()
        return self.wait_for_end()

    def end(self) -> None:
        """Whatever state it is in, leave nothing running."""
        if self._process is not None:
            self.kill()

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8") if self._log.exists() else ""

    def begun(self, study_uid: str = "") -> list[str]:
        """For each answer that was begun: the number of files of one study; or, for any study, the whole line."""
        path = self.control / "begun"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line.split()[1] for line in lines if line.split()[0] == study_uid] if study_uid else lines

    def show(self, study_uid: str) -> StudyDetail:
        return show_study(self.settings, study_uid)

    def wait_for_state(self, study_uid: str, state: State, *, patience_s: float = PATIENCE_S) -> StudyRecord:
        """Wait until a study is in a state."""

        def record() -> StudyRecord | None:
            try:
                lines = list_studies(self.settings)
            except SetupError:
                return None
            found = next((line for line in lines if line.study_uid == study_uid), None)
            return self.show(study_uid).record if found is not None and found.state is state else None

        try:
            return wait_for(record, what=f"the study to be {state}", patience_s=patience_s)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log()}") from error


@contextmanager
def running_service(folder: Path, **options: Any) -> Iterator[RunningService]:
    """A service that is started, and ended with the block."""
    service = RunningService(folder, **options)
    try:
        service.start()
        yield service
    finally:
        service.end()


class Orthanc:
    """Debian's Orthanc as PACS, with its REST interface; AE title PACS, our service its modality `rdeepnet`."""

    def __init__(
        self,
        folder: Path,
        *,
        service_port: int = 104,
        port: int = 0,
        plugins: Sequence[Path] = (),
        title: str = "ORTHANC",
        knows_us: bool = True,
        more: Mapping[str, object] = MappingProxyType({}),
    ) -> None:
        folder.mkdir(parents=True)
        self.port = port or free_port()
        self._http = free_port()
        configuration = {
            "Name": "PACS",
            "StorageDirectory": str(folder / "storage"),
            "IndexDirectory": str(folder / "index"),
            "Plugins": [str(plugin) for plugin in plugins],
            "HttpPort": self._http,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "DicomAet": title,
            "DicomPort": self.port,
            "DicomCheckCalledAet": False,
            "DicomModalities": {"rdeepnet": [AE_TITLE, "127.0.0.1", service_port]},
            "OverwriteInstances": False,
            "StableAge": 1,
            **more,
        }
        if not knows_us:
            configuration["DicomModalities"] = {}
            configuration |= {f"DicomAlwaysAllow{what}": False for what in ("Echo", "Find", "Get", "Move", "Store")}
        path = folder / "orthanc.json"
        path.write_text(json.dumps(configuration))
        with (folder / "orthanc.log").open("wb") as log:
            self._process = subprocess.Popen(
                ["/usr/sbin/Orthanc", str(path)], stdout=log, stderr=log, env={**os.environ, "TCP_NODELAY": "1"}
            )
        wait_for(self._is_answering, what="Orthanc to answer")

    @property
    def pid(self) -> int:
        """Number of its process."""
        return self._process.pid

    @property
    def web_url(self) -> str:
        """Address of its DICOMweb plugin."""
        return f"http://127.0.0.1:{self._http}/dicom-web"

    def _is_answering(self) -> bool:
        assert self._process.poll() is None, "Orthanc ended by itself"
        try:
            self.get("system")
        except OSError:
            return False
        return True

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._http}/{path}", timeout=30) as answer:
            return json.load(answer)

    def get_bytes(self, path: str, *, accept: str) -> tuple[str, bytes]:
        """Content type and body of an answer."""
        request = urllib.request.Request(f"http://127.0.0.1:{self._http}/{path}", headers={"Accept": accept})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return str(answer.headers["Content-Type"]), answer.read()

    def post(self, path: str, body: bytes) -> Any:
        request = urllib.request.Request(f"http://127.0.0.1:{self._http}/{path}", data=body, method="POST")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def upload(self, files: Sequence[Path]) -> str:
        """Put files in; returns Orthanc's name of their study."""
        return [str(self.post("instances", file.read_bytes())["ParentStudy"]) for file in files][-1]

    def push(self, study: str) -> None:
        """Send a study to the service by C-STORE, as an operator does by REST."""
        answer = self.post(
            "modalities/rdeepnet/store", json.dumps({"Resources": [study], "Synchronous": True}).encode()
        )
        assert answer["FailedInstancesCount"] == 0, answer

    def instances(self, study: str) -> list[Mapping[str, str]]:
        """Tags of every instance Orthanc has of a study."""
        return [self.get(f"instances/{item['ID']}/simplified-tags") for item in self.get(f"studies/{study}/instances")]

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def storescp(folder: Path, port: int) -> Iterator[Path]:
    """DCMTK's receiver as destination; gives the folder it writes into. Restarting it keeps the existing files."""
    folder.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        ["storescp", "--output-directory", str(folder), "--aetitle", "PACS", "--fork", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TCP_NODELAY": "1"},
    )
    try:
        wait_for(lambda: is_listening(port), what="storescp to listen")
        yield folder
    finally:
        process.terminate()
        process.wait()


def is_listening(port: int) -> bool:
    """Returns whether a port of this machine accepts connections."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def storescu(files: Sequence[Path], *, port: int, called: str = AE_TITLE, calling: str = "STORESCU") -> int:
    """DCMTK's sender; returns its exit status."""
    command = ["storescu", "--required", "--call", called, "--aetitle", calling, "127.0.0.1", str(port)]
    result = subprocess.run(
        [*command, *map(str, files)], capture_output=True, check=False, env={**os.environ, "TCP_NODELAY": "1"}
    )
    if result.returncode:
        sys.stderr.write(result.stderr.decode(errors="replace"))
    return result.returncode


def dcmsend(files: Sequence[Path], *, port: int, called: str = AE_TITLE, calling: str = "STORESCU") -> int:
    """DCMTK's sender that proposes what it finds in the files; returns its exit status."""
    command = ["dcmsend", "--call", called, "--aetitle", calling, "127.0.0.1", str(port)]
    result = subprocess.run(
        [*command, *map(str, files)], capture_output=True, check=False, env={**os.environ, "TCP_NODELAY": "1"}
    )
    if result.returncode:
        sys.stderr.write((result.stdout + result.stderr).decode(errors="replace"))
    return result.returncode
