"""The phases of a dynamic acquisition, whether in one series or in one series each, and which of them is used."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dicom_io.default_rules import CONTRASTED
from dicom_io.errors import GeometryInvalid
from dicom_io.images.functional_groups import attributes_of
from dicom_io.images.headers import text
from dicom_io.images.phase_order import phase_order
from dicom_io.images.planes import Plane
from dicom_io.images.series import Phase, Series
from dicom_io.rules import SelectionRules
from models.number_words import counted
from models.quality_notes import QualityNote, Severity
from models.volume import Sequence as MrSequence

_UNENHANCED = re.compile(r"\bpre\b|pre.?contrast|without|\bw/?o\b|unenhanced|non.?contrast|nativ|平扫", re.IGNORECASE)
_CONTRASTED = re.compile(CONTRASTED, re.IGNORECASE)
_NO_AGENT = re.compile(r"^(|no|none|n/?a|without)$", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Dynamic:
    """All phases of one sequence, and the one that is used.

    Attributes
    ----------
    series : the series the phases come from
    phases : in the order of time
    used : zero-based phase
    why : why this phase, in words; empty when there is only one
    notes : doubts about the order of the phases and the choice
    """

    series: tuple[Series, ...]
    phases: tuple[Phase, ...]
    used: int
    why: str
    notes: tuple[QualityNote, ...]

    @property
    def phase(self) -> Phase:
        """The phase that is used."""
        return self.phases[self.used]

    @property
    def source(self) -> Series:
        """The series that holds the phase that is used."""
        return next(series for series in self.series if any(phase is self.phase for phase in series.phases))


def dynamic_of(
    series: Sequence[Series],
    *,
    referenced: frozenset[str],
    frames: frozenset[tuple[str, int]],
    sequence: MrSequence,
    rules: SelectionRules,
    stopped: tuple[Plane, ...] = (),
) -> Dynamic:
    """Order the phases of `series` and choose one.

    `referenced` are the SOP Instance UIDs the tumour segmentations refer to, `frames` the frames of multi-frame images
    (UID and one-based number) where they name any; `stopped` are the images of a last phase in a series of its own
    that was stopped before its end. The phase is, in this order: the only
    one there is; the only one they refer to; the configured one; the first after contrast.

    Raises
    ------
    GeometryInvalid
        When the configured phase does not exist, when the segmentation refers to a phase that was stopped, or when T2W
        has several images at each position and no segmentation says which.
    """
    phases, ordered_by, contradicted_by = _ordered(series)
    notes = []
    if contradicted_by:
        notes.append(
            QualityNote(
                code="phase-order-contradicted",
                severity=Severity.WARNING,
                sentence=(
                    f"The phases were put in order by {ordered_by}; {', '.join(contradicted_by)} would order them "
                    "differently."
                ),
                sequence=sequence,
            )
        )
    named = {
        index
        for index, phase in enumerate(phases)
        if any(_is_referenced(plane, referenced=referenced, frames=frames) for plane in phase.planes)
    }
    stopped = (*stopped, *(plane for one in series for plane in one.stopped))
    if stopped:
        is_drawn_on = any(_is_referenced(plane, referenced=referenced, frames=frames) for plane in stopped)
        notes.append(_about_stopped(phases, stopped, sequence, is_drawn_on=is_drawn_on and not named))
    used, why, doubt = _used(phases, named=named, sequence=sequence, rules=rules)
    if doubt:
        notes.append(
            QualityNote(code="contrast-phase-uncertain", severity=Severity.WARNING, sentence=doubt, sequence=sequence)
        )
    return Dynamic(tuple(series), phases, used, why, tuple(notes))


def _about_stopped(
    phases: Sequence[Phase], stopped: Sequence[Plane], sequence: MrSequence, *, is_drawn_on: bool
) -> QualityNote:
    found = (
        f"Phase {len(phases) + 1} of the {sequence.label} series has images at {len(stopped)} of "
        f"{counted(len(phases[0].planes), 'position')}: the scan was stopped, or images are missing"
    )
    if is_drawn_on:
        raise GeometryInvalid(
            f"{found}; the tumour segmentation refers to this phase. Send its other images, or a segmentation of one "
            f"of the {counted(len(phases), 'complete phase')}."
        )
    return QualityNote(
        code="last-phase-incomplete",
        severity=Severity.WARNING,
        sentence=f"{found}. It was left out; the "
        f"{counted(len(phases), 'complete phase was', 'complete phases were')} used.",
        sequence=sequence,
    )


def is_before_contrast(phase: Phase, *, among: Sequence[Phase]) -> bool:
    """Returns whether headers say that a phase was before contrast, and the last of all phases after it."""
    by_description = _is_unenhanced(phase) and not _is_unenhanced(among[-1])
    by_agent = bool(_NO_AGENT.match(_agent(phase))) and not _NO_AGENT.match(_agent(among[-1]))
    return by_description or by_agent


def _ordered(series: Sequence[Series]) -> tuple[tuple[Phase, ...], str, tuple[str, ...]]:
    if len(series) == 1:
        return series[0].phases, series[0].ordered_by, series[0].contradicted_by
    # Series of one phase each on one grid: the first slices are several images at one position.
    firsts = [[one.phases[0].planes[0] for one in series]]
    try:
        ((*planes,),), ordered_by, contradicted_by = phase_order(firsts)
    except GeometryInvalid:
        by_number = sorted(series, key=lambda one: (one.number.zfill(12), one.key))
        return tuple(one.phases[0] for one in by_number), "SeriesNumber", ()
    owner = {id(one.phases[0].planes[0]): one.phases[0] for one in series}
    return tuple(owner[id(plane)] for plane in planes), ordered_by, contradicted_by


def _used(
    phases: Sequence[Phase], *, named: set[int], sequence: MrSequence, rules: SelectionRules
) -> tuple[int, str, str]:
    """(zero-based phase, why, doubt); `named` are the phases the tumour segmentations refer to."""
    if len(phases) == 1:
        return 0, "", _contrast_doubt(phases, 0) if sequence.has_contrast_phases else ""
    if rules.phase_from_segmentation and len(named) == 1:
        used = next(iter(named))
        doubt = _contrast_doubt(phases, used) if sequence.has_contrast_phases else ""
        return used, "the tumour segmentation refers to it", doubt
    if not sequence.has_contrast_phases:
        raise GeometryInvalid(
            f"The {sequence.label} series has {counted(len(phases), 'image')} at each position, and no segmentation "
            "refers to one of them; one image at each position was expected."
        )
    if rules.phase is not None:
        if rules.phase > len(phases):
            raise GeometryInvalid(
                f"The settings ask for phase {rules.phase}, but the {sequence.label} series has "
                f"{counted(len(phases), 'phase')}."
            )
        return rules.phase - 1, "phase of the settings", _contrast_doubt(phases, rules.phase - 1)
    return _first_after_contrast(phases)


def _contrast_doubt(phases: Sequence[Phase], used: int) -> str:
    """Reason why the headers leave open, or contradict, that a phase is after contrast; empty when they confirm it."""
    which = f"phase {used + 1} of the T1+C series" if len(phases) > 1 else "the T1+C series"
    check = "check that it is after contrast"
    if _is_unenhanced(phases[used]):
        return f"The description of {which} calls it unenhanced: {check}."
    if _CONTRASTED.search(text(_first(phases[used]).instance.header, "SeriesDescription")):
        return ""
    agent = _agent(phases[used])
    if _NO_AGENT.match(agent):
        says = f'name no contrast agent ("{agent}")' if agent else "do not say whether a contrast agent was given"
        return f"The headers of {which} {says}: {check}."
    if used == 0 and len(phases) > 1 and not _NO_AGENT.match(_agent(phases[-1])):
        return (
            f"The first of {counted(len(phases), 'phase')} of the T1+C series is used, which is usually unenhanced: "
            f"{check}."
        )
    return ""


def _is_referenced(plane: Plane, *, referenced: frozenset[str], frames: frozenset[tuple[str, int]]) -> bool:
    uid = plane.instance.sop_instance_uid
    if plane.frame_number is not None and any(uid == named for named, _ in frames):
        return (uid, plane.frame_number) in frames
    return uid in referenced


def _first_after_contrast(phases: Sequence[Phase]) -> tuple[int, str, str]:
    unenhanced = [_is_unenhanced(phase) for phase in phases]
    agents = [not _NO_AGENT.match(_agent(phase)) for phase in phases]
    for without in (unenhanced, [not agent for agent in agents]):
        if any(without) and not all(without) and not without[-1]:
            first = without.index(False)
            return first, "first phase after contrast, by description or contrast agent", ""
    doubt = (
        f"The headers of the {counted(len(phases), 'phase')} do not tell which is before contrast; the first was taken "
        "as unenhanced and the second as the first after contrast."
    )
    return 1, "second phase, taken as the first after contrast", doubt


def _agent(phase: Phase) -> str:
    """Contrast/Bolus Agent; empty when absent."""
    return attributes_of(_first(phase), ["ContrastBolusAgent"])["ContrastBolusAgent"]


def _is_unenhanced(phase: Phase) -> bool:
    return bool(_UNENHANCED.search(text(_first(phase).instance.header, "SeriesDescription")))


def _first(phase: Phase) -> Plane:
    return phase.planes[0]
