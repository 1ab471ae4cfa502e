"""Podman for tests, as root or not, without systemd: the image is built once, containers are started hardened.

`make image-test` builds and tests; with RDEEPNET_TEST_IMAGE an image that is there is tested and none is built.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dicom_io.network.echo import echo
from dicom_io.network.peer import Peer
from tests.conftest import ROOT, require_programs
from tests.end_to_end.running import AE_TITLE, free_port, is_listening, wait_for

BASE = "debian:bookworm-slim"
BUILD = ROOT / "appliance" / "deploy" / "container"
UID = 10001
PYTHON = sys.executable  # its pip is configured for this machine

# Debian 12's podman: runc rather than crun, no systemd to make control groups, limits a container may have.
CONFIGURATION = """\
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


@dataclass(frozen=True)
class Engine:
    """Podman with a configuration of its own."""

    configuration: Path

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "CONTAINERS_CONF": str(self.configuration)}

    def run(self, *arguments: str, patience_s: float = 120.0) -> subprocess.CompletedProcess[str]:
        """A podman command; whoever calls looks at its exit status."""
        return subprocess.run(
            ["podman", *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=self.environment,
            timeout=patience_s,
        )

    def done(self, *arguments: str) -> str:
        """Standard output of a podman command, which must succeed."""
        result = self.run(*arguments)
        assert result.returncode == 0, f"podman {' '.join(arguments)}: {result.stderr}"
        return result.stdout.strip()

    def inspected(self, kind: str, name: str) -> dict[str, Any]:
        (found,) = json.loads(self.done(kind, "inspect", name))
        return dict(found)

    def files_of(self, image: str, command: str) -> str:
        """Output of a shell command in the image, as root, without its entry point."""
        return self.done("run", "--rm", "--network=none", "--user=0", "--entrypoint=sh", image, "-c", command)


@dataclass(frozen=True)
class Image:
    """A built image."""

    engine: Engine
    name: str


def open_engine(folder: Path) -> Engine:
    """Podman, where it can run containers; skips the test where it cannot, with the reason."""
    require_programs("podman", "runc")
    configuration = folder / "containers.conf"
    configuration.write_text(CONFIGURATION, encoding="utf-8")
    engine = Engine(configuration)
    info = engine.run("info", "--format", "{{.Host.OCIRuntime.Name}}")
    if info.returncode:
        pytest.skip(f"podman does not work here: {info.stderr.strip().splitlines()[-1]}")
    return engine


def open_image(engine: Engine) -> Image:
    """The image under test: built here, unless RDEEPNET_TEST_IMAGE names one that is there."""
    if named := os.environ.get("RDEEPNET_TEST_IMAGE"):
        assert engine.run("image", "exists", named).returncode == 0, f"RDEEPNET_TEST_IMAGE: there is no image {named}"
        return Image(engine, named)
    require_programs("mmdebstrap")
    if engine.run("image", "exists", BASE).returncode:
        _run_script(engine, "stand_in_base.sh", BASE)
    probe = engine.run("run", "--rm", "--network=none", BASE, "true")
    if probe.returncode:
        pytest.skip(f"podman cannot run containers here: {probe.stderr.strip().splitlines()[-1]}")
    _require_torch_wheel()
    name = "localhost/rdeepnet:cpu"
    _run_script(engine, "build.sh", IMAGE=name, BASE=BASE, FLAVOUR="cpu", ENGINE="podman")
    return Image(engine, name)


def _require_torch_wheel() -> None:
    """Skip where pip's configuration does not lead to PyTorch's CPU wheel, which is in none of PyPI's indexes."""
    if "TORCH_INDEX" in os.environ or "WHEELHOUSE" in os.environ:
        return
    lines = (BUILD / "requirements-cpu.txt").read_text(encoding="utf-8").splitlines()
    torch = next(line for line in lines if line.startswith("torch==")).split()[0]
    command = [PYTHON, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--no-deps", "--quiet", torch]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        pytest.skip(
            f"pip does not find {torch}: set TORCH_INDEX or WHEELHOUSE, see appliance/deploy/container/README.md"
        )


def _run_script(engine: Engine, script: str, *arguments: str, **settings: str) -> None:
    """One of the shell scripts that build; its whole output when it fails."""
    command = ["sh", str(BUILD / script), *arguments]
    environment = {**engine.environment, "PYTHON": PYTHON, **settings}
    began_s = time.monotonic()
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=900)
    assert result.returncode == 0, f"{script}:\n{result.stdout}\n{result.stderr}"
    print(f"{script}: {time.monotonic() - began_s:.0f} s")


