"""Phases, echoes and water images of a series: which is used, and what is doubted about it. Kind: mechanics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from dicom_io.errors import GeometryInvalid, SelectionAmbiguous
from dicom_io.reading.survey import survey_study
from dicom_io.rules import NO_ASSIGNMENT, Assignment, SelectionRules
from tests.dicom_io.made_series import (
    affine_of,
    voxels_of,
    write_enhanced,
    write_seg,
    write_series,
)
from tests.dicom_io.reading.small_studies import (
    MASK,
    SHAPE,
    T1C,
    T2W,
    doubts,
    files,
    read,
    refused,
    t1c,
)

AGENT, NO_AGENT = "Gadobutrol", "NONE"


@pytest.mark.parametrize("layout", ["one series", "a series each"])
@pytest.mark.parametrize(("segmented", "phase", "used"), [(None, None, 1), (0, None, 0), (2, None, 2), (None, 3, 2)])
def test_the_phase_is_that_of_the_segmentation_else_of_the_settings(
    tmp_path: Path, layout: str, segmented: int | None, phase: int | None, used: int
) -> None:
    if layout == "one series":
        series = t1c(tmp_path, phases=3, description="AX T1 DYN")
        sources = [(series, index) for index in range(3)]
    else:
        sources = []
        for index in range(3):

            def later(dataset: Dataset, _: int, slice_index: int, index: int = index) -> None:
                dataset.AcquisitionTime = f"1{index}00{slice_index:02d}"
                dataset.TemporalPositionIdentifier = 1

            # Numbered backwards: the time decides, not the number.
            name = f"AX T1 DYN {index + 1}"
            sources.append((t1c(tmp_path, number=9 - index, description=name, edit=later, seed=index), 0))
    source, source_phase = sources[segmented] if segmented is not None else (None, 0)
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=source, phase=source_phase)
    study = read(tmp_path, rules=SelectionRules(phase=phase))
    np.testing.assert_array_equal(study.volumes[T1C].voxels, voxels_of(SHAPE, seed=used))
    assert study.series[0].detail.startswith(f"phase {used + 1} of 3")
    (note,) = doubts(study)  # the headers name no contrast agent
    assert note.code == "contrast-phase-uncertain"
    guessed = "the first was taken as unenhanced" in note.sentence
    assert guessed is (segmented is None and phase is None)


@pytest.mark.parametrize(
    ("agents", "segmented", "doubt"),
    [
        ((NO_AGENT, AGENT, AGENT), 1, ""),
        ((NO_AGENT, AGENT, AGENT), None, ""),
        ((AGENT, AGENT, AGENT), 1, ""),
        ((AGENT, AGENT, AGENT), 0, "The first of 3 phases of the T1+C series is used, which is usually unenhanced"),
        ((NO_AGENT, AGENT, AGENT), 0, 'phase 1 of the T1+C series name no contrast agent ("NONE")'),
        ((NO_AGENT, NO_AGENT, NO_AGENT), 1, 'phase 2 of the T1+C series name no contrast agent ("NONE")'),
        ((AGENT, AGENT, AGENT), None, "do not tell which is before contrast"),
    ],
)
def test_a_phase_the_headers_do_not_call_enhanced_is_doubted(
    tmp_path: Path, agents: tuple[str, ...], segmented: int | None, doubt: str
) -> None:
    def with_agent(dataset: Dataset, phase: int, _: int) -> None:
        dataset.ContrastBolusAgent = agents[phase]

    images = t1c(tmp_path, phases=3, description="AX T1 DYN", edit=with_agent)
    source = images if segmented is not None else None
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=source, phase=segmented or 0)
    found = doubts(read(tmp_path))
    assert [note.code for note in found] == ["contrast-phase-uncertain"] * bool(doubt)
    assert all(doubt in note.sentence for note in found)


def test_phases_called_before_and_after_contrast_need_no_doubt(tmp_path: Path) -> None:
    for index, name in enumerate(("ax dyn pre", "ax dyn 1st pass", "ax dyn 2nd pass")):
        t1c(tmp_path, number=4 + index, description=name, seed=index)
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of())
    study = read(tmp_path)
    np.testing.assert_array_equal(study.volumes[T1C].voxels, voxels_of(SHAPE, seed=1))
    assert doubts(study) == []


def test_a_phase_the_series_does_not_have_is_refused(tmp_path: Path) -> None:
    t1c(tmp_path, phases=3, description="AX T1 DYN")
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of())
    with pytest.raises(GeometryInvalid, match="ask for phase 5, but the T1\\+C series has 3 phases"):
        read(tmp_path, rules=SelectionRules(phase=5))


def test_the_phase_of_an_enhanced_image_is_that_of_the_frames_referred_to(tmp_path: Path) -> None:
    voxels = [voxels_of(SHAPE, seed=phase) for phase in range(3)]
    uid = write_enhanced(tmp_path / "e.dcm", voxels, affine=affine_of(), description="T1 DYN", number=6)

    def refer(dataset: Dataset) -> None:
        for index, group in enumerate(dataset.PerFrameFunctionalGroupsSequence):
            source, derivation = Dataset(), Dataset()
            source.ReferencedSOPInstanceUID, source.ReferencedFrameNumber = uid, 2 * SHAPE[0] + index + 2
            derivation.SourceImageSequence = [source]
            group.DerivationImageSequence = [derivation]

    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), edit=refer)
    study = read(tmp_path)
    assert study.sources[T1C].frame_numbers == tuple(range(17, 25))
    assert [note.code for note in doubts(study)] == ["contrast-phase-uncertain"]


def dixon(dataset: Dataset, phase: int, _: int) -> None:
    """Water and fat of one acquisition, in one series."""
    dataset.ImageType = ["DERIVED", "PRIMARY", "DIXON", ("WATER", "FAT")[phase]]
    dataset.TemporalPositionIdentifier, dataset.AcquisitionTime = 1, "100000"


def test_the_water_images_of_a_mixed_series_are_used(tmp_path: Path) -> None:
    images = t1c(tmp_path, phases=2, description="AX T1 DIXON POST", edit=dixon)
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of())
    study = read(tmp_path)
    np.testing.assert_array_equal(study.volumes[T1C].voxels, voxels_of(SHAPE))
    assert study.series[0].description == "AX T1 DIXON POST [WATER]"
    assert study.series[0].series_instance_uid == images.uid
    assert doubts(study) == []
    survey = survey_study(files(tmp_path), rules=SelectionRules(), assignment=NO_ASSIGNMENT)
    roles = {row.description: (row.role, row.why.split(" (")[0]) for row in survey.rows if not row.is_segment}
    assert roles["AX T1 DIXON POST [WATER]"][0] == "T1+C"
    assert roles["AX T1 DIXON POST [FAT]"][1].startswith("left out: fat or opposed-phase image")


def test_echoes_nothing_tells_apart_are_refused_with_the_list_unless_told(tmp_path: Path) -> None:
    def edit(dataset: Dataset, phase: int, _: int) -> None:
        dataset.EchoTime = ("20", "90")[phase]

    images = t1c(tmp_path)
    voxels = [voxels_of(SHAPE, seed=echo) for echo in (5, 6)]
    echoes = write_series(tmp_path, voxels, affine=affine_of(), description="AX T2 PD", number=7, edit=edit)
    seg = write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=images)
    names = ('7 "AX T2 PD [TE 20 ms]"', '7 "AX T2 PD [TE 90 ms]"')
    refused(tmp_path, SelectionAmbiguous, "2 series could be T2W", *names)
    assigned = read(tmp_path, assignment=Assignment.parse(["t2w=AX T2 PD [TE 90 ms]"]))
    by_rule = {"name": "late echo", "matches": {"SeriesDescription": "T2"}, "ranges": {"EchoTime": [60, 200]}}
    ruled = read(tmp_path, rules=SelectionRules.from_mapping({"t2w": [by_rule]}))
    seg.unlink()
    write_seg(tmp_path / "a.dcm", MASK, affine=affine_of(), source=images)
    write_seg(tmp_path / "b.dcm", MASK, affine=affine_of(), source=echoes, phase=1, number=901)
    segmented = read(tmp_path)
    for study in (assigned, ruled, segmented):
        np.testing.assert_array_equal(study.volumes[T2W].voxels, voxels[1])
    assert T2W in segmented.tumours
