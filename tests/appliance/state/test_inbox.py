"""The inbox: idempotent, versioned, private, and rebuilt from names. Kind: mechanics."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.files import lock_folder, syncs_names_with_files, write_durably
from appliance.state.inbox import Kept
from appliance.state.inbox_folder import FolderInbox, FolderInboxReader
from dicom_io.network.command_set import file_beginning
from models.errors import SetupError

STUDY = "1.2.3"


def keep(inbox: FolderInbox, instance: str, content: str, *, study: str = STUDY) -> Kept:
    return inbox.keep(study, instance_uid=instance, meta=b"meta", dataset=content.encode())


def files_of(inbox: FolderInbox, study: str = STUDY) -> tuple[Path, ...]:
    with inbox.fetched(study, inbox.content(study).instances) as files:
        return files


def test_an_instance_is_the_file_that_was_sent(tmp_path: Path) -> None:
    inbox = FolderInbox(tmp_path / "inbox")
    assert keep(inbox, "1.1", "pixels") is Kept.NEW
    (file,) = files_of(inbox)
    assert file.read_bytes() == b"metapixels"
    assert inbox.studies() == (STUDY,)


def test_the_same_bytes_again_change_nothing(tmp_path: Path) -> None:
    inbox = FolderInbox(tmp_path / "inbox")
    keep(inbox, "1.1", "pixels")
    before = inbox.content(STUDY)
    assert keep(inbox, "1.1", "pixels") is Kept.KNOWN
    assert inbox.content(STUDY) == before


def test_other_bytes_under_the_same_uid_count_from_then_on(tmp_path: Path) -> None:
    inbox = FolderInbox(tmp_path / "inbox")
    keep(inbox, "1.1", "wrong name")
    before = inbox.content(STUDY)
    assert keep(inbox, "1.1", "right name") is Kept.NEWER_VERSION
    after = inbox.content(STUDY)
    assert [file.read_bytes() for file in files_of(inbox)] == [b"metaright name"]
    with inbox.fetched(STUDY, before.instances) as (file,):
        assert file.read_bytes() == b"metawrong name", "a job that reads it is not disturbed"
    assert after.digest != before.digest
    assert keep(inbox, "1.1", "wrong name") is Kept.KNOWN
    assert inbox.content(STUDY) == after


@given(st.permutations(range(5)))
def test_the_digest_does_not_depend_on_the_order_of_arrival(order: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        inbox = FolderInbox(Path(folder) / "inbox")
        for number in order:
            keep(inbox, f"1.{number}", f"pixels {number}")
        # from one run with the order 0 to 4; it must not change, it is part of job ids on disk
        assert inbox.content(STUDY).digest.startswith("f0b70a2278f213ad")


def test_a_new_process_finds_the_same(tmp_path: Path) -> None:
    inbox = FolderInbox(tmp_path / "inbox")
    for instance, content in (("1.1", "a"), ("1.2", "b"), ("1.1", "c"), ("1.1", "d")):
        keep(inbox, instance, content)
    again = FolderInbox(tmp_path / "inbox")
    assert again.content(STUDY) == inbox.content(STUDY)
    assert keep(again, "1.1", "c") is Kept.KNOWN
    assert FolderInboxReader(tmp_path / "inbox").counts() == {STUDY: 2}


def test_leftovers_of_a_crash_are_removed(tmp_path: Path) -> None:
    inbox = FolderInbox(tmp_path / "inbox")
    keep(inbox, "1.1", "a")
    leftover = files_of(inbox)[0].with_name(".half.dcm.part")
    leftover.write_bytes(b"ha")
    assert len(files_of(FolderInbox(tmp_path / "inbox"))) == 1
    assert not leftover.exists()


def test_one_sync_is_of_the_file_under_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.state.inbox_folder.syncs_names_with_files", lambda folder: True)
    synced = syncs(monkeypatch)
    inbox = FolderInbox(tmp_path / "inbox", syncs_folder=False)
    keep(inbox, "1.1", "a")
    synced.clear()
    keep(inbox, "1.2", "b")
    (name,) = synced
    assert name in {file.name for file in files_of(inbox)}


def test_two_syncs_are_kept_where_one_does_not_promise_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.state.inbox_folder.syncs_names_with_files", lambda folder: False)
    synced = syncs(monkeypatch)
    inbox = FolderInbox(tmp_path / "inbox", syncs_folder=False)
    keep(inbox, "1.1", "a")
    synced.clear()
    keep(inbox, "1.2", "b")
    part, folder = synced
    assert (part[-5:], folder) == (".part", STUDY)


def test_the_file_system_is_asked() -> None:
    """Kernel documentation: proc and tmpfs have nothing to sync, so they are not among the three."""
    assert not syncs_names_with_files(Path("/proc"))
    assert not syncs_names_with_files(Path("/is not there"))


def syncs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Name of everything that is synced from now on, at that time."""
    names: list[str] = []
    fsync = os.fsync

    def noted(handle: int) -> None:
        names.append(Path(os.readlink(f"/proc/self/fd/{handle}")).name)
        fsync(handle)

    monkeypatch.setattr("appliance.files.os.fsync", noted)
    return names


