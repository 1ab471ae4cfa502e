"""Quality notes on voxel size and field strength, from single-frame and multi-frame headers."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from dicom_io.images.headers import read_instances
from dicom_io.images.quality import about_images, slice_thickness_mm
from dicom_io.images.series import Phase, series_of
from models.acquisition import AcquisitionRange, TrainingImages
from models.errors import SetupError
from models.quality_notes import Severity
from models.typed_tables import read_whole
from models.volume import Sequence
from tests.dicom_io.made_series import affine_of, voxels_of, write_enhanced, write_series

SHAPE = (4, 6, 7)


def phase_of(folder: Path) -> Phase:
    (series,) = series_of(read_instances(folder.rglob("*.dcm")))
    return series.phases[0]


def sentences(folder: Path, usual: AcquisitionRange | None = None) -> dict[str, str]:
    notes = about_images(phase_of(folder), sequence=Sequence.T1C, usual=usual or AcquisitionRange(), models={})
    return {note.code: note.sentence for note in notes}


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
    narrow = AcquisitionRange(slice_mm=(1.0, 2.5), field_strength_t=(2.8, 3.1))
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
    (note,) = about_images(phase_of(tmp_path), sequence=Sequence.T1C, usual=AcquisitionRange(), models={})
    assert (note.code, note.severity) == ("voxel-size-unusual", Severity.WARNING)
    assert part in note.sentence


def test_the_thickness_counts_where_it_differs_from_the_distance(tmp_path: Path) -> None:
    def edit(dataset: Dataset, phase: int, index: int) -> None:
        dataset.SliceThickness = "8"

    write_series(tmp_path, [voxels_of(SHAPE)], affine=affine_of(), description="T1", number=5, edit=edit)
    assert slice_thickness_mm(phase_of(tmp_path)) == 8
    assert "unusual size: the slices are 8.00 mm thick" in sentences(tmp_path)["voxel-size-unusual"]


TRAINED = TrainingImages(
    ranges={Sequence.T1C: AcquisitionRange(slice_mm=(1.0, 2.5), pixel_mm=(0.5, 2.0), field_strength_t=(2.89, 3.0))}
)


def notes_with(folder: Path, usual: AcquisitionRange, models: dict[str, TrainingImages]) -> dict[str, str]:
    found = about_images(phase_of(folder), sequence=Sequence.T1C, usual=usual, models=models)
    return {note.code: note.sentence for note in found}


def test_images_are_compared_with_the_training_images_of_a_model(tmp_path: Path) -> None:
    affine = affine_of(spacing_mm=(3.0, 1.5, 1.8))
    write_series(tmp_path, [voxels_of(SHAPE)], affine=affine, description="T1", number=5)
    found = notes_with(tmp_path, AcquisitionRange(), {"site": TRAINED, "other": TrainingImages()})
    # Columns 1.8 mm apart are unusual, but the model knows them: only what it says counts.
    assert list(found) == ["voxel-size-unlike-training", "field-strength-unlike-training"]
    assert found["voxel-size-unlike-training"] == (
        "The voxels of the T1+C images have a size the model 'site' was not trained on: the slices are 3.00 mm apart "
        "(training: 1 to 2.5 mm), the slices are 3.00 mm thick (training: 1 to 2.5 mm). Texture features depend on it."
    )
    assert "at 1.5 T; the training images of the model 'site' at 2.89 to 3 T" in found["field-strength-unlike-training"]


def test_the_site_overrides_the_training_images_range_by_range(tmp_path: Path) -> None:
    write_series(tmp_path, [voxels_of(SHAPE)], affine=affine_of(), description="T1", number=5)  # 3.0 mm, 1.5 T
    site = AcquisitionRange(slice_mm=(2.0, 4.0))
    assert list(notes_with(tmp_path, site, {"a": TRAINED})) == ["field-strength-unlike-training"]
    assert notes_with(tmp_path, AcquisitionRange((2.0, 4.0), None, (1.4, 1.6)), {"a": TRAINED}) == {}


@pytest.mark.parametrize(
    ("strength", "is_like"), [("1.494", True), ("1.5", True), ("2.89", True), ("3", True), ("0.5", False)]
)
def test_one_field_written_in_two_ways_is_one_field(tmp_path: Path, strength: str, is_like: bool) -> None:
    def edit(dataset: Dataset, phase: int, index: int) -> None:
        dataset.MagneticFieldStrength = strength

    write_series(tmp_path, [voxels_of(SHAPE)], affine=affine_of(), description="T1", number=5, edit=edit)
    low, high = ((1.5, 1.5), (2.894, 3.0))[float(strength) > 2]
    trained = TrainingImages(ranges={Sequence.T1C: AcquisitionRange(field_strength_t=(low, high))})
    assert (notes_with(tmp_path, AcquisitionRange(), {"a": trained}) == {}) is is_like


def test_every_mistake_in_the_expectations_is_named() -> None:
    with pytest.raises(SetupError) as caught:
        read_whole(AcquisitionRange, {"slice": [1, 2], "pixel_mm": [1], "field_strength_t": ["a", 3]}, what="The table")
    for part in ("slice is not known; did you mean slice_mm?", "pixel_mm is [1]", "field_strength_t is ['a', 3]"):
        assert part in str(caught.value)
    with pytest.raises(SetupError, match="slice_mm is 3 to 1"):
        read_whole(AcquisitionRange, {"slice_mm": [3, 1]}, what="The table")
