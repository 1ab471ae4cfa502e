"""Opening of the workbench: tested before the service starts, in a process that then ends, and opened in the worker.

The service therefore does not start with broken parts, starts quickly, and never holds any of the numerical libraries.
They are imported inside the functions for that.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from appliance.in_short import AnswerInShort
from appliance.process_pool import Broken, work_off
from appliance.service.worker import Asked
from appliance.settings import Settings
from appliance.state.inbox import short_hash
from appliance.state.outbox import Outgoing
from dicom_io.errors import PeerRefused, PeerUnavailable, StrokesOnly, TumourNotFound
from models.errors import SetupError, StudyRejected
from models.files import write_output

if TYPE_CHECKING:
    from appliance.pipeline import Result, Workbench
    from dicom_io.network.peer import Peer
    from reports.language import Language

LOG = logging.getLogger("rdeepnet.workbench")


def try_workbench(settings: Settings) -> None:
    """Opens the workbench in a process that then ends.

    Raises
    ------
    SetupError
        As `open_workbench`, or when the process is ended from outside.
    """
    for outcome in work_off([None], partial(_opened, settings), workers=1):
        if isinstance(outcome, Broken):
            raise SetupError(f"The models and engines could not be tested: {outcome.reason}")


def _opened(settings: Settings) -> Callable[[None], None]:
    from appliance.workbench import open_workbench

    open_workbench(settings)
    return _nothing_more


def _nothing_more(_: None) -> None:
    """Task of the process that tests the workbench; opening it was the test."""


@dataclass(frozen=True, eq=False)
class OnWorkbench:
    """Answers studies on an open workbench.

    Attributes
    ----------
    drafts : languages of the draft of a study that holds strokes instead of its tumour, the site's first; none: it is
        refused
    """

    bench: Workbench
    archive: Peer | None
    drafts: tuple[Language, ...] = ()
    settings: Settings = field(default_factory=Settings)

    def __call__(self, files: Sequence[Path], asked: Asked) -> Outgoing:
        if asked.reviewed.acceptance is not None:
            return answer_accepted(files, asked, bench=self.bench, archive=self.archive, settings=self.settings)
        try:
            return answer(
                _with(asked.reviewed.drafts, files),
                asked,
                bench=self.bench,
                archive=self.archive,
                settings=self.settings,
            )
        except (TumourNotFound, StrokesOnly) as refusal:
            if not self.drafts:
                raise
            return draft(refusal, files, asked, bench=self.bench, languages=self.drafts)


def answerer(settings: Settings) -> OnWorkbench:
    """Opens the workbench; returns what answers studies on it.

    Raises
    ------
    SetupError
        As `open_workbench`.
    """
    from appliance.workbench import draft_languages_of, open_workbench

    return OnWorkbench(open_workbench(settings), archive_of(settings), draft_languages_of(settings), settings)


def archive_of(settings: Settings) -> Peer | None:
    """The archive to ask for counts, where there is one."""
    from appliance.transport import client_tls
    from dicom_io.network.peer import Peer

    archive = settings.archive
    if not archive.host:
        return None
    return Peer(
        archive.ae_title,
        archive.host,
        archive.port,
        calling_title=settings.service.ae_title,
        timeout_s=archive.timeout_s,
        tls=client_tls(settings, plain=archive.plain),
    )


def answer(
    files: Sequence[Path],
    asked: Asked,
    *,
    bench: Workbench,
    archive: Peer | None = None,
    settings: Settings | None = None,
) -> Outgoing:
    """One study from files to what goes into the outbox; `archive` is asked whether all of its images arrived.

    It counts instances that arrived and were not kept as well.
    """
    from appliance.pipeline import answer_study
    from appliance.service.priors import comparing, mark_of
    from dicom_io.reading.read import NOTHING_KNOWN

    held = NOTHING_KNOWN if archive is None else _held(archive, files)
    held = {series: count - asked.not_kept.get(series, 0) for series, count in held.items()}
    result = answer_study(
        files,
        bench,
        assignment=asked.assignment,
        created=asked.created,
        held=held,
        earlier=asked.earlier,
        remarks=asked.remarks,
        comparing=None if settings is None else comparing(asked, settings, bench=bench, archive=archive),
    )
    return Outgoing(
        result.answer,
        result.stages,
        created=asked.created,
        facts=result.facts,
        in_short=AnswerInShort.of_result(result),
        fhir=_bundle(result) if bench.fhir else b"",
        measured=None if result.measured is None else result.measured.as_json(),
        patient_mark=mark_of(result.study),
    )


def _bundle(result: Result) -> bytes:
    """The answer as a FHIR bundle."""
    from dicom_io.writing.fhir_bundle import make_fhir_bundle

    return make_fhir_bundle(result.study, result.report, pdf=result.answer.pdf)


def answer_accepted(
    files: Sequence[Path],
    asked: Asked,
    *,
    bench: Workbench,
    archive: Peer | None = None,
    settings: Settings | None = None,
) -> Outgoing:
    """`answer` with the draft that a person accepted as the segmentation, which goes back with the answer."""
    from dicom_io.answer import AnswerObject
    from dicom_io.answer_roles import Role
    from dicom_io.reading.draft_files import read_draft
    from dicom_io.writing.draft_segmentation import make_final

    accepted = asked.reviewed.acceptance
    assert accepted is not None
    final = AnswerObject(
        Role.ACCEPTED_SEG,
        make_final(read_draft(accepted.draft, limits=bench.limits), accepted_by=accepted.by, accepted=accepted.at),
    )
    with TemporaryDirectory(prefix="rdeepnet-") as folder:
        path = Path(folder) / "final.dcm"
        write_output(path, final.file)
        ours = {**asked.reviewed.drafts, final.sop_instance_uid: path}
        outgoing = answer(_with(ours, files), asked, bench=bench, archive=archive, settings=settings)
    objects = (final, *outgoing.answer.objects)
    return replace(outgoing, answer=replace(outgoing.answer, objects=objects))


def draft(
    refusal: StudyRejected,
    files: Sequence[Path],
    asked: Asked,
    *,
    bench: Workbench,
    languages: Sequence[Language],
) -> Outgoing:
    """The draft of a study that was refused for want of its tumour, where it holds strokes; else the refusal.

    Parameters
    ----------
    languages : of its note and its contact sheet, the site's first

    Raises
    ------
    StudyRejected
        When there are no strokes, they make no draft, or a final segmentation was answered before.
    """
    from appliance.drafting import draft_instead_of, in_words
    from appliance.stages import Stages
    from dicom_io.answer import Answer
    from dicom_io.writing.draft_objects import draft_objects

    if asked.earlier:  # of a final segmentation that was here; no draft is made over it
        raise refusal
    stages = Stages()
    with stages.measured("draft"):
        made = draft_instead_of(
            refusal,
            files,
            rules=bench.rules,
            assignment=asked.assignment,
            created=asked.created,
            limits=bench.limits,
            languages=languages,
            fonts=bench.fonts,
        )
    objects = draft_objects(made.segmentation, made.sheets, header=made.study.header, created=asked.created)
    return Outgoing(Answer(objects, made.sheet), stages.costs, created=asked.created, review=in_words(made))


def _with(ours: Mapping[str, Path], files: Sequence[Path]) -> list[Path]:
    """Files of the inbox and objects of ours, by their UIDs: ours in place of what an archive made of them."""
    came_back = tuple(short_hash(uid.encode()) for uid in ours)
    return [*(file for file in files if not file.name.startswith(came_back)), *ours.values()]


def _held(archive: Peer, files: Sequence[Path]) -> Mapping[str, int]:
    """Image counts at the archive; nothing when it cannot be asked, which must not hold up a study."""
    from dicom_io.images.file_scan import study_uid_of
    from dicom_io.network.find import images_held
    from dicom_io.reading.read import NOTHING_KNOWN

    study_uid = study_uid_of(files)
    try:
        return images_held(archive, study_uid) if study_uid else NOTHING_KNOWN
    except (PeerUnavailable, PeerRefused) as error:
        LOG.warning("the archive could not be asked for its images: %s", error)
        return NOTHING_KNOWN
