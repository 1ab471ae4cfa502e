"""The image's start script takes its caches from a folder of its own user alone. Kind: mechanics.

The script runs here with other folders in place of /tmp and of the image's caches, and a program in place of rdeepnet
that says what it was given.
"""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT

SCRIPT = ROOT / "appliance" / "deploy" / "container" / "entrypoint.sh"
NOBODY = 65534


@pytest.fixture
def start(tmp_path: Path) -> Callable[[], dict[str, str]]:
    tmp, made, program = tmp_path / "tmp", tmp_path / "image" / "numba", tmp_path / "bin" / "rdeepnet"
    tmp.mkdir()
    tmp.chmod(0o1777)
    made.mkdir(parents=True)
    (made / "kernel.nbi").write_text("ours")
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$HOME" "$NUMBA_CACHE_DIR" "$MPLCONFIGDIR"\n')
    program.chmod(0o755)
    script = SCRIPT.read_text(encoding="utf-8").replace("/tmp/", f"{tmp}/").replace("-w /tmp ", f"-w {tmp} ")
    script = script.replace("/opt/rdeepnet/cache", str(made.parent))

    def started() -> dict[str, str]:
        environment = {
            "PATH": f"{program.parent}:/usr/bin:/bin",
            "HOME": "/",
            "NUMBA_CACHE_DIR": f"{tmp}/rdeepnet/numba",
        }
        result = subprocess.run(
            ["sh", "-c", script, "entrypoint.sh", "serve"], capture_output=True, text=True, check=True, env=environment
        )
        home, numba, matplotlib = result.stdout.split()
        assert (numba, matplotlib) == (f"{home}/numba", f"{home}/matplotlib")
        return {"folder": home, "kernel": (Path(numba) / "kernel.nbi").read_text(), "said": result.stderr}

    return started


def test_the_folder_is_made_closed_and_used_again(start: Callable[[], dict[str, str]], tmp_path: Path) -> None:
    first = start()
    assert first == {"folder": str(tmp_path / "tmp" / "rdeepnet"), "kernel": "ours", "said": ""}
    assert stat.S_IMODE(Path(first["folder"]).stat().st_mode) == 0o700
    (Path(first["folder"]) / "numba" / "kernel.nbi").write_text("ours, compiled since")
    assert start()["kernel"] == "ours, compiled since"


def test_a_folder_below_one_that_passes_on_its_group_is_used_again(
    start: Callable[[], dict[str, str]], tmp_path: Path
) -> None:
    """A volume of Kubernetes with an fsGroup has the bit setgid, and so has what is made in it."""
    (tmp_path / "tmp").chmod(0o2777)
    first = start()
    assert stat.S_IMODE(Path(first["folder"]).stat().st_mode) == 0o2700
    assert start() == first


def planted(folder: Path, mode: int) -> None:
    (folder / "numba").mkdir(parents=True)
    (folder / "numba" / "kernel.nbi").write_text("theirs")
    folder.chmod(mode)


def open_to_all(folder: Path) -> None:
    planted(folder, 0o777)


def readable(folder: Path) -> None:
    planted(folder, 0o755)


def link(folder: Path) -> None:
    planted(folder.with_name("elsewhere"), 0o700)
    folder.symlink_to("elsewhere")


def dangling(folder: Path) -> None:
    folder.symlink_to("nowhere")


def file(folder: Path) -> None:
    folder.write_text("")


def of_somebody_else(folder: Path) -> None:
    planted(folder, 0o700)
    os.chown(folder, NOBODY, NOBODY)


@pytest.mark.parametrize("put", [open_to_all, readable, link, dangling, file, of_somebody_else])
def test_what_somebody_else_put_there_is_not_used(
    start: Callable[[], dict[str, str]], tmp_path: Path, put: Callable[[Path], None]
) -> None:
    if put is of_somebody_else and os.geteuid() != 0:
        pytest.skip("only root can give a folder to another user")
    put(tmp_path / "tmp" / "rdeepnet")
    found = start()
    assert found["kernel"] == "ours"
    assert Path(found["folder"]).name.startswith("rdeepnet.")
    assert stat.S_IMODE(Path(found["folder"]).stat().st_mode) == 0o700
    assert "is not a folder of this user alone; a fresh one is used" in found["said"]
