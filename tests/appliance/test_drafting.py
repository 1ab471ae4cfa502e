"""Refused studies that hold strokes: drafts of them, and when there is none. Kind: mechanics, invariants."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest

from appliance.drafting import MadeDraft, draft_instead_of, in_words
from appliance.peer_settings import Destination
from appliance.settings import Settings
from appliance.workbench import draft_languages_of
from dicom_io.answer import AnswerObject
from dicom_io.answer_roles import DRAFTS, Role
from dicom_io.errors import GeometryInvalid, SelectionAmbiguous, StrokesOnly, TumourNotFound
from dicom_io.reading.read import read_study
from dicom_io.rules import NO_ASSIGNMENT, Assignment, SelectionRules
from dicom_io.writing.draft_objects import draft_objects
from models.errors import SetupError, StudyRejected
from models.segmentation.agreement import dice
from reports.draft.words import DRAFT_WORDS
from reports.language import Language
from tests.conftest import require_programs
from tests.dicom_io.drafted import CREATED, PAINTED, TUMOUR, accepted, images, painted, store
from tests.dicom_io.made_series import affine_of, write_rtstruct, write_seg

RULES = SelectionRules()


def files_of(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_file()]


def drafted(
    folder: Path, *, assignment: Assignment = NO_ASSIGNMENT, languages: tuple[Language, ...] = (Language.ENGLISH,)
) -> MadeDraft:
    """The draft in place of the refusal of a study, as the service makes it."""
    with pytest.raises((TumourNotFound, StrokesOnly)) as refused:
        read_study(files_of(folder), rules=RULES, assignment=assignment)
    return draft_instead_of(
        refused.value, files_of(folder), rules=RULES, assignment=assignment, created=CREATED, languages=languages
    )


def sent(made: MadeDraft) -> tuple[AnswerObject, ...]:
    return draft_objects(made.segmentation, made.sheets, header=made.study.header, created=CREATED)


def test_strokes_by_name_make_a_draft_also_beside_another_choice(tmp_path: Path) -> None:
    painted(tmp_path / "s.dcm", images(tmp_path))
    made = drafted(tmp_path)
    assert dice(made.mask, TUMOUR) > 0.95
    assert in_words(made).startswith("A draft of the tumour on T1+C was made by grow-cut from strokes on 5 slices: ")
    chosen = drafted(tmp_path, assignment=Assignment(tumour=("tumour strokes",)))
    assert chosen.segmentation.sop_instance_uid == made.segmentation.sop_instance_uid


def test_strokes_without_a_name_are_recognised_by_their_slices(tmp_path: Path) -> None:
    painted(tmp_path / "s.dcm", images(tmp_path), label="Tumour")
    assert dice(drafted(tmp_path).mask, TUMOUR) > 0.95


def test_a_tumour_with_a_hole_is_no_strokes(tmp_path: Path) -> None:
    mask = TUMOUR.copy()
    mask[4:8] = False  # of slices 1 to 11
    write_seg(tmp_path / "s.dcm", mask, affine=affine_of(), source=images(tmp_path))
    with pytest.raises(GeometryInvalid) as refused:
        read_study(files_of(tmp_path), rules=RULES, assignment=NO_ASSIGNMENT)
    assert not isinstance(refused.value, StrokesOnly)


def test_contours_on_slices_apart_make_a_draft(tmp_path: Path) -> None:
    source = images(tmp_path)
    square = np.array([(8.0, 9.0), (8.0, 17.0), (16.0, 17.0), (16.0, 9.0)])
    corners = [np.column_stack([np.full(4, float(index)), square]) for index in PAINTED]
    contours = [points @ affine_of()[:3, :3].T + affine_of()[:3, 3] for points in corners]
    write_rtstruct(tmp_path / "r.dcm", contours, name="tumour strokes", series=source)
    made = drafted(tmp_path)
    assert tuple(made.study.seeds.painted_slices) == PAINTED


def test_without_strokes_the_refusal_stays_as_it_is(tmp_path: Path) -> None:
    images(tmp_path)
    with pytest.raises(TumourNotFound, match="No segmentation of the tumour was found"):
        drafted(tmp_path)


def test_strokes_on_too_few_slices_say_how_many_are_needed(tmp_path: Path) -> None:
    mask = np.zeros_like(TUMOUR)
    mask[[4, 8]] = TUMOUR[[4, 8]]
    write_seg(tmp_path / "s.dcm", mask, affine=affine_of(), source=images(tmp_path), label="tumour strokes")
    with pytest.raises(StudyRejected, match="painted on 2 slices; at least 3 were expected"):
        drafted(tmp_path)


def test_no_draft_is_made_over_a_final_segmentation_that_a_choice_hides(tmp_path: Path) -> None:
    source = images(tmp_path)
    painted(tmp_path / "s.dcm", source)
    write_seg(tmp_path / "final.dcm", TUMOUR, affine=affine_of(), source=source)
    with pytest.raises(StudyRejected, match="has a segmentation of the tumour already"):
        drafted(tmp_path, assignment=Assignment(tumour=("another",)))


def test_the_newest_strokes_of_a_tumour_count(tmp_path: Path) -> None:
    def at(time: str, day: str = "20260101"):  # type: ignore[no-untyped-def]
        return lambda dataset: dataset.update({"ContentDate": day, "ContentTime": time})

    source = images(tmp_path)
    painted(tmp_path / "1.dcm", source, number=801, edit=at("100000"))
    mask = np.zeros_like(TUMOUR)
    mask[[3, 6, 9]] = TUMOUR[[3, 6, 9]]
    again = {"affine": affine_of(), "source": source, "label": "tumour strokes", "number": 802}
    write_seg(tmp_path / "2.dcm", mask, edit=at("110000"), **again)
    assert tuple(drafted(tmp_path).study.seeds.painted_slices) == (3, 6, 9)
    other = np.zeros_like(TUMOUR)
    other[[3, 6, 9], :2, :2] = True  # of another tumour
    write_seg(tmp_path / "2.dcm", other, edit=at("110000"), **again)
    with pytest.raises(SelectionAmbiguous, match="2 segments hold strokes"):
        drafted(tmp_path)


def test_the_objects_of_a_draft_name_it_and_are_always_the_same(tmp_path: Path) -> None:
    painted(tmp_path / "s.dcm", images(tmp_path))
    first, second = sent(drafted(tmp_path)), sent(drafted(tmp_path))
    assert [one.role for one in first] == [Role.DRAFT_SEG, Role.DRAFT_NOTE, Role.DRAFT_SHEET]
    assert [one.file for one in first] == [one.file for one in second]
    draft, note, sheet = first
    evidence = note.dataset.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]
    assert evidence.SeriesInstanceUID == draft.dataset.SeriesInstanceUID
    assert evidence.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == draft.sop_instance_uid
    title = note.dataset.ConceptNameCodeSequence[0]
    assert (title.CodeValue, title.CodingSchemeDesignator, title.CodeMeaning) == (
        "128201",
        "DCM",
        "For Physician Review",
    )
    assert sheet.dataset.SourceInstanceSequence[0].ReferencedSOPInstanceUID == draft.sop_instance_uid
    assert sheet.dataset.EncapsulatedDocument.startswith(b"%PDF")


@pytest.mark.peers
def test_dciodvfy_takes_every_object_of_a_draft_and_the_final_one(tmp_path: Path) -> None:
    require_programs("dciodvfy")
    painted(tmp_path / "s.dcm", images(tmp_path))
    objects = [one.dataset for one in sent(drafted(tmp_path))]
    for number, dataset in enumerate([*objects, accepted(objects[0])]):
        path = store(dataset, tmp_path / f"{number}.out")
        verdict = subprocess.run(["dciodvfy", "-new", path], capture_output=True, text=True, check=False)
        assert "Error" not in verdict.stdout + verdict.stderr, (dataset.Modality, verdict.stderr)


def test_a_draft_whose_manufacturer_an_archive_rewrote_is_not_answered_and_drafted_alike(tmp_path: Path) -> None:
    painted(tmp_path / "s.dcm", images(tmp_path))
    made = drafted(tmp_path)
    came_back = pydicom.dcmread(store(made.segmentation.dataset, tmp_path / "draft.dcm"))
    came_back.Manufacturer = "Archive Ltd"
    store(came_back, tmp_path / "draft.dcm")
    assert drafted(tmp_path).segmentation.sop_instance_uid == made.segmentation.sop_instance_uid


def test_a_destination_gets_what_it_lists_of_drafts_and_nothing_unless_it_lists_them() -> None:
    assert not any(Destination("pacs", "PACS", "h").wants(role) for role in (*DRAFTS, Role.ACCEPTED_SEG))
    some = Destination("pacs", "PACS", "h", drafts=(Role.DRAFT_SEG, Role.DRAFT_SHEET))
    wanted = [role for role in (*DRAFTS, Role.ACCEPTED_SEG) if some.wants(role)]
    assert wanted == [Role.DRAFT_SEG, Role.DRAFT_SHEET, Role.ACCEPTED_SEG]
    with pytest.raises(SetupError, match="lists pdf; expected draft_seg, draft_note, draft_sheet"):
        Destination("pacs", "PACS", "h", drafts=(Role.DRAFT_SEG, Role.PDF))
    with pytest.raises(SetupError, match="without draft_seg, the draft itself"):
        Destination("pacs", "PACS", "h", drafts=(Role.DRAFT_NOTE,))


def test_a_draft_in_two_languages_is_one_segmentation_and_each_destination_gets_one_of_each(tmp_path: Path) -> None:
    painted(tmp_path / "s.dcm", images(tmp_path))
    both = drafted(tmp_path, languages=(Language.ENGLISH, Language.GERMAN))
    english, german = (sent(drafted(tmp_path, languages=(one,))) for one in (Language.ENGLISH, Language.GERMAN))
    assert [one.file for one in sent(both)] == [one.file for one in (*english, *german[1:])]
    assert german[0].file == english[0].file
    assert not {one.sop_instance_uid for one in german[1:]} & {one.sop_instance_uid for one in english[1:]}
    assert both.sheet == both.sheets[Language.ENGLISH]
    assert str(german[2].dataset.DocumentTitle) == DRAFT_WORDS[Language.GERMAN].title
    texts = [str(item.TextValue) for item in german[1].dataset.ContentSequence if item.ValueType == "TEXT"]
    assert texts == [DRAFT_WORDS[Language.GERMAN].review_note]
    for language, expected in ((None, english), (Language.GERMAN, german), (Language.CHINESE, english)):
        clinic = Destination("clinic", "CLINIC", "h", drafts=DRAFTS, language=language)
        assert [one.file for one in clinic.chosen(sent(both))] == [one.file for one in expected], language


def test_drafts_are_in_the_languages_of_those_who_get_them() -> None:
    pacs = Destination("pacs", "PACS", "h", drafts=DRAFTS)
    chinese = Destination("viewer", "VIEWER", "h", language=Language.CHINESE)
    german = Destination("clinic", "CLINIC", "h", drafts=DRAFTS, language=Language.GERMAN)
    wordless = replace(german, drafts=(Role.DRAFT_SEG,))
    assert draft_languages_of(Settings(destinations=(chinese,))) == ()
    assert draft_languages_of(Settings(destinations=(pacs, chinese))) == (Language.ENGLISH,)
    assert draft_languages_of(Settings(destinations=(chinese, german))) == (Language.ENGLISH, Language.GERMAN)
    assert draft_languages_of(Settings(destinations=(chinese, wordless))) == (Language.ENGLISH,)
