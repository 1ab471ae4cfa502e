"""Imports point one way (appliance → dicom_io → reports → models), and each outside library has one home."""

from __future__ import annotations

import ast
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

# Library → path prefixes (POSIX, from the root) where it may be imported.
HOMES = {
    "pydicom": ("dicom_io/",),
    "highdicom": ("dicom_io/",),
    "pynetdicom": ("dicom_io/",),
    "SimpleITK": ("models/",),
    "torch": ("models/",),
    "numba": ("models/features/",),
    "radiomics": ("models/features/pyradiomics_reference.py",),
    "onnxruntime": ("models/inference/runtime.py",),
    "lifelines": ("models/",),
    "cryptography": ("models/inference/signature.py", "dicom_io/network/tls.py"),
    "reportlab": ("reports/",),
    "matplotlib": ("reports/",),
    "dbos": ("appliance/state/job_queue.py",),
    "psycopg": ("appliance/state/postgres.py",),
    "cyclonedx": ("appliance/deploy/sbom.py",),
    "typer": ("appliance/cli",),
    "rich": ("appliance/cli",),
}


def imports() -> Iterator[tuple[str, str]]:
    """(file, top-level module) of every import in the four packages."""
    for package in MAY_IMPORT:
        for file in sorted((ROOT / package).rglob("*.py")):
            name = file.relative_to(ROOT).as_posix()
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    yield from ((name, alias.name.split(".")[0]) for alias in node.names)
                elif isinstance(node, ast.ImportFrom):
                    assert node.level == 0, f"{name}: relative import; write it in full"
                    assert node.module is not None
                    yield name, node.module.split(".")[0]


IMPORTS = sorted(set(imports()))


def test_there_are_imports_to_check() -> None:
    assert len(IMPORTS) > 50


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_point_one_way(package: str) -> None:
    wrong = [
        f"{file} imports {module}"
        for file, module in IMPORTS
        if file.startswith(f"{package}/") and module in MAY_IMPORT and module not in MAY_IMPORT[package]
    ]
    assert not wrong


@pytest.mark.parametrize("library", HOMES)
def test_each_library_has_one_home(library: str) -> None:
    wrong = [file for file, module in IMPORTS if module == library and not file.startswith(HOMES[library])]
    assert not wrong
