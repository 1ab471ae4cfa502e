"""English labels: those of `reports.wording`."""

from __future__ import annotations

from typing import Final

from models import intended_use
from reports import page_words, validity_words, wording
from reports.languages.english.change import CHANGE
from reports.languages.words import Labels

LABELS: Final = Labels(
    title=wording.TITLE,
    notice=wording.NOTICE,
    research_use_only=wording.RESEARCH_USE_ONLY,
    training_population=wording.TRAINING_POPULATION,
    not_stated=page_words.NOT_STATED,
    tumour=wording.TUMOUR,
    key_images=wording.KEY_IMAGES,
    why=wording.WHY,
    all_reasons=wording.ALL_REASONS,
    nothing_against=wording.NOTHING_AGAINST,
    not_checked=intended_use.NOT_CHECKED,
    what_to_do=wording.WHAT_TO_DO,
    received=wording.RECEIVED,
    reviewed_by=wording.REVIEWED_BY,
    quality_notes=wording.QUALITY_NOTES,
    no_quality_notes=wording.NO_QUALITY_NOTES,
    regions=wording.REGIONS,
    contributions=wording.CONTRIBUTIONS,
    leading_features=wording.LEADING_FEATURES,
    series=wording.SERIES,
    not_applicable=wording.NOT_APPLICABLE,
    provenance=wording.PROVENANCE,
    how_to_read=wording.HOW_TO_READ,
    series_columns=wording.SERIES_COLUMNS,
    feature_column=wording.FEATURE_COLUMN,
    value_column=wording.VALUE_COLUMN,
    ibsi_column=wording.IBSI_COLUMN,
    whole_slice=wording.WHOLE_SLICE,
    enlarged=wording.ENLARGED,
    enlarged_part=wording.ENLARGED_PART,
    survival_heading=wording.SURVIVAL_HEADING,
    score_below=wording.SCORE_BELOW,
    score_above=wording.SCORE_ABOVE,
    training_groups=wording.TRAINING_GROUPS,
    at_risk=wording.AT_RISK,
    months=wording.MONTHS,
    contributions_note=wording.CONTRIBUTIONS_NOTE,
    leading_features_note=wording.LEADING_FEATURES_NOTE,
    lowers=wording.LOWERS,
    raises=wording.RAISES,
    cut_off=wording.CUT_OFF_LABEL,
    volume=wording.VOLUME_LABEL,
    range_means=validity_words.RANGE_MEANS,
    reading_guide=wording.READING_GUIDE,
    severity=wording.SEVERITY,
    regions_drawn=wording.KEY_IMAGE_LEGEND,
    change=CHANGE,
    provenance_labels={label: label for label in wording.PROVENANCE_LABELS},
)
