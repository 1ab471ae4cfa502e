"""Rules written for single-frame images fit multi-frame ones: times, kind of sequence and contrast agent in groups."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import LegacyConvertedEnhancedMRImageStorage

from dicom_io.images.functional_groups import attributes_of
from dicom_io.images.headers import read_instances
from dicom_io.images.series import series_of
from dicom_io.reading.select import select
from dicom_io.rules import NO_ASSIGNMENT, SelectionRules
from models.volume import Sequence
from tests.dicom_io.made_series import affine_of, voxels_of, write_enhanced

SHAPE = (4, 6, 7)
T2_TIMING = {"EchoTime": "90.0", "RepetitionTime": "4000.0", "FlipAngle": "90.0"}


def item(**values: object) -> Dataset:
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def pulse(dataset: Dataset, *, echo: float, repetition: float, kind: str = "GRADIENT") -> None:
    """Modules and groups of an Enhanced MR image."""
    dataset.EchoPulseSequence, dataset.EchoPlanarPulseSequence = kind, "NO"
    shared = dataset.SharedFunctionalGroupsSequence[0]
    shared.MRTimingAndRelatedParametersSequence = [item(RepetitionTime=repetition, FlipAngle=90.0)]
    shared.MREchoSequence = [item(EffectiveEchoTime=echo)]
    shared.MRModifierSequence = [item(InversionRecovery="YES", SpectrallySelectedSuppression="FAT")]


def contrast(dataset: Dataset, *, given: tuple[bool, ...], slices: int = SHAPE[0]) -> None:
    """Agent of the image, and for each phase whether it had been given."""
    code = item(
        CodeValue="418351005", CodingSchemeDesignator="SCT", CodeMeaning="Gadobutrol", ContrastBolusAgentNumber=1
    )
    dataset.ContrastBolusAgentSequence = [code]
    for index, group in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        administered = "YES" if given[index // slices] else "NO"
        group.ContrastBolusUsageSequence = [
            item(ContrastBolusAgentNumber=1, ContrastBolusAgentAdministered=administered)
        ]


def test_groups_answer_by_the_old_keywords(tmp_path: Path) -> None:
    def edit(dataset: Dataset) -> None:
        pulse(dataset, echo=90.0, repetition=4000.0, kind="SPIN")
        contrast(dataset, given=(True,))
        dataset.PerFrameFunctionalGroupsSequence[0].FrameAnatomySequence = [item(FrameLaterality="L")]

    write_enhanced(tmp_path / "e.dcm", [voxels_of(SHAPE)], affine=affine_of(), description="AX", number=5, edit=edit)
    (series,) = series_of(read_instances(tmp_path.iterdir()))
    keywords = (
        *T2_TIMING,
        "ScanningSequence",
        "ScanOptions",
        "ContrastBolusAgent",
        "SliceThickness",
        "ImageLaterality",
    )
    expected = {"ScanningSequence": "SE\\IR", "ScanOptions": "FS", "ContrastBolusAgent": "Gadobutrol"}
    found = attributes_of(series.phases[0].planes[0], (*keywords, "EffectiveEchoTime", "SeriesDescription", "Rows"))
    assert found == {
        **T2_TIMING,
        **expected,
        "SliceThickness": "3.0000000000",
        "ImageLaterality": "L",
        "EffectiveEchoTime": "90.0",  # any keyword is found where it stands
        "SeriesDescription": "AX",
        "Rows": "6",
    }


@pytest.mark.parametrize(
    ("repetition", "echo", "kind", "sequence", "rule"),
    [
        (4000.0, 90.0, "SPIN", Sequence.T2W, "spin echo with the timing of T2 weighting"),
        (5.0, 2.3, "GRADIENT", Sequence.T1C, "T1-weighted series with a contrast agent in its header"),
    ],
)
def test_rules_on_timing_fit_multi_frame_images(
    tmp_path: Path, repetition: float, echo: float, kind: str, sequence: Sequence, rule: str
) -> None:
    def edit(dataset: Dataset) -> None:
        pulse(dataset, echo=echo, repetition=repetition, kind=kind)
        contrast(dataset, given=(True,))

    write_enhanced(tmp_path / "e.dcm", [voxels_of(SHAPE)], affine=affine_of(), description="AX", number=5, edit=edit)
    selection = select(read_instances(tmp_path.iterdir()), rules=SelectionRules(), assignment=NO_ASSIGNMENT)
    assert selection.chosen[sequence].why == f"rule: {rule}"


def test_the_first_phase_after_contrast_is_told_by_the_frames(tmp_path: Path) -> None:
    def edit(dataset: Dataset) -> None:
        pulse(dataset, echo=2.3, repetition=5.0)
        contrast(dataset, given=(False, False, True, True))

    voxels = [voxels_of(SHAPE, seed=phase) for phase in range(4)]
    write_enhanced(tmp_path / "e.dcm", voxels, affine=affine_of(), description="AX", number=5, edit=edit)
    selection = select(read_instances(tmp_path.iterdir()), rules=SelectionRules(), assignment=NO_ASSIGNMENT)
    dynamic = selection.chosen[Sequence.T1C].dynamic
    assert (dynamic.used, dynamic.why) == (2, "first phase after contrast, by description or contrast agent")
    assert dynamic.notes == ()


def test_legacy_converted_images_keep_the_old_attributes_in_a_group(tmp_path: Path) -> None:
    def edit(dataset: Dataset) -> None:
        dataset.SOPClassUID = LegacyConvertedEnhancedMRImageStorage
        old = item(EchoTime="90.0", RepetitionTime="4000.0", ScanningSequence="SE", ContrastBolusAgent="none")
        dataset.SharedFunctionalGroupsSequence[0].UnassignedSharedConvertedAttributesSequence = [old]

    write_enhanced(tmp_path / "e.dcm", [voxels_of(SHAPE)], affine=affine_of(), description="AX", number=5, edit=edit)
    instances = read_instances(tmp_path.iterdir())
    (series,) = series_of(instances)
    found = attributes_of(series.phases[0].planes[0], ["ScanningSequence", "ContrastBolusAgent"])
    assert found == {"ScanningSequence": "SE", "ContrastBolusAgent": "none"}
    selection = select(instances, rules=SelectionRules(), assignment=NO_ASSIGNMENT)
    assert selection.chosen[Sequence.T2W].why == "rule: spin echo with the timing of T2 weighting"
