"""From the images as read to the images the features are computed on: N4, body mask, peritumoral shell.

The z-score over the whole image × 100 is part of `FeatureSettings` (the engine normalises in float64, as PyRadiomics
does), so a prepared volume still has the units of the N4-corrected image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from models.errors import DeviceMemoryExhausted, EngineUnavailable, StudyRejected
from models.preprocessing.body import body_mask
from models.preprocessing.regions import Shell, carry_over, peritumoral_shell
from models.quality_notes import QualityNote, Severity
from models.threads import one_thread
from models.volume import Region, Roi, Sequence, Volume, same_grid

BIAS_CORRECTIONS = ("own", "simpleitk", "none")

# Texture matrices of fewer voxels than this are mostly noise; the features are computed, with a warning.
SMALL_TUMOUR_VOXELS = 100
# A shell that loses this share to air or the edge of the image is a warning; less is a note, next to nothing is none.
NOTABLE_SHELL_LOSS = 0.25
NEGLIGIBLE_SHELL_LOSS = 0.005
# Carrying a mask to another grid changes its volume a little; more than this is a warning.
NOTABLE_VOLUME_CHANGE = 0.2


@dataclass(frozen=True, eq=False)
class PreparedSequence:
    """One sequence, ready for feature extraction.

    Attributes
    ----------
    volume : N4-corrected image
    rois : tumour and peritumoral shell on the grid of `volume`
    body : bool (slices, rows, columns), the body mask
    """

    volume: Volume
    rois: Mapping[Region, Roi]
    body: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Prepared:
    """Both sequences (or the one there is), and what was noticed."""

    sequences: Mapping[Sequence, PreparedSequence]
    notes: tuple[QualityNote, ...]


@runtime_checkable
class BiasCorrection(Protocol):
    """Removes the low-frequency intensity inhomogeneity of a volume."""

    @property
    def name(self) -> str:
        """Implementation and parameters in words; recorded in reports and model packages."""

    def correct(self, volume: Volume, body: NDArray[np.bool_]) -> Volume:
        """The volume divided by its estimated bias field, float32, same grid.

        Raises
        ------
        StudyRejected
            When no field can be fitted to this image.
        DeviceMemoryExhausted
            When it runs on an accelerator with too little memory; `prepare` then asks `on_cpu()`.
        """

    def on_cpu(self) -> BiasCorrection:
        """The same correction on the CPU."""


@dataclass(frozen=True)
class NoBiasCorrection:
    """Leaves the volume as it is."""

    @property
    def name(self) -> str:
        """In words, for the report."""
        return "none"

    def correct(self, volume: Volume, body: NDArray[np.bool_]) -> Volume:
        """The volume itself."""
        return volume

    def on_cpu(self) -> NoBiasCorrection:
        """Itself."""
        return self


def open_bias_correction(name: str, *, device: str) -> BiasCorrection:
    """The bias correction called `name`, one of `BIAS_CORRECTIONS`, with the documented parameters.

    `device` is "auto", "cpu" or "cuda"; SimpleITK runs on the CPU whatever it is.

    Raises
    ------
    EngineUnavailable
        When there is none of that name, or the device is not available.
    """
    # Imported here: the own implementation needs torch, which takes seconds to import.
    if name == "own":
        from models.preprocessing.n4 import N4

        return N4(device=device)
    if name == "simpleitk":
        from models.preprocessing.n4_simpleitk import SimpleItkN4

        return SimpleItkN4()
    if name == "none":
        return NoBiasCorrection()
    raise EngineUnavailable(f"The bias correction is '{name}'; one of {', '.join(BIAS_CORRECTIONS)} was expected.")


@one_thread()
def prepare(
    volumes: Mapping[Sequence, Volume],
    tumours: Mapping[Sequence, Roi],
    *,
    bias: BiasCorrection,
    shell_mm: float,
) -> Prepared:
    """Body mask, N4 and the two regions for every sequence.

    Parameters
    ----------
    volumes : image of each sequence
    tumours : tumour of each sequence, on any grid of the same patient space; a sequence without one takes the other's
    bias : applied to every volume, fitted inside the body mask
    shell_mm : width of the peritumoral region

    Raises
    ------
    StudyRejected
        When there is no image or no tumour, a tumour is lost on the grid of an image, or a region has no voxel.
    """
    if not volumes or not tumours:
        raise StudyRejected(
            f"There are {len(volumes)} images and {len(tumours)} tumour segmentations; "
            "at least one of each was expected."
        )
    notes: list[QualityNote] = []
    sequences = {}
    for sequence in Sequence:
        if sequence in volumes:
            volume = volumes[sequence]
            tumour = _tumour_on(volume, sequence, tumours, notes)
            # The tumour is tissue, dark as it may be.
            body = body_mask(volume) | tumour.mask
            shell = peritumoral_shell(tumour, body=body, shell_mm=shell_mm)
            notes += _about_regions(sequence, tumour, shell, shell_mm=shell_mm)
            corrected = _corrected(volume, body, sequence, bias, notes)
            body.flags.writeable = False
            rois = {Region.INTRATUMORAL: tumour, Region.PERITUMORAL: shell.roi}
            sequences[sequence] = PreparedSequence(corrected, rois, body)
    return Prepared(sequences, tuple(notes))


def _tumour_on(volume: Volume, sequence: Sequence, tumours: Mapping[Sequence, Roi], notes: list[QualityNote]) -> Roi:
    own = sequence in tumours
    source = sequence if own else next(other for other in Sequence if other in tumours)
    tumour = tumours[source]
    if same_grid(tumour, volume):
        return Roi(volume.affine, tumour.mask, tumour.label)
    try:
        carried = carry_over(tumour, volume)
    except StudyRejected as lost:
        raise StudyRejected(f"{sequence.label}: {lost}") from lost
    if not own:
        notes.append(
            QualityNote(
                "tumour-carried-over",
                Severity.NOTE,
                f"The tumour was segmented on {source.label} and carried over to {sequence.label} in patient space "
                f"({tumour.volume_mm3 / 1000:.2f} cm³ there, {carried.roi.volume_mm3 / 1000:.2f} cm³ here); "
                "motion between the two is not corrected.",
                sequence,
                Region.INTRATUMORAL,
            )
        )
    change = carried.roi.volume_mm3 / tumour.volume_mm3 - 1
    if abs(change) > NOTABLE_VOLUME_CHANGE:
        notes.append(
            QualityNote(
                "tumour-volume-changed",
                Severity.WARNING,
                f"On the grid of {sequence.label} the tumour measures {carried.roi.volume_mm3 / 1000:.2f} cm³ instead "
                f"of the {tumour.volume_mm3 / 1000:.2f} cm³ segmented ({change:+.0%}): the voxels are large for it.",
                sequence,
                Region.INTRATUMORAL,
            )
        )
    if carried.share_outside > 0:
        notes.append(
            QualityNote(
                "tumour-outside-image",
                Severity.WARNING,
                f"{carried.share_outside:.1%} of the tumour lies outside the {sequence.label} image.",
                sequence,
                Region.INTRATUMORAL,
            )
        )
    return carried.roi


def _about_regions(sequence: Sequence, tumour: Roi, shell: Shell, *, shell_mm: float) -> list[QualityNote]:
    notes = []
    voxels = int(np.count_nonzero(tumour.mask))
    if voxels < SMALL_TUMOUR_VOXELS:
        notes.append(
            QualityNote(
                "tumour-small",
                Severity.WARNING,
                f"The tumour has only {voxels} voxels ({tumour.volume_mm3 / 1000:.2f} cm³) on {sequence.label}; "
                f"texture features of fewer than {SMALL_TUMOUR_VOXELS} voxels are unstable.",
                sequence,
                Region.INTRATUMORAL,
            )
        )
    edges = [tumour.mask.take(index, axis=axis).any() for axis in range(3) for index in (0, -1)]
    if any(edges):
        notes.append(
            QualityNote(
                "tumour-at-border",
                Severity.WARNING,
                f"The tumour touches the edge of the {sequence.label} image; a part of it may be missing.",
                sequence,
                Region.INTRATUMORAL,
            )
        )
    for code, share, where in (
        ("shell-cut-by-image", shell.share_outside_image, f"beyond the edge of the {sequence.label} image"),
        ("shell-cut-by-body", shell.share_outside_body, "outside the body"),
    ):
        if share >= NEGLIGIBLE_SHELL_LOSS:
            notes.append(
                QualityNote(
                    code,
                    Severity.WARNING if share >= NOTABLE_SHELL_LOSS else Severity.NOTE,
                    f"On {sequence.label}, {share:.1%} of the {shell_mm:g} mm around the tumour lies {where} and is "
                    "left out of the peritumoral region.",
                    sequence,
                    Region.PERITUMORAL,
                )
            )
    return notes


def _corrected(
    volume: Volume, body: NDArray[np.bool_], sequence: Sequence, bias: BiasCorrection, notes: list[QualityNote]
) -> Volume:
    try:
        return bias.correct(volume, body)
    except DeviceMemoryExhausted as exhausted:
        notes.append(
            QualityNote(
                "bias-correction-on-cpu",
                Severity.NOTE,
                f"The bias field of {sequence.label} was estimated on the CPU, because the accelerator has too little "
                f"memory ({exhausted}).",
                sequence,
            )
        )
    return bias.on_cpu().correct(volume, body)
