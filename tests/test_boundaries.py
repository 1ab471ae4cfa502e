"""Imports point one way, between the packages, between their rooms and between modules; each library has one home.

`CONTRIBUTING.md` draws the rooms: the drawing and `ROOMS` change together.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

MAY_IMPORT = {
    "models": {"models"},
    "reports": {"reports", "models"},
    "dicom_io": {"dicom_io", "reports", "models"},
    "appliance": {"appliance", "dicom_io", "reports", "models"},
}
DOOR = "rdeepnet"  # the public module at the root: it may import all four packages, and none of them imports it

# Room → the rooms of its own package that it may import. Modules outside a room (`models/volume.py`) are open to all
# rooms of their package, except those that lead into the rooms (`DOORS`).
ROOMS: dict[str, set[str]] = {
    "appliance/commands": {
        "appliance/deploy",
        "appliance/offline",
        "appliance/service",
        "appliance/state",
        "appliance/web",
    },
    "appliance/commands/analyse": {"appliance/commands", "appliance/offline"},
    "appliance/deploy": {"appliance/service"},
    "appliance/offline": set(),
    "appliance/service": {"appliance/state"},
    "appliance/state": set(),
    "appliance/web": {"appliance/service", "appliance/state"},
    "dicom_io/audit": {"dicom_io/network"},
    "dicom_io/conformance": {
        "dicom_io/audit",
        "dicom_io/network",
        "dicom_io/network/dicomweb",
        "dicom_io/writing",
    },
    "dicom_io/images": set(),
    "dicom_io/masks": {"dicom_io/images"},
    "dicom_io/network": {"dicom_io/images"},
    "dicom_io/network/dicomweb": {"dicom_io/network"},
    "dicom_io/network/fhir": {"dicom_io/network", "dicom_io/network/dicomweb"},
    "dicom_io/reading": {"dicom_io/images", "dicom_io/masks"},
    "dicom_io/synthetic": set(),
    "dicom_io/writing": set(),
    "models/cohort": {"models/features", "models/inference", "models/statistics"},
    "models/evaluation": {"models/cohort", "models/inference", "models/statistics"},
    "models/features": {"models/preprocessing"},
    "models/features/families": {"models/features", "models/features/kernels"},
    "models/features/filters": {"models/features", "models/features/kernels"},
    "models/features/kernels": set(),
    "models/importing": {"models/cohort", "models/features"},
    "models/inference": {"models/features", "models/statistics"},
    "models/model_card": {"models/features", "models/inference", "models/statistics"},
    "models/omics": {"models/cohort", "models/statistics"},
    "models/patients": {"models/cohort", "models/inference", "models/statistics"},
    "models/preprocessing": set(),
    "models/segmentation": {"models/inference"},
    "models/simulation": {"models/features"},
    "models/statistics": set(),
    "models/therapy": {"models/cohort", "models/statistics"},
    "models/training": {
        "models/cohort",
        "models/evaluation",
        "models/features",
        "models/inference",
        "models/model_card",
        "models/omics",
        "models/segmentation",
        "models/simulation",
        "models/statistics",
    },
    "reports/analysis": {"reports/figures", "reports/pdf"},
    "reports/analysis/omics": {"reports/analysis", "reports/figures"},
    "reports/analysis/patients": {"reports/analysis", "reports/figures"},
    "reports/analysis/therapy": {"reports/analysis", "reports/figures"},
    "reports/draft": {"reports/languages", "reports/pdf"},
    "reports/evaluation": {"reports/figures", "reports/pdf"},
    "reports/figures": set(),
    "reports/key_images": {"reports/languages", "reports/pdf"},
    "reports/languages": set(),
    "reports/languages/chinese": {"reports/languages", "reports/languages/findings"},
    "reports/languages/english": {"reports/languages"},
    "reports/languages/findings": {"reports/languages"},
    "reports/languages/german": {"reports/languages", "reports/languages/findings"},
    "reports/notice": {"reports/languages", "reports/pdf"},
    "reports/pdf": {"reports/figures", "reports/languages"},
}
DOORS = {"appliance/cli.py", "appliance/workbench.py", "appliance/pipeline.py"}
# A report is composed in the words of a language, which know its content and nothing of how it is composed.
DOORS |= {
    "reports/change.py",
    "reports/compose.py",
    "reports/model_sections.py",
    "reports/region_sections.py",
    "reports/subtraction.py",
}

# Library → path prefixes (POSIX, from the root) where it may be imported.
HOMES = {
    "pydicom": ("dicom_io/",),
    "highdicom": ("dicom_io/",),
    "pynetdicom": ("dicom_io/",),
    "SimpleITK": ("models/",),
    "torch": ("models/",),
    "numba": ("models/features/", "models/preprocessing/", "models/segmentation/", "models/compiled.py"),
    "radiomics": ("models/features/pyradiomics_reference.py",),
    "onnxruntime": ("models/inference/runtime.py",),
    "lifelines": ("models/",),
    "cryptography": ("models/inference/signature.py", "dicom_io/network/certificate.py"),
    "reportlab": ("reports/",),
    "pikepdf": ("reports/pdf/archive.py",),
    "matplotlib": ("reports/",),
    "dbos": ("appliance/state/job_queue.py", "appliance/state/job_worker.py"),
    "psycopg": ("appliance/state/postgres.py",),
    "sqlalchemy": ("appliance/state/",),
    "obstore": ("appliance/state/object_store.py",),
    "starlette": ("appliance/web/",),
    "uvicorn": ("appliance/web/",),
    "urllib3": ("dicom_io/network/dicomweb/",),
    "jinja2": ("appliance/web/",),
    "cyclonedx": ("appliance/deploy/sbom.py",),
    "typer": ("appliance/cli.py", "appliance/commands/"),
    "rich": ("appliance/cli.py", "appliance/commands/"),
}


def modules_imported() -> Iterator[tuple[str, str]]:
    """(file, module in full) of every import in the packages and the public module at the root.

    `from package import module` names the module.
    """
    for package in (*MAY_IMPORT, f"{DOOR}.py"):
        path = ROOT / package
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            name = file.relative_to(ROOT).as_posix()
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    yield from ((name, alias.name) for alias in node.names)
                elif isinstance(node, ast.ImportFrom):
                    assert node.level == 0, f"{name}: relative import; write it in full"
                    assert node.module is not None
                    for alias in node.names:
                        whole = f"{node.module}.{alias.name}"
                        yield name, whole if file_of(whole) is not None else node.module


def file_of(module: str) -> str | None:
    """The file of a module of the four packages, from the root."""
    path = ROOT.joinpath(*module.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file.relative_to(ROOT).as_posix()
    return None


def room_of(file: str) -> str:
    """The room of a file: its folder, without what lies below the rooms (`appliance/deploy/container`)."""
    return "/".join(file.split("/")[:-1]).removesuffix("/container")


MODULES = sorted(set(modules_imported()))
IMPORTS = sorted({(file, module.split(".")[0]) for file, module in MODULES})
OURS = sorted({(file, target) for file, module in MODULES if (target := file_of(module)) is not None})


def circle_in(arrows: dict[str, set[str]]) -> list[str]:
    """One circle of arrows, or nothing."""
    done: set[str] = set()

    def walk(node: str, path: list[str]) -> list[str]:
        if node in path:
            return [*path[path.index(node) :], node]
        if node not in done:
            for target in sorted(arrows.get(node, ())):
                if circle := walk(target, [*path, node]):
                    return circle
            done.add(node)
        return []

    return next((circle for node in sorted(arrows) if (circle := walk(node, []))), [])


def test_there_are_imports_to_check() -> None:
    assert len(IMPORTS) > 50
    assert len(OURS) > 500


def test_every_room_is_in_the_table_and_says_what_it_is_for() -> None:
    folders = {room_of(path) for path, _ in MODULES} - set(MAY_IMPORT) - {""}
    assert folders == set(ROOMS)
    for room in (*MAY_IMPORT, *ROOMS):
        lines = (ROOT / room / "__init__.py").read_text(encoding="utf-8").strip().splitlines()
        assert len(lines) == 1, room
        assert lines[0].startswith('"""'), room


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_what_the_drawing_allows(room: str) -> None:
    package = room.split("/")[0]
    wrong = [
        f"{file} imports {target}"
        for file, target in OURS
        if room_of(file) == room
        and target.startswith(f"{package}/")
        and room_of(target) not in {room, package, *ROOMS[room]}
        and not (room_of(target).startswith(f"{room}/"))  # a room may use the rooms inside it
    ]
    assert not wrong


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_modules_outside_the_rooms_do_not_lead_into_them(package: str) -> None:
    wrong = [
        f"{file} imports {target}"
        for file, target in OURS
        if room_of(file) == package
        and file not in DOORS
        and target.startswith(f"{package}/")
        and room_of(target) != package
    ]
    assert not wrong


