"""The pod of the Kubernetes manifest, started for real by podman: hardened as it says, ready, ended by SIGTERM.

Kind: mechanics. `podman kube play` knows pods but no StatefulSet, so the pod is taken out of its template; no cluster
is involved. Skipped where the image was not built (make image).
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from tests.appliance.test_deploy import KUBERNETES, from_kubernetes, kubernetes_objects
from tests.conftest import require_programs
from tests.end_to_end.running import wait_for

pytestmark = [pytest.mark.peers, pytest.mark.slow]

# As root without systemd: runc rather than crun, no systemd to make control groups, limits that may be raised to.
CONFIGURATION = """\
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


@dataclass(frozen=True)
class Pod:
    """A started pod: its one container, and podman with the configuration it was started with."""

    container: str
    environment: dict[str, str]

    def podman(self, *arguments: str) -> str:
        return run(self.environment, *arguments)

    def inspected(self) -> dict[str, Any]:
        (found,) = json.loads(self.podman("inspect", self.container))
        return dict(found)


def run(environment: dict[str, str], *arguments: str) -> str:
    result = subprocess.run(
        ["podman", *arguments], capture_output=True, text=True, check=False, env=environment, timeout=120
    )
    assert result.returncode == 0, result.stderr
    return result.stdout + result.stderr


@pytest.fixture(scope="module")
def pod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    require_programs("podman", "runc", "catatonit")
    folder = tmp_path_factory.mktemp("pod")
    (folder / "containers.conf").write_text(CONFIGURATION)
    environment = {**os.environ, "CONTAINERS_CONF": str(folder / "containers.conf")}
    image = from_kubernetes().image
    if subprocess.run(["podman", "image", "exists", image], env=environment, check=False).returncode:
        pytest.skip(f"the image {image} is not here: make image")
    name = f"rdeepnet-{secrets.token_hex(4)}"
    manifest = folder / "pod.yaml"
    manifest.write_text(pod_manifest(name))
    try:
        run(environment, "kube", "play", str(manifest))
        yield Pod(f"{name}-0-rdeepnet", environment)
    finally:
        subprocess.run(["podman", "kube", "down", str(manifest)], env=environment, check=False, capture_output=True)
        for volume in (f"{name}-state", f"{name}-config", f"{name}-tmp"):
            subprocess.run(["podman", "volume", "rm", volume], env=environment, check=False, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


def pod_manifest(name: str) -> str:
    """The manifest's pod with its configuration and a volume for its state, all under one name; no published port."""
    objects = kubernetes_objects(KUBERNETES.read_text(encoding="utf-8"))
    config = objects["ConfigMap", "rdeepnet"]
    config["metadata"]["name"] = f"{name}-config"
    stateful = objects["StatefulSet", "rdeepnet"]["spec"]
    (claim,) = stateful["volumeClaimTemplates"]
    spec = stateful["template"]["spec"]
    del spec["containers"][0]["ports"]  # podman would publish them on every address of this machine
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    volumes["config"]["configMap"]["name"] = f"{name}-config"
    volumes["tmp"]["name"] = f"{name}-tmp"
    next(m for m in spec["containers"][0]["volumeMounts"] if m["name"] == "tmp")["name"] = f"{name}-tmp"
    spec["volumes"].append({"name": claim["metadata"]["name"], "persistentVolumeClaim": {"claimName": f"{name}-state"}})
    documents = [
        config,
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": f"{name}-state"},
            "spec": claim["spec"],
        },
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"{name}-0"}, "spec": spec},
    ]
    return str(yaml.safe_dump_all(documents))


def test_the_pod_is_hardened_and_gets_ready(pod: Pod) -> None:
    found = pod.inspected()
    assert found["Config"]["User"] == from_kubernetes().user
    assert found["HostConfig"]["ReadonlyRootfs"]
    assert found["EffectiveCaps"] in (None, [])
    assert "no-new-privileges" in found["HostConfig"]["SecurityOpt"]
    wait_for(lambda: "service ready" in pod.podman("logs", pod.container), what="the service to be ready")
    listing = pod.podman("exec", pod.container, "ls", "-ld", "/var/lib/rdeepnet/state")
    assert listing.startswith("drwx------"), "private, although the mount point is open to the pod's group"


def test_the_pod_ends_by_sigterm_within_its_grace(pod: Pod) -> None:
    wait_for(lambda: "service ready" in pod.podman("logs", pod.container), what="the service to be ready")
    pod.podman("stop", "--time", str(from_kubernetes().grace_s), pod.container)
    assert pod.inspected()["State"]["ExitCode"] == 0
    assert "service stopped" in pod.podman("logs", pod.container)
