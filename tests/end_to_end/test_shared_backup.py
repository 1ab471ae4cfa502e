"""Backup and restore of a shared home: a service goes on from pg_dump, in another database. Kind: mechanics.

Everything is real but the computation (`fake_service.py`).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.state.states import State
from tests.conftest import require_programs
from tests.end_to_end.postgres import running_postgres
from tests.end_to_end.running import Archive, RunningService, storescu
from tests.end_to_end.small_study import uid, write_study

pytestmark = [pytest.mark.peers, pytest.mark.slow]

PATIENCE_S = 300.0  # a worker loads its libraries, on a machine that may be busy


def test_a_service_goes_on_from_a_dump(tmp_path: Path, archive: Archive) -> None:
    """One study is delivered and one runs as the dump is made; the database it was made of is deleted then."""
    require_programs("setpriv")
    with running_postgres() as server:
        server.execute("CREATE DATABASE before")
        old = RunningService(
            tmp_path / "old", destinations={"pacs": archive.port}, database_url=server.url("before"), executor="old-0"
        )
        try:
            old.start()
            storescu(write_study(tmp_path / "done", "dump-done"), port=old.port)
            old.wait_for_state(uid("dump-done"), State.DELIVERED, patience_s=PATIENCE_S)
            (old.control / "hold").touch()
            storescu(write_study(tmp_path / "runs", "dump-runs"), port=old.port)
            old.wait_for_state(uid("dump-runs"), State.RUNNING, patience_s=PATIENCE_S)
            server.dump("before", tmp_path / "dump")
        finally:
            old.end()
        server.execute("DROP DATABASE before WITH (FORCE)")
        server.restore(tmp_path / "dump", "after")
        new = RunningService(
            tmp_path / "new", destinations={"pacs": archive.port}, database_url=server.url("after"), executor="new-0"
        )
        try:
            new.start()
            new.wait_for_state(uid("dump-runs"), State.DELIVERED, patience_s=PATIENCE_S)
            assert new.show(uid("dump-done")).record.state is State.DELIVERED
            storescu(write_study(tmp_path / "next", "dump-next"), port=new.port)
            new.wait_for_state(uid("dump-next"), State.DELIVERED, patience_s=PATIENCE_S)
        finally:
            new.end()
    assert [archive.count(f"dump-{study}") for study in ("done", "runs", "next")] == [2, 2, 2]
