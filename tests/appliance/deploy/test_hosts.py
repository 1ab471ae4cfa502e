"""The files for several hosts: valid, hardened like those for one, and agreeing with each other and the settings.

Kind: mechanics. HAProxy reads its own file (Debian's, older than the image's) and stands in front of two receivers.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from compose_spec import PyCompose

from appliance.settings import DeliverySettings, ServiceSettings, load_settings
from dicom_io.errors import PeerUnavailable
from dicom_io.network.echo import echo
from dicom_io.network.peer import Peer
from tests.appliance.deploy.test_deploy import (
    CONFIG,
    DEPLOY,
    QUADLET_KEYS,
    compose_text,
    from_compose,
    kubernetes_objects,
    quadlet,
)
from tests.conftest import require_programs
from tests.dicom_io.network.test_bounds import PATIENT, Attacked, attacking
from tests.end_to_end.running import free_port, is_listening, wait_for

ROLES = ("receiver", "worker")
HEALTH = "rdeepnet health --receiving"
HOSTS = DEPLOY / "kubernetes" / "hosts"
UNITS = {"receiver": "rdeepnet-receiver.container", "worker": "rdeepnet-worker@.container"}


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load(compose_text("hosts/compose.yaml", {})))


def objects() -> dict[tuple[str, str], dict[str, Any]]:
    listed = yaml.safe_load((HOSTS / "kustomization.yaml").read_text(encoding="utf-8"))["resources"]
    return {key: one for name in listed for key, one in kubernetes_objects((HOSTS / name).read_text()).items()}


def pod(role: str) -> dict[str, Any]:
    kind = {"receiver": "Deployment", "worker": "StatefulSet"}[role]
    return dict(objects()[kind, f"rdeepnet-{role}"]["spec"]["template"]["spec"])


def test_the_compose_file_is_read_strictly() -> None:
    text = compose_text("hosts/compose.yaml", {"POSTGRES_PASSWORD": "x"})
    assert set(PyCompose.from_yaml(text).service_names()) == {"balancer", "receiver", "worker", "postgres"}


@pytest.mark.parametrize("role", ROLES)
def test_the_three_kinds_say_the_same_of_a_role(role: str) -> None:
    service, container, unit = (
        compose()["services"][role],
        pod(role)["containers"][0],
        quadlet(DEPLOY / "quadlet" / "hosts" / UNITS[role])["Container"],
    )
    assert service["command"] == container["args"] == unit["Exec"][0].split() == ["serve", "--role", role]
    probes = [" ".join(container[f"{kind}Probe"]["exec"]["command"]) for kind in ("startup", "liveness")]
    assert [" ".join(service["healthcheck"]["test"][1:]), *unit["HealthCmd"], *probes] == [HEALTH] * 4
    arguments = dict(re.findall(r"--([a-z-]+)=(\S+)", unit["PodmanArgs"][0]))
    grace_s = int(service["stop_grace_period"].removesuffix("s"))
    assert grace_s == int(arguments["stop-timeout"]) == pod(role)["terminationGracePeriodSeconds"]
    memory = container["resources"]["limits"]["memory"].lower().removesuffix("i")
    assert service["mem_limit"].lower() == arguments["memory"] == memory
    assert [volume.split(":")[-2 if ":" in volume else 0] for volume in service["volumes"]][1] == CONFIG
    assert unit["Volume"][0].rpartition(":")[2] == service["volumes"][0] == str(ServiceSettings().state_dir)


@pytest.mark.parametrize("role", ROLES)
def test_every_role_is_hardened_like_the_service_of_one_host(role: str) -> None:
    one = from_compose()
    service, spec = compose()["services"][role], pod(role)
    (container,) = spec["containers"]
    unit = quadlet(DEPLOY / "quadlet" / "hosts" / UNITS[role])["Container"]
    assert service["read_only"] == container["securityContext"]["readOnlyRootFilesystem"] == one.read_only_root
    assert service["cap_drop"] == container["securityContext"]["capabilities"]["drop"] == one.dropped
    assert unit["DropCapability"] == ["all"]
    assert service["user"] == one.user == f"{unit['User'][0]}:{unit['Group'][0]}"
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not container["securityContext"]["allowPrivilegeEscalation"]
    assert spec["securityContext"]["runAsNonRoot"]
    assert not spec["automountServiceAccountToken"]


def test_only_receivers_wait_for_destinations() -> None:
    services = compose()["services"]
    waits_s = {role: int(services[role]["stop_grace_period"].removesuffix("s")) for role in ROLES}
    assert waits_s["receiver"] >= DeliverySettings().timeout_s + 10
    assert waits_s["worker"] < waits_s["receiver"]


def test_balancer_and_database_are_hardened_and_where_they_belong() -> None:
    services = compose()["services"]
    for name in ("balancer", "postgres"):
        assert services[name]["read_only"], name
        assert services[name]["cap_drop"] == ["ALL"], name
        assert not services[name]["user"].startswith("0"), name
    assert "ports" not in services["postgres"]
    assert "ports" not in services["receiver"], "senders reach the receivers through the balancer"
    assert services["postgres"]["networks"] == ["database"]
    assert compose()["networks"]["database"]["internal"]
    assert "database" not in services["balancer"]["networks"]


def test_the_example_and_the_config_map_are_right(tmp_path: Path) -> None:
    path = tmp_path / "rdeepnet.toml"
    shutil.copyfile(DEPLOY / "hosts" / "rdeepnet.toml.example", path)
    example = load_settings(path)
    path.write_text(objects()["ConfigMap", "rdeepnet-hosts"]["data"]["rdeepnet.toml"])
    on_kubernetes = load_settings(path)
    for settings in (example, on_kubernetes):
        assert settings.shared.database_url.startswith("postgresql://")
        assert settings.senders
        assert settings.destinations
        assert settings.worker.memory_gib < 4, "the limit of the container acts second"
    service = example.service
    assert service.max_associations_per_address == service.max_associations, (
        "every connection has the balancer's address"
    )
    assert not example.senders[0].addresses
    assert on_kubernetes.senders[0].addresses, "Kubernetes keeps the sender's address"


# Kubernetes


def test_kubernetes_objects_are_valid() -> None:
    autoscaler = kubernetes_objects((HOSTS / "autoscaler.yaml").read_text(encoding="utf-8"))
    for one in (objects() | autoscaler).values():
        kubernetes_validate.validate(one, "1.30", strict=True)
    (scaled,) = autoscaler.values()
    target = scaled["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) in objects()
    metric = scaled["spec"]["metrics"][0]["external"]["metric"]
    text = (Path(__file__).parents[3] / "appliance" / "web" / "metrics.py").read_text(encoding="utf-8")
    assert metric["name"].removeprefix("rdeepnet_") in text
    assert metric["selector"]["matchLabels"] == {"state": "queued"}


def test_names_and_labels_fit_together() -> None:
    for (kind, name), one in objects().items():
        if kind not in ("Deployment", "StatefulSet"):
            continue
        labels = one["spec"]["template"]["metadata"]["labels"]
        assert one["spec"]["selector"]["matchLabels"] == labels
        assert objects()["Service", name]["spec"]["selector"] == labels
        assert one["spec"]["replicas"] >= 2
    assert objects()["Service", "rdeepnet-receiver"]["spec"]["externalTrafficPolicy"] == "Local"
    (container,) = pod("receiver")["containers"]
    assert objects()["Service", "rdeepnet-receiver"]["spec"]["ports"][0]["targetPort"] == container["ports"][0]["name"]


# Quadlet


@pytest.mark.parametrize("role", ROLES)
def test_quadlet_files_have_documented_keys_only(role: str) -> None:
    further = {"Container": {"Environment", "EnvironmentFile"}}
    for section, keys in quadlet(DEPLOY / "quadlet" / "hosts" / UNITS[role]).items():
        assert set(keys) <= QUADLET_KEYS[section] | further.get(section, set()), f"[{section}]"


# The balancer


def haproxy_file(folder: Path, *, port: int, receivers: list[int]) -> Path:
    """The file as it ships, with ports and addresses of this machine in place of Docker's names."""
    text = (DEPLOY / "hosts" / "haproxy.cfg").read_text(encoding="utf-8")
    senders = folder / "senders.lst"
    senders.write_text("127.0.0.1\n", encoding="utf-8")
    servers = "\n".join(f"  server receiver{number} 127.0.0.1:{of}" for number, of in enumerate(receivers))
    changes = {
        "bind :11112": f"bind 127.0.0.1:{port}",
        "/usr/local/etc/haproxy/senders.lst": str(senders),
        "  server-template receiver 16 receiver:11112 resolvers docker init-addr none": servers,
        "check inter 2s": "check inter 200ms",
    }
    for found, instead in changes.items():
        assert found in text, found
        text = text.replace(found, instead)
    path = folder / "haproxy.cfg"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.peers
