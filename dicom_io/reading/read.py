"""Files of one study to `Study`: select, decode the selection, place the tumour, record how it was done."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np

from dicom_io.errors import ImagesMissing, TumourEmpty
from dicom_io.images.dynamic import Dynamic
from dicom_io.images.file_scan import files_by_study
from dicom_io.images.functional_groups import attributes_of
from dicom_io.images.headers import Instance, content_digest, read_instances, sender_of, shown
from dicom_io.images.intended_use import KEYWORDS, about_implants, evidence_of
from dicom_io.images.library_remarks import library_remarks
from dicom_io.images.limits import USUAL, Limits
from dicom_io.images.pixels import load
from dicom_io.images.quality import NOT_JUDGED, acquisition_of
from dicom_io.images.series import Phase
from dicom_io.images.subject import carried_header, subject_of
from dicom_io.masks.segmentation import Segment
from dicom_io.reading.contrast import contrast_evidence, planes_of
from dicom_io.reading.frame_registration import carry_between_frames
from dicom_io.reading.laterality import side_of_images, tumour_side
from dicom_io.reading.outlines import outline_note, outline_of
from dicom_io.reading.repeated_phases import about_repeated_phases
from dicom_io.reading.select import select
from dicom_io.reading.selection import Candidate, Chosen, Selection
from dicom_io.reading.series_notes import about_copies, about_used
from dicom_io.reading.tumours import tumour_on
from dicom_io.rules import Assignment, SelectionRules
from dicom_io.study import SourceInstance, SourceSeries, Study
from models.errors import StudyRejected
from models.intended_use import Evidence
from models.number_words import agreeing, counted
from models.outline import Outline
from models.plausibility import ContrastEvidence
from models.quality_notes import QualityNote
from models.volume import Roi, Volume
from models.volume import Sequence as MrSequence
from reports.content import SeriesUsed

NOTHING_KNOWN: Mapping[str, int] = MappingProxyType({})


def find_studies(root: Path, *, limits: Limits = USUAL) -> Mapping[str, tuple[Path, ...]]:
    """Study Instance UID → its DICOM files below `root`, sorted; objects this product made are left out.

    A damaged file belongs to a study of its folder, so that reading that study refuses it by name; with no study there
    it has a key that starts with "unreadable-".
    """
    return files_by_study(root, limits=limits)


def read_study(
    files: Sequence[Path],
    *,
    rules: SelectionRules,
    assignment: Assignment,
    held: Mapping[str, int] = NOTHING_KNOWN,
    limits: Limits = USUAL,
    whole_before: bool = False,
    may_be_empty: bool = False,
) -> Study:
    """Read one study.

    T2W that cannot be used is left out with the reason, unless it was assigned or the tumour was drawn on it alone.
    Only the images that are used are decoded. Files that are not DICOM, and objects this product made, are left out.

    Parameters
    ----------
    files : the files of one study, in any order
    rules : which series and segment plays which role
    assignment : explicit choice, before the rules
    held : Series Instance UID → images of it at the archive, as far as it was asked (`find.images_held`)
    limits : what its files may ask for
    whole_before : read the whole phase before contrast, not only the slices of the tumour
    may_be_empty : where the segment of the tumour holds no voxel, the study has no tumour, and is not refused

    Raises
    ------
    SeriesNotFound
        No T1+C series, or no tumour; the message lists what was found.
    SelectionAmbiguous
        More than one fits; the message lists them.
    GeometryInvalid
        Gaps, duplicates, mixed orientation, another Frame of Reference, a segmentation off its images, fewer images
        than the archive holds.
    NotReadable
        A damaged or truncated file.
    """
    with library_remarks() as remarks:
        instances = read_instances(files, limits=limits)
        study = _read(
            instances,
            rules=rules,
            assignment=assignment,
            held=held,
            whole_before=whole_before,
            may_be_empty=may_be_empty,
        )
    return dataclasses.replace(study, notes=(*study.notes, *remarks.notes()))


def _read(
    instances: Sequence[Instance],
    *,
    rules: SelectionRules,
    assignment: Assignment,
    held: Mapping[str, int],
    whole_before: bool,
    may_be_empty: bool,
) -> Study:
    """`read_study`, without the remarks of the library."""
    selection = select(instances, rules=rules, assignment=assignment)
    if selection.problems:
        raise selection.problems[0]
    chosen = selection.chosen
    _check_complete(selection, held, assignment)
    volumes = _loaded(selection, rules, assignment)
    tumours = _placed_tumours(selection, volumes, rules, is_assigned=bool(assignment.tumour), may_be_empty=may_be_empty)
    first = chosen[MrSequence.T1C].dynamic.phase.planes[0]
    side, side_source, contradictions = tumour_side(
        side_of_images(first), tumours.segments, roi=tumours.rois.get(MrSequence.T1C), volume=volumes[MrSequence.T1C]
    )
    registered = _registered(selection, volumes, tumours.rois, rules, assignment) if tumours.rois else []
    about_each = [note for sequence, images in chosen.items() for note in about_used(sequence, images, rules)]
    for sequence in volumes:
        about_each += about_repeated_phases(sequence, chosen[sequence].dynamic, mapping=rules.value_mapping)
    segmentations = _segmentation_instances(selection)
    evidence = _evidence(chosen, tumours.segments)
    dynamic = chosen[MrSequence.T1C].dynamic
    contrast = contrast_evidence(
        dynamic, tumours.rois.get(MrSequence.T1C), mapping=rules.value_mapping, whole=whole_before
    )
    subject, doubts = subject_of(first.instance.header)
    return Study(
        subject=dataclasses.replace(subject, laterality=side, laterality_source=side_source),
        header=carried_header(first.instance.header),
        volumes=volumes,
        tumours=tumours.rois,
        sources={sequence: source_of(images) for sequence, images in chosen.items()},
        segmentations=tuple(reference_to(instance) for instance in segmentations),
        series=(*(_image_row(sequence, images) for sequence, images in chosen.items()), *tumours.rows),
        notes=(
            *doubts,
            NOT_JUDGED,
            *about_implants(evidence),
            *about_copies(selection.series),
            *about_each,
            *tumours.notes,
            *contradictions,
            *registered,
            *selection.notes,
        ),
        content_digest=content_digest([*_image_instances(chosen), *segmentations, *tumours.drafts]),
        missing=selection.missing,
        algorithm_types=tumours.algorithm_types,
        outlines=tumours.outlines,
        acquisitions={sequence: acquisition_of(images.dynamic.phase) for sequence, images in chosen.items()},
        contrast=contrast,
        evidence=evidence,
        before=_source_before(dynamic, contrast) if whole_before else None,
        nothing_segmented="" if tumours.empty is None else str(tumours.empty),
        phases={sequence: len(images.dynamic.phases) for sequence, images in chosen.items()},
    )


def _evidence(chosen: Mapping[MrSequence, Chosen], segments: Sequence[Segment]) -> Evidence:
    """Evidence of the intended use in the headers of the images and segments that are used."""
    planes = [chosen[sequence].dynamic.phase.planes[0] for sequence in MrSequence if sequence in chosen]
    return evidence_of(
        [attributes_of(plane, KEYWORDS) for plane in planes],
        phases=len(chosen[MrSequence.T1C].dynamic.phases),
        anatomy=[shown(segment.item, "AnatomicRegionSequence") for segment in segments],
        sender=sender_of(planes[0].instance),
    )


def describe_phase(chosen: Chosen) -> str:
    """Phase, slices, spacing, matrix and orientation of the images that are used, for a reader."""
    phase = chosen.dynamic.phase
    plane = phase.planes[0]
    rows, columns = plane.shape
    parts = [
        f"{len(phase.planes)} {plane.orientation.name} slices of {phase.slice_distance_mm:.2f} mm",
        f"{plane.spacing_mm[0]:.2f} × {plane.spacing_mm[1]:.2f} mm",
        f"{rows} × {columns}",
    ]
    if (strength := acquisition_of(phase).field_strength_t) is not None:
        parts.append(f"{strength:.2g} T")
    if len(chosen.dynamic.phases) > 1:
        parts.insert(0, f"phase {chosen.dynamic.used + 1} of {len(chosen.dynamic.phases)} ({chosen.dynamic.why})")
    return "; ".join(parts)


def _check_complete(selection: Selection, held: Mapping[str, int], assignment: Assignment) -> None:
    """Leave a sequence out, or raise `GeometryInvalid`, when fewer objects of it arrived than the archive holds."""
    for sequence, images in list(selection.chosen.items()):
        for series in images.dynamic.series:
            count, expected = len(series.instances) + len(series.others), held.get(series.uid, 0)
            if count < expected:
                problem = ImagesMissing(
                    f"The archive holds {counted(expected, 'object')} of the {sequence.label} series {series.name}, "
                    f"but {count} arrived: {expected - count} are missing. Send the series again."
                )
                selection.leave_out(sequence, problem, assignment)
                break


def _loaded(selection: Selection, rules: SelectionRules, assignment: Assignment) -> dict[MrSequence, Volume]:
    """The images of each sequence, decoded; one the study can do without is left out when it cannot be decoded."""
    volumes: dict[MrSequence, Volume] = {}
    for sequence, images in list(selection.chosen.items()):
        try:
            volumes[sequence] = load(images.dynamic.phase, mapping=rules.value_mapping)
        except StudyRejected as problem:
            selection.leave_out(sequence, problem, assignment)
    return volumes


def _registered(
    selection: Selection,
    volumes: dict[MrSequence, Volume],
    tumours: dict[MrSequence, Roi],
    rules: SelectionRules,
    assignment: Assignment,
) -> list[QualityNote]:
    """`carry_between_frames`; a sequence that cannot be registered to the one with the tumour is left out."""
    try:
        return carry_between_frames(selection.chosen, volumes, tumours, rules=rules)
    except StudyRejected as problem:
        other = next(sequence for sequence in selection.chosen if sequence not in tumours)
        selection.leave_out(other, problem, assignment)
        del volumes[other]
        return []


@dataclass(eq=False)
class _Tumours:
    """The tumours of a study on the grids of its images.

    Attributes
    ----------
    rois : sequence → tumour; a registration between sequences may add one
    segments : what they were drawn as, in the order of the sequences
    algorithm_types : sequence → how its segments were drawn, "" where they differ
    outlines : sequence → how its tumour was outlined
    drafts : drafts that were compared with a tumour
    rows : a line of the report for each segment
    empty : the refusal that a segment without a voxel would be
    notes : how they got onto the grid
    """

    rois: dict[MrSequence, Roi] = field(default_factory=dict)
    segments: list[Segment] = field(default_factory=list)
    algorithm_types: dict[MrSequence, str] = field(default_factory=dict)
    outlines: dict[MrSequence, Outline] = field(default_factory=dict)
    drafts: list[Instance] = field(default_factory=list)
    rows: list[SeriesUsed] = field(default_factory=list)
    empty: TumourEmpty | None = None
    notes: list[QualityNote] = field(default_factory=list)


def _placed_tumours(
    selection: Selection,
    volumes: Mapping[MrSequence, Volume],
    rules: SelectionRules,
    *,
    is_assigned: bool,
    may_be_empty: bool,
) -> _Tumours:
    """The tumour of each sequence that has segments of its own, placed on the grid of its images.

    Where all of them are empty and may be, there is none, and the sentence that says so.

    What newer segments replace no longer is a tumour of the selection.
    """
    tumours = _Tumours()
    for sequence, candidates in list(selection.tumours.items()):
        try:
            tumour = tumour_on(
                selection.chosen[sequence],
                volumes[sequence],
                sequence=sequence,
                candidates=candidates,
                passed_over=selection.passed_over[sequence],
                series=selection.series,
                rules=rules,
                is_assigned=is_assigned,
            )
        except TumourEmpty as empty:
            if not may_be_empty:
                raise
            tumours.empty = tumours.empty or empty
            continue
        selection.tumours[sequence] = tumour.stated
        algorithms = {candidate.segment.algorithm_type for candidate in tumour.used}
        tumours.rois[sequence] = tumour.roi
        tumours.segments += [candidate.segment for candidate in tumour.used]
        tumours.algorithm_types[sequence] = algorithms.pop() if len(algorithms) == 1 else ""
        tumours.rows += [_segment_row(sequence, candidate, tumour.roi) for candidate in tumour.used]
        outline, draft = outline_of(tumour.used, tumour.roi, volumes[sequence], selection.chosen[sequence], selection)
        tumours.outlines[sequence] = outline
        tumours.drafts += [draft.segment.instance] if draft else []
        tumours.notes += [*tumour.notes, *outline_note(sequence, outline)]
    if tumours.rois and tumours.empty is not None:
        raise tumours.empty  # one sequence has a tumour, and the segment of the other is empty: a mistake
    return tumours


def _image_row(sequence: MrSequence, chosen: Chosen) -> SeriesUsed:
    """The line of the report about the images of one sequence."""
    source = chosen.dynamic.source
    return SeriesUsed(
        role=sequence.label,
        description=source.description,
        series_number=source.number,
        detail=describe_phase(chosen),
        series_instance_uid=source.uid,
        why=chosen.why,
    )


def _segment_row(sequence: MrSequence, candidate: Candidate, roi: Roi) -> SeriesUsed:
    """The line of the report about one segment of the tumour."""
    segment = candidate.segment
    meaning = segment.property_type.split(" ", 2)[-1]
    slices, voxels = int(np.count_nonzero(roi.mask.any(axis=(1, 2)))), int(np.count_nonzero(roi.mask))
    detail = [
        f'{"region" if segment.encoding == "CONTOURS" else "segment"} {segment.number} "{segment.label}"'
        + (f" ({meaning})" if meaning else ""),
        segment.encoding.lower() + (f", {segment.algorithm_type.lower()}" if segment.algorithm_type else ""),
        (f"{voxels:,} {agreeing(voxels, 'voxel')} in {counted(slices, 'slice')}, {roi.volume_mm3 / 1000:.2f} cm³"),
    ]
    return SeriesUsed(
        role=f"Tumour segmentation ({sequence.label})",
        description=segment.series_description,
        series_number=segment.series_number,
        detail="; ".join(detail),
        series_instance_uid=segment.instance.series_instance_uid,
        why=candidate.why,
    )


def source_of(chosen: Chosen) -> SourceSeries:
    """The images behind the volume of one sequence, by reference."""
    return _source_of(chosen.dynamic.phase, chosen.dynamic.source.uid)


def _source_before(dynamic: Dynamic, contrast: ContrastEvidence) -> SourceSeries | None:
    """The images before contrast that were read, by reference."""
    if contrast.before is None:
        return None
    first = dynamic.phases[0]
    planes = planes_of(contrast.before, first)
    uid = next(series.uid for series in dynamic.series if any(phase is first for phase in series.phases))
    return _source_of(Phase(planes=planes, affine=contrast.before.affine), uid)


def _source_of(phase: Phase, series_instance_uid: str) -> SourceSeries:
    frames = tuple(plane.frame_number for plane in phase.planes if plane.frame_number is not None)
    return SourceSeries(
        series_instance_uid=series_instance_uid,
        frame_of_reference_uid=phase.planes[0].instance.frame_of_reference_uid,
        instances=tuple(reference_to(instance) for instance in phase.instances),
        frame_numbers=frames or None,
    )


def _image_instances(chosen: Mapping[MrSequence, Chosen]) -> tuple[Instance, ...]:
    return tuple(instance for images in chosen.values() for instance in images.dynamic.phase.instances)


def _segmentation_instances(selection: Selection) -> tuple[Instance, ...]:
    found = {
        candidate.segment.instance.sop_instance_uid: candidate.segment.instance
        for candidates in selection.tumours.values()
        for candidate in candidates
    }
    return tuple(found.values())


def reference_to(instance: Instance) -> SourceInstance:
    """An object that was read, by reference."""
    return SourceInstance(
        sop_class_uid=instance.sop_class_uid,
        sop_instance_uid=instance.sop_instance_uid,
        series_instance_uid=instance.series_instance_uid,
        frame_of_reference_uid=instance.frame_of_reference_uid,
    )
