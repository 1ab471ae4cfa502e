"""Findings on voxel size and field strength, from single-frame and multi-frame headers."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from dicom_io.expectations import Expectations
from dicom_io.headers import read_instances
from dicom_io.quality import about_images, slice_thickness_mm
from dicom_io.series import Phase, series_of
from models.errors import SetupError
from models.findings import Severity
from models.volume import Sequence
from tests.dicom_io.made_series import affine_of, voxels_of, write_enhanced, write_series

SHAPE = (4, 6, 7)


def phase_of(folder: Path) -> Phase:
    (series,) = series_of(read_instances(folder.rglob("*.dcm")))
    return series.phases[0]


def sentences(folder: Path, usual: Expectations | None = None) -> dict[str, str]:
    findings = about_images(phase_of(folder), sequence=Sequence.T1C, usual=usual or Expectations())
    return {finding.code: finding.sentence for finding in findings}


@pytest.mark.parametrize(
    ("strength", "code"),
    [
        ("1.5", None),
        ("1.494", None),  # what scanners called 1.5 T write
        ("3", None),
        ("15000", None),  # gauss, as old headers have it
        ("0.2", "field-strength-unusual"),
        ("7", "field-strength-unusual"),
        ("", "field-strength-unknown"),
        ("0", "field-strength-unknown"),
    ],
)
def test_the_field_strength_is_judged(tmp_path: Path, strength: str, code: str | None) -> None:
    def edit(dataset: Dataset, phase: int, index: int) -> None:
        dataset.MagneticFieldStrength = strength

    write_series(tmp_path, [voxels_of(SHAPE)], affine=affine_of(), description="T1", number=5, edit=edit)
    assert list(sentences(tmp_path)) == ([] if code is None else [code])


def test_the_range_is_the_sites_to_decide(tmp_path: Path) -> None:
    write_series(tmp_path, [voxels_of(SHAPE)], affine=affine_of(), description="T1", number=5)
    assert sentences(tmp_path) == {}
    narrow = Expectations(slice_mm=(1.0, 2.5), field_strength_t=(2.8, 3.1))
    found = sentences(tmp_path, narrow)
    assert list(found) == ["voxel-size-unusual", "field-strength-unusual"]
    assert "slices are 3.00 mm apart (usual: 1 to 2.5 mm)" in found["voxel-size-unusual"]
    assert "at 1.5 T; 2.8 to 3.1 T" in found["field-strength-unusual"]


@pytest.mark.parametrize(
    ("spacing_mm", "part"),
    [
        ((6.0, 1.0, 1.0), "the slices are 6.00 mm apart (usual: 0.5 to 5 mm), the slices are 6.00 mm thick"),
        ((2.0, 2.2, 1.0), "the rows are 2.20 mm apart"),
        ((2.0, 1.0, 0.2), "the columns are 0.20 mm apart"),
    ],
)
@pytest.mark.parametrize("layout", ["single-frame", "multi-frame"])
def test_unusual_voxels_are_named(
    tmp_path: Path, layout: str, spacing_mm: tuple[float, float, float], part: str
) -> None:
    affine = affine_of(spacing_mm=spacing_mm)
    if layout == "single-frame":
        write_series(tmp_path, [voxels_of(SHAPE)], affine=affine, description="T1", number=5)
    else:
        write_enhanced(tmp_path / "e.dcm", [voxels_of(SHAPE)], affine=affine, description="T1", number=5)
    (finding,) = about_images(phase_of(tmp_path), sequence=Sequence.T1C, usual=Expectations())
    assert (finding.code, finding.severity) == ("voxel-size-unusual", Severity.WARNING)
    assert part in finding.sentence


def test_the_thickness_counts_where_it_differs_from_the_distance(tmp_path: Path) -> None:
    def edit(dataset: Dataset, phase: int, index: int) -> None:
        dataset.SliceThickness = "8"

    write_series(tmp_path, [voxels_of(SHAPE)], affine=affine_of(), description="T1", number=5, edit=edit)
    assert slice_thickness_mm(phase_of(tmp_path)) == 8
    assert "unusual size: the slices are 8.00 mm thick" in sentences(tmp_path)["voxel-size-unusual"]


def test_every_mistake_in_the_expectations_is_named() -> None:
    with pytest.raises(SetupError) as caught:
        Expectations.from_mapping({"slice": [1, 2], "pixel_mm": [1], "field_strength_t": ["a", 3]})
    for part in ("'slice' is not a setting", "pixel_mm is [1]", "field_strength_t is ['a', 3]; [smallest, largest]"):
        assert part in str(caught.value)
    with pytest.raises(SetupError, match="slice_mm is 3 to 1"):
        Expectations.from_mapping({"slice_mm": [3, 1]})
