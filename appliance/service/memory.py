"""Limits of a worker's memory, and what the libraries raise when they are reached: one sentence for all of them.

A limit must act before the kernel does: while its memory killer looks for a process, the whole machine thrashes
(half a minute for 22 GB). `RLIMIT_DATA` counts what a process can write to and nobody shares, so that address space
that CUDA only reserves is free.
"""

from __future__ import annotations

import gc
import resource
import sys
from pathlib import Path

_OOM_SCORE_ADJ = Path("/proc/self/oom_score_adj")
_FIRST_TO_GO = 600  # of 1000: where memory ends nevertheless, the kernel takes the worker and not the port

# Texts of the libraries that have no type of their own for it: PyTorch, SimpleITK, ONNX Runtime, C++ and threads.
_TEXTS = (
    "can't allocate memory",
    "cannot allocate memory",
    "not enough memory",
    "out of memory",
    "failed to allocate memory",
    "bad_alloc",
    "bad allocation",
    "can't start new thread",
)


def limit_memory(gib: float) -> None:
    """Limits this process to so many GiB of its own data; 0 for no limit."""
    if gib:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        wanted = int(gib * 2**30)
        resource.setrlimit(
            resource.RLIMIT_DATA, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
        )


def offer_to_the_kernel() -> None:
    """Has the kernel end this process first when the machine runs out of memory."""
    try:
        _OOM_SCORE_ADJ.write_text(str(_FIRST_TO_GO), encoding="ascii")
    except OSError:  # a container without /proc, or one that was raised higher already
        return


def is_out_of_memory(error: BaseException | None) -> bool:
    """Returns whether an error is for lack of memory, in itself or in what caused it."""
    while error is not None:
        if isinstance(error, MemoryError):
            return True
        is_of_library = isinstance(error, (RuntimeError, OSError)) or type(error).__module__.startswith("onnxruntime")
        if is_of_library and any(text in str(error).lower() for text in _TEXTS):
            return True
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return False


def in_words(gib: float) -> str:
    """The sentence for a study that needed more memory than there is."""
    if gib:
        return (
            f"The study needed more than {gib:g} GiB of memory; expected at most memory_gib of [worker]: look whether "
            "its images are as large as they say, raise memory_gib where the machine has more, then retry the study."
        )
    return "The study needed more memory than the machine has; give it more, then retry the study."


def give_back() -> None:
    """Gives memory of a computation that failed back, so that the next one has it."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
