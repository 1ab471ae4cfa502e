"""The files of appliance/deploy: valid, hardened, and agreeing with the image, the settings and each other.

Kind: mechanics. What looks at them: Compose files the strict reader of `compose-spec`; Kubernetes manifests the API's
own schemas (`kubernetes-validate`), kustomize where kubectl is installed, and podman, which starts the pod; quadlet
files the keys of podman-systemd.unit(5), and where podman is 4.5 or newer its own generator with systemd-analyze.
No Kubernetes cluster and no systemd runs here.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from compose_spec import PyCompose

from appliance.settings import DeliverySettings, ServiceSettings, Settings, WebSettings, load_settings
from tests.conftest import ROOT, require_programs

DEPLOY = ROOT / "appliance" / "deploy"
KUBERNETES = DEPLOY / "kubernetes" / "base" / "rdeepnet.yaml"
CONFIG = "/etc/rdeepnet/rdeepnet.toml"
HEALTH = ["rdeepnet", "health", "--receiving"]

# podman-systemd.unit(5) of podman 4.9: the keys that are used, and no others.
QUADLET_KEYS = {
    "Container": {
        "AddDevice", "ContainerName", "DropCapability", "Exec", "Group", "HealthCmd", "HealthInterval",
        "HealthOnFailure", "HealthRetries", "HealthStartPeriod", "HealthTimeout", "HostName", "Image", "LogDriver",
        "Network", "NoNewPrivileges", "PodmanArgs", "PublishPort", "ReadOnly", "Tmpfs", "User", "Volume",
    },
    "Volume": {"Label"},
    "Unit": {"Description", "Wants", "Requires", "PartOf", "After"},
    "Service": {"OOMPolicy", "Restart", "RestartSec", "TimeoutStartSec", "TimeoutStopSec"},
    "Install": {"WantedBy"},
}  # fmt: skip


def compose_text(name: str, environment: Mapping[str, str]) -> str:
    """A compose file with its variables filled in, as `docker compose config` does it: ${NAME:-default}."""
    text = (DEPLOY / name).read_text(encoding="utf-8")
    return re.sub(r"\$\{(\w+):-([^}]*)\}", lambda found: environment.get(found[1]) or found[2], text)


def quadlet(path: Path) -> dict[str, dict[str, list[str]]]:
    """Sections and keys of a unit file; a key may stand several times."""
    sections: dict[str, dict[str, list[str]]] = {}
    section: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        if heading := re.fullmatch(r"\[(\w+)\]", line):
            section = sections.setdefault(heading[1], {})
            continue
        key, separator, value = line.partition("=")
        assert separator, f"{path.name}: neither a section nor a key: {line}"
        section.setdefault(key, []).append(value)
    return sections


@dataclass(frozen=True)
class Deployment:
    """Content of a deployment file, in terms that all three kinds share.

    `mounts`: target → whether it is read-only; `grace_s`: from SIGTERM to SIGKILL.
    """

    image: str
    command: list[str]
    user: str
    port: int
    mounts: dict[str, bool]
    tmp: bool
    read_only_root: bool
    dropped: list[str]
    no_new_privileges: bool
    grace_s: int
    health: list[str]
    memory: str


def from_compose() -> Deployment:
    service = yaml.safe_load(compose_text("compose.yaml", {}))["services"]["rdeepnet"]
    mounts = [volume.split(":") for volume in service["volumes"]]
    return Deployment(
        image=service["image"],
        command=service["command"],
        user=service["user"],
        port=int(service["ports"][0].rpartition(":")[2]),
        mounts={parts[1]: parts[2:] == ["ro"] for parts in mounts},
        tmp=any(tmpfs.startswith("/tmp:") for tmpfs in service["tmpfs"]),
        read_only_root=service["read_only"],
        dropped=service["cap_drop"],
        no_new_privileges=service["security_opt"] == ["no-new-privileges:true"],
        grace_s=int(service["stop_grace_period"].removesuffix("s")),
        health=service["healthcheck"]["test"][1:],
        memory=service["mem_limit"].lower(),
    )


def from_quadlet() -> Deployment:
    container = quadlet(DEPLOY / "quadlet" / "rdeepnet.container")["Container"]
    (arguments,) = (dict(re.findall(r"--([a-z-]+)=(\S+)", text)) for text in container["PodmanArgs"])
    mounts = [volume.split(":") for volume in container["Volume"]]
    return Deployment(
        image=container["Image"][0],
        command=container["Exec"][0].split(),
        user=f"{container['User'][0]}:{container['Group'][0]}",
        port=int(container["PublishPort"][0].rpartition(":")[2]),
        mounts={parts[1]: parts[2:] == ["ro"] for parts in mounts},
        tmp=container["Tmpfs"][0].startswith("/tmp:"),
        read_only_root=container["ReadOnly"] == ["true"],
        dropped=[name.upper() for name in container["DropCapability"]],
        no_new_privileges=container["NoNewPrivileges"] == ["true"],
        grace_s=int(arguments["stop-timeout"]),
        health=container["HealthCmd"][0].split(),
        memory=arguments["memory"],
    )


def kubernetes_objects(text: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Kind and name → object."""
    return {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(text)}


