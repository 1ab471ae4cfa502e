"""The pod of the Kubernetes manifest, started for real by podman: hardened as it says, ready, ended by SIGTERM.

Kind: mechanics. `podman kube play` knows pods but no StatefulSet, so the pod is taken out of its template; no cluster
is involved.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import yaml

from tests.appliance.deploy.test_deploy import KUBERNETES, from_kubernetes, kubernetes_objects
from tests.conftest import require_programs
from tests.container.engine import Engine, Image
from tests.end_to_end.running import wait_for

pytestmark = [pytest.mark.peers, pytest.mark.slow, pytest.mark.timeout(1200)]


@dataclass(frozen=True)
class Pod:
    """A started pod with its one container."""

    engine: Engine
    container: str


@pytest.fixture(scope="module")
def pod(container_image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    require_programs("catatonit")
    engine, name = container_image.engine, f"rdeepnet-{secrets.token_hex(4)}"
    manifest = tmp_path_factory.mktemp("pod") / "pod.yaml"
    manifest.write_text(pod_manifest(name, image=container_image.name))
    try:
        engine.done("kube", "play", str(manifest))
        yield Pod(engine, f"{name}-0-rdeepnet")
    finally:
        engine.run("kube", "down", str(manifest))
        for volume in (f"{name}-state", f"{name}-config", f"{name}-tmp"):
            engine.run("volume", "rm", volume)


def pod_manifest(name: str, *, image: str) -> str:
    """The manifest's pod with its configuration and a volume for its state, all under one name; no published port."""
    objects = kubernetes_objects(KUBERNETES.read_text(encoding="utf-8"))
    config = objects["ConfigMap", "rdeepnet"]
    config["metadata"]["name"] = f"{name}-config"
    stateful = objects["StatefulSet", "rdeepnet"]["spec"]
    (claim,) = stateful["volumeClaimTemplates"]
    spec = stateful["template"]["spec"]
    spec["containers"][0]["image"] = image
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


def log_of(pod: Pod) -> str:
    result = pod.engine.run("logs", pod.container)
    return result.stdout + result.stderr


def test_the_pod_is_hardened_and_gets_ready(pod: Pod) -> None:
    found = pod.engine.inspected("container", pod.container)
    assert found["Config"]["User"] == from_kubernetes().user
    assert found["HostConfig"]["ReadonlyRootfs"]
    assert found["EffectiveCaps"] in (None, [])
    assert "no-new-privileges" in found["HostConfig"]["SecurityOpt"]
    wait_for(lambda: "service ready" in log_of(pod), what="the service to be ready")
    listing = pod.engine.done("exec", pod.container, "ls", "-ld", "/var/lib/rdeepnet/state")
    assert listing.startswith("drwx------"), "private, although the mount point is open to the pod's group"


def test_its_probe_is_green(pod: Pod) -> None:
    wait_for(lambda: "service ready" in log_of(pod), what="the service to be ready")
    pod.engine.done("exec", pod.container, *from_kubernetes().health)


def test_the_pod_ends_by_sigterm_within_its_grace(pod: Pod) -> None:
    wait_for(lambda: "service ready" in log_of(pod), what="the service to be ready")
    pod.engine.done("stop", f"--time={from_kubernetes().grace_s}", pod.container)
    assert pod.engine.inspected("container", pod.container)["State"]["ExitCode"] == 0
    assert "service stopped" in log_of(pod)
