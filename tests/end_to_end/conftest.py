"""The archive that gets the results, one for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import require_programs
from tests.end_to_end.running import Archive, free_port, storescp


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """DCMTK's receiver."""
    require_programs("storescp", "storescu")
    archive = Archive(tmp_path_factory.mktemp("archive"), free_port())
    with storescp(archive.folder, archive.port):
        yield archive
