"""The tumours of a study before anything is computed on them: can they be breast tumours?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from models.errors import StudyRejected
from models.plausibility import (
    ContrastEvidence,
    Judgement,
    PlausibilityLimits,
    Verdict,
    judge_contrast,
    judge_place,
    judge_size,
    notes,
    refusal,
)
from models.preprocessing.measurement import MeasuredParts, body_mask
from models.preprocessing.regions import carry_over
from models.quality_notes import QualityNote
from models.volume import Roi, Sequence, Volume, same_grid


def check_tumours(
    volumes: Mapping[Sequence, Volume],
    tumours: Mapping[Sequence, Roi],
    *,
    evidence: ContrastEvidence,
    limits: PlausibilityLimits,
    parts: MeasuredParts | None = None,
) -> tuple[QualityNote, ...]:
    """Doubts about the tumours: size where they were segmented, place and brightness on T1+C.

    Parameters
    ----------
    volumes : image of each sequence as it was read
    tumours : tumour of each sequence it was segmented on, on any grid of the same patient space
    parts : keeps the measured part of T1+C for `prepare`

    Raises
    ------
    StudyRejected
        When one of them cannot be a breast tumour; the sentence has what was found and what was expected.
    """
    found: list[QualityNote] = []
    for sequence in Sequence:
        if sequence not in volumes or (sequence is not Sequence.T1C and sequence not in tumours):
            continue
        tumour = _on(volumes[sequence], tumours.get(sequence) or next(iter(tumours.values())))
        judgement = judge_size(tumour, limits)
        if sequence is Sequence.T1C and judgement.verdict is not Verdict.NOT_COMPUTABLE:
            judgement = _joined(
                judgement, _on_t1c(tumour, volumes[sequence], evidence, limits, parts or MeasuredParts())
            )
        if message := refusal(judgement, sequence):
            raise StudyRejected(message)
        found += notes(judgement, sequence)
    return tuple(found)


def _on(volume: Volume, tumour: Roi) -> Roi:
    return tumour if same_grid(tumour, volume) else carry_over(tumour, volume).roi


def _on_t1c(
    tumour: Roi, image: Volume, evidence: ContrastEvidence, limits: PlausibilityLimits, parts: MeasuredParts
) -> Judgement:
    """Place and brightness; brightness is not measured of what cannot be a tumour by its place (it would take long)."""
    body = _body(tumour, image, parts)
    place = judge_place(tumour, body, limits)
    if place.verdict is Verdict.NOT_COMPUTABLE:
        return place
    return _joined(place, judge_contrast(tumour, image, body, evidence, limits))


def _body(tumour: Roi, image: Volume, parts: MeasuredParts) -> NDArray[np.bool_]:
    try:
        part = parts.of(image, tumour.mask, sequence=Sequence.T1C)
    except StudyRejected:
        # Because of where the tumour lies, perhaps; then its place is judged first, which says more about the mask.
        return body_mask(image)
    return part.as_stored(part.anatomy)


def _joined(one: Judgement, other: Judgement) -> Judgement:
    return Judgement(one.checks + other.checks, one.left_out + other.left_out)
