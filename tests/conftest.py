"""Fixtures every test may use."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from models.threads import limit_libraries_to_come

if TYPE_CHECKING:
    from tests.container.engine import Image

ROOT = Path(__file__).resolve().parent.parent

# Before any of them is loaded, as the commands do: two workers with two threads each mostly wait for each other.
limit_libraries_to_come()
os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # some tests import onnxruntime themselves

# No test judges by time on a machine that others load.
settings.register_profile("shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared machine")

# Debian's programs come first: pynetdicom installs commands of the same names (storescu) beside the interpreter, where
# dcmqi's programs lie, too.
os.environ["PATH"] = os.pathsep.join(
    ["/usr/bin", "/usr/sbin", os.environ.get("PATH", ""), str(Path(sys.executable).parent)]
)

# Files that take minutes, in the order in which they begin. The image is built before another file waits for it, and
# where two files run at a time no long one is left to the end, when the other process has nothing to do.
LONG_FILES = (
    "tests/container/test_image.py",
    "tests/models/training/test_demonstration.py",
    "tests/models/training/test_recipe.py",
    "tests/models/features/test_own_equals_pyradiomics.py",
    "tests/end_to_end/test_service.py",
    "tests/end_to_end/test_main_job.py",
    "tests/end_to_end/test_drafts.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the long files first; all others keep their order."""
    begins = {ROOT / name: place for place, name in enumerate(LONG_FILES)}
    assert all(path.is_file() for path in begins), "LONG_FILES names a file that is not there"
    items.sort(key=lambda item: begins.get(item.path, len(begins)))


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
    """The container image, built once for all tests (minutes); RDEEPNET_TEST_IMAGE names one that is there.

    Where the tests run in several processes, the first that needs it builds it, and the others wait for it.
    """
    from tests.container.engine import Image, open_engine, open_image

    engine = open_engine(tmp_path_factory.mktemp("podman"))
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with (shared / "image.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        name = shared / "image.name"
        if name.is_file():
            return Image(engine, name.read_text(encoding="utf-8"))
        image = open_image(engine)
        name.write_text(image.name, encoding="utf-8")
        return image
