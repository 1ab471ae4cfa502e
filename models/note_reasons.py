"""Quality notes that make an answer conditional or withhold it: doubts about what moves the features themselves.

Other warnings (an unusual voxel size, a missing patient ID) stay warnings: a reader must know them, but they do not say
that this answer may be wrong.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from models.quality_notes import QualityNote, Severity
from models.validity import Reason, State

CONDITIONAL: Final = frozenset(
    {
        "shell-cut-by-image",  # as a warning: more than 20 % of the peritumoral region is missing
        "shell-cut-by-body",
        "neighbourhood-cut-by-image",  # so is more than 20 % of what filters and texture look at
        "label-on-body",  # a label burnt in where the body is: not removed
        "body-share-unusual",  # tissue and air were not told apart: grey levels and shell depend on it
        "body-cut-by-image",  # a crop: grey levels are normalised over a part of the body
        "tumour-small",  # texture matrices are mostly noise
        "tumour-at-border",  # a part of the tumour may be missing
        "tumour-outside-image",
        "bias-field-failed",
        "bias-field-unstable",
        "tumour-flat",
        "tumour-hole",
        "slices-repeated",
        "fill-in-tumour",  # voxels of the tumour that were not measured
        "image-saturated",  # as a warning: in the tumour
        "values-standardised",  # not the scanner's values
        "laterality-contradicted",  # perhaps the wrong mask
        "segmentation-references-disagree",
        "segmentation-off-its-images",
        "segmentation-off-grid",
        "segmentation-cut",
        "segmentation-of-other-series",  # perhaps the wrong images
        "bias-correction-differs",
    }
)
# The features are other quantities than those the model was trained on.
WITHHELD: Final = frozenset({"feature-settings-differ"})
_STATES: Final = {**dict.fromkeys(CONDITIONAL, State.CONDITIONAL), **dict.fromkeys(WITHHELD, State.OUTSIDE)}


def reasons_of(notes: Iterable[QualityNote]) -> tuple[Reason, ...]:
    """A reason for each warning of the tables above, with its sentence."""
    return tuple(
        Reason(note.code, _STATES[note.code], note.sentence)
        for note in notes
        if note.code in _STATES and note.severity is Severity.WARNING
    )
