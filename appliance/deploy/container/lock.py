"""Write the hashed requirements of the container image: `python appliance/deploy/container/lock.py cpu`, gpu or build.

Versions come from constraints.txt, hashes from the files that pip would install on Linux x86-64 with Python 3.11 from
the indexes it is configured for. pip resolves without downloading more than it must; run it with Python 3.11.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
FLAVOURS = ("cpu", "gpu")
BUILD = "build"  # what builds the image and does not reach it
BUILD_REQUIREMENTS = ("numpy", "packaging", "pip", "setuptools", "wheel")


def resolve(requirements: Sequence[str], *, arguments: Sequence[str]) -> list[dict[str, Any]]:
    """Entries of pip's installation report for some requirements; nothing is installed.

    Raises
    ------
    SystemExit
        When pip finds no solution.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [
            *(sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet"),
            *("--report", str(report), "--constraint", str(ROOT / "constraints.txt")),
            *arguments,
            *requirements,
        ]
        result = subprocess.run(command, cwd=ROOT, check=False)
        if result.returncode:
            raise SystemExit(f"pip does not resolve {', '.join(requirements)}")
        installs: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))["install"]
        return installs


def locked(entries: Sequence[dict[str, Any]]) -> list[str]:
    """One line with version and hash for each distribution but our own, in order of name."""
    lines = {}
    for entry in entries:
        name = re.sub(r"[-_.]+", "-", entry["metadata"]["name"]).lower()
        if name == "rdeepnet":
            continue
        digest = entry["download_info"]["archive_info"]["hashes"]["sha256"]
        lines[name] = f"{name}=={entry['metadata']['version']} --hash=sha256:{digest}"
    return [lines[name] for name in sorted(lines)]


def main(flavour: str) -> None:
    """Writes `requirements-<flavour>.txt` beside this file."""
    if flavour == BUILD:
        entries = resolve(BUILD_REQUIREMENTS, arguments=["--no-deps"])
        what = "What builds the container image, and does not reach it"
    else:
        # PyRadiomics takes its build environment from what is installed, as in `make venv`.
        entries = resolve([f".[{flavour},reference]"], arguments=["--no-build-isolation"])
        torch = next(entry["metadata"]["version"] for entry in entries if entry["metadata"]["name"] == "torch")
        if (flavour == "cpu") != torch.endswith("+cpu"):
            raise SystemExit(f"pip found torch {torch}, which the flavour {flavour} does not need: set pip's indexes.")
        what = f"What the container image of flavour {flavour} installs"
    head = (
        f"# {what}: Linux x86-64, Python 3.11.\n"
        f"# Made by appliance/deploy/container/lock.py {flavour} from pyproject.toml and constraints.txt.\n"
    )
    target = Path(__file__).with_name(f"requirements-{flavour}.txt")
    target.write_text(head + "\n".join(locked(entries)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in (*FLAVOURS, BUILD):
        raise SystemExit(f"usage: lock.py {{{','.join((*FLAVOURS, BUILD))}}}")
    main(sys.argv[1])
