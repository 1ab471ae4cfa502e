"""Fixtures every test may use."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.container.engine import Image

ROOT = Path(__file__).resolve().parent.parent

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # some tests import onnxruntime themselves

# Debian's programs come first: pynetdicom installs commands of the same names (storescu) beside the interpreter, where
# dcmqi's programs lie, too.
os.environ["PATH"] = os.pathsep.join(
    ["/usr/bin", "/usr/sbin", os.environ.get("PATH", ""), str(Path(sys.executable).parent)]
)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real data sets; they are not part of the project."""
    folder = Path(os.environ.get("RDEEPNET_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "README.md").is_file():
        pytest.skip("the real data sets are not here: set RDEEPNET_TEST_DATA to their folder")
    return folder


def require_programs(*names: str) -> None:
    """Skip the test unless every program is installed."""
    missing = [name for name in names if shutil.which(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (make peers installs Debian's test peers)")


@pytest.fixture(scope="session")
def container_image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The container image, built once for all tests (minutes); RDEEPNET_TEST_IMAGE names one that is there."""
    from tests.container.engine import open_engine, open_image

    return open_image(open_engine(tmp_path_factory.mktemp("podman")))
