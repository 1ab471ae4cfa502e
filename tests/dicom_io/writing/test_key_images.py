"""Key images as Secondary Capture: one series, the same objects for the same answer. Kind: mechanics; peers."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset

from dicom_io.answer import Answer, AnswerObject
from dicom_io.answer_roles import Role
from dicom_io.errors import ObjectNotConformant
from dicom_io.network.peer import Delivery, Peer
from dicom_io.network.send import send
from dicom_io.reading.read import find_studies
from dicom_io.writing.encode import encode
from dicom_io.writing.object_check import check_object
from models.volume import Region, Sequence
from reports.language import Language
from reports.subtraction import subtraction_of
from tests.conftest import require_programs
from tests.dicom_io.made_studies import CREATED, Made, make, source_series
from tests.end_to_end.running import Orthanc


def dynamic(*, multi_frame: bool = False, **options: Any) -> Made:
    """A made study with a phase before contrast."""
    made = make(multi_frame=multi_frame, **options)
    volume = made.study.volumes[Sequence.T1C]
    before = source_series(Sequence.T2W, volume.shape[0], multi_frame=multi_frame)  # other UIDs than T1+C
    subtraction = subtraction_of(
        volume,
        replace(volume, voxels=volume.voxels * 0),
        made.prepared.sequences[Sequence.T1C].rois[Region.INTRATUMORAL].mask,
    )
    assert subtraction is not None
    return Made(replace(made.study, before=before), made.prepared, replace(made.report, subtraction=subtraction))


def encoded(made: Made) -> Answer:
    return encode(made.study, made.prepared, made.report, features_sr=False, key_images=True)


def of(answer: Answer) -> list[Dataset]:
    return [item.dataset for item in answer.objects if item.role is Role.KEY_IMAGES]


@pytest.fixture(scope="module")
def answer() -> Answer:
    return encoded(dynamic())


def test_they_are_one_series_after_the_pdf_and_made_on_request_only(answer: Answer) -> None:
    roles = [item.role for item in answer.objects]
    assert roles == [Role.SEG_T1C, Role.SEG_T2W, Role.KEY_SR, Role.PDF, *[Role.KEY_IMAGES] * 5]
    images = of(answer)
    assert [int(one.InstanceNumber) for one in images] == [1, 2, 3, 4, 5]
    assert len({str(one.SeriesInstanceUID) for one in images}) == 1
    assert len({str(one.SOPInstanceUID) for one in images}) == 5
    others = {str(item.dataset.SeriesInstanceUID) for item in answer.objects if item.role is not Role.KEY_IMAGES}
    assert not others & {str(images[0].SeriesInstanceUID)}
    made = dynamic()
    plain = encode(made.study, made.prepared, made.report, features_sr=False)
    assert [item.role for item in plain.objects] == [role for role in roles if role is not Role.KEY_IMAGES]
    assert [item.file for item in plain.objects] == [item.file for item in answer.objects[:4]]


def test_the_same_answer_gives_the_same_objects_whenever_it_is_made(answer: Answer) -> None:
    again = dynamic()
    assert [one.file for one in encoded(again).objects] == [one.file for one in answer.objects]
    later = replace(again.report, created=CREATED.replace(hour=20))
    made_later = of(encoded(Made(again.study, again.prepared, later)))
    assert [one.SOPInstanceUID for one in made_later] == [one.SOPInstanceUID for one in of(answer)]


def test_pictures_in_another_language_are_other_objects_of_another_series(answer: Answer) -> None:
    made = dynamic()
    german = replace(made.report, language=Language.GERMAN)
    both = encode(
        made.study, made.prepared, made.report, features_sr=False, key_images=True, shown=(made.report, german)
    )
    images = [item for item in both.objects if item.role is Role.KEY_IMAGES]
    assert [(item.language, item.is_default) for item in images] == [
        *[(Language.ENGLISH, True)] * 5,
        *[(Language.GERMAN, False)] * 5,
    ]
    assert [item.sop_instance_uid for item in images[:5]] == [one.SOPInstanceUID for one in of(answer)]
    assert len({item.sop_instance_uid for item in images}) == 10
    assert len({str(item.dataset.SeriesInstanceUID) for item in images}) == 2


def test_a_study_without_t2w_or_phases_has_no_other_numbers() -> None:
    images = of(encoded(make(with_t2w=False)))
    assert [int(one.InstanceNumber) for one in images] == [1, 2]
    assert [int(one.InstanceNumber) for one in of(encoded(make()))] == [1, 2, 4, 5]


def test_another_phase_before_contrast_is_another_subtraction_and_nothing_else(answer: Answer) -> None:
    made = dynamic()
    assert made.study.before is not None
    first = replace(made.study.before.instances[0], sop_instance_uid="2.25.77")
    before = replace(made.study.before, instances=(first, *made.study.before.instances[1:]))
    others = of(encoded(Made(replace(made.study, before=before), made.prepared, made.report)))
    same = [a.SOPInstanceUID == b.SOPInstanceUID for a, b in zip(of(answer), others, strict=True)]
    assert same == [True, True, False, True, True]


def test_attributes_say_what_a_viewer_must_know(answer: Answer) -> None:
    for one in of(answer):
        assert (one.Modality, one.ConversionType, list(one.ImageType)) == ("OT", "WSD", ["DERIVED", "SECONDARY"])
        assert (one.BurnedInAnnotation, one.RecognizableVisualFeatures) == ("YES", "NO")
        assert (one.PhotometricInterpretation, one.SamplesPerPixel, one.PlanarConfiguration) == ("RGB", 3, 0)
        assert "NumberOfFrames" not in one
        assert one.ImageLaterality == "L"
        assert list(one.PatientOrientation) == ["L", "P"]
        assert "Research use only" in one.ImageComments
        assert "research use only" in one.SeriesDescription
        assert "Wang" not in one.ImageComments
        assert one.PixelSpacing[0] == one.PixelSpacing[1]
        assert "FrameOfReferenceUID" not in one
        assert one.pixel_array.shape == (one.Rows, one.Columns, 3)


def test_the_spacing_is_that_of_the_anatomy() -> None:
    """The whole slice of 30 × 26 pixels of 0.703 × 0.71 mm is 21.1 mm high: its square has that side, on 720 pixels."""
    whole = of(encoded(make()))[0]
    assert float(whole.PixelSpacing[0]) == pytest.approx(30 * 0.703125 / 720, rel=1e-6)


@pytest.mark.parametrize("multi_frame", [False, True])
def test_they_refer_to_the_images_that_are_shown_and_to_the_segments(multi_frame: bool) -> None:
    made = dynamic(multi_frame=multi_frame)
    answer = encoded(made)
    segmentation = answer.objects[0].sop_instance_uid
    source, before = made.study.sources[Sequence.T1C], made.study.before
    assert before is not None
    index = made.report.key_images[0].slice_index
    whole, _, subtraction = of(answer)[:3]
    image, mask = whole.SourceImageSequence
    assert image.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"
    assert mask.PurposeOfReferenceCodeSequence[0].CodeValue == "121321"
    assert mask.ReferencedSOPInstanceUID == segmentation
    assert list(mask.ReferencedSegmentNumber) == [1, 2]
    named = [str(item.ReferencedSOPInstanceUID) for item in subtraction.SourceImageSequence]
    assert named == [one.sop_instance_uid for one in (*source.instances, *before.instances)]
    assert [code.CodeValue for code in subtraction.DerivationCodeSequence] == ["113062", "113078"]
    if multi_frame:
        assert source.frame_numbers is not None
        assert image.ReferencedFrameNumber == source.frame_numbers[index]
        assert list(subtraction.SourceImageSequence[0].ReferencedFrameNumber) == list(source.frame_numbers)
    else:
        assert image.ReferencedSOPInstanceUID == source.instances[index].sop_instance_uid


def test_they_are_recognised_as_ours_when_they_come_back(answer: Answer, tmp_path: Path) -> None:
    for item in answer.objects:
        (tmp_path / f"{item.sop_instance_uid}.dcm").write_bytes(item.file)
    assert find_studies(tmp_path) == {}


@pytest.mark.parametrize(
    ("keyword", "value", "problem"),
    [
        ("PhotometricInterpretation", "MONOCHROME2", "PhotometricInterpretation does not fit"),
        ("PixelSpacing", [0.1, 0.2], "not square"),
        ("PixelData", b"\0\0", "PixelData has 2 bytes"),
        ("PlanarConfiguration", None, "PlanarConfiguration is missing"),
        ("BurnedInAnnotation", "NO", "BurnedInAnnotation"),
    ],
)
def test_a_bad_one_is_not_sent(answer: Answer, keyword: str, value: object, problem: str) -> None:
    dataset = deepcopy(of(answer)[0])
    if value is None:
        del dataset[keyword]
    else:
        setattr(dataset, keyword, value)
    with pytest.raises(ObjectNotConformant, match=problem):
        check_object(dataset)


def files_in(folder: Path, objects: list[AnswerObject]) -> list[Path]:
    files = [folder / f"{number:02d}-{item.role}.dcm" for number, item in enumerate(objects)]
    for file, item in zip(files, objects, strict=True):
        file.write_bytes(item.file)
    return files


# As for every object of ours: see `test_peers_read_our_objects`.
UNAVOIDABLE = ("99RDEEPNET", "(0x0018,0x1002)", "Standard Extended SOP Class")


@pytest.mark.peers
@pytest.mark.parametrize(
    "options", [{}, {"multi_frame": True}, {"laterality": ""}, {"orientation": "oblique"}], ids=str
)
def test_dciodvfy_finds_nothing_but_what_it_cannot_know(tmp_path: Path, options: dict[str, Any]) -> None:
    require_programs("dciodvfy")
    pictures = [item for item in encoded(dynamic(**options)).objects if item.role is Role.KEY_IMAGES]
    for file in files_in(tmp_path, pictures):
        said = subprocess.run(["dciodvfy", str(file)], capture_output=True, text=True, check=False).stderr.splitlines()
        assert said[0] == "SCImage"
        assert not [
            line
            for line in said
            if line.startswith(("Error", "Warning")) and not any(known in line for known in UNAVOIDABLE)
        ]


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    require_programs("Orthanc")
    orthanc = Orthanc(tmp_path_factory.mktemp("key images") / "orthanc")
    yield orthanc
    orthanc.stop()


@pytest.mark.peers
@pytest.mark.slow
def test_orthanc_shows_the_colours_that_were_drawn(answer: Answer, orthanc: Orthanc, tmp_path: Path) -> None:
    files = files_in(tmp_path, list(answer.objects))
    for _ in range(2):  # a second time nothing doubles
        results = send(files, Peer("ORTHANC", "127.0.0.1", orthanc.port, "RDEEPNET", 30.0))
        assert {result.delivery for result in results} == {Delivery.STORED}
    tags = {
        orthanc.get(f"instances/{name}/simplified-tags")["SOPInstanceUID"]: name for name in orthanc.get("instances")
    }
    assert len(tags) == len(answer.objects)
    for one in of(answer):
        kind, preview = orthanc.get_bytes(f"instances/{tags[str(one.SOPInstanceUID)]}/preview", accept="image/png")
        assert kind == "image/png"
        shown = np.asarray(Image.open(BytesIO(preview)).convert("RGB"))
        np.testing.assert_array_equal(shown, one.pixel_array)