def test_a_sync_that_fails_leaves_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.state.inbox_folder.syncs_names_with_files", lambda folder: True)
    inbox = FolderInbox(tmp_path / "inbox", syncs_folder=False)

    def ill(handle: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    (tmp_path / "inbox" / STUDY).mkdir()
    with monkeypatch.context() as patch:
        patch.setattr("appliance.files.os.fsync", ill)
        with pytest.raises(OSError, match="Input/output"):
            keep(inbox, "1.1", "a")
    assert list((tmp_path / "inbox" / STUDY).iterdir()) == []
    assert keep(inbox, "1.1", "a") is Kept.NEW


META = file_beginning(sop_class_uid="1.2", sop_instance_uid="1.1", transfer_syntax_uid="1.2.840.10008.1.2.1")


@pytest.mark.parametrize("torn", ["cut", "zeros", "empty", "cut in its beginning"])
def test_a_torn_file_is_dropped_at_the_start_and_whole_ones_stay(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, torn: str
) -> None:
    inbox = FolderInbox(tmp_path / "inbox")
    for instance in ("1.1", "1.2"):
        inbox.keep(STUDY, instance_uid=instance, meta=META, dataset=f"pixels of {instance}".encode())
    suspect, whole = files_of(inbox)
    content = suspect.read_bytes()
    suspect.write_bytes(
        {"cut": content[:-1], "zeros": bytes(len(content)), "empty": b"", "cut in its beginning": content[:140]}[torn]
    )
    again = FolderInbox(tmp_path / "inbox", suspect_since_s=time.time() - 60)
    assert files_of(again) == (whole,)
    assert not suspect.exists()
    assert "not whole" in caplog.text


def test_a_file_that_was_safe_long_before_the_stop_is_not_read_again(tmp_path: Path) -> None:
    inbox = FolderInbox(tmp_path / "inbox")
    inbox.keep(STUDY, instance_uid="1.1", meta=META, dataset=b"pixels")
    (file,) = files_of(inbox)
    file.chmod(0)  # reading it would fail, unless the test runs as root: then it would be dropped
    file.write_bytes(b"other") if os.getuid() == 0 else None
    os.utime(file, (0, time.time() - 3600))
    assert files_of(FolderInbox(tmp_path / "inbox", suspect_since_s=time.time() - 60)) == (file,)


WRITER = """
import sys
from pathlib import Path
from appliance.state.inbox_folder import FolderInbox, FolderInboxReader
inbox = FolderInbox(Path(sys.argv[1]), syncs_folder=False)
for number in range(1_000_000):
    inbox.keep("1.2.3", instance_uid=f"1.{number}", meta=b"", dataset=str(number).encode() * 10_000)
    print(number, flush=True)
"""


def test_what_was_promised_outlives_a_kill_with_one_sync(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path / "inbox")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        promised = [int(writer.stdout.readline()) for _ in range(20)]
        writer.kill()
        promised += [int(line) for line in writer.stdout.read().splitlines()]
    inbox = FolderInbox(tmp_path / "inbox", suspect_since_s=0.0)
    contents = {file.read_bytes() for file in files_of(inbox)}
    assert {str(number).encode() * 10_000 for number in promised} <= contents
    assert list((tmp_path / "inbox").rglob("*.part")) == []


def test_everything_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        inbox = FolderInbox(tmp_path / "state" / "inbox")
        keep(inbox, "1.1", "a")
    finally:
        os.umask(before)
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "state").rglob("*") if path.is_dir()}
    assert modes == {0o700}
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert files_of(inbox)[0].stat().st_mode & 0o777 == 0o600


def test_a_full_disk_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = FolderInbox(tmp_path / "inbox")

    def full(handle: int, content: memoryview) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("appliance.files.os.write", full)
        with pytest.raises(OSError, match="No space left"):
            keep(inbox, "1.1", "a")
    assert files_of(inbox) == ()
    assert list((tmp_path / "inbox" / STUDY).iterdir()) == []
    assert keep(inbox, "1.1", "a") is Kept.NEW


def test_the_same_instance_on_many_associations_at_once(tmp_path: Path) -> None:
    inbox = FolderInbox(tmp_path / "inbox")
    with ThreadPoolExecutor(8) as associations:
        results = list(associations.map(lambda _: keep(inbox, "1.1", "a" * 100_000), range(32)))
    assert set(results) <= {Kept.NEW, Kept.KNOWN}
    assert len(files_of(inbox)) == 1
    assert len(list((tmp_path / "inbox" / STUDY).iterdir())) == 1


def test_a_removed_study_is_gone(tmp_path: Path) -> None:
    inbox = FolderInbox(tmp_path / "inbox")
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
