"""The inbox: idempotent, versioned, private, and rebuilt from names. Kind: mechanics."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.files import lock_folder, write_durably
from appliance.state.inbox import Inbox, Kept, instance_counts
from models.errors import SetupError

STUDY = "1.2.3"


def keep(inbox: Inbox, instance: str, content: str, *, study: str = STUDY) -> Kept:
    return inbox.keep(study, instance_uid=instance, meta=b"meta", dataset=content.encode())


def test_an_instance_is_the_file_that_was_sent(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "inbox")
    assert keep(inbox, "1.1", "pixels") is Kept.NEW
    (file,) = inbox.content(STUDY).files
    assert file.read_bytes() == b"metapixels"
    assert inbox.studies() == (STUDY,)


def test_the_same_bytes_again_change_nothing(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "inbox")
    keep(inbox, "1.1", "pixels")
    before = inbox.content(STUDY)
    assert keep(inbox, "1.1", "pixels") is Kept.KNOWN
    assert inbox.content(STUDY) == before


def test_other_bytes_under_the_same_uid_count_from_then_on(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "inbox")
    keep(inbox, "1.1", "wrong name")
    before = inbox.content(STUDY)
    assert keep(inbox, "1.1", "right name") is Kept.NEWER_VERSION
    after = inbox.content(STUDY)
    assert [file.read_bytes() for file in after.files] == [b"metaright name"]
    assert before.files[0].read_bytes() == b"metawrong name", "a job that reads it is not disturbed"
    assert after.digest != before.digest
    assert keep(inbox, "1.1", "wrong name") is Kept.KNOWN
    assert inbox.content(STUDY) == after


@given(st.permutations(range(5)))
def test_the_digest_does_not_depend_on_the_order_of_arrival(order: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        inbox = Inbox(Path(folder) / "inbox")
        for number in order:
            keep(inbox, f"1.{number}", f"pixels {number}")
        # from one run with the order 0 to 4; it must not change, it is part of job ids on disk
        assert inbox.content(STUDY).digest.startswith("f0b70a2278f213ad")


def test_a_new_process_finds_the_same(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "inbox")
    for instance, content in (("1.1", "a"), ("1.2", "b"), ("1.1", "c"), ("1.1", "d")):
        keep(inbox, instance, content)
    again = Inbox(tmp_path / "inbox")
    assert again.content(STUDY) == inbox.content(STUDY)
    assert keep(again, "1.1", "c") is Kept.KNOWN
    assert instance_counts(tmp_path / "inbox") == {STUDY: 2}


def test_leftovers_of_a_crash_are_removed(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "inbox")
    keep(inbox, "1.1", "a")
    leftover = inbox.content(STUDY).files[0].with_name(".half.dcm.part")
    leftover.write_bytes(b"ha")
    assert len(Inbox(tmp_path / "inbox").content(STUDY).files) == 1
    assert not leftover.exists()


def test_everything_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        inbox = Inbox(tmp_path / "state" / "inbox")
        keep(inbox, "1.1", "a")
    finally:
        os.umask(before)
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "state").rglob("*") if path.is_dir()}
    assert modes == {0o700}
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert inbox.content(STUDY).files[0].stat().st_mode & 0o777 == 0o600


def test_a_full_disk_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = Inbox(tmp_path / "inbox")

    def full(handle: int, content: memoryview) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("appliance.files.os.write", full)
        with pytest.raises(OSError, match="No space left"):
            keep(inbox, "1.1", "a")
    assert inbox.content(STUDY).files == ()
    assert list((tmp_path / "inbox" / STUDY).iterdir()) == []
    assert keep(inbox, "1.1", "a") is Kept.NEW


def test_the_same_instance_on_many_associations_at_once(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "inbox")
    with ThreadPoolExecutor(8) as associations:
        results = list(associations.map(lambda _: keep(inbox, "1.1", "a" * 100_000), range(32)))
    assert set(results) <= {Kept.NEW, Kept.KNOWN}
    assert len(inbox.content(STUDY).files) == 1
    assert len(list((tmp_path / "inbox" / STUDY).iterdir())) == 1


def test_a_removed_study_is_gone(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "inbox")
    keep(inbox, "1.1", "a")
    keep(inbox, "1.1", "a", study="1.2.4")
    inbox.remove(STUDY)
    assert inbox.studies() == ("1.2.4",)
    assert not (tmp_path / "inbox" / STUDY).exists()


def test_a_file_is_there_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"

    def interrupted() -> Iterator[bytes]:
        yield b"ha"
        raise KeyboardInterrupt

    write_durably(path, [b"one", b"two"])
    assert path.read_bytes() == b"onetwo"
    with pytest.raises(KeyboardInterrupt):
        write_durably(path, interrupted())
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_a_state_folder_has_one_service(tmp_path: Path) -> None:
    handle = lock_folder(tmp_path)
    with pytest.raises(SetupError, match="Another service uses"):
        lock_folder(tmp_path)
    os.close(handle)
    os.close(lock_folder(tmp_path))
