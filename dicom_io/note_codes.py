"""Codes of quality notes and of reasons for a validity, by their identifiers: `voxel-size-unusual` → VOXEL_SIZE_ODD.

An identifier that fits a Code Value is its code, in capitals; a longer one has its short form in the table. A code that
was ever sent keeps its meaning: rows are added, not changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pydicom.sr.coding import Code

from dicom_io.codes import LONGEST_VALUE, fitting, private
from reports.numerals import sentence_case

OTHER: Final = "QUALITY_NOTE"  # of an identifier too long for a Code Value and without a row; a test finds those

# Identifier → Code Value, of those longer than a Code Value.
SHORT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "age-not-confirmed": "AGE_UNCONFIRMED",
        "artefacts-not-judged": "ARTEFACTS_OPEN",
        "bias-correction-differs": "BIAS_CORR_OTHER",
        "bias-correction-on-cpu": "BIAS_CORR_CPU",
        "bias-field-at-limit": "BIAS_AT_LIMIT",
        "bias-field-failed": "BIAS_FAILED",
        "bias-field-unstable": "BIAS_UNSTABLE",
        "bilateral-tumours": "TUMOURS_BILAT",
        "body-cut-by-image": "BODY_CUT",
        "body-share-unusual": "BODY_SHARE_ODD",
        "breast-not-confirmed": "BREAST_UNCONF",
        "contours-crossing": "CONTOURS_CROSS",
        "contrast-not-confirmed": "CONTRAST_UNCONF",
        "contrast-phase-uncertain": "PHASE_UNCERTAIN",
        "feature-engine-differs": "ENGINE_OTHER",
        "feature-settings-differ": "SETTINGS_OTHER",
        "few-events-per-parameter": "FEW_EVENTS_EPP",
        "field-strength-far": "FIELD_FAR",
        "field-strength-unknown": "FIELD_UNKNOWN",
        "field-strength-unlike-training": "FIELD_UNLIKE",
        "field-strength-unusual": "FIELD_ODD",
        "fractional-threshold": "SEG_THRESHOLD",
        "frame-of-reference-invalid": "FOR_INVALID",
        "frames-of-reference-differ": "FOR_DIFFER",
        "gpu-memory-exhausted": "GPU_MEMORY",
        "implant-mentioned": "IMPLANT",
        "instance-numbers-incomplete": "INSTANCES_GAP",
        "last-phase-incomplete": "PHASE_SHORT",
        "laterality-contradicted": "SIDE_CONTRADICT",
        "mask-carried-over": "MASK_CARRIED",
        "model-fallback-cpu": "MODEL_ON_CPU",
        "neighbourhood-cut-by-image": "NEIGHBOURS_CUT",
        "no-frame-of-reference": "FOR_ABSENT",
        "no-plausible-range": "RANGE_UNKNOWN",
        "one-stack-of-several": "STACK_CHOSEN",
        "organ-contradicted": "ORGAN_CONTRADICT",
        "other-model-answers": "OTHER_MODEL",
        "patient-not-identified": "PATIENT_NO_ID",
        "phase-order-contradicted": "PHASE_ORDER",
        "philips-scaling-varies": "PHILIPS_SCALING",
        "registered-rigidly": "REG_RIGID",
        "registration-kept-coordinates": "REG_IDENTITY",
        "segmentation-frames-carried-on": "SEG_FRAMES_ON",
        "segmentation-frames-repeat": "SEG_FRAMES_SAME",
        "segmentation-frames-twice": "SEG_FRAMES_TWICE",
        "segmentation-of-other-series": "SEG_OTHER_SERIES",
        "segmentation-off-grid": "SEG_OFF_GRID",
        "segmentation-off-its-images": "SEG_OFF_IMAGES",
        "segmentation-other-matrix": "SEG_OTHER_MATRIX",
        "segmentation-references-disagree": "SEG_REFERENCES",
        "segmentation-replaced": "SEG_REPLACED",
        "segmentation-resampled": "SEG_RESAMPLED",
        "segmentation-slice-step": "SEG_SLICE_STEP",
        "sequence-left-out": "SEQ_LEFT_OUT",
        "several-tumours-unlike-training": "TUMOURS_UNLIKE",
        "sex-not-confirmed": "SEX_UNCONFIRMED",
        "shell-cut-by-body": "SHELL_CUT_BODY",
        "shell-cut-by-image": "SHELL_CUT_IMAGE",
        "tumour-brightness": "TUMOUR_BRIGHT",
        "tumour-carried-over": "TUMOUR_CARRIED",
        "tumour-contrast-not-checked": "CONTRAST_OPEN",
        "tumour-encloses-cavity": "TUMOUR_CAVITY",
        "tumour-enhancement": "TUMOUR_ENHANCE",
        "tumour-enhancement-not-checked": "ENHANCE_OPEN",
        "tumour-few-slices": "TUMOUR_SLICES",
        "tumour-outside-body": "TUMOUR_OFF_BODY",
        "tumour-outside-image": "TUMOUR_OFF_IMAGE",
        "tumour-segments-not-used": "SEGMENTS_UNUSED",
        "tumour-segments-unusable": "SEGMENTS_UNFIT",
        "tumour-share-of-body": "TUMOUR_SHARE",
        "tumour-volume-changed": "VOLUME_CHANGED",
        "unlike-training-patients": "PATIENT_UNLIKE",
        "values-standardised": "VALUES_STANDARD",
        "voxel-size-unlike-training": "VOXEL_UNLIKE",
        "voxel-size-unusual": "VOXEL_SIZE_ODD",
    }
)


_WRITTEN: Final = {"cpu": "CPU", "gpu": "GPU", "philips": "Philips"}


def note_code(identifier: str) -> Code:
    """Code of what a quality note or a reason is about; its meaning is the identifier in words."""
    value = SHORT.get(identifier, identifier.upper().replace("-", "_"))
    words = sentence_case(" ".join(_WRITTEN.get(word, word) for word in identifier.split("-")))
    return private(value if len(value) <= LONGEST_VALUE else OTHER, fitting(words, "Quality note"))


def private_note_codes() -> tuple[Code, ...]:
    """The codes of the table, by their values."""
    return tuple(sorted(map(note_code, SHORT), key=lambda code: code.value))
