"""The notice "not processed": one object for each study and reason, valid and readable. Kind: mechanics; peers."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from dicom_io.images.received import received
from dicom_io.writing.notice import make_notice
from reports.notice.content import REASONS, NoticeReason
from reports.notice.picture import COLUMNS, ROWS, notice_picture
from tests.conftest import require_programs
from tests.dicom_io.made_series import affine_of, ball, voxels_of, write_seg, write_series
from tests.dicom_io.made_studies import CREATED, NOTICE, header

LISTED = "; ".join(f'{number} "AX T1 病灶 {number}" (MR, 160 objects, no rule fits)' for number in range(80))


def test_every_reason_has_its_row_and_a_code_of_cid_9302_or_9303() -> None:
    """Codes from PS3.16 CID 9302 and 9303, as DOORS lists them."""
    assert set(REASONS) == set(NoticeReason)
    assert {row.code.value for row in REASONS.values()} <= {"110501", "110521", "110522", "110523", "110531"}


def test_the_same_refusal_is_the_same_object_whenever_it_is_made() -> None:
    first = make_notice(header(), NOTICE, laterality="L", after="").dataset
    again = make_notice(
        header(), replace(NOTICE, created=CREATED + timedelta(days=1), sentence="Other."), laterality="L", after=""
    ).dataset
    assert again.SOPInstanceUID == first.SOPInstanceUID
    assert again.SeriesInstanceUID == first.SeriesInstanceUID
    for other in (
        make_notice(header(), replace(NOTICE, reason=NoticeReason.GEOMETRY), laterality="L", after=""),
        make_notice(header(), NOTICE, laterality="L", after="2.25.1"),
    ):
        assert other.sop_instance_uid != first.SOPInstanceUID


def test_it_says_everything_without_pixels_too_and_names_no_patient_in_them() -> None:
    dataset = make_notice(header(), NOTICE, laterality="", after="").dataset
    assert NOTICE.sentence in dataset.ImageComments
    assert "(110523, DCM, Object Set incomplete; choice)" in dataset.ImageComments
    assert "Wang" not in dataset.ImageComments
    assert dataset.SeriesDescription.startswith("NOT PROCESSED")
    other = header(name="Someone^Else")
    other.PatientID = "ANOTHER"
    np.testing.assert_array_equal(
        make_notice(other, NOTICE, laterality="", after="").dataset.pixel_array, dataset.pixel_array
    )


@pytest.mark.parametrize("sentence", ["Short.", f"The study holds: {LISTED}.", "x" * 3000, "病" * 500])
@pytest.mark.parametrize("earlier", [None, CREATED])
def test_the_text_stays_inside_whatever_its_length(sentence: str, earlier: object) -> None:
    notice = replace(NOTICE, sentence=sentence, earlier=earlier)  # type: ignore[arg-type]
    picture = notice_picture(notice, software="rdeepnet 0")
    assert picture.shape == (ROWS, COLUMNS)
    assert picture.dtype == np.uint8
    assert picture.max() == 255
    border = np.ones(picture.shape, dtype=bool)
    border[30:-30, 30:-30] = False
    assert not picture[border].any()


def test_what_arrived_is_counted_also_where_it_cannot_be_read(tmp_path: Path) -> None:
    shape = (3, 8, 8)
    images = write_series(tmp_path, [voxels_of(shape)], affine=affine_of(), description="T1", number=4)
    write_seg(tmp_path / "s.dcm", ball(shape, centre=(1, 4, 4), radius=(1, 2, 2)), affine=affine_of(), source=images)
    (tmp_path / "damaged.dcm").write_bytes(b"no DICOM")
    seen = received(sorted(tmp_path.iterdir()))
    assert seen.objects == "5 objects: 3 MR, 1 unreadable, 1 SEG"
    assert seen.header is not None
    assert received([tmp_path / "damaged.dcm"]).header is None


@pytest.mark.peers
@pytest.mark.parametrize("laterality", ["L", ""])
def test_dciodvfy_finds_no_error(tmp_path: Path, laterality: str) -> None:
    require_programs("dciodvfy")
    make_notice(header(), NOTICE, laterality=laterality, after="").dataset.save_as(
        tmp_path / "notice.dcm", enforce_file_format=True
    )
    result = subprocess.run(["dciodvfy", str(tmp_path / "notice.dcm")], capture_output=True, text=True, check=False)
    lines = [line for line in result.stderr.splitlines() if line.startswith(("Error", "Warning"))]
    assert not [line for line in lines if line.startswith("Error")]
    # The private scheme, and Device UID in the Contributing Equipment Sequence (IHE AI Results), as in every object.
    assert [
        line for line in lines if "99RDEEPNET" not in line and "0x1002" not in line and "Extended" not in line
    ] == []
