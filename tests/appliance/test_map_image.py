"""The image run as a MONAI Application Package, as Holoscan's runner calls it. Kind: mechanics.

Skipped where the image was not built (make image).
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from appliance.holoscan import APP, PKG, application_manifest, package_manifest, packages_in
from tests.appliance.map_package import check_map_output, make_map_folders
from tests.appliance.test_deploy import from_kubernetes
from tests.appliance.test_deploy_pod import CONFIGURATION
from tests.conftest import require_programs

pytestmark = [pytest.mark.peers, pytest.mark.slow]

USER = 12345  # the runner gives the container the host user's number, which the image does not know
HARDENED = ["--user", f"{USER}:{USER}", "--read-only", "--tmpfs=/tmp", "--cap-drop=all", "--network=none"]


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The environment in which podman works here without systemd."""
    require_programs("podman", "runc")
    path = tmp_path_factory.mktemp("podman") / "containers.conf"
    path.write_text(CONFIGURATION)
    environment = {**os.environ, "CONTAINERS_CONF": str(path)}
    image = from_kubernetes().image
    if subprocess.run(["podman", "image", "exists", image], env=environment, check=False).returncode:
        pytest.skip(f"the image {image} is not here: make image")
    return environment


def run(environment: Mapping[str, str], *words: str, options: tuple[str, ...] = ()) -> str:
    """What the image says on standard output."""
    command = ["podman", "run", "--rm", *HARDENED, *options, from_kubernetes().image, *words]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=300)
    assert result.returncode == 0, result.stderr
    return result.stdout


def opened(folder: Path) -> Path:
    """A folder that the container's user may write to; pytest's own is closed to others, so its mode is opened."""
    folder.mkdir(exist_ok=True)
    os.chown(folder, USER, USER)
    return folder


def test_it_shows_its_manifests(podman: Mapping[str, str]) -> None:
    assert json.loads(run(podman, "show", "app")) == application_manifest()
    assert json.loads(run(podman, "show", "pkg")) == package_manifest()
    copied = run(podman, "/etc/holoscan/app.json", options=("--entrypoint=cat",))  # as the runner reads it
    assert json.loads(copied) == application_manifest()


def test_it_extracts_itself(podman: Mapping[str, str], tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root: the folder is given to the container's user")
    export = opened(tmp_path / "export")
    run(podman, "extract", options=(f"--volume={export}:/var/run/holoscan/export",))
    assert {entry.name for entry in export.iterdir()} == {"app", "config", "models", "docs"}
    assert json.loads((export / "config" / APP).read_text()) == application_manifest()
    assert (export / "config" / PKG).is_file()
    assert [package.name for package in packages_in(export / "models")] == ["recurrence", "krt7_as", "recurrence_t1c"]


def test_it_answers_a_study_in_folders(podman: Mapping[str, str], tmp_path: Path) -> None:
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
    run(podman, options=tuple(options))
    check_map_output(folders.output)
    assert {path.stat().st_uid for path in folders.output.rglob("*")} == {USER}
