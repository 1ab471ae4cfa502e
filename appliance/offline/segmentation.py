"""`rdeepnet segment`: a draft of the tumour's outline from strokes or a box, and its acceptance by a person.

OUT/draft.dcm           the draft as DICOM Segmentation; never answered
OUT/contact_sheet.pdf   every slice with the draft, for the person who reviews it
OUT/draft.json          method, measurements, digests; no patient data
OUT/final.dcm           the final segmentation, once a person has accepted the draft
OUT/accepted.json       who accepted which draft, and when
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from appliance.drafting import MadeDraft, draft_of
from dicom_io.answer import file_of
from dicom_io.images.limits import USUAL, Limits
from dicom_io.marked_study import MarkedStudy
from dicom_io.reading.draft_files import finals_of_draft, read_draft
from dicom_io.reading.folder import look_into
from dicom_io.reading.marks import BoxMarks, read_marked_study
from dicom_io.rules import Assignment, SelectionRules
from dicom_io.writing.draft_segmentation import make_final
from models.errors import StudyRejected
from models.files import write_output
from models.number_words import counted
from models.segmentation import functional_tumour_volume, grow_cut, half_way, network
from models.segmentation.network_package import load_network
from models.segmentation.seeds import Method
from models.version import software_version
from reports.language import Language

DRAFT, SHEET, RECORD = "draft.dcm", "contact_sheet.pdf", "draft.json"
FINAL, ACCEPTED = "final.dcm", "accepted.json"


@dataclass(frozen=True)
class Wish:
    """Marks of a person, and the method asked for.

    Attributes
    ----------
    strokes : file with the strokes; None: the one in the folder that says so
    box : instead of strokes
    is_burden : the functional tumour volume instead of the half-way threshold
    network : package of a network instead of grow-cut
    mirrored : average the network over mirrored windows
    """

    strokes: Path | None = None
    box: BoxMarks | None = None
    is_burden: bool = False
    network: Path | None = None
    mirrored: bool = False


@dataclass(frozen=True, eq=False)
class Draft:
    """A draft that was written.

    Attributes
    ----------
    record : the content of draft.json
    """

    folder: Path
    record: Mapping[str, Any]

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that were written."""
        return tuple(self.folder / name for name in (DRAFT, SHEET, RECORD))


def make_draft_of(
    folder: Path,
    out: Path,
    wish: Wish,
    *,
    rules: SelectionRules,
    assignment: Assignment,
    created: datetime,
    limits: Limits = USUAL,
    language: Language = Language.ENGLISH,
    fonts: Sequence[str] = (),
) -> Draft:
    """Makes the draft of the one study below a folder, and writes it with its contact sheet.

    Raises
    ------
    StudyRejected
        When there is not one study, it has a final segmentation, or the marks make no draft.
    """
    studies = look_into(folder, limits=limits).studies
    if len(studies) != 1:
        raise StudyRejected(
            f"{counted(len(studies), 'study', 'studies')} were found below {folder}; one was expected, with "
            "its strokes."
        )
    (files,) = studies.values()
    study = read_marked_study(
        files, strokes=wish.strokes, box=wish.box, rules=rules, assignment=assignment, limits=limits
    )
    method, notice = _method(study, wish)
    made = draft_of(study, method, created=created, notice=notice, languages=(language,), fonts=fonts)
    content = made.segmentation.file
    record = _record(made, content, created)
    for name, written in ((DRAFT, content), (SHEET, made.sheet), (RECORD, _json(record))):
        write_output(out / name, written)
    return Draft(out, record)


def _method(study: MarkedStudy, wish: Wish) -> tuple[Method, str]:
    """The method, and what its makers want said with it."""
    if wish.box is not None:
        return (functional_tumour_volume.METHOD if wish.is_burden else half_way.METHOD), ""
    if wish.network is None:
        return grow_cut.method(study.seeds), ""
    loaded = load_network(wish.network)
    return network.method(loaded, study.seeds, mirrored=wish.mirrored), loaded.manifest.notice


def _record(made: MadeDraft, content: bytes, created: datetime) -> dict[str, Any]:
    study, method = made.study, made.method
    return {
        "software": f"rdeepnet {software_version()}",
        "created": created.isoformat(),
        "study_instance_uid": str(study.header.StudyInstanceUID),
        "sop_instance_uid": made.segmentation.sop_instance_uid,
        "sha256": hashlib.sha256(content).hexdigest(),
        "sequence": study.sequence.value,
        "images": study.described,
        "method": {"key": method.key, "name": method.name, "version": method.version, **method.parameters},
        "notice": made.notice,
        "volume_mm3": made.volume_mm3,
        "slices": made.slices,
        "painted_slices": [int(index) + 1 for index in study.seeds.painted_slices],
    }


def accept_draft(
    draft: Path, out: Path, *, accepted_by: str, accepted: datetime, limits: Limits = USUAL
) -> tuple[tuple[Path, ...], Mapping[str, Any]]:
    """Makes the final segmentation of a draft that a person has looked at, and writes it with the record.

    Returns the files and the content of accepted.json.

    Raises
    ------
    StudyRejected
        When the file is no draft of this software, or was accepted before.
    """
    dataset = read_draft(draft, limits=limits)
    for earlier in dict.fromkeys((out / FINAL, *finals_of_draft(draft.parent, str(dataset.SOPInstanceUID)))):
        if earlier.exists():
            raise StudyRejected(
                f"{earlier} is a final segmentation already; a final one is never replaced by a draft. Edit it in a "
                "viewer, or name another folder with --out for the draft of another study."
            )
    final = make_final(dataset, accepted_by=accepted_by, accepted=accepted)
    content = file_of(final)
    record = {
        "software": f"rdeepnet {software_version()}",
        "accepted_by": accepted_by,
        "accepted": accepted.isoformat(),
        "study_instance_uid": str(final.StudyInstanceUID),
        "draft": {"sop_instance_uid": str(dataset.SOPInstanceUID), "sha256": _digest(draft)},
        "final": {"sop_instance_uid": str(final.SOPInstanceUID), "sha256": hashlib.sha256(content).hexdigest()},
        "dice": 1.0,
    }
    write_output(out / FINAL, content)
    write_output(out / ACCEPTED, _json(record))
    return (out / FINAL, out / ACCEPTED), record


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _json(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
