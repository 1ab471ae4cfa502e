"""Quality notes from the headers of the images.

Anything visible only in the pixels (motion, ringing, failed fat suppression) is not judged, and the report states this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from dicom_io.images.headers import Instance, shown
from dicom_io.images.planes import FrameGroups
from dicom_io.images.series import Phase
from models.acquisition import Acquisition, AcquisitionRange, TrainingImages
from models.number_words import apart, fixed
from models.quality_notes import QualityNote, Severity
from models.volume import Sequence

# Of the examinations the method is meant for (breast protocols of 1.5 and 3 T scanners), and wide: what lies outside is
# not wrong, but texture features depend on the voxel size. Scanners called 1.5 T write 1.494, 3 T ones 2.89.
USUAL = AcquisitionRange(slice_mm=(0.5, 5.0), pixel_mm=(0.3, 1.5), field_strength_t=(1.4, 3.1))
# How far, as a part of the value, images may lie outside of the training images: sizes are written with rounded
# digits, and the same field as 2.89 or 3.
SIZE_TOLERANCE, FIELD_TOLERANCE = 0.02, 0.05

NOT_JUDGED = QualityNote(
    code="artefacts-not-judged",
    severity=Severity.NOTE,
    sentence="Motion, ringing and other artefacts were not assessed: inspect the images.",
)


def field_strength_t(instance: Instance) -> float | None:
    """Magnetic Field Strength in tesla; None when it is absent or no number. Values in gauss are converted."""
    value = _positive(shown(instance.header, "MagneticFieldStrength"))
    return value / 1e4 if value is not None and value > 100 else value


def slice_thickness_mm(phase: Phase) -> float | None:
    """Slice Thickness of the first slice; None when it is absent or no number."""
    plane = phase.planes[0]
    if plane.frame_number is None:
        return _positive(shown(plane.instance.header, "SliceThickness"))
    groups = FrameGroups(plane.instance.header)
    return _positive(shown(groups.group(plane.frame_number - 1, "PixelMeasuresSequence"), "SliceThickness"))


def acquisition_of(phase: Phase) -> Acquisition:
    """Voxel size and field strength of the images of a phase."""
    row_mm, column_mm = phase.planes[0].spacing_mm
    return Acquisition(
        slice_mm=phase.slice_distance_mm,
        thickness_mm=slice_thickness_mm(phase),
        row_mm=row_mm,
        column_mm=column_mm,
        field_strength_t=field_strength_t(phase.planes[0].instance),
    )


def about_images(
    phase: Phase, *, sequence: Sequence, usual: AcquisitionRange, models: Mapping[str, TrainingImages]
) -> list[QualityNote]:
    """Quality notes on voxel size and field strength of the images that are used.

    Each of the three ranges is that of the site's settings; else that of the training images of each
    model that states them; else the usual one of breast protocols.

    Parameters
    ----------
    models : name → training images
    """
    found = acquisition_of(phase)
    notes = []
    for title, expected in _expected(sequence, usual, models):
        notes += _about_voxels(found, sequence, title, expected)
        notes += _about_field(found, sequence, title, expected)
    if found.field_strength_t is None:
        notes.append(
            QualityNote(
                code="field-strength-unknown",
                severity=Severity.NOTE,
                sentence=f"The {sequence.label} images do not state the field strength of the scanner.",
                sequence=sequence,
            )
        )
    return notes


def _expected(
    sequence: Sequence, usual: AcquisitionRange, models: Mapping[str, TrainingImages]
) -> list[tuple[str, AcquisitionRange]]:
    """(name of a model, its ranges) where the site leaves them to the models; ("", ranges) for what is usual."""
    ranges = {title: images.ranges.get(sequence, AcquisitionRange()) for title, images in models.items()}
    names = [item.name for item in fields(AcquisitionRange)]
    left = [name for name in names if getattr(usual, name) is None]
    trained = {
        title: AcquisitionRange(**{name: getattr(found, name) for name in left}) for title, found in ranges.items()
    }
    known = {name for name in left for found in trained.values() if getattr(found, name) is not None}
    fallback = {name: getattr(usual, name) or getattr(USUAL, name) for name in names if name not in known}
    return [("", AcquisitionRange(**fallback)), *((title, one) for title, one in trained.items() if not one.is_empty)]


def _outside(value: float | None, limits: tuple[float, float] | None, tolerance: float) -> bool:
    if value is None or limits is None:
        return False
    return not limits[0] * (1 - tolerance) <= value <= limits[1] * (1 + tolerance)


def _beside(value: float, limits: tuple[float, float]) -> str:
    """A size with two decimals, or as many as tell it apart from the limit that it is beyond."""
    return apart(value, limits[0] if value < limits[0] else limits[1], fixed, places=2)[0]


def _about_voxels(found: Acquisition, sequence: Sequence, title: str, expected: AcquisitionRange) -> list[QualityNote]:
    sizes = (
        ("slices are", found.slice_mm, expected.slice_mm, "apart"),
        (
            "slices are",
            found.slice_mm if found.thickness_mm is None else found.thickness_mm,
            expected.slice_mm,
            "thick",
        ),
        ("rows are", found.row_mm, expected.pixel_mm, "apart"),
        ("columns are", found.column_mm, expected.pixel_mm, "apart"),
    )
    kind = "training" if title else "usual"
    odd = [
        f"{what} {_beside(value, limits)} mm {how} ({kind}: {limits[0]:.3g} to {limits[1]:.3g} mm)"
        for what, value, limits, how in sizes
        if value is not None and limits is not None and _outside(value, limits, SIZE_TOLERANCE if title else 0.0)
    ]
    if not odd:
        return []
    if title:
        code = "voxel-size-unlike-training"
        start = f"The voxels of the {sequence.label} images have a size the model '{title}' was not trained on"
    else:
        code, start = "voxel-size-unusual", f"The voxels of the {sequence.label} images have an unusual size"
    sentence = f"{start}: the {', the '.join(odd)}. Texture features depend on it."
    return [QualityNote(code, Severity.WARNING, sentence, sequence)]


def _about_field(found: Acquisition, sequence: Sequence, title: str, expected: AcquisitionRange) -> list[QualityNote]:
    strength, limits = found.field_strength_t, expected.field_strength_t
    if strength is None or limits is None or not _outside(strength, limits, FIELD_TOLERANCE if title else 0.0):
        return []
    low, high = limits
    if title:
        code = "field-strength-unlike-training"
        end = f"the training images of the model '{title}' at {low:.3g} to {high:.3g} T."
    else:
        code = "field-strength-unusual"
        end = f"{low:g} to {high:g} T is usual for the examinations the method is meant for."
    sentence = f"The {sequence.label} images were made at {strength:g} T; {end}"
    return [QualityNote(code, Severity.WARNING, sentence, sequence)]


def _positive(value: str) -> float | None:
    try:
        number = float(value.split("\\")[0])
    except ValueError:
        return None
    return number if 0 < number < float("inf") else None
