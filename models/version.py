"""The version of the software, as installed."""

from __future__ import annotations

from functools import cache


@cache
def software_version() -> str:
    """Version of the distribution `rdeepnet`, e.g. "0.1.0"; read once, since an answer names it dozens of times."""
    # Imported here: `rdeepnet --help` names no version.
    from importlib.metadata import version

    return version("rdeepnet")
