"""A folder that is not only regular files costs the study beside it at most, and never a traceback. Kind: mechanics."""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from appliance.cli import app
from appliance.commands.exit_status import Exit
from appliance.files import digest_of_files
from appliance.offline.feature_file import Row, RowId
from appliance.offline.result_folder import folder_name
from appliance.offline.result_json import read_result
from appliance.offline.row_cache import KeptRows
from dicom_io.errors import NotReadable
from dicom_io.images.file_scan import files_by_study, scan
from dicom_io.images.headers import read_instances
from dicom_io.synthetic.study_writer import Grid, make_study
from models.volume import Sequence

RUNNER = CliRunner()
TINY = Grid(16, 64, 64, 6.0, (5.0, 5.0))
NOBODY = 65534


def link_to_nothing(path: Path) -> None:
    path.symlink_to("nothing")


def link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


def pipe(path: Path) -> None:
    os.mkfifo(path)


def listening_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        here = Path.cwd()
        os.chdir(path.parent)  # the address of a socket has room for 108 characters
        try:
            made.bind(path.name)
        finally:
            os.chdir(here)


def link_to_a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def link_to_what_gives_an_error(path: Path) -> None:
    path.symlink_to("/proc/self/mem")  # a regular file whose first byte cannot be read


BAD = {
    "link_to_nothing": link_to_nothing,
    "link_to_itself": link_to_itself,
    "pipe": pipe,
    "socket": listening_socket,
    "device": link_to_a_device,
    "error": link_to_what_gives_an_error,
}


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two studies that are refused at once, since nothing is segmented: what they are refused for is compared."""
    root = tmp_path_factory.mktemp("studies")
    for seed, name in enumerate(("good", "beside"), start=1):
        make_study(root / name, seed=seed, sequences=(Sequence.T1C,), t1c=TINY, segmented=())
    return root


def copied(studies: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(studies, tmp_path / "in"))


def images_of(study: Path) -> Path:
    """A folder with images."""
    return next(study.rglob("*.dcm")).parent


def invoke(*line: str) -> Result:
    result = RUNNER.invoke(app, list(line))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


@pytest.mark.parametrize("put", BAD.values(), ids=BAD)
def test_one_bad_file_costs_its_study_and_is_named(studies: Path, tmp_path: Path, put: Callable[[Path], None]) -> None:
    root, out = copied(studies, tmp_path), tmp_path / "out"
    put(images_of(root / "beside") / "bad.dcm")
    result = invoke("run", str(root), "--out", str(out), "--json")
    assert result.exit_code == Exit.INCOMPLETE
    sentences = [row["sentence"] for row in json.loads(result.stdout)]
    assert len(sentences) == 2
    assert [("bad.dcm" in sentence) for sentence in sentences].count(True) == 1
    assert [("segmentation" in sentence) for sentence in sentences].count(True) == 1
    surveyed = invoke("series", str(root), "--json")
    assert ["bad.dcm" in str(survey["refusals"]) for survey in json.loads(surveyed.stdout)].count(True) == 1
    table = invoke("features", str(root), "--out", str(tmp_path / "features.csv"))
    assert table.exit_code == Exit.INCOMPLETE
    assert (tmp_path / "features.refused.csv").read_text().count("bad.dcm") == 1
    # Repeated: known from before, though nobody can read the file.
    assert all(
        row["is_from_before"] for row in json.loads(invoke("run", str(root), "--out", str(out), "--json").stdout)
    )


def test_folders_called_like_files_are_folders_and_links_to_folders_are_named(studies: Path, tmp_path: Path) -> None:
    root = copied(studies, tmp_path)
    (root / "good").rename(root / "good.dcm")
    (root / "empty.dcm").mkdir()
    (root / "round").symlink_to(root)
    (root / "beside" / "out").symlink_to("/usr")
    assert len(files_by_study(root)) == 2
    heads, left_out = scan(root)
    assert sorted(str(one.path.relative_to(root)) for one in left_out) == ["beside/out", "round"]
    result = invoke("run", str(root), "--out", str(tmp_path / "out"))
    assert "Left out: 2 files (out, round): a link to a folder, which is not followed" in result.stderr
    assert len(heads) == sum(len(files) for files in files_by_study(root).values())


def test_links_to_files_are_read(studies: Path, tmp_path: Path) -> None:
    """Archives of researchers (git-annex) keep the files elsewhere and links in their place."""
    root = copied(studies, tmp_path)
    kept = root.parent / "kept"
    (root / "good").rename(kept)
    (root / "good").mkdir()
    for file in sorted(path for path in kept.rglob("*") if path.is_file()):
        (root / "good" / file.name).symlink_to(file)
    assert len(files_by_study(root)) == 2


def test_a_name_that_is_no_text(studies: Path, tmp_path: Path) -> None:
    root = copied(studies, tmp_path)
    (root / "alone").mkdir()
    (root / "alone" / os.fsdecode(b"b\xe9.dcm")).write_bytes(b"damaged")
    assert len(files_by_study(root)) == 3
    result = invoke("run", str(root), "--out", str(tmp_path / "out"), "--json")
    assert len(json.loads(result.stdout)) == 3


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without rights meanwhile, where the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_to_nobody() -> Iterator[Path]:
    """A folder that a user without rights can reach; the tests may run as root, who may read everything."""
    folder = Path(tempfile.mkdtemp(prefix="rdeepnet-test-"))
    folder.chmod(0o755)
    yield folder
    for path in folder.rglob("*"):
        if path.is_dir():
            path.chmod(0o755)
    shutil.rmtree(folder)


def test_files_and_folders_without_permission(studies: Path, open_to_nobody: Path) -> None:
    root = Path(shutil.copytree(studies, open_to_nobody / "in"))
    for folder in (root, *(path for path in root.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
    bad = images_of(root / "good") / "bad.dcm"
    bad.write_bytes(b"")
    bad.chmod(0)
    (images_of(root / "beside") / "closed").mkdir(mode=0)
    sentences = []
    with as_nobody():
        for files in files_by_study(root).values():
            assert len(digest_of_files(files)) == 64
            with pytest.raises(NotReadable) as caught:
                read_instances(files)
            sentences.append(str(caught.value))
    assert sorted(sentence.split(";")[0] for sentence in sentences) == [
        "The file bad.dcm cannot be opened (Permission denied)",
        "The folder closed cannot be opened (Permission denied)",
    ]


def test_the_digest_of_files_that_cannot_be_read_says_that_they_cannot(tmp_path: Path) -> None:
    file, link = tmp_path / "a", tmp_path / "b"
    file.write_bytes(b"a")
    link.symlink_to("later")
    before = digest_of_files([file, link])
    assert before == digest_of_files([link, file])
    (tmp_path / "later").write_bytes(b"")
    assert digest_of_files([file, link]) != before


UID = "1.2.3"
HEAD = {
    "schema": 2,
    "outcome": "answered",
    "sentence": "",
    "study_instance_uid": UID,
    "input_digest": "",
    "recipe_digest": "",
    "files": [],
}


@pytest.mark.parametrize(
    "content",
    [
        b"\x00\x01",
        b"[]",
        b"7",
        b"null",
        b"[" * 100_000,
        b'{"schema": 2}',
        b'{"schema": 2, "files": 7}',
        b'{"schema": 2, "files": [7]}',
        b'{"schema": 2, "files": [{"name": "../result.json", "sha256": ""}]}',
        b'{"schema": 2, "files": [{"name": "", "sha256": ""}]}',
        b'{"schema": 2, "files": [{"name": 7, "sha256": ""}]}',
        b'{"schema": 2, "files": [{"name": "absent", "sha256": ""}]}',
        b'{"schema": 2, "files": [{"name": "pipe", "sha256": ""}]}',
        json.dumps(HEAD | {"files": [{"name": "result.json", "sha256": "0" * 64}]}).encode(),
    ],
)
def test_a_result_json_that_is_none_is_no_result(tmp_path: Path, content: bytes) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "result.json").write_bytes(content)
    assert read_result(tmp_path) is None


def test_a_result_json_behind_a_link_or_a_pipe_is_no_result(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "result.json").write_text(json.dumps(HEAD))
    assert read_result(tmp_path / "kept") is not None
    (tmp_path / "link").symlink_to("kept")
    assert read_result(tmp_path / "link") is None
    (tmp_path / "result.json").symlink_to("kept/result.json")
    assert read_result(tmp_path) is None
    (tmp_path / "result.json").unlink()
    os.mkfifo(tmp_path / "result.json")
    assert read_result(tmp_path) is None


CHANGES: dict[str, Callable[[dict[str, object]], dict[str, object]]] = {
    "another study's": lambda found: found | {"study_instance_uid": UID},
    "an outcome nobody knows": lambda found: found | {"outcome": "certain"},
    "models that are none": lambda found: found | {"models": [7]},
    "a model without its keys": lambda found: found | {"outcome": "answered", "models": [{"predictions": []}]},
    "stages that are none": lambda found: found | {"stages": {"a": 1}},
    "no sentence": lambda found: {key: value for key, value in found.items() if key != "sentence"},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_foreign_result_json_is_done_again(
    studies: Path, tmp_path: Path, change: Callable[[dict[str, object]], dict[str, object]]
) -> None:
    out = tmp_path / "out"
    line = ("run", str(studies), "--out", str(out), "--json")
    rows = json.loads(invoke(*line).stdout)
    path = out / folder_name(rows[0]["study_instance_uid"]) / "result.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    again = {row["study_instance_uid"]: row["is_from_before"] for row in json.loads(invoke(*line).stdout)}
    assert again == {rows[0]["study_instance_uid"]: False, rows[1]["study_instance_uid"]: True}


def test_results_are_their_owners_alone_and_nothing_is_written_through_links(studies: Path, tmp_path: Path) -> None:
    out, victim = tmp_path / "results" / "out", tmp_path / "victim"
    victim.mkdir()
    (victim / "file").write_text("precious")
    umask = os.umask(0)
    try:
        out.mkdir(parents=True)
        uid = next(iter(files_by_study(studies)))
        (out / folder_name(uid)).symlink_to(victim)
        (out / "studies.csv").symlink_to(victim / "file")
        (out / f".{folder_name(uid)}.part").symlink_to(victim)  # as what an earlier run might have left
        invoke("run", str(studies), "--out", str(out))
        invoke("features", str(studies), "--out", str(tmp_path / "results" / "new" / "features.csv"))
    finally:
        os.umask(umask)
    assert [(file.name, file.read_text()) for file in victim.iterdir()] == [("file", "precious")]
    made = [path for path in (tmp_path / "results").rglob("*") if path != out]
    assert len(made) >= 8
    assert {path.name: oct(path.lstat().st_mode & 0o777) for path in made if path.is_dir()} == {
        path.name: "0o700" for path in made if path.is_dir()
    }
    assert {oct(path.lstat().st_mode) for path in made if not path.is_dir()} == {"0o100600"}


def test_a_folder_that_cannot_be_written_is_a_sentence(studies: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = invoke("run", str(studies), "--out", str(tmp_path / "file" / "out"))
    assert result.exit_code == Exit.USAGE
    assert "cannot be made" in result.stderr


def row(**changes: object) -> Row:
    made: dict[str, object] = {
        "study_instance_uid": UID,
        "identifiers": dict.fromkeys(RowId, "x"),
        "names": ("a",),
        "values": np.array([1.0]),
        "engine": "e",
        "bias": "b",
    }
    return Row(**(made | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"names": (7,)},
        {"values": np.array([1], dtype=np.int64)},
        {"values": np.array(["1"])},
        {"values": np.array([[1.0]])},
        {"engine": 7},
        {"identifiers": {RowId.STUDY: "x"}},
    ],
)
def test_a_kept_row_that_could_not_be_written_counts_as_absent(tmp_path: Path, changes: dict[str, object]) -> None:
    kept = KeptRows(tmp_path / "rows", "recipe")
    kept.keep(row(), "digest")
    assert kept.find("digest") is not None
    kept.keep(row(**changes), "digest")
    assert kept.find("digest") is None


def test_files_that_are_no_rows_count_as_absent(tmp_path: Path) -> None:
    kept = KeptRows(tmp_path, "recipe")
    kept.keep(row(), "digest")
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    rng = np.random.default_rng(1)
    for _ in range(300):
        content = bytearray(whole)
        for place in rng.integers(0, len(content), 4):
            content[place] = rng.integers(0, 256)
        path.write_bytes(bytes(content[: rng.integers(1, len(content) + 1)]))
        found = kept.find("digest")
        assert found is None or found.values.shape == (len(found.names),)
    path.unlink()
    os.mkfifo(path)
    assert kept.find("digest") is None
    path.unlink()
    np.save(path, np.zeros(3), allow_pickle=False)
    assert kept.find("digest") is None


def test_tables_that_are_no_files(tmp_path: Path) -> None:
    from rdeepnet import shipped_packages

    package, pipe_file = str(shipped_packages()[2]), tmp_path / "pipe.csv"
    os.mkfifo(pipe_file)
    (tmp_path / "loop.csv").symlink_to("loop.csv")
    (tmp_path / "folder.parquet").mkdir()
    for name in ("pipe.csv", "loop.csv", "folder.parquet", "absent.csv"):
        table = str(tmp_path / name)
        status = Exit.USAGE if name != "pipe.csv" else Exit.INCOMPLETE  # no file is there: a wrong line
        scored = invoke("score", package, "--features", table, "--out", str(tmp_path / "scores.csv"))
        assert scored.exit_code == status, name
        checked = invoke("cohort", "check", "--features", table, "--outcomes", table)
        assert checked.exit_code == status, name
        evaluated = invoke("evaluate", package, "-f", table, "-y", table, "--out", str(tmp_path / "evaluation"))
        assert evaluated.exit_code == status, name
