"""The image as a MONAI Application Package (MAP): its two manifests, its folders, and its exports.

Follows the MAP specification 1.0.0 (Project MONAI, monai-deploy-app-sdk, guidelines) and, where that leaves room, what
the Holoscan packager writes and its runner reads: `command` is a JSON array in a string. A MAP works on folders; the
service has nothing to do with it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import files
from pathlib import Path
from typing import Any

from appliance.settings import Settings, load_settings
from models.errors import SetupError
from models.inference.package import MANIFEST, shipped_packages
from models.version import software_version

SPECIFICATION = "1.0.0"
COMMAND = ("rdeepnet", "map", "run")
EXPORT = Path("/var/run/holoscan/export")
APP, PKG = "app.json", "pkg.json"
_PACKAGES = ("appliance", "dicom_io", "models", "reports")
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class MapPaths:
    """The folders and files of a MAP; the defaults are those of the specification.

    Attributes
    ----------
    config : our TOML file; the defaults of the settings apply where there is none (the specification's default is a
        YAML file, which is not ours)
    models : one folder for each model package; the built-in packages where there is none
    """

    input: Path = Path("/var/holoscan/input")
    output: Path = Path("/var/holoscan/output")
    workdir: Path = Path("/var/holoscan")
    models: Path = Path("/opt/holoscan/models")
    config: Path = Path("/var/holoscan/app.toml")
    app_manifest: Path = Path("/etc/holoscan/app.json")
    pkg_manifest: Path = Path("/etc/holoscan/pkg.json")
    docs: Path = Path("/opt/holoscan/docs")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> MapPaths:
        """Reads the folders from the environment of the orchestrator; relative paths start at the working directory."""
        workdir = Path(environment.get(VARIABLES["workdir"]) or cls.workdir).absolute()
        given = {
            field.name: workdir / environment[VARIABLES[field.name]]
            for field in dataclasses.fields(cls)
            if environment.get(VARIABLES[field.name])
        }
        return cls(**given)


VARIABLES = {
    "input": "HOLOSCAN_INPUT_PATH",
    "output": "HOLOSCAN_OUTPUT_PATH",
    "workdir": "HOLOSCAN_WORKDIR",
    "models": "HOLOSCAN_MODEL_PATH",
    "config": "HOLOSCAN_CONFIG_PATH",
    "app_manifest": "HOLOSCAN_APP_MANIFEST_PATH",
    "pkg_manifest": "HOLOSCAN_PKG_MANIFEST_PATH",
    "docs": "HOLOSCAN_DOCS",
}


def application_manifest() -> dict[str, Any]:
    """The content of /etc/holoscan/app.json."""
    paths = MapPaths()
    return {
        "apiVersion": SPECIFICATION,
        "type": "application",
        "command": json.dumps(COMMAND),
        "environment": {variable: str(getattr(paths, name)) for name, variable in VARIABLES.items()}
        | {"HOLOSCAN_LOGS": str(paths.workdir / "logs")},  # the specification requires it; our log is standard error
        "input": {"path": str(paths.input.relative_to(paths.workdir)), "formats": ["file"]},
        "output": {
            "path": str(paths.output.relative_to(paths.workdir)),
            "format": "file",  # as the specification calls it
            "formats": ["file"],  # as the packager calls it
        },
        "readiness": {
            "type": "command",
            "command": ["rdeepnet", "models"],  # loads every package and runs its reference patients
            "initialDelaySeconds": 1,
            "periodSeconds": 30,
            "timeoutSeconds": 30,
            "failureThreshold": 3,
        },
        "liveness": None,
        "sdk": "none",
        "sdkVersion": "0.0.0",
        "timeout": 0,  # how long it takes depends on the number of studies
        "version": software_version(),
        "workingDirectory": str(paths.workdir),
    }


def package_manifest() -> dict[str, Any]:
    """The content of /etc/holoscan/pkg.json."""
    return {
        "apiVersion": SPECIFICATION,
        "applicationRoot": "/opt/holoscan/app",
        "modelRoot": str(MapPaths.models),
        "models": [{"name": folder.name, "path": folder.name} for folder in shipped_packages()],
        "platformConfig": "cpu",
        # One study at a time; OPERATING.md, "Sizing", has the measurements.
        "resources": {"cpu": 2, "gpu": 0, "memory": "3Gi", "sharedMemory": "64Mi"},
        "version": software_version(),
    }


def as_json(manifest: Mapping[str, Any]) -> str:
    """A manifest as it is written into a file."""
    return json.dumps(manifest, indent=2) + "\n"


def manifests(paths: MapPaths) -> dict[str, str]:
    """The two manifests as text by name: those of the image where it has them, else made here."""
    made = {APP: (paths.app_manifest, application_manifest), PKG: (paths.pkg_manifest, package_manifest)}
    return {
        name: path.read_text(encoding="utf-8") if path.is_file() else as_json(content())
        for name, (path, content) in made.items()
    }


def check_folders(paths: MapPaths) -> None:
    """Checks that the input folder exists and the output folder is writable.

    Raises
    ------
    SetupError
        When not, with what to do.
    """
    if not paths.input.is_dir():
        raise SetupError(f"The input folder {paths.input} does not exist; mount it, or set {VARIABLES['input']}.")
    try:
        paths.output.mkdir(parents=True, exist_ok=True)
        can_write = os.access(paths.output, os.W_OK | os.X_OK)
    except OSError:
        can_write = False
    if not can_write:
        raise SetupError(
            f"The output folder {paths.output} cannot be written; mount a folder that the user {os.getuid()} may "
            f"write to, or set {VARIABLES['output']}."
        )


def map_settings(paths: MapPaths) -> Settings:
    """The settings of a run: those of the configuration file, with the model packages of the MAP's folder.

    Raises
    ------
    SetupError
        When the configuration file has mistakes.
    """
    settings = load_settings(paths.config) if paths.config.is_file() else Settings()
    packages = settings.models.packages or packages_in(paths.models)
    return dataclasses.replace(settings, models=dataclasses.replace(settings.models, packages=packages))


def packages_in(folder: Path) -> tuple[Path, ...]:
    """Model packages below a folder: the built-in ones first, in the order of the report, then the others by name."""
    if not folder.is_dir():
        return ()
    order = [package.name for package in shipped_packages()]
    packages = [entry for entry in folder.iterdir() if (entry / MANIFEST).is_file()]
    return tuple(
        sorted(packages, key=lambda entry: (order.index(entry.name) if entry.name in order else len(order), entry.name))
    )


def export(paths: MapPaths, *, root: Path = EXPORT) -> tuple[Path, ...]:
    """Copies what the MAP consists of to the folders that are mounted below `root`; returns what was written.

    If any of `app`, `config`, `models` or `docs` exists, only those that exist; otherwise all four.

    Raises
    ------
    SetupError
        When nothing is mounted there, or it cannot be written.
    """
    parts: dict[str, Callable[[Path], None]] = {
        "app": _export_app,
        "config": lambda folder: _export_config(paths, folder),
        "models": lambda folder: _export_models(paths, folder),
        "docs": lambda folder: _export_docs(paths, folder),
    }
    if not root.is_dir():
        raise SetupError(f"{root} does not exist; make a folder on the host and mount it at {root} to extract to it.")
    wanted = [name for name in parts if (root / name).is_dir()] or list(parts)
    written = []
    for name in wanted:
        try:
            (root / name).mkdir(exist_ok=True)
            parts[name](root / name)
        except OSError as error:
            why = error.strerror or "some files could not be copied"
            raise SetupError(
                f"{root / name} cannot be written ({why}); make the folder on the host first, and let the "
                "container's user write to it."
            ) from error
        written.append(root / name)
    return tuple(written)


def _export_app(folder: Path) -> None:
    leave_out = shutil.ignore_patterns("__pycache__")
    for package in _PACKAGES:
        shutil.copytree(_ROOT / package, folder / package, ignore=leave_out, dirs_exist_ok=True)
    shutil.copyfile(_ROOT / "rdeepnet.py", folder / "rdeepnet.py")


def _export_config(paths: MapPaths, folder: Path) -> None:
    for name, text in manifests(paths).items():
        (folder / name).write_text(text, encoding="utf-8")
    if paths.config.is_file():
        shutil.copyfile(paths.config, folder / paths.config.name)


def _export_models(paths: MapPaths, folder: Path) -> None:
    for package in packages_in(paths.models) or shipped_packages():
        shutil.copytree(package, folder / package.name, dirs_exist_ok=True)


def _export_docs(paths: MapPaths, folder: Path) -> None:
    if paths.docs.is_dir():
        shutil.copytree(paths.docs, folder, dirs_exist_ok=True)
    installed = [Path(str(file.locate())) for file in files("rdeepnet") or () if file.name == "LICENSE"]
    licence = next(iter(installed), _ROOT / "LICENSE")  # beside the packages in a checkout
    for document in (licence, _ROOT / "appliance" / "OPERATING.md", _ROOT / "dicom_io" / "CONFORMANCE.md"):
        shutil.copyfile(document, folder / document.name)
    for package in shipped_packages():
        shutil.copyfile(package / "MODEL_CARD.md", folder / f"MODEL_CARD_{package.name}.md")
