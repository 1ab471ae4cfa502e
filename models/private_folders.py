"""Folders that others cannot write to, for what is trusted without a look: caches of compiled code.

Numba unpickles what lies in its cache, and a pickle runs code; Matplotlib's settings can name a module to import. Where
such a folder is in /tmp and its name is known, another user of the machine can make it first.
"""

from __future__ import annotations

import atexit
import grp
import os
import pwd
import shutil
import stat
import tempfile
from pathlib import Path

CACHES = ("NUMBA_CACHE_DIR", "MPLCONFIGDIR")  # variables that name such folders
# Set by who starts this process in a container whose /tmp is its own, though its mode is open (Kubernetes' emptyDir).
OWN_TMP = "RDEEPNET_OWN_TMP"
TMP = Path("/tmp")  # noqa: S108  nothing is made there
_ROOT = 0


def use_private_caches() -> list[str]:
    """Puts a fresh folder (0700) in place of each cache in the environment that others can write to.

    A folder that is named and does not exist is made. A fresh one is removed when the process ends. Returns a sentence
    for each that was replaced.
    """
    sentences = []
    for name in CACHES:
        folder = os.environ.get(name)
        if not folder or _made_private(Path(folder)):
            continue
        fresh = tempfile.mkdtemp(prefix="rdeepnet-")
        atexit.register(_remove, fresh, os.getpid())
        os.environ[name] = fresh
        sentences.append(
            f"{folder} ({name}) belongs to or can be written by others; a folder of this user alone was expected. A "
            "fresh cache is used, so the first study waits for the compiler: name another folder, or remove this one."
        )
    return sentences


def is_private(folder: Path) -> bool:
    """Returns whether nobody but this user and root can put anything into a folder, or another one in its place.

    Every folder above it counts as well, before and behind links; one like /tmp, where only owners rename (the sticky
    bit), may be open to all, and /tmp itself where `OWN_TMP` says so. A folder that does not exist is not private.
    """
    try:
        real = Path(os.path.realpath(folder, strict=True))
        if not real.is_dir():
            return False
        above = {*folder.absolute().parents, *real.parents}
        links = {one for one in (folder.absolute(), *above) if one.is_symlink()}
        return (
            _is_ours(os.lstat(real), owners={os.geteuid(), _ROOT}, may_be_sticky=False)
            and all(_is_ours(os.stat(one), owners=_owners_above(), may_be_sticky=True) for one in above - _own_tmp())
            and all(os.lstat(one).st_uid in _owners_above() for one in links)
        )
    except OSError:
        return False


def _made_private(folder: Path) -> bool:
    """Makes a folder where there is none; returns whether it is private and can be written to by this user."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        # Nobody made it, and nobody can: there is no cache, and nothing to be afraid of.
        return not os.path.lexists(folder)
    return is_private(folder)


def _is_ours(found: os.stat_result, *, owners: set[int], may_be_sticky: bool) -> bool:
    if found.st_uid not in owners:
        return False
    if may_be_sticky and found.st_mode & stat.S_ISVTX:
        return True
    is_open = bool(found.st_mode & stat.S_IWOTH)
    return not is_open and (not found.st_mode & stat.S_IWGRP or _is_of_one(found.st_gid))


def _own_tmp() -> set[Path]:
    return {TMP} if os.environ.get(OWN_TMP) == "1" else set()


def _owners_above() -> set[int]:
    """Owners that a folder above may have: root shows as the overflow user in a user namespace (Apptainer)."""
    try:
        overflow = int(Path("/proc/sys/kernel/overflowuid").read_text())
    except (OSError, ValueError):
        overflow = _ROOT
    return {os.geteuid(), _ROOT, overflow}


def _is_of_one(group: int) -> bool:
    """Returns whether a group is this user's alone, as most Linux systems make one for each user, or root's."""
    if group == _ROOT:
        return True
    try:
        named = grp.getgrgid(group)
        return named.gr_name == pwd.getpwuid(os.geteuid()).pw_name and not named.gr_mem
    except KeyError:
        return False


def _remove(folder: str, process: int) -> None:
    if os.getpid() == process:  # a fork of this process ends earlier
        shutil.rmtree(folder, ignore_errors=True)
