"""Files are whole or absent, private, and never written or read through what somebody else put there.

Kind: mechanics.
"""

from __future__ import annotations

import ast
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from models import files
from models.errors import NotWritable, SetupError
from models.files import (
    PART,
    SHARED,
    make_output_folder,
    open_regular,
    remove,
    replace_folder,
    write_into_folder,
    write_output,
    write_whole,
)
from tests.conftest import ROOT


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_file_is_whole_or_absent_and_private(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deep" / "file.csv"
    write_output(path, b"one")
    write_output(path, b"two")
    assert (path.read_bytes(), mode(path), mode(path.parent), mode(tmp_path / "new")) == (b"two", 0o600, 0o700, 0o700)

    def interrupted() -> Iterator[bytes]:
        yield b"thr"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(path, interrupted())
    assert path.read_bytes() == b"two"
    assert [file.name for file in path.parent.iterdir()] == ["file.csv"]
    umask = os.umask(0o022)
    try:
        write_output(path, b"package", mode=SHARED)
    finally:
        os.umask(umask)
    assert mode(path) == 0o644


def test_a_link_in_the_place_of_a_file_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    victim, path = tmp_path / "victim", tmp_path / "studies.csv"
    victim.write_text("precious")
    path.symlink_to(victim)
    write_output(path, b"table")
    assert victim.read_text() == "precious"
    assert (path.read_bytes(), path.is_symlink()) == (b"table", False)


def test_the_names_of_what_is_not_complete_cannot_be_guessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    rename = Path.rename

    def renamed(self: Path, target: Path) -> Path:
        seen.append(self.name)
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", renamed)
    for _ in range(20):
        write_whole(tmp_path / "file", (b"",))
        replace_folder(tmp_path / "folder", {})
    parts = [name for name in seen if name.endswith(PART)]
    assert len(set(parts)) == 40
    assert all(len(name.removesuffix(PART).rpartition(".")[2]) == 16 for name in parts)  # 64 bits


def test_a_folder_takes_the_place_of_whatever_was_there(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "study", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").write_text("kept")
    for put in (
        lambda: None,
        lambda: folder.symlink_to(elsewhere),
        lambda: folder.symlink_to("nowhere"),
        lambda: folder.write_text("a file"),
        lambda: os.mkfifo(folder),
        lambda: (folder.mkdir(), (folder / "old").write_text("old")),
    ):
        remove(folder)
        put()
        replace_folder(folder, {"a": b"1"})
        assert {file.name: file.read_bytes() for file in folder.iterdir()} == {"a": b"1"}
        assert (mode(folder), mode(folder / "a"), folder.is_symlink()) == (0o700, 0o600, False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "study"]
    assert (elsewhere / "kept").read_text() == "kept"


def test_only_regular_files_are_opened_and_none_is_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"content")
    with open_regular(file) as stream:
        assert stream.read() == b"content"
    (tmp_path / "link").symlink_to(file)
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "loop", "pipe", "absent", "."):
        with pytest.raises(OSError, match=r".*"):
            open_regular(tmp_path / name)
    with pytest.raises(OSError, match=r"pipe, socket, device"):
        open_regular(Path("/dev/zero"))


def test_what_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match=r"cannot be made \(.+\); name another one"):
        write_output(tmp_path / "file" / "table.csv", b"")
    with pytest.raises(SetupError, match="cannot be made"):
        make_output_folder(tmp_path / "file")
    (tmp_path / "folder").mkdir()
    with pytest.raises(SetupError, match="cannot be written"):
        write_output(tmp_path / "folder", b"")


# What may write otherwise, and why.
OTHERWISE = {
    "appliance/deploy/container/lock.py": "a tool of the developers, in their checkout",
    "appliance/deploy/map_package.py": "exports of the image into a folder that was mounted for them",
    "appliance/commands/map.py": "the manifests, in a checkout or the build of the image",
    "appliance/deploy/sbom.py": "the bill, in a checkout",
    "appliance/service/memory.py": "a switch of the kernel below /proc, not a file",
    "appliance/service/backup.py": "the target's folder is made first, closed to others",
    "appliance/state/object_store.py": "into a scratch folder, closed to others, deleted when it was read",
    "appliance/state/outbox_shared.py": "into a scratch folder",
    "appliance/state/stored_bytes.py": "into a scratch folder",
    "appliance/service/demo.py": "a folder of its own, closed to others; what the demonstration shows has no patient",
    "models/simulation/feature_shape.py": "a tool of the developers, in their checkout",
    "dicom_io/synthetic/study_writer.py": "synthetic studies for tests and demonstrations",
    "dicom_io/network/collector.py": "what comes back in the demonstration and in tests",
    "dicom_io/answer.py": "into memory",
    "reports/figures/encode.py": "into memory",
    "reports/pdf/archive.py": "into memory",
    "reports/pdf/page.py": "into memory",
}
WRITES = {"write_text", "write_bytes", "savefig", "to_csv", "to_parquet", "copyfile", "copytree", "save", "save_as"}


def _writes(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    texts = [arg.value for arg in (*call.args, *(k.value for k in call.keywords)) if isinstance(arg, ast.Constant)]
    if name == "open":
        return any(isinstance(text, str) and set(text) & set("wax") and len(text) <= 3 for text in texts)
    return name in WRITES


def test_no_module_writes_files_in_another_way() -> None:
    found = set()
    for package in ("appliance", "dicom_io", "models", "reports"):
        for file in sorted((ROOT / package).rglob("*.py")):
            calls = (
                node for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)
            )
            if any(_writes(call) for call in calls):
                found.add(file.relative_to(ROOT).as_posix())
    assert found - set(OTHERWISE) == set()
    assert set(OTHERWISE) - found == set(), "no longer needs to be listed"


def test_files_come_into_a_folder_together_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "package"
    write_into_folder(folder, {"a": b"1", "b": b"1", "old": b"1"}, mode=SHARED)
    (folder / "note.txt").write_text("of the user")
    real = files.write_whole

    def full_at_the_second(path: Path, *rest: object, **more: object) -> None:
        if path.name == "b":
            raise OSError(28, "No space left on device")
        real(path, *rest, **more)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(files, "write_whole", full_at_the_second)
        with pytest.raises(NotWritable, match="No space left") as caught:
            write_into_folder(folder, {"a": b"2", "b": b"2"}, instead_of=("old",), mode=SHARED)
    assert caught.value.is_full
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        "a": "1", "b": "1", "old": "1", "note.txt": "of the user",
    }  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["package"]
    write_into_folder(folder, {"a": b"2", "b": b"2"}, instead_of=("old", "never"), mode=SHARED)
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        "a": "2", "b": "2", "note.txt": "of the user",
    }  # fmt: skip
