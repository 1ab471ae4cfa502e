"""Compilation of the kernels for the CPU (numba)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from numba import njit

from models.private_folders import is_private

LOG = logging.getLogger("rdeepnet.models")


def compiled(function: Callable[..., Any]) -> Any:
    """Compiles at the first call, without the interpreter lock, and caches on disk where there is a place to.

    Numba caches beside this file, else in the user's cache folder, or in NUMBA_CACHE_DIR. Where none can be written it
    refuses; then every process compiles for itself. So it does where others can write to the folder: Numba unpickles
    what it finds there.
    """
    try:
        made = njit(cache=True, nogil=True)(function)
    except RuntimeError:
        return njit(nogil=True)(function)
    if made.stats.cache_path is None:
        return made
    folder, beside = Path(made.stats.cache_path), Path(function.__code__.co_filename).parent
    # Who can write beside the source can change the source.
    if beside in folder.parents or _is_trusted(folder):
        return made
    return njit(nogil=True)(function)


@cache
def _is_trusted(folder: Path) -> bool:
    if is_private(folder):
        return True
    LOG.warning(
        "%s can be written by others, so nothing is taken from it and kernels are compiled in every process: set "
        "NUMBA_CACHE_DIR to a folder of this user alone",
        folder.parent,
    )
    return False