def from_kubernetes() -> Deployment:
    objects = kubernetes_objects(KUBERNETES.read_text(encoding="utf-8"))
    stateful = objects["StatefulSet", "rdeepnet"]["spec"]
    pod = stateful["template"]["spec"]
    (container,) = pod["containers"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    (file,) = objects["ConfigMap", "rdeepnet"]["data"]
    (claim,) = (claim["metadata"]["name"] for claim in stateful["volumeClaimTemplates"])
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    probes = [container[f"{kind}Probe"]["exec"]["command"] for kind in ("startup", "readiness", "liveness")]
    assert probes == [probes[0]] * 3
    return Deployment(
        image=container["image"],
        command=container["args"],
        user=f"{pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}",
        port=container["ports"][0]["containerPort"],
        mounts={
            mounts[claim]["mountPath"]: mounts[claim].get("readOnly", False),
            f"{mounts['config']['mountPath']}/{file}": mounts["config"]["readOnly"],
        },
        tmp=mounts["tmp"]["mountPath"] == "/tmp" and volumes["tmp"]["emptyDir"]["medium"] == "Memory",
        read_only_root=container["securityContext"]["readOnlyRootFilesystem"],
        dropped=container["securityContext"]["capabilities"]["drop"],
        no_new_privileges=not container["securityContext"]["allowPrivilegeEscalation"],
        grace_s=pod["terminationGracePeriodSeconds"],
        health=probes[0],
        memory=container["resources"]["limits"]["memory"].lower().removesuffix("i"),
    )


def test_all_three_say_the_same() -> None:
    assert from_compose() == from_quadlet() == from_kubernetes()


def test_they_are_hardened_and_fit_the_settings() -> None:
    deployment = from_compose()
    service = ServiceSettings()
    assert deployment.read_only_root
    assert deployment.no_new_privileges
    assert deployment.tmp
    assert deployment.dropped == ["ALL"]
    assert deployment.mounts == {str(service.state_dir): False, CONFIG: True}
    assert deployment.port == service.port
    assert int(deployment.user.split(":")[0]) > 1000
    assert deployment.command == ["serve"]
    assert deployment.health == HEALTH
    margin_s = 10
    assert deployment.grace_s >= DeliverySettings().timeout_s + margin_s, "an answer of a destination is waited for"


def test_they_fit_the_image() -> None:
    containerfile = (ROOT / "Containerfile").read_text(encoding="utf-8")
    deployment = from_compose()

    def said(instruction: str) -> str:
        found = re.findall(rf"^{instruction} (.*)$", containerfile, re.MULTILINE)
        assert found, f"the Containerfile has no {instruction}"
        return found[-1]

    assert said("USER") == deployment.user
    assert said("EXPOSE") == str(deployment.port)
    assert said("VOLUME") == str(ServiceSettings().state_dir)
    assert said("STOPSIGNAL") == "SIGTERM"
    assert said("CMD") == '["serve"]'
    assert f"RDEEPNET_CONFIG={CONFIG}" in containerfile
    health = re.search(r"^HEALTHCHECK (.*) CMD (.*)$", containerfile, re.MULTILINE)
    assert health is not None
    assert yaml.safe_load(health[2]) == deployment.health
    check = yaml.safe_load(compose_text("compose.yaml", {}))["services"]["rdeepnet"]["healthcheck"]
    options = dict(re.findall(r"--([a-z-]+)=(\S+)", health[1]))
    assert options == {key.replace("_", "-"): str(value) for key, value in check.items() if key != "test"}


def test_the_systemd_unit_waits_longer_than_podman() -> None:
    service = quadlet(DEPLOY / "quadlet" / "rdeepnet.container")["Service"]
    assert int(service["TimeoutStopSec"][0]) >= from_quadlet().grace_s + 10
    assert service["Restart"] == ["always"], "the process ends by itself on a defect"
    assert yaml.safe_load(compose_text("compose.yaml", {}))["services"]["rdeepnet"]["restart"] == "always"


def test_the_example_configuration_is_right(tmp_path: Path) -> None:
    path = tmp_path / "rdeepnet.toml"
    shutil.copyfile(DEPLOY / "rdeepnet.toml.example", path)
    example = load_settings(path)
    path.write_text(kubernetes_objects(KUBERNETES.read_text())["ConfigMap", "rdeepnet"]["data"]["rdeepnet.toml"])
    on_kubernetes = load_settings(path)
    for settings in (example, on_kubernetes):
        assert settings.service.port == Settings().service.port
        assert settings.senders
        assert settings.destinations
        assert ServiceSettings().state_dir in (settings.service.state_dir, settings.service.state_dir.parent)


# Compose


@pytest.mark.parametrize("name", ["compose.yaml", "compose.gpu.yaml"])
def test_compose_files_are_read_strictly(name: str) -> None:
    compose = PyCompose.from_yaml(compose_text(name, {"POSTGRES_PASSWORD": "x", "RDEEPNET_PORT": "127.0.0.1:11112"}))
    assert "rdeepnet" in compose.service_names()


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("read_only: true", "reed_only: true"), ("stop_grace_period: 75s", "stop_grace_period: 75 parsecs")],
)
def test_the_strict_reader_finds_mistakes(right: str, wrong: str) -> None:
    text = compose_text("compose.yaml", {})
    assert right in text
    with pytest.raises(ValueError, match=r"reed_only|stop_grace_period"):
        PyCompose.from_yaml(text.replace(right, wrong))