class Appliance:
    """The image as a hardened container that may be stopped, killed and started again on the same state.

    Parameters
    ----------
    destination_port : of the peer "PACS" on this machine that gets the results
    """

    def __init__(self, image: Image, folder: Path, *, destination_port: int) -> None:
        self._image = image
        self._engine = image.engine
        self.name = f"rdeepnet-test-{secrets.token_hex(4)}"
        self.volume = f"{self.name}-state"
        self.port = free_port()
        self.configuration = folder / "rdeepnet.toml"
        self.configuration.write_text(
            '[service]\nstate_dir = "/var/lib/rdeepnet"\n[study]\nidle_s = 1.0\n[jobs]\npoll_s = 0.2\n'
            "[delivery]\nretry_min_s = 0.5\nretry_max_s = 2.0\ntimeout_s = 10.0\n"
            '[[senders]]\nae_title = "STORESCU"\n'
            '[[destinations]]\nname = "pacs"\nae_title = "PACS"\nhost = "host.containers.internal"\n'
            f"port = {destination_port}\nstorage_commitment = false\n",
            encoding="utf-8",
        )
        self.configuration.chmod(0o644)

    def run(self) -> None:
        """Start a container as OPERATING.md says, on the volume with the state."""
        self._engine.done(
            "run",
            "--detach",
            f"--name={self.name}",
            *hardening(),
            f"--volume={self.volume}:/var/lib/rdeepnet",
            f"--volume={self.configuration}:/etc/rdeepnet/rdeepnet.toml:ro",
            f"--publish=127.0.0.1:{self.port}:11112",
            self._image.name,
        )

    def start(self) -> float:
        """Run, and wait until it answers a C-ECHO from outside; returns the seconds it took."""
        began_s = time.monotonic()
        self.run()
        wait_for(self._is_answering, what="the container to answer")
        return time.monotonic() - began_s

    def _is_answering(self) -> bool:
        assert self.is_running, self.log()
        if not is_listening(self.port):
            return False
        echo(Peer(AE_TITLE, "127.0.0.1", self.port, "STORESCU", 10.0))
        return True

    @property
    def is_running(self) -> bool:
        return bool(self.state()["Running"])

    def state(self) -> Mapping[str, Any]:
        return dict(self._engine.inspected("container", self.name)["State"])

    def log(self) -> str:
        result = self._engine.run("logs", self.name)
        return result.stdout + result.stderr

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command inside of the running container."""
        return self._engine.run("exec", self.name, *arguments)

    def health(self) -> subprocess.CompletedProcess[str]:
        """The image's HEALTHCHECK, run by hand: systemd, which podman has for it, is not there."""
        return self._engine.run("healthcheck", "run", self.name)

    def studies(self) -> list[dict[str, Any]]:
        result = self.command("rdeepnet", "status", "--json")
        return list(json.loads(result.stdout)) if result.returncode == 0 else []

    def wait_for_state(self, study_uid: str, state: str) -> None:
        def reached() -> bool:
            found = {study["study_instance_uid"]: study for study in self.studies()}.get(study_uid, {})
            assert found.get("state") not in {"refused", "failed"} - {state}, f"{found}\n{self.log()}"
            return found.get("state") == state

        wait_for(reached, what=f"the study to be {state}", patience_s=120.0)

    def wait_for_log(self, text: str, *, times: int) -> None:
        """Wait for a log line; sooner than a command in the container could tell."""
        wait_for(lambda: self.log().count(text) >= times, what=f"{times} × '{text}' in the log", patience_s=120.0)

    def stop(self, *, grace_s: int) -> float:
        """SIGTERM as an engine sends it; returns the seconds it took."""
        began_s = time.monotonic()
        self._engine.done("stop", f"--time={grace_s}", self.name)
        return time.monotonic() - began_s

    def kill(self) -> None:
        """SIGKILL to everything in it."""
        self._engine.done("kill", self.name)
        self._engine.done("wait", self.name)

    def remove(self) -> None:
        """Remove the container; its state stays."""
        self._engine.run("rm", "--force", "--time=0", self.name)

    def memory_mb(self) -> float:
        """Proportional set sizes of all its processes, in 10⁶ bytes: file pages count as well."""
        processes = self._engine.done("top", self.name, "hpid").split()[1:]
        rollups = [Path(f"/proc/{process}/smaps_rollup").read_text(encoding="utf-8") for process in processes]
        return (
            sum(int(line.split()[1]) for text in rollups for line in text.splitlines() if line.startswith("Pss:")) / 1e3
        )

    def end(self) -> None:
        """Whatever state it is in, leave nothing."""
        self.remove()
        self._engine.run("volume", "rm", "--force", self.volume)


def hardening() -> Sequence[str]:
    """Options that harden a container of this image: podman's default seccomp profile stays."""
    return ("--read-only", "--cap-drop=all", "--security-opt=no-new-privileges", "--tmpfs=/tmp:size=1g,mode=1777")


@contextmanager
def appliance(image: Image, folder: Path, *, destination_port: int) -> Iterator[Appliance]:
    """A container that is removed with its state at the end of the block; it is not started yet."""
    made = Appliance(image, folder, destination_port=destination_port)
    try:
        yield made
    finally:
        made.end()