def test_neither_rooms_nor_modules_go_in_a_circle() -> None:
    assert not circle_in({file: {target for source, target in OURS if source == file} for file, _ in OURS})
    # A folder with rooms inside it counts by its modules: its settings lie below those rooms, its engine above them.
    inside = {room for room in ROOMS if any(other.startswith(f"{room}/") for other in ROOMS)}

    def node(file: str) -> str:
        room = room_of(file)
        return file if room in MAY_IMPORT or room in inside else room

    arrows: dict[str, set[str]] = {}
    for file, target in OURS:
        if node(file) != node(target) and not target.endswith("__init__.py"):
            arrows.setdefault(node(file), set()).add(node(target))
    assert not circle_in(arrows)


def test_circles_are_seen() -> None:
    assert circle_in({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle_in({"a": {"b", "c"}, "b": {"c"}}) == []


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_point_one_way(package: str) -> None:
    wrong = [
        f"{file} imports {module}"
        for file, module in IMPORTS
        if file.startswith(f"{package}/") and module in MAY_IMPORT and module not in MAY_IMPORT[package]
    ]
    assert not wrong


def test_the_public_module_is_a_door_and_nothing_more() -> None:
    assert [file for file, module in IMPORTS if module == DOOR] == []
    imported = {module for file, module in IMPORTS if file == f"{DOOR}.py"}
    assert imported - sys.stdlib_module_names == {*MAY_IMPORT, "numpy"} - {"reports"}


@pytest.mark.parametrize("library", HOMES)
def test_each_library_has_one_home(library: str) -> None:
    wrong = [file for file, module in IMPORTS if module == library and not file.startswith(HOMES[library])]
    assert not wrong
