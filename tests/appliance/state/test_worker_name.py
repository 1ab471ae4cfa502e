"""The name of a worker: made once, kept with the records. Kind: mechanics."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.state import worker_name as worker_name_module
from appliance.state.records import Records
from appliance.state.worker_name import schema_name, worker_name


def name_in(path: Path) -> str:
    records = Records(path)
    try:
        return worker_name(records)
    finally:
        records.close()


def test_the_name_stays_with_the_records_whatever_the_host_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = name_in(tmp_path / "studies.sqlite3")
    monkeypatch.setattr(worker_name_module.socket, "gethostname", lambda: "another")
    assert name_in(tmp_path / "studies.sqlite3") == first
    other = name_in(tmp_path / "other.sqlite3")
    assert other.startswith("another-")
    assert other != first


@pytest.mark.parametrize("worker", ["gpu-1", "GPU 1", "gpu_1", "ä", "", "x" * 300])
def test_a_schema_name_needs_no_quotes_and_fits(worker: str) -> None:
    name = schema_name(worker)
    assert name.isascii()
    assert name.replace("_", "").isalnum()
    assert name == name.lower()
    assert len(name) <= 63, "PostgreSQL cuts longer names"


def test_names_that_look_alike_have_schemas_of_their_own() -> None:
    assert len({schema_name(worker) for worker in ("gpu-1", "GPU 1", "gpu_1", "gpu.1")}) == 4