def test_postgresql_is_optional_hardened_and_out_of_the_hospital_s_reach() -> None:
    compose = yaml.safe_load(compose_text("compose.yaml", {}))
    postgres, ours = compose["services"]["postgres"], compose["services"]["rdeepnet"]
    assert postgres["profiles"] == ["postgresql"]
    assert not ours["depends_on"]["postgres"]["required"]
    assert "ports" not in postgres
    assert compose["networks"]["database"]["internal"]
    assert postgres["networks"] == ["database"]
    for key in ("read_only", "cap_drop", "security_opt"):
        assert postgres[key] == ours[key]
    assert not postgres["user"].startswith("0")


# The page for operators


def test_the_page_is_hardened_like_the_service_and_in_its_network() -> None:
    compose = yaml.safe_load(compose_text("compose.yaml", {}))
    page, service = compose["services"]["web"], compose["services"]["rdeepnet"]
    assert page["profiles"] == ["web"]
    assert page["command"] == ["web"]
    assert page["network_mode"] == "service:rdeepnet", "it calls the service at 127.0.0.1"
    assert service["ports"][1] == f"127.0.0.1:{WebSettings().port}:{WebSettings().port}"
    for key in ("image", "user", "read_only", "cap_drop", "security_opt", "tmpfs", "volumes"):
        assert page[key] == service[key], key
    assert page["healthcheck"] == {"disable": True}

    unit = quadlet(DEPLOY / "quadlet" / "rdeepnet-web.container")
    main = quadlet(DEPLOY / "quadlet" / "rdeepnet.container")
    assert unit["Container"]["Exec"] == ["web"]
    assert unit["Container"]["Network"] == [f"container:{main['Container']['ContainerName'][0]}"]
    assert main["Container"]["PublishPort"][1] == service["ports"][1]
    assert unit["Container"]["HealthCmd"] == ["none"]
    same = ("Image", "User", "Group", "ReadOnly", "DropCapability", "NoNewPrivileges", "Tmpfs", "Volume")
    for key in same:
        assert unit["Container"][key] == main["Container"][key], key
    assert unit["Unit"]["PartOf"] == ["rdeepnet.service"], "with the service its network ends"


