"""The image run as a MONAI Application Package, as Holoscan's runner calls it. Kind: mechanics."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from appliance.deploy.map_package import APP, PKG, application_manifest, package_manifest, packages_in
from tests.appliance.deploy.map_package import check_map_output, make_map_folders
from tests.container.engine import Image, hardening

pytestmark = [pytest.mark.peers, pytest.mark.slow, pytest.mark.timeout(1200)]

USER = 12345  # the runner gives the container the host user's number, which the image does not know
HARDENED = [*hardening(), f"--user={USER}:{USER}", "--network=none"]


def run(image: Image, *words: str, options: Sequence[str] = ()) -> str:
    """Standard output of the image."""
    return image.engine.done("run", "--rm", *HARDENED, *options, image.name, *words)


def opened(folder: Path) -> Path:
    """A folder that the container's user may write to; pytest's own is closed to others, so its mode is opened."""
    folder.mkdir(exist_ok=True)
    os.chown(folder, USER, USER)
    return folder


def test_it_shows_its_manifests(container_image: Image) -> None:
    assert json.loads(run(container_image, "show", "app")) == application_manifest()
    assert json.loads(run(container_image, "show", "pkg")) == package_manifest()
    copied = run(container_image, "/etc/holoscan/app.json", options=("--entrypoint=cat",))  # as the runner reads it
    assert json.loads(copied) == application_manifest()


def test_it_extracts_itself(container_image: Image, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root: the folder is given to the container's user")
    export = opened(tmp_path / "export")
    run(container_image, "extract", options=(f"--volume={export}:/var/run/holoscan/export",))
    assert {entry.name for entry in export.iterdir()} == {"app", "config", "models", "docs"}
    assert json.loads((export / "config" / APP).read_text()) == application_manifest()
    assert (export / "config" / PKG).is_file()
    assert (export / "docs" / "LICENSE").is_file()
    assert [package.name for package in packages_in(export / "models")] == ["recurrence", "krt7_as", "recurrence_t1c"]


def test_it_answers_a_study_in_folders(container_image: Image, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root: the folder is given to the container's user")
    folders = make_map_folders(tmp_path)
    opened(folders.output)
    environment = application_manifest()["environment"]
    mounts = {
        f"{folders.input}:{environment['HOLOSCAN_INPUT_PATH']}:ro",
        f"{folders.output}:{environment['HOLOSCAN_OUTPUT_PATH']}",
        f"{folders.config}:{environment['HOLOSCAN_CONFIG_PATH']}:ro",
    }
    options = [f"--volume={mount}" for mount in sorted(mounts)]
    options += [f"--env={name}={value}" for name, value in environment.items()]
    run(container_image, options=options)
    check_map_output(folders.output)
    assert {path.stat().st_uid for path in folders.output.rglob("*")} == {USER}


def test_the_licences_of_what_is_really_in_it(container_image: Image) -> None:
    said = container_image.engine.files_of(
        container_image.name, "/opt/rdeepnet/bin/python -m appliance.deploy.licences"
    )
    assert re.search(r"^psycopg \S+ +listed +LGPL-3.0-only", said, re.MULTILINE)
    assert said.endswith(" 0 refused")