def test_haproxy_takes_the_file_as_it_ships(tmp_path: Path) -> None:
    require_programs("haproxy")
    text = (DEPLOY / "hosts" / "haproxy.cfg").read_text(encoding="utf-8")
    path = tmp_path / "haproxy.cfg"
    path.write_text(text.replace("/usr/local/etc/haproxy", str(DEPLOY / "hosts")), encoding="utf-8")
    checked = subprocess.run(["haproxy", "-c", "-f", str(path)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "WARNING" not in checked.stderr


@contextmanager
def balanced(folder: Path, receivers: list[int]) -> Iterator[int]:
    """HAProxy in front of receivers; gives its port."""
    port = free_port()
    path = haproxy_file(folder, port=port, receivers=receivers)
    process = subprocess.Popen(
        ["haproxy", "-f", str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ}
    )
    try:
        wait_for(lambda: is_listening(port), what="HAProxy to listen")
        yield port
    finally:
        process.terminate()
        process.wait()


@pytest.mark.peers
def test_an_echo_reaches_the_receiver_that_is_left_and_checks_leave_no_trace(tmp_path: Path) -> None:
    require_programs("haproxy")
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        folder.mkdir()
    with attacking(folders[0], PATIENT) as first:
        with attacking(folders[1], PATIENT) as second, balanced(tmp_path, [first.port, second.port]) as port:
            peer = Peer("RDEEPNET", "127.0.0.1", port, "ELSEWHERE", 15.0)
            for _ in range(4):
                echo(peer)
            time.sleep(1.0)  # five checks of each
        for receiver in (first, second):
            assert no_trace(receiver)
        with balanced(tmp_path, [first.port, second.port]) as port:  # the second is gone, which a check finds
            peer = Peer("RDEEPNET", "127.0.0.1", port, "ELSEWHERE", 15.0)
            wait_for(lambda: is_answered(peer), what="a first echo to be answered")
            time.sleep(1.0)
            for _ in range(4):
                echo(peer)
        assert no_trace(first)


def no_trace(receiver: Attacked) -> bool:
    """Returns whether a receiver said nothing, and counts nothing as open."""
    return receiver == Attacked(port=receiver.port)


@pytest.mark.parametrize("reset", [False, True])
def test_a_connection_without_a_word_leaves_no_trace(tmp_path: Path, reset: bool) -> None:
    with attacking(tmp_path, PATIENT) as receiver:
        for _ in range(PATIENT.connections_per_address - 1):
            connection = socket.create_connection(("127.0.0.1", receiver.port), timeout=15.0)
            if reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            connection.close()
        wait_for(lambda: echoes(receiver), what="an echo to be answered")
        assert no_trace(receiver)


def echoes(receiver: Attacked) -> bool:
    echo(receiver.peer())
    return True


def is_answered(peer: Peer) -> bool:
    """Returns whether a peer answers an echo at once."""
    try:
        echo(peer)
    except PeerUnavailable:
        return False
    return True