def test_the_overlay_with_the_page_adds_a_container_and_a_service_only() -> None:
    require_programs("kubectl")
    command = ["kubectl", "kustomize", str(DEPLOY / "kubernetes" / "web")]
    built = kubernetes_objects(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    base = kubernetes_objects(KUBERNETES.read_text(encoding="utf-8"))
    service = built.pop(("Service", "rdeepnet-web"))
    for one in (service, built["StatefulSet", "rdeepnet"]):
        kubernetes_validate.validate(one, "1.30", strict=True)
    main, page = built["StatefulSet", "rdeepnet"]["spec"]["template"]["spec"]["containers"]
    del built["StatefulSet", "rdeepnet"]["spec"]["template"]["spec"]["containers"][1]
    assert built == base
    assert page["args"] == ["web"]
    assert page["ports"] == [{"name": "page", "containerPort": WebSettings().port}]
    assert service["spec"]["ports"][0]["targetPort"] == "page"
    assert service["spec"]["selector"] == base["StatefulSet", "rdeepnet"]["spec"]["selector"]["matchLabels"]
    for key in ("image", "securityContext", "volumeMounts"):
        assert page[key] == main[key], key


# Quadlet


@pytest.mark.parametrize(
    "name",
    ["rdeepnet.container", "rdeepnet-web.container", "rdeepnet-state.volume", "rdeepnet.container.d/gpu.conf"],
)
def test_quadlet_files_have_documented_keys_only(name: str) -> None:
    for section, keys in quadlet(DEPLOY / "quadlet" / name).items():
        assert set(keys) <= QUADLET_KEYS[section], f"[{section}]"


@pytest.mark.peers
@pytest.mark.parametrize("with_gpu", [False, True])
def test_the_quadlet_generator_makes_a_unit_that_systemd_takes(tmp_path: Path, with_gpu: bool) -> None:
    path = os.pathsep.join([os.environ["PATH"], "/usr/libexec/podman", "/usr/lib/podman"])
    generator = shutil.which("quadlet", path=path)
    if generator is None:
        pytest.skip("no quadlet: podman 4.5 or newer has it, Debian bookworm's does not")
    require_programs("systemd-analyze")
    units = tmp_path / "units"
    leave_out = None if with_gpu else shutil.ignore_patterns("*.d")
    shutil.copytree(DEPLOY / "quadlet", units, ignore=leave_out)
    made = tmp_path / "made"
    made.mkdir()
    environment = {**os.environ, "QUADLET_UNIT_DIRS": str(units)}
    result = subprocess.run([generator, str(made)], capture_output=True, text=True, check=False, env=environment)
    assert result.returncode == 0, result.stderr
    unit = (made / "rdeepnet.service").read_text(encoding="utf-8")
    (start,) = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    options = (
        "--user 10001:10001", "--read-only", "--cap-drop all", "no-new-privileges", "--stop-timeout=75",
        "systemd-rdeepnet-state:/var/lib/rdeepnet", "--publish 11112:11112",
    )  # fmt: skip
    assert [option for option in options if option not in start] == []
    assert start.endswith(f"localhost/rdeepnet:{'gpu' if with_gpu else 'cpu'} serve")
    assert ("--device nvidia.com/gpu=all" in start) is with_gpu
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--generators=no", str(made / "rdeepnet.service")],
        capture_output=True,
        text=True,
        check=False,
        env={**environment, "SYSTEMD_UNIT_PATH": f"{made}:"},
    )
    complaints = [line for line in checked.stderr.splitlines() if "rdeepnet" in line and "not executable" not in line]
    assert not complaints, checked.stderr


# Kubernetes


def test_kubernetes_objects_are_valid() -> None:
    objects = kubernetes_objects(KUBERNETES.read_text(encoding="utf-8"))
    assert [kind for kind, _ in objects] == ["ConfigMap", "Service", "Service", "StatefulSet"]
    for one in objects.values():
        kubernetes_validate.validate(one, "1.30", strict=True)


def test_the_schema_finds_a_misspelt_key() -> None:
    stateful = kubernetes_objects(KUBERNETES.read_text(encoding="utf-8"))["StatefulSet", "rdeepnet"]
    stateful["spec"]["template"]["spec"]["terminationGracePeriod"] = 75
    with pytest.raises(kubernetes_validate.ValidationError, match="terminationGracePeriod"):
        kubernetes_validate.validate(stateful, "1.30", strict=True)


def test_names_and_labels_of_kubernetes_objects_fit_together() -> None:
    objects = kubernetes_objects(KUBERNETES.read_text(encoding="utf-8"))
    stateful = objects["StatefulSet", "rdeepnet"]["spec"]
    labels = stateful["template"]["metadata"]["labels"]
    assert stateful["selector"]["matchLabels"] == labels
    assert stateful["replicas"] == 1, "a study must not be spread over several inboxes"
    headless = objects["Service", stateful["serviceName"]]["spec"]
    assert headless["clusterIP"] == "None"
    reached = objects["Service", "rdeepnet-dicom"]["spec"]
    assert reached["externalTrafficPolicy"] == "Local", "else the sender's address is lost"
    (container,) = stateful["template"]["spec"]["containers"]
    for service in (headless, reached):
        assert service["selector"] == labels
        assert service["ports"][0]["targetPort"] == container["ports"][0]["name"]


def test_the_overlay_for_a_gpu_changes_image_and_limit_only() -> None:
    require_programs("kubectl")

    def built(name: str) -> dict[tuple[str, str], dict[str, Any]]:
        command = ["kubectl", "kustomize", str(DEPLOY / "kubernetes" / name)]
        return kubernetes_objects(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    base, gpu = built("base"), built("gpu")
    assert base == kubernetes_objects(KUBERNETES.read_text(encoding="utf-8"))
    kubernetes_validate.validate(gpu["StatefulSet", "rdeepnet"], "1.30", strict=True)
    (container,) = gpu["StatefulSet", "rdeepnet"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "localhost/rdeepnet:gpu"
    assert container["resources"]["limits"].pop("nvidia.com/gpu") == "1"
    container["image"] = "localhost/rdeepnet:cpu"
    assert gpu == base
