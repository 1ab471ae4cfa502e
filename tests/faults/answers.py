"""The fake answer of the matrix, and the studies it answers. It costs nothing and says what it was computed from.

The PDF of an answer holds, as JSON, the SOP Instance UIDs it covers, the choice and the time of the request; so a
destination alone can tell what was answered, and twice the same answer with other bytes shows. The segmentation of a
study steers its answer by its Series Description (`Kind`). While the control folder has a file `read`, studies are
really read first, as the pipeline reads them.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import time
from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import FileDataset
from pydicom.uid import EncapsulatedPDFStorage, SegmentationStorage

from appliance.service.worker import Answerer, Asked
from appliance.stages import Stages
from appliance.state.outbox import Outgoing
from dicom_io.answer import Answer, AnswerObject
from dicom_io.answer_roles import Role
from dicom_io.errors import Remedy, SelectionAmbiguous, TumourNotFound
from tests.end_to_end.fake_service import NO_SEGMENTATION
from tests.end_to_end.small_study import image, instance, segmentation, uid

IMAGES = 3
AMBIGUOUS = "Two segments overlap; one was expected."
HOST_VARIABLE = "RDEEPNET_FAULTS_HOST"  # set where the system gives processes no host names of their own
CLASSES = (SegmentationStorage, EncapsulatedPDFStorage)  # of an answer


class Kind(StrEnum):
    """Kinds of answers to a study."""

    ORDINARY = "ordinary"
    AMBIGUOUS = "ambiguous"  # refused until somebody chooses
    CRASHES = "crashes"  # by an error, while the control folder has a file of its Study Instance UID
    ENDS = "ends its worker"  # while the control folder has a file of its Study Instance UID
    LARGE = "large"  # with objects of 2 MB


def study(name: str, *, kind: Kind = Kind.ORDINARY, images: int = IMAGES) -> list[FileDataset]:
    """A small study."""
    short = short_name(name)
    segments = segmentation(short)
    segments.SeriesDescription = kind.value
    return [*(image(short, number) for number in range(images)), segments]


def host_name() -> str:
    """Name of the host that computes: the one it has in a run with several hosts, else the system's."""
    return os.environ.get(HOST_VARIABLE) or socket.gethostname()


def answer_key(covered: Iterable[str], choice: Sequence[str]) -> str:
    """Name of the answer to some instances."""
    text = "\n".join((*sorted(covered), *choice))
    return f"answer {hashlib.sha256(text.encode()).hexdigest()[:16]}"


def computing(control: Path) -> None:
    """The computation: it lasts as many seconds as a file `takes` says, and while there is a file `hold`."""
    if (takes := control / "takes").exists():
        time.sleep(float(takes.read_text()))
    while (control / "hold").exists():
        time.sleep(0.02)


def opening(control: Path) -> Answerer:
    """Opening of the answer in a worker; it ends its process while the control folder has a file `unopened`."""
    if (control / "unopened").exists():
        os._exit(4)
    return partial(answer, control=control)


def answer(files: Sequence[Path], asked: Asked, *, control: Path) -> Outgoing:
    """Two small objects."""
    with (control / "begun").open("a") as begun:
        begun.write(f"{time.time()} {host_name()} {dcmread(files[0]).StudyInstanceUID}\n")
    computing(control)
    stages = Stages()
    with stages.measured("read"):
        if (control / "read").exists():  # before anything here opens the files
            from dicom_io.reading.read import read_study
            from dicom_io.rules import NO_ASSIGNMENT, SelectionRules

            read_study(files, rules=SelectionRules(), assignment=NO_ASSIGNMENT)
        headers = [dcmread(file, stop_before_pixels=True) for file in files]
        segments = [header for header in headers if header.SOPClassUID == SegmentationStorage]
        if not segments:
            raise TumourNotFound(NO_SEGMENTATION)
        described = segments[0].get("SeriesDescription", "")
        kind = Kind(described) if described in list(Kind) else Kind.ORDINARY
        chosen = asked.assignment.tumour
        if kind is Kind.AMBIGUOUS and not chosen:
            raise SelectionAmbiguous(AMBIGUOUS, remedies=(Remedy.CHOOSE_TUMOUR,))
        of_study = str(headers[0].StudyInstanceUID)
        if kind is Kind.CRASHES and (control / of_study).exists():
            raise ZeroDivisionError("this text names the patient Test^Patient")
        if kind is Kind.ENDS and (control / of_study).exists():
            os.kill(os.getpid(), signal.SIGSEGV)
    covered = sorted(str(header.SOPInstanceUID) for header in headers)
    key = answer_key(covered, chosen)
    objects = []
    for number, (role, sop_class) in enumerate(zip((Role.SEG_T1C, Role.PDF), CLASSES, strict=True)):
        dataset = instance(short_name(f"{of_study} {key}"), sop_class=sop_class, number=number, ours=True)
        dataset.StudyInstanceUID = of_study
        dataset.PatientID = headers[0].PatientID
        dataset.ImageComments = key
        said = json.dumps({"covers": covered, "choice": chosen, "created": asked.created.isoformat()})
        dataset.EncapsulatedDocument = said.encode() + bytes(len(said) % 2 + 2 * 1024**2 * (kind is Kind.LARGE))
        objects.append(AnswerObject(role, dataset))
    return Outgoing(Answer(tuple(objects), b"%PDF-1.4\n"), stages.costs)


def study_uid(name: str) -> str:
    """Study Instance UID of a study of that name."""
    return uid(short_name(name))


def short_name(name: str) -> str:
    """A name as short as a Patient ID may be, for any text."""
    return hashlib.sha256(name.encode()).hexdigest()[:16]
