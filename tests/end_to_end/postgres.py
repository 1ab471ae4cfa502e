"""A PostgreSQL server of the test's own: on 127.0.0.1, in a temporary folder, stopped by its process id."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.end_to_end.running import free_port, wait_for


def programs() -> Path:
    """Folder of the server's programs: Debian keeps them out of PATH, one folder for each version."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not folders:
        pytest.skip("not installed: postgresql (make peers installs Debian's test peers)")
    return folders[-1].parent


class Postgres:
    """A server; it refuses to run as root, so root hands it to the user `postgres`."""

    def __init__(
        self,
        folder: Path,
        *,
        durable: bool = False,
        addresses: Sequence[str] = ("127.0.0.1",),
        standby_of: Postgres | None = None,
    ) -> None:
        self._folder, self._programs = folder, programs()
        self._durable, self.addresses = durable, addresses
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        user = pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        self._user = user.pw_name
        if os.geteuid() == 0:
            os.chown(folder, user.pw_uid, user.pw_gid)
        data = str(folder / "data")
        command = ["initdb", "--pgdata", data, "--auth", "trust", "--username", "rdeepnet", "--no-sync"]
        if standby_of is not None:
            command = ["pg_basebackup", "--dbname", standby_of.url("postgres"), "--pgdata", data, "--no-sync"]
            command += ["--write-recovery-conf", "--checkpoint", "fast"]
        subprocess.run(self._as_user(command), check=True, capture_output=True)

    def url(self, database: str = "queue", *, address: str = "127.0.0.1") -> str:
        return f"postgresql://rdeepnet@{address}:{self.port}/{database}"

    def start(self) -> None:
        """Start, and wait until it takes connections."""
        options = {
            "listen_addresses": ",".join(self.addresses),
            "port": str(self.port),
            "unix_socket_directories": "",
            "fsync": "on" if self._durable else "off",
        }
        arguments = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._as_user(["postgres", "-D", str(self._folder / "data"), *arguments]), stdout=log, stderr=log
            )
        wait_for(self._is_answering, what="PostgreSQL to answer")

    def stop(self) -> None:
        """Stop at once, with connections open (its own "fast" shutdown)."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(timeout=30)
            self._process = None

    def kill(self) -> None:
        """SIGKILL to the server; what serves connections ends with it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=30)
            self._process = None

    def promote(self) -> None:
        """A standby takes the place of its primary, and writes from now on."""
        self.execute("SELECT pg_promote(true, 60)")

    def execute(self, statement: str, *, database: str = "postgres") -> list[tuple[object, ...]]:
        """One statement by itself; its rows, if there are any."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def dump(self, database: str, file: Path) -> None:
        """A backup of a database, as an operator makes it while services use it."""
        self._client("pg_dump", "--format", "custom", "--file", str(file), "--dbname", self.url(database))

    def restore(self, file: Path, database: str) -> None:
        """A backup into a new, empty database."""
        self.execute(f"CREATE DATABASE {database}")
        self._client("pg_restore", "--no-owner", "--exit-on-error", "--dbname", self.url(database), str(file))

    def _client(self, program: str, *arguments: str) -> None:
        subprocess.run([str(self._programs / program), *arguments], check=True, capture_output=True)

    def _is_answering(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "log").read_text()
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _as_user(self, command: Sequence[str]) -> list[str]:
        program = [str(self._programs / command[0]), *command[1:]]
        if os.geteuid() != 0:
            return program
        return ["setpriv", f"--reuid={self._user}", f"--regid={self._user}", "--clear-groups", *program]


@contextmanager
def running_standby(primary: Postgres) -> Iterator[Postgres]:
    """A running standby of a server, which follows it."""
    folder = Path(tempfile.mkdtemp(prefix="rdeepnet-postgres-"))
    server: Postgres | None = None
    try:
        server = Postgres(folder, standby_of=primary)
        server.start()
        yield server
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running_postgres(*, durable: bool = False, addresses: Sequence[str] = ("127.0.0.1",)) -> Iterator[Postgres]:
    """A running server; its folder is not pytest's, which other users cannot enter.

    Parameters
    ----------
    durable : every commit is synced, as it is where it counts
    addresses : of the loopback, on which it listens
    """
    folder = Path(tempfile.mkdtemp(prefix="rdeepnet-postgres-"))
    server: Postgres | None = None
    try:
        server = Postgres(folder, durable=durable, addresses=addresses)
        server.start()
        yield server
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
