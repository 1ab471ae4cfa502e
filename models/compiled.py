"""Compilation of the kernels for the CPU (numba)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(function: Callable[..., Any]) -> Any:
    """Compiles at the first call, without the interpreter lock, and caches on disk where there is a place to.

    Numba caches beside this file, else in the user's cache folder, or in NUMBA_CACHE_DIR. Where none can be written it
    refuses; then every process compiles for itself.
    """
    try:
        return njit(cache=True, nogil=True)(function)
    except RuntimeError:
        return njit(nogil=True)(function)
