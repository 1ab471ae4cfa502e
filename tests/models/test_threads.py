"""Threads of the numerical libraries. Mechanics."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from models.threads import limit_libraries_to_come, one_thread


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    """Two threads everywhere, whatever the machine has."""
    before = torch.get_num_threads()
    with threadpool_limits(limits=2):
        torch.set_num_threads(2)
        yield
    torch.set_num_threads(before)


def threads() -> set[int]:
    """The numbers of threads of BLAS, OpenMP and PyTorch in this process."""
    np.linalg.inv(np.eye(2))  # NumPy's BLAS is there
    found = threadpool_info()
    assert {library["user_api"] for library in found} == {"blas", "openmp"}
    return {library["num_threads"] for library in found} | {torch.get_num_threads()}


def test_every_library_is_kept_to_one_thread_and_gets_its_own_back() -> None:
    assert threads() == {2}
    with one_thread():
        assert threads() == {1}
        with one_thread():
            assert threads() == {1}
        assert threads() == {1}
    assert threads() == {2}


def test_also_after_an_error() -> None:
    with pytest.raises(ValueError, match="no value"), one_thread():
        raise ValueError("no value")
    assert threads() == {2}


def test_threads_of_a_program_do_not_restore_for_each_other() -> None:
    """OpenMP and PyTorch; BLAS follows the thread that came first."""

    def in_both() -> tuple[int, int]:
        openmp = {library["num_threads"] for library in threadpool_info() if library["user_api"] == "openmp"}
        return max(openmp), torch.get_num_threads()

    first_in, second_out = Event(), Event()

    def first() -> tuple[int, int]:
        with one_thread():
            first_in.set()
            assert second_out.wait(timeout=60)
            return in_both()

    def second() -> tuple[int, int]:
        assert first_in.wait(timeout=60)
        with one_thread():
            found = in_both()
        second_out.set()
        return found

    with ThreadPoolExecutor(2) as pool:
        assert [work.result() for work in (pool.submit(first), pool.submit(second))] == [(1, 1), (1, 1)]


def test_as_a_decorator_it_keeps_the_function() -> None:
    @one_thread()
    def inside(value: int) -> tuple[int, set[int]]:
        """Kept by the decorator."""
        return value, threads()

    assert inside(5) == (5, {1})
    assert inside.__doc__ == "Kept by the decorator."


PROGRAM = """
import json, os
from models.threads import limit_libraries_to_come
limit_libraries_to_come()
import numpy, torch, scipy.linalg
from threadpoolctl import threadpool_info
print(json.dumps(sorted({library["num_threads"] for library in threadpool_info()} | {torch.get_num_threads()})))
"""


def test_libraries_that_a_command_loads_start_no_threads() -> None:
    clean = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    result = subprocess.run([sys.executable, "-c", PROGRAM], env=clean, capture_output=True, text=True, check=True)
    assert json.loads(result.stdout) == [1]


def test_what_somebody_has_set_himself_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    limit_libraries_to_come()
    assert (os.environ["OMP_NUM_THREADS"], os.environ["OPENBLAS_NUM_THREADS"]) == ("2", "1")
    del os.environ["OPENBLAS_NUM_THREADS"]
