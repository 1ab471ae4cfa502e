"""Threads of the numerical libraries: the one place that limits them.

The arrays are small, so threads that wait for each other burn more than they give: on two cores a training on 20
patients took 54 CPU seconds with them, 8 on one. On one thread sums are also added in the same order on every machine.
Studies run side by side in processes instead.

A command limits the libraries before they are loaded (`limit_libraries_to_come`: no thread is ever started); a public
door of `models` also limits those that its caller has loaded (`one_thread`).
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# What OpenMP and the BLAS libraries read when they are loaded, and what ITK and Numba read.
_ONE = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_SHARED = ("ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS", "NUMBA_NUM_THREADS")


class _Thread(threading.local):
    """Limits of the calling thread, lifted at the end: OpenMP and PyTorch keep their number for each thread."""

    users = 0
    limits: Any = None
    torch_before: int | None = None


_thread = _Thread()


def limit_libraries_to_come() -> None:
    """Tell libraries that this process and its children will load to use one thread, unless somebody said otherwise."""
    for name in _ONE:
        os.environ.setdefault(name, "1")


def variables_of_worker(cores: int) -> dict[str, str]:
    """The environment of a process that has `cores` cores: one thread, except for ITK's filters, which gain by more."""
    return dict.fromkeys(_ONE, "1") | dict.fromkeys(_SHARED, str(cores))


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep BLAS, OpenMP and PyTorch to one thread of the CPU meanwhile; also a decorator.

    OpenMP and PyTorch keep their number for each thread of the program. BLAS has one for the process, and threadpoolctl
    lets the thread decide that first changed it: another that computes at the same time follows it.
    """
    # Imported here: it loads ctypes, and `rdeepnet --help` takes this module for the environment only.
    from threadpoolctl import threadpool_limits

    _thread.users += 1
    if _thread.limits is None:
        _thread.limits = threadpool_limits(limits=1)
    # PyTorch has a setting beside OpenMP's, and may have been loaded after this thread came in first.
    if _thread.torch_before is None and (torch := sys.modules.get("torch")) is not None:
        _thread.torch_before = torch.get_num_threads()
        torch.set_num_threads(1)
    try:
        yield
    finally:
        _thread.users -= 1
        if _thread.users == 0:
            if _thread.torch_before is not None:
                sys.modules["torch"].set_num_threads(_thread.torch_before)
            _thread.limits.restore_original_limits()
            _thread.limits = _thread.torch_before = None
