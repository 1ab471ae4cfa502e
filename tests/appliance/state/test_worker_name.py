"""The name of a worker: made once, kept with the records. Kind: mechanics."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.state import worker_name as worker_name_module
from appliance.state.records import Records
from appliance.state.worker_name import host_and_gpu, worker_name


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


@pytest.mark.parametrize(
    ("visible", "name"),
    [
        (None, "tower-0"),
        ("2", "tower-2"),
        ("3,1", "tower-3"),
        ("", "tower-cpu"),
        ("GPU-8f6e, GPU-1", "tower-GPU-8f6e"),
        ("MIG-GPU-8f6e/1/0", "tower-MIG-GPU-8f6e-1-0"),
    ],
)
def test_the_name_in_a_shared_home_is_the_hosts_and_its_gpus(
    monkeypatch: pytest.MonkeyPatch, visible: str | None, name: str
) -> None:
    monkeypatch.setattr(worker_name_module.socket, "gethostname", lambda: "tower")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert host_and_gpu() == name
