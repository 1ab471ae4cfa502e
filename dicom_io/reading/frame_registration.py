"""Tumours between sequences whose Frames of Reference differ: the images are registered, the tumour moves.

The images stay where they are, so that what we make on their grid lies in their own Frame of Reference; only the
tumour is carried, from the coordinates of the sequence it was drawn on to those of the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from dicom_io.errors import GeometryInvalid, Remedy
from dicom_io.reading.selection import Chosen
from dicom_io.rules import Registration, SelectionRules
from models.quality_notes import QualityNote, Severity
from models.volume import Roi, Volume
from models.volume import Sequence as MrSequence

if TYPE_CHECKING:
    from models.preprocessing.registration import RigidRegistration


def carry_between_frames(
    chosen: Mapping[MrSequence, Chosen],
    volumes: Mapping[MrSequence, Volume],
    tumours: dict[MrSequence, Roi],
    *,
    rules: SelectionRules,
) -> list[QualityNote]:
    """Add the tumour of a sequence that has none of its own and another Frame of Reference; says how it was found.

    Raises
    ------
    GeometryInvalid
        When the motion that was found is larger than the rules allow.
    StudyRejected
        When the images cannot be registered.
    """
    references = {one.dynamic.phase.planes[0].instance.frame_of_reference_uid for one in chosen.values()} - {""}
    if rules.registration is Registration.NONE or len(references) < 2:
        return []
    if len(tumours) > 1:
        sentence = (
            "T1+C and T2W have different Frames of Reference; each has its own segmentation, so nothing was carried "
            "over from one to the other."
        )
        return [QualityNote("frames-of-reference-differ", Severity.NOTE, sentence)]
    drawn = next(iter(tumours))
    other = next(sequence for sequence in chosen if sequence is not drawn)
    # Imported here: it needs SimpleITK, and few studies need it.
    from models.preprocessing.registration import register

    found = register(volumes[drawn], volumes[other])
    if found.mutual_information <= found.mutual_information_before:
        return [_kept(found, tumours, drawn=drawn, other=other)]
    _believable(found, rules, drawn=drawn, other=other)
    tumour = tumours[drawn]
    tumours[other] = Roi(affine=found.matrix @ tumour.affine, mask=tumour.mask, label=tumour.label)
    shift = ", ".join(f"{value:+.1f}" for value in _shift_mm(found, volumes[drawn]))
    sentence = (
        f"T1+C and T2W have different Frames of Reference. {other.label} was registered rigidly to {drawn.label}: "
        f"translation {found.translation_mm:.1f} mm ({shift} mm to the left, back and head), rotation "
        f"{found.rotation_degrees:.1f}°, mutual information {found.mutual_information:.3f} (before: "
        f"{found.mutual_information_before:.3f}). The tumour of {drawn.label} was carried over with it: check it."
    )
    return [QualityNote("registered-rigidly", Severity.WARNING, sentence, other)]


def _kept(
    found: RigidRegistration, tumours: dict[MrSequence, Roi], *, drawn: MrSequence, other: MrSequence
) -> QualityNote:
    """The coordinates as they are written, where no motion fits better; two series of one examination mostly agree."""
    tumours[other] = tumours[drawn]
    sentence = (
        f"T1+C and T2W have different Frames of Reference. Registering {other.label} to {drawn.label} found no motion "
        f"that fits better than their coordinates as they are (mutual information {found.mutual_information:.3f}, "
        f"before {found.mutual_information_before:.3f}), so these were kept. The tumour of {drawn.label} was carried "
        "over with them: check it."
    )
    return QualityNote("registration-kept-coordinates", Severity.WARNING, sentence, other)


def _believable(found: RigidRegistration, rules: SelectionRules, *, drawn: MrSequence, other: MrSequence) -> None:
    is_small = (
        found.translation_mm <= rules.registration_limit_mm
        and found.rotation_degrees <= rules.registration_limit_degrees
    )
    if is_small:
        return
    raise GeometryInvalid(
        f"T1+C and T2W have different Frames of Reference, and the registration of {other.label} to {drawn.label} is "
        f"not credible: translation {found.translation_mm:.1f} mm, rotation {found.rotation_degrees:.1f}°, mutual "
        f"information {found.mutual_information:.3f} (before: {found.mutual_information_before:.3f}); at most "
        f"{rules.registration_limit_mm:g} mm and {rules.registration_limit_degrees:g}° were expected (settings "
        "registration_limit_mm, registration_limit_degrees). Segment the tumour on both sequences.",
        remedies=(Remedy.LEAVE_T2W_OUT,),
    )


def _shift_mm(found: RigidRegistration, volume: Volume) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    middle = volume.affine[:3, :3] @ ((np.array(volume.shape) - 1) / 2) + volume.affine[:3, 3]
    return np.asarray(found.matrix[:3, :3] @ middle + found.matrix[:3, 3] - middle)
