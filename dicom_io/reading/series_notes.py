"""Quality notes on the images of a sequence that is used: what was left out of their series, and what they lack."""

from __future__ import annotations

from dicom_io.images.philips import about_scaling
from dicom_io.images.planes import MR_IMAGES
from dicom_io.images.quality import about_images
from dicom_io.images.series import classes_of, missing_instance_numbers
from dicom_io.images.stored_values import is_inverted
from dicom_io.reading.selection import Chosen
from dicom_io.rules import SelectionRules, ValueMapping
from models.quality_notes import QualityNote, Severity
from models.volume import Sequence as MrSequence


def about_used(sequence: MrSequence, chosen: Chosen, rules: SelectionRules) -> list[QualityNote]:
    """Every quality note that headers and completeness of the images of a sequence give rise to."""
    phase = chosen.dynamic.phase
    notes = list(chosen.dynamic.notes)
    notes += about_images(phase, sequence=sequence, usual=rules.usual, models=rules.models)
    if rules.value_mapping is ValueMapping.RESCALE:
        notes += about_scaling(phase.planes, sequence=sequence)
    notes += _about_series(sequence, chosen)
    if rules.value_mapping is not ValueMapping.REAL_WORLD and is_inverted(phase.planes[0].instance.header):
        sentence = (
            f"The {sequence.label} images are shown with their smallest values brightest (MONOCHROME1); values were "
            "inverted, so that bright is large: check that fluid and fat look as expected."
        )
        notes.append(QualityNote("values-inverted", Severity.WARNING, sentence, sequence))
    if not phase.planes[0].instance.frame_of_reference_uid:
        sentence = f"The {sequence.label} images state no Frame of Reference; their coordinates were trusted."
        notes.append(QualityNote("no-frame-of-reference", Severity.WARNING, sentence, sequence))
    return notes


def _about_series(sequence: MrSequence, chosen: Chosen) -> list[QualityNote]:
    """Quality notes on what was left out of the series, and on gaps in its numbering."""
    source = chosen.dynamic.source
    foreign = [instance for instance in source.others if instance.sop_class_uid not in MR_IMAGES]
    images = [*source.instances, *(one for one in source.others if one not in foreign)]
    notes = []
    if source.stacks > 1:
        sentence = (
            f"The {sequence.label} series holds {source.stacks} stacks of slices; one of them was used "
            f"({source.part}; {chosen.why})."
        )
        notes.append(QualityNote("one-stack-of-several", Severity.NOTE, sentence, sequence))
    if foreign:
        sentence = f"Left out of the {sequence.label} series, because they are no MR images: {classes_of(foreign)}."
        severity = Severity.NOTE
        if any("ImagePositionPatient" in instance.header for instance in foreign):
            severity = Severity.WARNING
            sentence = f"{sentence[:-1]}; they have a place in the patient, so a slice may be missing."
        notes.append(QualityNote("objects-left-out", severity, sentence, sequence))
    numbering = missing_instance_numbers(images)
    if numbering is not None and (not foreign or missing_instance_numbers([*images, *foreign]) is not None):
        first, last, missing = numbering
        sentence = (
            f"The Instance Numbers of the {sequence.label} series run from {first} to {last} with {missing} missing: a "
            "slice at the edge of the stack may be missing."
        )
        notes.append(QualityNote("instance-numbers-incomplete", Severity.WARNING, sentence, sequence))
    return notes
