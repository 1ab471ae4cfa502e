"""The tumours of a study before anything is computed on them: can they be breast tumours?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

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
    not_checked,
    reasons,
)
from models.preprocessing.measurement import MeasuredParts, body_mask
from models.preprocessing.regions import carry_over
from models.quality_notes import QualityNote, left_out
from models.validity import Reason, State
from models.volume import Roi, Sequence, Volume, same_grid


@dataclass(frozen=True)
class TumourCheck:
    """Result of the check.

    Attributes
    ----------
    against : reasons against an answer from each sequence that was checked
    notes : what was not checked, and why; what was left out
    dropped : why a sequence cannot be used, as a clause for "not applicable, because …"
    """

    against: Mapping[Sequence, tuple[Reason, ...]]
    notes: tuple[QualityNote, ...] = ()
    dropped: Mapping[Sequence, str] = field(default_factory=dict)

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Those against an answer from the sequences that are used."""
        return tuple(reason for reasons in self.against.values() for reason in reasons)

    @property
    def is_computable(self) -> bool:
        """Returns whether features of these tumours mean anything."""
        return all(reason.state is not State.NOT_COMPUTABLE for reason in self.reasons)

    def usable(self, volumes: Mapping[Sequence, Volume]) -> dict[Sequence, Volume]:
        """The images of the sequences that were not dropped."""
        return {sequence: volume for sequence, volume in volumes.items() if sequence not in self.dropped}

    def without(self, dropped: Mapping[Sequence, str]) -> TumourCheck:
        """The others, after some turned out to be of no use; what was found about those goes with them."""
        return TumourCheck(
            {sequence: reasons for sequence, reasons in self.against.items() if sequence not in dropped},
            tuple(note for note in self.notes if note.sequence not in dropped),
            {**self.dropped, **dropped},
        )

    def require(self) -> None:
        """Refuses what no answer is made of, where features are all that is wanted.

        Raises
        ------
        StudyRejected
            When one of the tumours cannot be a breast tumour; the sentence has what was found and expected.
        """
        if not self.is_computable:
            raise StudyRejected(_sentence(self.reasons))


# The segment holds no voxel: there is nothing to compute, and nothing of it is carried to another sequence.
NO_TUMOUR = TumourCheck(
    {
        Sequence.T1C: (
            Reason(
                "no-tumour",
                State.NOT_COMPUTABLE,
                "The segmentation says that there is no tumour: it holds no voxel.",
                "no voxel",
                "at least one voxel",
            ),
        )
    }
)


def _sentence(reasons: Iterable[Reason]) -> str:
    """The sentences that make a tumour impossible, with what to do."""
    worst = [reason for reason in reasons if reason.state is State.NOT_COMPUTABLE]
    limits = ", ".join(dict.fromkeys(reason.overruled_by for reason in worst if reason.overruled_by))
    return (
        f"{' '.join(reason.sentence for reason in worst)} Check the segmentation and send it again"
        f"{f' (limits: {limits})' if limits else ''}."
    )


def check_tumours(
    volumes: Mapping[Sequence, Volume],
    tumours: Mapping[Sequence, Roi],
    *,
    evidence: ContrastEvidence,
    limits: PlausibilityLimits,
    parts: MeasuredParts | None = None,
) -> TumourCheck:
    """Doubts about the tumours: size where they were segmented, place and brightness on T1+C.

    T2W whose own tumour cannot be one is dropped with the reason, where T1+C has a tumour that can: there are models
    that do without.

    Parameters
    ----------
    volumes : image of each sequence as it was read
    tumours : tumour of each sequence it was segmented on, on any grid of the same patient space
    parts : keeps the measured part of T1+C for `prepare`
    """
    against: dict[Sequence, tuple[Reason, ...]] = {}
    notes: list[QualityNote] = []
    for sequence in Sequence:
        if sequence not in volumes or (sequence is not Sequence.T1C and sequence not in tumours):
            continue
        try:
            tumour = _on(volumes[sequence], tumours.get(sequence) or next(iter(tumours.values())))
        except StudyRejected as lost:
            against[sequence] = (Reason("tumour-lost", State.NOT_COMPUTABLE, f"{sequence.label}: {lost}"),)
            continue
        judgement = judge_size(tumour, limits)
        if sequence is Sequence.T1C and judgement.verdict is not Verdict.NOT_COMPUTABLE:
            on_t1c = _on_t1c(tumour, volumes[sequence], evidence, limits, parts or MeasuredParts())
            judgement = _joined(judgement, on_t1c)
        against[sequence] = reasons(judgement, sequence)
        notes += not_checked(judgement, sequence)
    return _without_the_dispensable(TumourCheck(against, tuple(notes)), tumours)


def _without_the_dispensable(check: TumourCheck, tumours: Mapping[Sequence, Roi]) -> TumourCheck:
    """The check without sequences that alone stand in the way: others have a tumour of their own that can be one."""
    impossible = {
        sequence: _sentence(found)
        for sequence, found in check.against.items()
        if any(reason.state is State.NOT_COMPUTABLE for reason in found)
    }
    others = [sequence for sequence in check.against if sequence not in impossible]
    if any(sequence.is_required for sequence in impossible) or not any(sequence in tumours for sequence in others):
        return check
    clauses = {sequence: left_out(sequence, sentence) for sequence, sentence in impossible.items()}
    kept = check.without({sequence: clause for sequence, (clause, _) in clauses.items()})
    return replace(kept, notes=(*kept.notes, *(note for _, note in clauses.values())))


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
