"""Compiled code is taken from folders that nobody else can write to, and from no other. Kind: mechanics."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.private_folders import CACHES, OWN_TMP, is_private, use_private_caches
from tests.conftest import ROOT

NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder in /tmp, which is open to all, with the sticky bit."""
    assert os.stat("/tmp").st_mode & 0o7777 == 0o1777
    folder = Path(tempfile.mkdtemp(prefix="rdeepnet-test-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


def test_a_folder_of_this_user_alone_is_private_also_below_a_sticky_one(shared: Path) -> None:
    assert is_private(shared)
    inner = shared / "inner"
    assert not is_private(inner)  # nobody knows who will make it
    inner.mkdir(mode=0o755)
    assert is_private(inner)
    (shared / "file").write_text("")
    assert not is_private(shared / "file")


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o757])
def test_a_folder_that_others_can_write_to_is_not(shared: Path, mode: int) -> None:
    inner = shared / "inner"
    inner.mkdir()
    inner.chmod(mode)
    assert not is_private(inner)
    below = inner / "below"
    below.mkdir(mode=0o700)
    assert is_private(below) is bool(mode & 0o1000)  # with the sticky bit nobody can put another in its place


def test_tmp_without_the_sticky_bit_counts_only_where_the_deployment_says_that_it_is_its_own(
    monkeypatch: pytest.MonkeyPatch, shared: Path
) -> None:
    """Kubernetes' emptyDir has mode 0777; /tmp of this machine is not changed, so another folder stands for it."""
    tmp = shared / "tmp"
    tmp.mkdir()
    tmp.chmod(0o777)
    (tmp / "caches").mkdir(mode=0o700)
    monkeypatch.setattr("models.private_folders.TMP", tmp)
    assert not is_private(tmp / "caches")
    monkeypatch.setenv(OWN_TMP, "1")
    assert is_private(tmp / "caches")
    (tmp / "caches").chmod(0o777)
    assert not is_private(tmp / "caches")


@needs_root
def test_a_folder_of_somebody_else_and_what_is_below_it_are_not(shared: Path) -> None:
    (shared / "theirs").mkdir(mode=0o700)
    (shared / "theirs" / "ours").mkdir(mode=0o700)
    os.chown(shared / "theirs", NOBODY, NOBODY)
    assert not is_private(shared / "theirs")
    (shared / "by_group").mkdir()
    (shared / "by_group").chmod(0o770)
    assert is_private(shared / "by_group")  # root's own group
    os.chown(shared / "by_group", 0, NOBODY)
    assert not is_private(shared / "by_group")


@needs_root
def test_a_link_counts_with_whoever_made_it_and_all_it_leads_through(shared: Path) -> None:
    (shared / "ours").mkdir()
    (shared / "open").mkdir()
    (shared / "open").chmod(0o777)
    (shared / "open" / "below").mkdir()
    (shared / "link").symlink_to("ours")
    (shared / "through").symlink_to("open/below")
    (shared / "loop").symlink_to("loop")
    assert is_private(shared / "link")
    assert not is_private(shared / "through")
    assert not is_private(shared / "loop")
    os.chown(shared / "link", 1234, 1234, follow_symlinks=False)
    assert not is_private(shared / "link")


def test_caches_that_others_can_write_to_are_replaced(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted, new = shared / "planted", shared / "new" / "deep"
    planted.mkdir()
    planted.chmod(0o777)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(planted))
    monkeypatch.setenv("MPLCONFIGDIR", str(new))
    (sentence,) = use_private_caches()
    assert sentence.startswith(f"{planted} (NUMBA_CACHE_DIR) belongs to or can be written by others")
    fresh = Path(os.environ["NUMBA_CACHE_DIR"])
    assert fresh != planted
    assert is_private(fresh)
    assert os.environ["MPLCONFIGDIR"] == str(new)
    assert is_private(new)  # it was made
    assert use_private_caches() == []
    for name in CACHES:
        monkeypatch.delenv(name)
    assert use_private_caches() == []


class _Marks:
    """An object whose unpickling makes a file: what a planted cache does."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.mark),)


CODE = """
import sys
sys.path.insert(0, sys.argv[1])
import kernel
assert kernel.double(2.0) == 4.0
print(kernel.double.stats.cache_path)
"""
KERNEL = """
from models.compiled import compiled
@compiled
def double(x):
    return 2 * x
"""


@pytest.mark.slow
@pytest.mark.parametrize("mode", [0o700, 0o777])
def test_nothing_is_unpickled_from_a_cache_that_others_can_write_to(shared: Path, mode: int) -> None:
    """The attack itself: an index of Numba's is replaced by a pickle that acts. In a private folder it would (who can
    write there is this user), which shows that the test tests something."""
    cache, source, mark = shared / "cache", shared / "source", shared / "mark"
    cache.mkdir()
    source.mkdir()
    (source / "kernel.py").write_text(KERNEL)

    def run() -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": str(ROOT)}
        return subprocess.run(
            [sys.executable, "-c", CODE, str(source)], capture_output=True, text=True, check=False, env=environment
        )

    assert run().returncode == 0
    (index,) = cache.rglob("*.nbi")
    stamp = pickle.loads(index.read_bytes()[:0] or index.read_bytes())  # the version of Numba comes first
    index.write_bytes(pickle.dumps(stamp) + pickle.dumps(_Marks(mark)))
    cache.chmod(mode)
    second = run()
    assert mark.exists() is (mode == 0o700)
    if mode == 0o777:
        assert second.stdout == "None\n", second.stderr
        assert "can be written by others, so nothing is taken from it" in second.stderr
