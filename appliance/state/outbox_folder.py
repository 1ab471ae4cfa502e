"""The outbox of one machine: a folder for each job, which appears once it is complete.

    outbox/<Study Instance UID>_<content>[_<attempt>]/
        01-seg_t1c.dcm …    objects in the order in which they are sent
        report.pdf          the plain PDF
        objects.json        the list of the results

objects.json is for the courier alone; scripts of a site read the result.json of `rdeepnet run`. In version 0.1.0 it was
called result.json, and such folders are still read.

A job that is repeated after a crash finds its folder and leaves it as it is.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from appliance.files import PART, make_private_folder, sync_folder, write_durably
from appliance.state.outbox import ListedResults, Outgoing, Results, has_mark, in_order
from dicom_io.earlier import EarlierAnswer

LIST = "objects.json"
OLDER_LIST = "result.json"


class FolderOutbox(ListedResults):
    """Results on disk.

    Parameters
    ----------
    folder : made when it does not exist (0700)
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        make_private_folder(folder)

    def folder_of(self, job_id: str) -> Path:
        """Folder for the results of a job, existing or not."""
        return self._folder / job_id.replace(":", "_")

    def has(self, job_id: str) -> bool:
        """Returns whether the results of a job exist."""
        return self._list_of(job_id) is not None

    def put(self, job_id: str, outgoing: Outgoing) -> None:
        """Writes the results of a job, unless they exist; when this returns they survive a power cut."""
        folder = self.folder_of(job_id)
        if self.has(job_id):
            return
        part = folder.with_name(f".{folder.name}{PART}")
        shutil.rmtree(part, ignore_errors=True)
        make_private_folder(part)
        for name, content in outgoing.files():
            write_durably(part / name, (content,))
        write_durably(part / LIST, (json.dumps(outgoing.listed(job_id), indent=1).encode(),))
        part.rename(folder)
        sync_folder(self._folder)

    def results(self, job_ids: Iterable[str]) -> Mapping[str, Results]:
        """Job → list of its results, of those jobs that have any."""
        lists = {job_id: self._list_of(job_id) for job_id in job_ids}
        return {job_id: Results(json.loads(file.read_bytes())) for job_id, file in lists.items() if file is not None}

    def answers(self, study_uid: str) -> Sequence[EarlierAnswer]:
        """Answers to a study, oldest first; those of older versions are left out."""
        lists = (folder / LIST for folder in self._folder.glob(f"{study_uid}_*"))
        return in_order(Results(json.loads(file.read_bytes())) for file in lists if file.is_file())

    def marked(self, mark: str) -> Mapping[str, Results]:
        """Job → list of its results, of every answer with this mark of a patient."""
        found: dict[str, Results] = {}
        for file in self._folder.glob(f"[0-9]*/{LIST}"):
            try:
                listed = file.read_bytes()
            except FileNotFoundError:  # retention came between
                continue
            if has_mark(listed, mark):
                results = Results(json.loads(listed))
                found[str(results.values["job"])] = results
        return found

    @contextmanager
    def fetched(self, job_id: str, file_names: Sequence[str]) -> Iterator[tuple[Path, ...]]:
        """Some files of a job, in that order; only to read."""
        yield tuple(self.folder_of(job_id) / name for name in file_names)

    def path(self, job_id: str, file_name: str) -> Path | None:
        """A file of a job; None where it does not exist."""
        file = self.folder_of(job_id) / file_name
        return file if file.is_file() else None

    def drop(self, job_id: str) -> None:
        """Deletes the results of a job."""
        shutil.rmtree(self.folder_of(job_id), ignore_errors=True)

    def remove(self, study_uid: str) -> None:
        """Deletes the results of every job of a study."""
        for folder in (*self._folder.glob(f"{study_uid}_*"), *self._folder.glob(f".{study_uid}_*{PART}")):
            shutil.rmtree(folder, ignore_errors=True)

    def _list_of(self, job_id: str) -> Path | None:
        folder = self.folder_of(job_id)
        return next((folder / name for name in (LIST, OLDER_LIST) if (folder / name).is_file()), None)
