"""The service with an answer that costs nothing: `python -m tests.end_to_end.fake_service SETTINGS CONTROL [ROLE]`.

Everything but the computation is real. Files in the CONTROL folder steer the answer: while `hold` is there it does
not end; while `strokes` is there and nobody accepted, it is a draft; every answer begun appends a line to `begun`, and
the process id of its worker to `workers`.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pydicom import dcmread
from pydicom.uid import EncapsulatedPDFStorage, SegmentationStorage

from appliance.logs import configure
from appliance.service.roles import ServiceRole
from appliance.service.service import run
from appliance.service.worker import Answerer, Asked
from appliance.service.worker_process import taken_over, work
from appliance.settings import Settings, load_settings
from appliance.stages import Stages
from appliance.state.outbox import Outgoing
from dicom_io.answer import Answer, AnswerObject
from dicom_io.answer_roles import Role
from dicom_io.errors import Remedy, SelectionAmbiguous, TumourNotFound
from tests.end_to_end.small_study import instance

COMMAND = [sys.executable, "-m", "tests.end_to_end.fake_service"]
NO_SEGMENTATION = "No segmentation was found among the objects of this study; a DICOM-SEG of the tumour was expected."


def answer(files: Sequence[Path], asked: Asked, *, control: Path) -> Outgoing:
    """Two small objects of our own, with UIDs derived from the study, its number of files and the choice."""
    study, created, chosen = dcmread(files[0]).StudyInstanceUID, asked.created.isoformat(), asked.assignment.tumour
    with (control / "begun").open("a") as begun:
        begun.write(f"{study} {len(files)} {created} {','.join(chosen) or '-'}\n")
    with (control / "workers").open("a") as workers:
        workers.write(f"{os.getpid()}\n")
    while (control / "hold").exists():
        time.sleep(0.02)
    ending(control)
    stages = Stages()
    with stages.measured("read"):
        headers = [dcmread(file, stop_before_pixels=True) for file in files]
        if not any(header.SOPClassUID == SegmentationStorage for header in headers):
            raise TumourNotFound(NO_SEGMENTATION)
        if (control / "ambiguous").exists() and not asked.assignment.tumour:
            raise SelectionAmbiguous("Two segments overlap; one was expected.", remedies=(Remedy.CHOOSE_TUMOUR,))
        if (control / "crash").exists():
            raise ZeroDivisionError("this text names the patient Test^Patient")
    first = headers[0]
    if (control / "strokes").exists() and asked.reviewed.acceptance is None:
        made = instance(f"draft-{study}", sop_class=SegmentationStorage, number=0, ours=True)
        made.StudyInstanceUID, made.PatientID = study, first.PatientID
        return Outgoing(Answer((AnswerObject(Role.DRAFT_SEG, made),), b"%PDF"), stages.costs, review="A draft waits.")
    objects = []
    for number, (role, sop_class) in enumerate(
        ((Role.SEG_T1C, SegmentationStorage), (Role.PDF, EncapsulatedPDFStorage))
    ):
        dataset = instance(
            f"answer-{study}-{len(files)}-{''.join(chosen)}",
            sop_class=sop_class,
            number=number,
            ours=True,
        )
        dataset.StudyInstanceUID = study
        dataset.PatientID = first.PatientID
        objects.append(AnswerObject(role, dataset))
    return Outgoing(Answer(tuple(objects), b"%PDF-1.4\n"), stages.costs)


def ending(control: Path) -> None:
    """Ends this process, or fills its memory, in the way that a file in the control folder names."""
    if (control / "SIGSEGV").exists():
        os.kill(os.getpid(), signal.SIGSEGV)
    if (control / "exit").exists():
        os._exit(3)
    if (control / "memory").exists():
        bytearray(2 << 30)


def open_answer(settings: Settings, *, control: Path) -> Answerer:
    """Opening of the answer; one that ends where the file `unopened` is there."""
    if (control / "unopened").exists():
        os._exit(4)
    return lambda files, asked: answer(files, asked, control=control)


def main() -> int:
    control = Path(sys.argv[2])
    if sys.argv[3:] == ["as worker"]:
        return work(taken_over(), open_answer=partial(open_answer, control=control), first_study_s=0.0)
    settings = load_settings(Path(sys.argv[1]))
    configure(settings.logs)
    role = ServiceRole(sys.argv[3] if sys.argv[3:] else "all")
    return run(settings, worker=[*COMMAND, *sys.argv[1:3], "as worker"], role=role)


if __name__ == "__main__":
    sys.exit(main())
