"""Quality notes on the two regions: small, or cut off by the edge of the image or of the body."""

from __future__ import annotations

import numpy as np

from models.number_words import counted, share_of
from models.preprocessing.regions import Shell, share_of_box_outside_image, steps_within
from models.quality_notes import QualityNote, Severity
from models.volume import Region, Roi, Sequence

# Texture matrices of fewer voxels than this are mostly noise; the features are computed, with a warning.
SMALL_TUMOUR_VOXELS = 100
# A shell that loses this share to air or the edge of the image is a warning; less is a note, next to nothing is none.
NOTABLE_SHELL_LOSS = 0.2
NEGLIGIBLE_SHELL_LOSS = 0.005
# Voxels beyond the bounding box of a region that its features depend on: one level of the coif1 wavelet reads so many.
NEIGHBOURHOOD_VOXELS = 3


def about_regions(sequence: Sequence, tumour: Roi, shell: Shell, *, shell_mm: float) -> list[QualityNote]:
    """Notes on the tumour and the shell of one sequence."""
    notes = []
    voxels = int(np.count_nonzero(tumour.mask))
    if voxels < SMALL_TUMOUR_VOXELS:
        notes.append(
            QualityNote(
                "tumour-small",
                Severity.WARNING,
                f"The tumour has only {counted(voxels, 'voxel')} ({tumour.volume_mm3 / 1000:.2f} cm³) on "
                f"{sequence.label}; texture features of fewer than {SMALL_TUMOUR_VOXELS} voxels are unstable.",
                sequence,
                Region.INTRATUMORAL,
            )
        )
    cut = np.zeros(tumour.shape, dtype=bool)
    for axis in range(3):
        for index in (0, -1):
            at_edge = tuple(index if other == axis else slice(None) for other in range(3))
            cut[at_edge] |= tumour.mask[at_edge]
    if cut.any():
        notes.append(
            QualityNote(
                "tumour-at-border",
                Severity.WARNING,
                f"The tumour touches the edge of the {sequence.label} image; a part of it may be missing, and "
                f"{share_of(np.count_nonzero(cut) / voxels, 1)} of its voxels lack neighbours there.",
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
                    f"On {sequence.label}, {share_of(share, 1)} of the {shell_mm:g} mm around the tumour lies "
                    f"{where} and is "
                    "left out of the peritumoral region.",
                    sequence,
                    Region.PERITUMORAL,
                )
            )
    return notes + _about_neighbourhoods(sequence, tumour, shell_mm=shell_mm)


def _about_neighbourhoods(sequence: Sequence, tumour: Roi, *, shell_mm: float) -> list[QualityNote]:
    """Notes on the bounding boxes of the two regions, as filters read them, where the image ends inside."""
    notes = []
    shell = tuple(steps_within(shell_mm, step) for step in tumour.spacing_mm)
    for region, margin, around in (
        (Region.INTRATUMORAL, (0, 0, 0), "of the tumour"),
        (Region.PERITUMORAL, shell, f"of the {shell_mm:g} mm around the tumour"),
    ):
        slices, rows, columns = (voxels + NEIGHBOURHOOD_VOXELS for voxels in margin)
        share = share_of_box_outside_image(tumour, margin=(slices, rows, columns))
        if share >= NEGLIGIBLE_SHELL_LOSS:
            sentence = (
                f"On {sequence.label}, {share_of(share, 1)} of the box {around} and the {NEIGHBOURHOOD_VOXELS} "
                "voxels about it "
                "that filters read lies beyond the edge of the image, where its values were continued."
            )
            severity = Severity.WARNING if share >= NOTABLE_SHELL_LOSS else Severity.NOTE
            notes.append(QualityNote("neighbourhood-cut-by-image", severity, sentence, sequence, region))
    return notes
