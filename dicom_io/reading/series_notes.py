"""Quality notes on the images of a sequence that is used: what was left out of their series, and what they lack."""

from __future__ import annotations

from collections.abc import Iterable

from dicom_io.carried_values import problem
from dicom_io.images.philips import about_scaling
from dicom_io.images.planes import MR_IMAGES
from dicom_io.images.quality import about_images
from dicom_io.images.series import Series, classes_of, numbering_doubt
from dicom_io.images.stored_values import is_inverted
from dicom_io.reading.selection import Chosen
from dicom_io.rules import SelectionRules, ValueMapping
from models.number_words import counted
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
    stated = phase.planes[0].instance.frame_of_reference_uid
    if stated and (found := problem("FrameOfReferenceUID", stated, vr="UI")):
        sentence = (
            f"The Frame of Reference UID of the {sequence.label} images {found}. In the segmentations sent back it is "
            "replaced by a valid one, so viewers that go by it may not lay them over the images. Correct it at the "
            "archive."
        )
        notes.append(QualityNote("frame-of-reference-invalid", Severity.WARNING, sentence, sequence))
    if not stated:
        sentence = f"The {sequence.label} images state no Frame of Reference; their coordinates were trusted."
        notes.append(QualityNote("no-frame-of-reference", Severity.WARNING, sentence, sequence))
    return notes


def about_copies(series: Iterable[Series]) -> list[QualityNote]:
    """A quality note where objects came twice, compressed differently, and were found to be equal."""
    recoded = [instance for one in series for instance in one.instances if instance.recoded]
    if not recoded:
        return []
    first, copy = recoded[0].path.name, recoded[0].recoded[0].name
    sentence = (
        f"{len(recoded)} object{' of the study is' if len(recoded) == 1 else 's of the study are'} there in copies "
        f"that are compressed differently ({first} and {copy}); their decoded pixels and attributes are equal, so each "
        "counts once."
    )
    return [QualityNote("copies-equal", Severity.NOTE, sentence)]


def _about_series(sequence: MrSequence, chosen: Chosen) -> list[QualityNote]:
    """Quality notes on what was left out of the series, and on gaps in its numbering."""
    source = chosen.dynamic.source
    foreign = [instance for instance in source.others if instance.sop_class_uid not in MR_IMAGES]
    images = [*source.instances, *(one for one in source.others if one not in foreign)]
    notes = []
    if source.stacks > 1:
        sentence = (
            f"The {sequence.label} series holds {counted(source.stacks, 'stack')} of slices; one of them was used "
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
    doubt = numbering_doubt(images)
    if doubt and not source.stopped and (not foreign or numbering_doubt([*images, *foreign])):
        sentence = (
            f"The Instance Numbers of the {sequence.label} series {doubt}: a slice at the edge of the stack may be "
            "missing."
        )
        notes.append(QualityNote("instance-numbers-incomplete", Severity.WARNING, sentence, sequence))
    return notes
