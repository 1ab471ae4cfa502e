"""The outbox: the results of one job, written once, complete or not at all.

    outbox/<Study Instance UID>_<content>[_<attempt>]/
        01-seg_t1c.dcm …    objects in the order in which they are sent
        report.pdf          the plain PDF
        objects.json        roles and UIDs of the objects, cost of each stage, digests of what they say; no patient data

objects.json is for the courier alone; scripts of a site read the result.json of `rdeepnet run`. In version 0.1.0 it was
called result.json, and such folders are still read.

A job that is repeated after a crash finds its folder and leaves it as it is.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from appliance.files import PART, make_private_folder, sync_folder, write_durably
from appliance.stages import StageCost
from dicom_io.answer import RESULTS, Answer, Role
from dicom_io.earlier import AnswerFacts, EarlierAnswer, SentObject
from models.version import software_version

LIST = "objects.json"
OLDER_LIST = "result.json"
PDF = "report.pdf"


@dataclass(frozen=True, eq=False)
class Outgoing:
    """Results of a study: the objects, their cost, and what a later answer is compared with."""

    answer: Answer
    stages: tuple[StageCost, ...]
    created: datetime | None = None
    facts: AnswerFacts | None = None


@dataclass(frozen=True)
class Waiting:
    """One object in the outbox."""

    file: Path
    role: Role
    sop_class_uid: str
    sop_instance_uid: str


class Outbox:
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

    def _list_of(self, job_id: str) -> Path | None:
        folder = self.folder_of(job_id)
        return next((folder / name for name in (LIST, OLDER_LIST) if (folder / name).is_file()), None)

    def put(self, job_id: str, outgoing: Outgoing) -> None:
        """Writes the results of a job; when this returns they survive a power cut."""
        folder = self.folder_of(job_id)
        if self.has(job_id):
            return
        part = folder.with_name(f".{folder.name}{PART}")
        shutil.rmtree(part, ignore_errors=True)
        make_private_folder(part)
        objects = []
        for number, item in enumerate(outgoing.answer.objects, start=1):
            name = f"{number:02d}-{item.role}.dcm"
            write_durably(part / name, (item.file,))
            objects.append(
                {
                    "file": name,
                    "role": item.role.value,
                    "sop_class_uid": item.sop_class_uid,
                    "sop_instance_uid": item.sop_instance_uid,
                    "series_instance_uid": str(item.dataset.SeriesInstanceUID),
                }
            )
        if outgoing.answer.pdf:
            write_durably(part / PDF, (outgoing.answer.pdf,))
        result: dict[str, Any] = {
            "job": job_id,
            "software": software_version(),
            "objects": objects,
            "stages": [asdict(cost) for cost in outgoing.stages],
        }
        if outgoing.created is not None:
            result["created"] = outgoing.created.isoformat()
        if outgoing.facts is not None:
            result["facts"] = outgoing.facts.as_json()
        write_durably(part / LIST, (json.dumps(result, indent=1).encode(),))
        part.rename(folder)
        sync_folder(self._folder)

    def objects(self, job_id: str) -> tuple[Waiting, ...]:
        """The objects of a job, in the order in which they are sent; empty when there are no results."""
        listed = self._list_of(job_id)
        if listed is None:
            return ()
        result = json.loads(listed.read_bytes())
        return tuple(
            Waiting(listed.parent / item["file"], Role(item["role"]), item["sop_class_uid"], item["sop_instance_uid"])
            for item in result["objects"]
        )

    def stages(self, job_id: str) -> tuple[StageCost, ...]:
        """Cost of each stage of a job; empty when there are no results."""
        listed = self._list_of(job_id)
        if listed is None:
            return ()
        result = json.loads(listed.read_bytes())
        return tuple(StageCost(**cost) for cost in result["stages"])

    def created(self, job_id: str) -> datetime | None:
        """Date of what a job made; None where it is not known."""
        listed = self._list_of(job_id)
        created = json.loads(listed.read_bytes()).get("created") if listed else None
        return datetime.fromisoformat(created) if created else None

    def answers(self, study_uid: str) -> Mapping[str, EarlierAnswer]:
        """Folder name of each job of a study → its answer, oldest first; those of older versions are left out."""
        found = {}
        for folder in self._folder.glob(f"{study_uid}_*"):
            listed = folder / LIST
            result = json.loads(listed.read_bytes()) if listed.is_file() else {}
            if "facts" in result:
                found[folder.name] = EarlierAnswer(
                    created=datetime.fromisoformat(result["created"]),
                    facts=AnswerFacts.from_json(result["facts"]),
                    objects=tuple(
                        SentObject(
                            Role(item["role"]),
                            *(item[key] for key in ("sop_class_uid", "sop_instance_uid", "series_instance_uid")),
                        )
                        for item in result["objects"]
                        if item["role"] in RESULTS
                    ),
                )
        return dict(sorted(found.items(), key=lambda item: item[1].created))

    def drop(self, job_id: str) -> None:
        """Deletes the results of a job."""
        shutil.rmtree(self.folder_of(job_id), ignore_errors=True)

    def remove(self, study_uid: str) -> None:
        """Deletes the results of every job of a study."""
        for folder in (*self._folder.glob(f"{study_uid}_*"), *self._folder.glob(f".{study_uid}_*{PART}")):
            shutil.rmtree(folder, ignore_errors=True)
