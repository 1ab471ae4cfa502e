"""The inbox of one machine: one folder per study.

    inbox/<Study Instance UID>/<hash of SOP Instance UID>.<version>.<hash of content>.dcm

Names alone tell everything the inbox must know, so after a crash it is rebuilt by listing, and a file never changes. A
database of instances was rejected here: it must be kept equal to the files, and costs a commit per image.
"""

from __future__ import annotations

import hashlib
import logging
import math
import re
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from mmap import mmap
from pathlib import Path

from appliance.files import PART, make_private_folder, syncs_names_with_files, write_durably
from appliance.state.inbox import Content, Kept, StoredInstance, Swept, newest, short_hash
from dicom_io.network.command_set import FILE_BEGINNING, dataset_start

LOG = logging.getLogger("rdeepnet.inbox")

_NAME = re.compile(r"(?P<instance>[0-9a-f]{32})\.(?P<version>[0-9]{4})\.(?P<content>[0-9a-f]{32})\.dcm")


class FolderInbox:
    """Instances on disk; every method may be called from any thread.

    Parameters
    ----------
    folder : made when it does not exist (0700); leftovers of a crash in it are removed
    syncs_folder : two syncs for an instance; with False one, as `write_durably` explains, where the file system allows
    suspect_since_s : files changed since then (seconds since 1970) are read, and dropped when they are not what their
        names say; a power cut during a sync leaves such a file, and nobody was told that it is stored
    """

    def __init__(self, folder: Path, *, syncs_folder: bool = True, suspect_since_s: float = math.inf) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._versions: dict[str, dict[str, dict[str, int]]] = {}  # study → instance → content → version
        make_private_folder(folder)
        self._syncs_folder = syncs_folder or not syncs_names_with_files(folder)
        for study in folder.iterdir():
            for part in study.glob(f".*{PART}"):
                part.unlink()
            _drop_torn(study, since_s=suspect_since_s)
            self._versions[study.name] = _listed(study)

    def studies(self) -> tuple[str, ...]:
        """Study Instance UIDs of everything in the inbox."""
        with self._lock:
            return tuple(study for study, instances in self._versions.items() if instances)

    def counts(self) -> Mapping[str, int]:
        """Study Instance UID → instances."""
        with self._lock:
            return {study: len(instances) for study, instances in self._versions.items() if instances}

    def keep(self, study_uid: str, *, instance_uid: str, meta: bytes, dataset: bytes | memoryview | mmap) -> Kept:
        """Keeps one instance; when this returns, it survives a power cut.

        Parameters
        ----------
        study_uid : Study Instance UID; digits and dots, it becomes the name of the folder
        meta, dataset : together the DICOM file; the content is told apart by `dataset` only

        Raises
        ------
        OSError
            When the disk is full or fails; nothing was kept.
        """
        assert re.fullmatch(r"[0-9][0-9.]{0,63}", study_uid), "the receiver has checked the UID"
        instance, content = short_hash(instance_uid.encode()), short_hash(dataset)
        folder = self._folder / study_uid
        with self._lock:
            known = self._versions.setdefault(study_uid, {}).get(instance, {})
            if content in known:
                return Kept.KNOWN
            version = max(known.values(), default=-1) + 1
        make_private_folder(folder)
        # Two associations that bring the same instance at once write the same name, with the same bytes.
        path = folder / StoredInstance(instance, version, content).file_name
        write_durably(path, (meta, dataset), syncs_folder=self._syncs_folder)
        with self._lock:
            self._versions.setdefault(study_uid, {}).setdefault(instance, {})[content] = version
        return Kept.NEWER_VERSION if version else Kept.NEW

    def content(self, study_uid: str) -> Content:
        """Present content of the study; empty for an unknown study."""
        with self._lock:
            return _content(self._versions.get(study_uid, {}))

    @contextmanager
    def fetched(self, study_uid: str, instances: Sequence[StoredInstance]) -> Iterator[tuple[Path, ...]]:
        """Files of some instances of a study, in their order; only to read."""
        yield _files(self._folder / study_uid, instances)

    def remove(self, study_uid: str) -> None:
        """Forgets a study and deletes its files."""
        with self._lock:
            self._versions.pop(study_uid, None)
        shutil.rmtree(self._folder / study_uid, ignore_errors=True)

    def sweep(self, now: datetime) -> Swept:
        """Nothing: what a crash left was removed as this was opened."""
        return Swept()


class FolderInboxReader:
    """The instances on disk for another process: it lists the folders, and touches nothing that is being received."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def studies(self) -> tuple[str, ...]:
        """Study Instance UIDs of everything in the inbox."""
        return tuple(study for study, count in self.counts().items() if count)

    def counts(self) -> Mapping[str, int]:
        """Study Instance UID → instances."""
        if not self._folder.is_dir():
            return {}
        return {study.name: len(_listed(study)) for study in sorted(self._folder.iterdir()) if study.is_dir()}

    def content(self, study_uid: str) -> Content:
        """Present content of the study; empty for an unknown study."""
        return _content(_listed(self._folder / study_uid))

    @contextmanager
    def fetched(self, study_uid: str, instances: Sequence[StoredInstance]) -> Iterator[tuple[Path, ...]]:
        """Files of some instances of a study, in their order; only to read."""
        yield _files(self._folder / study_uid, instances)


def _content(instances: Mapping[str, Mapping[str, int]]) -> Content:
    """Content of a study; `instances` as `_listed` returns it."""
    return newest(
        StoredInstance(instance, version, content)
        for instance, versions in instances.items()
        for content, version in versions.items()
    )


def _files(folder: Path, instances: Sequence[StoredInstance]) -> tuple[Path, ...]:
    return tuple(folder / one.file_name for one in instances)


def _listed(study: Path) -> dict[str, dict[str, int]]:
    """instance → content → version of one study's folder."""
    instances: dict[str, dict[str, int]] = {}
    try:
        files = list(study.iterdir())
    except FileNotFoundError:  # deleted meanwhile
        return instances
    for file in files:
        if name := _NAME.fullmatch(file.name):
            instances.setdefault(name["instance"], {})[name["content"]] = int(name["version"])
    return instances


def _drop_torn(study: Path, *, since_s: float) -> None:
    """Drop files of a study, changed since a time, that are not what their names say."""
    for file in study.iterdir():
        name = _NAME.fullmatch(file.name)
        if name is None or file.stat().st_mtime < since_s:
            continue
        with file.open("rb") as stream:
            stream.seek(dataset_start(stream.read(FILE_BEGINNING)))
            content = hashlib.file_digest(stream, "sha256").hexdigest()[: len(name["content"])]
        if content != name["content"]:
            file.unlink()
            LOG.warning(
                "a file of the inbox was not whole and is dropped; a sender that got no Success sends it again",
                extra={"study": study.name},
            )
