"""What the headers of the images say about their quality, as findings for the report.

What only a look at the pixels would tell (motion, ringing, failed fat suppression) is not judged, and that is said.
"""

from __future__ import annotations

from dicom_io.expectations import Expectations
from dicom_io.headers import Instance, shown
from dicom_io.planes import FrameGroups
from dicom_io.series import Phase
from models.findings import Finding, Severity
from models.volume import Sequence

NOT_JUDGED = Finding(
    code="artefacts-not-judged",
    severity=Severity.NOTE,
    sentence="Motion, ringing and other artefacts of the images were not judged: look at the images.",
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


def about_images(phase: Phase, *, sequence: Sequence, usual: Expectations) -> list[Finding]:
    """Findings on voxel size and field strength of the images that are used."""
    findings = []
    distance, thickness = phase.slice_distance_mm, slice_thickness_mm(phase)
    rows, columns = phase.planes[0].spacing_mm
    sizes = [
        ("slices are", distance, usual.slice_mm, "apart"),
        ("slices are", distance if thickness is None else thickness, usual.slice_mm, "thick"),
        ("rows are", rows, usual.pixel_mm, "apart"),
        ("columns are", columns, usual.pixel_mm, "apart"),
    ]
    odd = [
        f"{what} {value:.2f} mm {how} (usual: {low:g} to {high:g} mm)"
        for what, value, (low, high), how in sizes
        if not low <= value <= high
    ]
    if odd:
        findings.append(
            Finding(
                code="voxel-size-unusual",
                severity=Severity.WARNING,
                sentence=(
                    f"The voxels of the {sequence.label} images have an unusual size: the {', the '.join(odd)}. "
                    "Texture features depend on it."
                ),
                sequence=sequence,
            )
        )
    strength = field_strength_t(phase.planes[0].instance)
    low, high = usual.field_strength_t
    if strength is None:
        findings.append(
            Finding(
                code="field-strength-unknown",
                severity=Severity.NOTE,
                sentence=f"The {sequence.label} images do not state the field strength of the scanner.",
                sequence=sequence,
            )
        )
    elif not low <= strength <= high:
        findings.append(
            Finding(
                code="field-strength-unusual",
                severity=Severity.WARNING,
                sentence=(
                    f"The {sequence.label} images were made at {strength:g} T; {low:g} to {high:g} T is usual for the "
                    "examinations the method is meant for."
                ),
                sequence=sequence,
            )
        )
    return findings


def _positive(value: str) -> float | None:
    try:
        number = float(value.split("\\")[0])
    except ValueError:
        return None
    return number if 0 < number < float("inf") else None
