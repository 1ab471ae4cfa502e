"""The inbox: what the receiver answered Success for, one folder per study.

    inbox/<Study Instance UID>/<hash of SOP Instance UID>.<version>.<hash of content>.dcm

Names alone tell everything the inbox must know, so after a crash it is rebuilt by listing. A file never changes: an
instance that comes again with the same bytes is known already; with other bytes under the same SOP Instance UID (a
PACS that corrected the patient's name keeps the UID) it becomes the next version, and the newest version counts. A
database of instances was rejected: it must be kept equal to the files, and costs a commit per image.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from mmap import mmap
from pathlib import Path

from appliance.files import PART, make_private_folder, write_durably

_NAME = re.compile(r"(?P<instance>[0-9a-f]{32})\.(?P<version>[0-9]{4})\.(?P<content>[0-9a-f]{32})\.dcm")


class Kept(Enum):
    """Result of storing an instance."""

    NEW = auto()  # first instance with its UID
    KNOWN = auto()  # the same bytes were there already: nothing changed
    NEWER_VERSION = auto()  # other bytes under a known UID: they count from now on


@dataclass(frozen=True)
class Content:
    """Content of a study at one moment.

    Attributes
    ----------
    files : newest version of every instance, sorted
    digest : SHA-256 over instances and their contents, 64 hexadecimal digits; the order of arrival plays no role
    """

    files: tuple[Path, ...]
    digest: str


class Inbox:
    """Instances on disk; every method may be called from any thread.

    Parameters
    ----------
    folder : made when it does not exist (0700); leftovers of a crash in it are removed
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._versions: dict[str, dict[str, dict[str, int]]] = {}  # study → instance → content → version
        make_private_folder(folder)
        for study in folder.iterdir():
            for part in study.glob(f".*{PART}"):
                part.unlink()
            self._versions[study.name] = _listed(study)

    def studies(self) -> tuple[str, ...]:
        """Study Instance UIDs of everything in the inbox."""
        with self._lock:
            return tuple(study for study, instances in self._versions.items() if instances)

    def keep(self, study_uid: str, *, instance_uid: str, meta: bytes, dataset: bytes | mmap) -> Kept:
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
        instance, content = _hash(instance_uid.encode()), _hash(dataset)
        folder = self._folder / study_uid
        with self._lock:
            known = self._versions.setdefault(study_uid, {}).get(instance, {})
            if content in known:
                return Kept.KNOWN
            version = max(known.values(), default=-1) + 1
        make_private_folder(folder)
        # Two associations that bring the same instance at once write the same name, with the same bytes.
        path = folder / f"{instance}.{version:04d}.{content}.dcm"
        write_durably(path, (meta, dataset), part_name=f".{threading.get_ident()}")
        with self._lock:
            self._versions.setdefault(study_uid, {}).setdefault(instance, {})[content] = version
        return Kept.NEWER_VERSION if version else Kept.NEW

    def content(self, study_uid: str) -> Content:
        """Present content of the study; empty for an unknown study."""
        with self._lock:
            newest = {
                instance: max(versions.items(), key=lambda item: (item[1], item[0]))
                for instance, versions in self._versions.get(study_uid, {}).items()
            }
        text = "".join(f"{instance} {content}\n" for instance, (content, _) in sorted(newest.items()))
        files = (
            self._folder / study_uid / f"{instance}.{version:04d}.{content}.dcm"
            for instance, (content, version) in sorted(newest.items())
        )
        return Content(tuple(files), hashlib.sha256(text.encode()).hexdigest())

    def held(self, study_uid: str, instance_uids: Iterable[str]) -> tuple[Path, ...]:
        """Files of those of some instances that a study has, by their names alone."""
        wanted = {_hash(uid.encode()) for uid in instance_uids}
        return tuple(file for file in self.content(study_uid).files if file.name.split(".")[0] in wanted)

    def remove(self, study_uid: str) -> None:
        """Forgets a study and deletes its files."""
        with self._lock:
            self._versions.pop(study_uid, None)
        shutil.rmtree(self._folder / study_uid, ignore_errors=True)


def _listed(study: Path) -> dict[str, dict[str, int]]:
    """instance → content → version of one study's folder."""
    instances: dict[str, dict[str, int]] = {}
    for file in study.iterdir():
        if name := _NAME.fullmatch(file.name):
            instances.setdefault(name["instance"], {})[name["content"]] = int(name["version"])
    return instances


def _hash(content: bytes | mmap) -> str:
    """128 bits of SHA-256 in hexadecimal digits: short enough for a name, and never twice by chance."""
    return hashlib.sha256(content).hexdigest()[:32]


def instance_counts(inbox: Path) -> Mapping[str, int]:
    """Study Instance UID → instances, from the names alone; for a reader in another process."""
    if not inbox.is_dir():
        return {}
    return {study.name: len(_listed(study)) for study in sorted(inbox.iterdir()) if study.is_dir()}
