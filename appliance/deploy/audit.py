"""Known vulnerabilities of the image's Python packages: `make audit`, by pip-audit.

The scanner asks a service on the network. Where it cannot be asked, that is said and has an exit status of its own: a
machine without a way out has not audited anything, and must not look as if it had.

    0  every package was looked up, nothing is known
    1  something is known; each is named with the version that repairs it
    3  not audited, or not all of it; the reason is named
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from models.files import write_whole
from models.number_words import counted

LOCK = Path(__file__).with_name("container") / "requirements-cpu.txt"
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)", re.MULTILINE)
_TIMEOUT_S = 600.0
_LONGEST_REASON = 300
_SHOWN = 3  # packages that could not be looked up
_BEYOND = "Native libraries inside the wheels and Debian's packages are not looked up; make sbom lists them."


class Exit(IntEnum):
    """Exit statuses of the audit."""

    CLEAN = 0
    VULNERABLE = 1
    NOT_AUDITED = 3


@dataclass(frozen=True)
class Audit:
    """Outcome of an audit.

    Attributes
    ----------
    sentences : one per line, for a reader
    """

    status: Exit
    sentences: tuple[str, ...]


def audit(requirements: str, *, options: Sequence[str] = ()) -> Audit:
    """Looks up the packages of a file of pinned requirements.

    Parameters
    ----------
    options : further options of pip-audit: the service, its address
    """
    pinned = pins(requirements)
    with tempfile.TemporaryDirectory() as folder:
        file, report = Path(folder, "requirements.txt"), Path(folder, "report.json")
        write_whole(file, ["".join(f"{name}=={version}\n" for name, version in pinned).encode()])
        command = [sys.executable, "-m", "pip_audit", "--requirement", str(file), "--no-deps", "--disable-pip"]
        command += ["--format", "json", "--output", str(report), "--progress-spinner", "off", *options]
        try:
            ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return _not_audited(f"the scanner did not end within {_TIMEOUT_S:g} s")
        try:
            found = json.loads(report.read_text(encoding="utf-8"))["dependencies"]
        except (OSError, ValueError, KeyError, TypeError):
            return _not_audited(_reason(ended.stderr))
    return judged(found, expected=len(pinned))


def pins(requirements: str) -> list[tuple[str, str]]:
    """Names and versions in a file of pinned requirements; as they are published ("2.13.0" of "2.13.0+cpu")."""
    return [(name, version.partition("+")[0]) for name, version in _PINNED.findall(requirements)]


def judged(found: Sequence[dict[str, Any]], *, expected: int) -> Audit:
    """The outcome of what pip-audit says of each package: a list of its JSON."""
    known = [
        f"{one['name']} {one['version']}: {flaw['id']}{_aliases(flaw)}; {_repaired(flaw)}"
        for one in found
        for flaw in one.get("vulns", ())
    ]
    skipped = [f"{one['name']}: {one['skip_reason']}" for one in found if "skip_reason" in one]
    looked_up = len(found) - len(skipped)
    if known:
        return Audit(
            Exit.VULNERABLE,
            (
                *known,
                (
                    f"{counted(len(known), 'known vulnerability', 'known vulnerabilities')} in "
                    f"{counted(looked_up, 'package')}"
                ),
            ),
        )
    if looked_up != expected or not expected:
        few = "; ".join(skipped[:_SHOWN]) + ("; …" if len(skipped) > _SHOWN else "")
        some = f"{looked_up} of {counted(expected, 'package')} could be looked up"
        return _not_audited(f"{some} ({few})" if few else some)
    return Audit(
        Exit.CLEAN, (f"{counted(looked_up, 'package was', 'packages were')} looked up, no vulnerability is known",)
    )


def _not_audited(reason: str) -> Audit:
    return Audit(Exit.NOT_AUDITED, (f"not audited: {reason}",))


def _reason(stderr: str) -> str:
    """The last line that the scanner wrote, as the reason why it has no report."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    if not lines:
        return "the scanner wrote no report"
    said = lines[-1].rpartition("ERROR:")[2]
    return said if len(said) <= _LONGEST_REASON else f"{said[:_LONGEST_REASON]} …"


def _aliases(flaw: dict[str, Any]) -> str:
    return f" ({', '.join(flaw['aliases'])})" if flaw.get("aliases") else ""


def _repaired(flaw: dict[str, Any]) -> str:
    versions = flaw.get("fix_versions") or ()
    return f"repaired in {', '.join(versions)}" if versions else "no version repairs it yet"


def main() -> int:
    """Prints the outcome for the image's packages; returns the exit status."""
    outcome = audit(LOCK.read_text(encoding="utf-8"), options=sys.argv[1:])
    print("\n".join((*outcome.sentences, _BEYOND)))  # noqa: T201
    return outcome.status


if __name__ == "__main__":
    sys.exit(main())
