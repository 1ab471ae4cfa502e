"""The version of the software, as installed."""

from __future__ import annotations

from importlib.metadata import version


def software_version() -> str:
    """Version of the distribution `rdeepnet`, e.g. "0.1.0"."""
    return version("rdeepnet")
