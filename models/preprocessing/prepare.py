"""From the images as read to the images the features are computed on: measured part, body, N4, peritumoral shell.

The z-score over the body × 100 is part of `FeatureSettings` (the engine normalises in float64, as PyRadiomics does), so
a prepared volume still has the units of the N4-corrected image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from models.errors import DeviceMemoryExhausted, EngineUnavailable, StudyRejected
from models.number_words import counted, share_of
from models.preprocessing.cavities import Cavities
from models.preprocessing.measurement import MeasuredParts, Measurement
from models.preprocessing.n4_settings import Corrected, FieldFit
from models.preprocessing.region_notes import about_regions
from models.preprocessing.regions import carry_over, enclosed, peritumoral_shell
from models.quality_notes import QualityNote, Severity, left_out
from models.threads import one_thread
from models.volume import Region, Roi, Sequence, Volume, same_grid

BIAS_CORRECTIONS = ("own", "simpleitk", "none")

# Carrying a mask to another grid changes its volume a little; more than this is a warning.
NOTABLE_VOLUME_CHANGE = 0.1


# The measured part ends at the body; filters look this many voxels further and find its edge continued, so that they do
# not wrap around to the other side of the body (coif1 looks 3 ahead for each level).
EDGE_VOXELS = 6
# More of the body than this was too dark for the fit of the bias field; a field that varies less or more than this.
NOTABLE_LEFT_OUT, FLAT_FIELD, UNSTABLE_FIELD = 0.01, 0.01, 0.6


@dataclass(frozen=True, eq=False)
class Measured:
    """The grid the features of one sequence are computed on.

    Attributes
    ----------
    volume : N4-corrected, canonical storage, the box of the body with its edge continued by `EDGE_VOXELS`
    rois : tumour and peritumoral shell on the grid of `volume`
    body : bool (slices, rows, columns), what grey levels are normalised over
    """

    volume: Volume
    rois: Mapping[Region, Roi]
    body: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class PreparedSequence:
    """One sequence, ready for feature extraction.

    Attributes
    ----------
    volume : image as it was read
    rois : tumour and peritumoral shell on the grid of `volume`
    body : bool (slices, rows, columns), the body mask on that grid
    measured : what the features are computed on; None: the three above
    """

    volume: Volume
    rois: Mapping[Region, Roi]
    body: NDArray[np.bool_]
    measured: Measured | None = None


@dataclass(frozen=True, eq=False)
class Prepared:
    """Both sequences (or the one there is), and what was noticed.

    Attributes
    ----------
    sequences : what can be used
    notes : what was noticed
    dropped : why a sequence cannot be used, as a clause for "not applicable, because …"
    """

    sequences: Mapping[Sequence, PreparedSequence]
    notes: tuple[QualityNote, ...]
    dropped: Mapping[Sequence, str] = field(default_factory=dict)

    def without(self, dropped: Mapping[Sequence, str]) -> Prepared:
        """The others, after some turned out to be of no use; what was noticed about those goes with them."""
        return Prepared(
            {sequence: images for sequence, images in self.sequences.items() if sequence not in dropped},
            tuple(note for note in self.notes if note.sequence not in dropped),
            {**self.dropped, **dropped},
        )


@runtime_checkable
class BiasCorrection(Protocol):
    """Removes the low-frequency intensity inhomogeneity of a volume."""

    @property
    def name(self) -> str:
        """Implementation and parameters in words; recorded in reports and model packages."""

    def correct(self, volume: Volume, body: NDArray[np.bool_]) -> Corrected:
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

    def correct(self, volume: Volume, body: NDArray[np.bool_]) -> Corrected:
        """The volume itself."""
        return Corrected(volume)

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
    cavities: Cavities = Cavities.EXCLUDE,
    parts: MeasuredParts | None = None,
) -> Prepared:
    """Measured part, body mask, N4 and the two regions for every sequence.

    A T2W that cannot be used is dropped with the reason: there are models that do without.

    Parameters
    ----------
    volumes : image of each sequence
    tumours : tumour of each sequence, on any grid of the same patient space; a sequence without one takes the other's
    bias : applied to every volume, fitted inside the body mask
    shell_mm : width of the peritumoral region
    cavities : what becomes of voxels the tumour encloses
    parts : measured parts that `check_tumours` has kept

    Raises
    ------
    StudyRejected
        When there is no image or no tumour, the tumour lies where the image is no measurement, a tumour is lost on
        the grid of an image, or a region has no voxel.
    """
    if not volumes or not tumours:
        raise StudyRejected(
            f"There are {counted(len(volumes), 'image')} and {len(tumours)} tumour segmentations; at least one of each "
            "was expected."
        )
    notes: list[QualityNote] = []
    sequences: dict[Sequence, PreparedSequence] = {}
    dropped: dict[Sequence, str] = {}
    for sequence in Sequence:
        if sequence not in volumes:
            continue
        found: list[QualityNote] = []
        try:
            sequences[sequence] = _prepared(
                volumes[sequence],
                sequence,
                tumours,
                found,
                bias=bias,
                shell_mm=shell_mm,
                cavities=cavities,
                parts=parts or MeasuredParts(),
            )
            notes += found
        except StudyRejected as unusable:
            if sequence is not Sequence.T2W or Sequence.T1C not in sequences:
                raise
            dropped[sequence], note = left_out(sequence, str(unusable))
            notes.append(note)
    return Prepared(sequences, tuple(notes), dropped)


def _prepared(
    volume: Volume,
    sequence: Sequence,
    tumours: Mapping[Sequence, Roi],
    notes: list[QualityNote],
    *,
    bias: BiasCorrection,
    shell_mm: float,
    cavities: Cavities,
    parts: MeasuredParts,
) -> PreparedSequence:
    tumour = _tumour_on(volume, sequence, tumours, notes)
    hollow = enclosed(tumour)
    if hollow.any():
        notes.append(_about_cavities(sequence, tumour, hollow, cavities))
        if cavities is Cavities.FILL:
            tumour = Roi(tumour.affine, tumour.mask | hollow, tumour.label)
    part = parts.of(volume, tumour.mask, sequence=sequence)
    notes += part.notes
    body = part.as_stored(part.body)
    shell = peritumoral_shell(tumour, body=body, shell_mm=shell_mm, cavities=hollow)
    notes += about_regions(sequence, tumour, shell, shell_mm=shell_mm)
    corrected = _corrected(part, sequence, bias, notes)
    body.flags.writeable = False
    rois = {Region.INTRATUMORAL: tumour, Region.PERITUMORAL: shell.roi}
    return PreparedSequence(volume, rois, body, _measured(corrected, part, rois))


def _measured(corrected: Volume, part: Measurement, rois: Mapping[Region, Roi]) -> Measured:
    """The corrected part with its edge continued, and the regions on it."""
    affine = corrected.affine.copy()
    affine[:3, 3] -= EDGE_VOXELS * affine[:3, :3].sum(axis=1)
    volume = Volume(affine, np.pad(corrected.voxels, EDGE_VOXELS, mode="edge"))
    return Measured(
        volume,
        {
            region: Roi(affine, np.pad(part.from_stored(roi.mask), EDGE_VOXELS), roi.label)
            for region, roi in rois.items()
        },
        np.pad(part.body, EDGE_VOXELS),
    )


def _about_cavities(sequence: Sequence, tumour: Roi, hollow: NDArray[np.bool_], cavities: Cavities) -> QualityNote:
    cm3 = np.count_nonzero(hollow) * tumour.voxel_volume_mm3 / 1000
    done = "counted as tumour" if cavities is Cavities.FILL else "left out of tumour and surroundings"
    sentence = (
        f"The tumour on {sequence.label} ({tumour.volume_mm3 / 1000:.2f} cm³) encloses {cm3:.2f} cm³ that were not "
        f"segmented; they were {done} (setting cavities)."
    )
    return QualityNote("tumour-encloses-cavity", Severity.NOTE, sentence, sequence, Region.INTRATUMORAL)


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
                f"{share_of(carried.share_outside, 1)} of the tumour lies outside the {sequence.label} image.",
                sequence,
                Region.INTRATUMORAL,
            )
        )
    return carried.roi


def _corrected(part: Measurement, sequence: Sequence, bias: BiasCorrection, notes: list[QualityNote]) -> Volume:
    try:
        corrected = bias.correct(part.volume, part.body)
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
        corrected = bias.on_cpu().correct(part.volume, part.body)
    if corrected.fit is not None:
        notes += _about_field(corrected.fit, sequence)
    return corrected.volume


def _about_field(fit: FieldFit, sequence: Sequence) -> list[QualityNote]:
    found: list[tuple[str, Severity, str]] = []
    field_of = f"The bias field of {sequence.label}"
    if not np.isfinite(fit.deviation):
        sentence = f"{field_of} could not be estimated; the image was used as it is."
        found.append(("bias-field-failed", Severity.WARNING, sentence))
    elif fit.deviation > UNSTABLE_FIELD:
        sentence = (
            f"{field_of} varies by a factor of {np.exp(fit.deviation):.2g} (one standard deviation) in the body; at "
            f"most {np.exp(UNSTABLE_FIELD):.2g} is credible. Grey levels depend on it."
        )
        found.append(("bias-field-unstable", Severity.WARNING, sentence))
    elif fit.deviation < FLAT_FIELD:
        sentence = f"{field_of} is flat (it varies by {share_of(fit.deviation, 2)}): the correction changed nothing."
        found.append(("bias-field-flat", Severity.NOTE, sentence))
    if fit.at_limit:
        sentence = f"{field_of} had not settled when every level of the fit had reached its limit of iterations."
        found.append(("bias-field-at-limit", Severity.NOTE, sentence))
    if fit.left_out > NOTABLE_LEFT_OUT:
        sentence = (
            f"{share_of(fit.left_out, 1)} of the body on {sequence.label} is too dark for the fit of the bias field."
        )
        found.append(("body-too-dark", Severity.NOTE, sentence))
    return [QualityNote(code, severity, sentence, sequence) for code, severity, sentence in found]
