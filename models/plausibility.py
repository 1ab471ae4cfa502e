"""Plausibility of a mask as a breast tumour: measured, held against limits, each measure with a verdict.

A segmentation that was misread, moved or made of something else gives features, scores and groups like any other. Size
and place tell some of them apart, and after contrast a tumour is brighter than what is around it. The limits are
starting values, chosen on a few studies (real breasts, other organs, simulated ones, and wrong masks made from them);
none of them sees a mask that is one slice off. A check that the images do not allow is left out, with its reason.

Arrays in, `Judgement` out. Nothing is raised here: `reasons` says what the verdicts mean for an answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from models.errors import SetupError
from models.number_words import apart, share_of
from models.quality_notes import QualityNote, Severity
from models.typed_tables import Between, check
from models.validity import Reason, State
from models.volume import Roi, Volume
from models.volume import Sequence as MrSequence

# The surroundings a tumour is compared with, in mm from its edge: beyond partial volume and blooming, and near enough
# to be under the same coil.
RING_MM = (2.0, 12.0)
_TOLERANCE_MM = 1e-6  # eight steps of 1.5 mm are not quite 12 mm in binary

_Share = Annotated[float, Between(0, 1)]
_Length = Annotated[float, Between(1, 10_000)]


@dataclass(frozen=True)
class PlausibilityLimits:
    """Beyond `doubtful` an answer is conditional, beyond `impossible` there is none.

    Of 219 breast cancers of 3 cm and more (I-SPY 1, before therapy) the longest diameter was 68 mm in the median, 120
    at 95 %, 164 at 99 % and 184 at most.

    Attributes
    ----------
    volume_… : of the tumour, cm³
    diameter_… : longest distance within the tumour, mm
    body_share_impossible : tumour as a share of the body in the image
    outside_body_… : share of the tumour outside the body
    slices_doubtful, voxels_doubtful : fewer are doubtful; whether shape and texture exist is decided there
    contrast_… : probability that a voxel of the tumour is brighter than one 2 to 12 mm around it (area under the curve)
    brightness_… : share of the other voxels of the body that are darker than the median of the tumour
    enhancement_… : rise of the median of the tumour from before to after contrast, as a share of before
    """

    volume_doubtful_cm3: _Length = 150.0  # a tumour that fills a breast
    volume_impossible_cm3: _Length = 500.0  # more than most breasts
    diameter_doubtful_mm: _Length = 120.0  # 95 % of large cancers are below
    diameter_impossible_mm: _Length = 200.0  # above the largest of them
    body_share_impossible: _Share = 0.10  # nothing but a part of the body itself
    outside_body_doubtful: _Share = 0.05  # the body mask is right to 2 mm, and skin may be involved
    outside_body_impossible: _Share = 0.25  # a quarter in the air
    slices_doubtful: Annotated[int, Between(1, 100)] = 3  # shape along the slices is a guess
    voxels_doubtful: Annotated[int, Between(1, 10_000)] = 100  # texture matrices are mostly noise
    contrast_doubtful: _Share = 0.80  # right masks .93 and above, one moved by 10 mm .73
    contrast_impossible: _Share = 0.60  # one moved by 40 mm .50, normal tissue .39
    brightness_doubtful: _Share = 0.95  # right masks .96 and above
    brightness_impossible: _Share = 0.80  # one moved by 40 mm .49, normal tissue .44
    enhancement_doubtful: Annotated[float, Between(-1, 10)] = 0.50  # tumours +116 % and more, tissue +22 to +28 %
    enhancement_impossible: Annotated[float, Between(-1, 10)] = 0.10  # no more than noise and drift

    def __post_init__(self) -> None:
        check(self)
        above = ("volume_{}_cm3", "diameter_{}_mm", "outside_body_{}")
        below = ("contrast_{}", "brightness_{}", "enhancement_{}")
        pairs = [(name.format("doubtful"), name.format("impossible")) for name in above]
        pairs += [(name.format("impossible"), name.format("doubtful")) for name in below]
        mistakes = [
            f"{low} is {getattr(self, low):g} and {high} {getattr(self, high):g}"
            for low, high in pairs
            if getattr(self, low) > getattr(self, high)
        ]
        if mistakes:
            raise SetupError(f"{'; '.join(mistakes)}; expected the first to be the smaller")

    def in_words(self) -> str:
        """Limits that a site has set, for the provenance: "plausibility: volume_doubtful_cm3 100", or "as shipped"."""
        changed = [
            f"{item.name} {getattr(self, item.name):g}"
            for item in fields(self)
            if getattr(self, item.name) != item.default
        ]
        return f"plausibility: {', '.join(changed) or 'as shipped'}"


class Verdict(StrEnum):
    """Meaning of a check for the answer."""

    OK = "ok"  # nothing against it
    CONDITIONAL = "conditional"  # it may be a tumour; somebody has to look
    NOT_COMPUTABLE = "not_computable"  # no breast tumour is like this


@dataclass(frozen=True)
class Check:
    """One thing that was measured.

    Attributes
    ----------
    code : stable kebab-case identifier
    verdict : what it means
    value : as measured
    found, expected : value and limits in words
    sentence : what was found, complete; empty when it is ok
    setting : the limit that decided, by its name in the settings; empty when it is ok
    """

    code: str
    verdict: Verdict
    value: float
    found: str
    expected: str
    sentence: str = ""
    setting: str = ""


@dataclass(frozen=True)
class Judgement:
    """Everything that was measured of one mask.

    Attributes
    ----------
    checks : in the order of the measures
    left_out : code of a check that could not be made → why not
    """

    checks: tuple[Check, ...]
    left_out: tuple[tuple[str, str], ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The worst of all."""
        found = {one.verdict for one in self.checks}
        return next((one for one in (Verdict.NOT_COMPUTABLE, Verdict.CONDITIONAL) if one in found), Verdict.OK)


@dataclass(frozen=True, eq=False)
class ContrastEvidence:
    """Knowledge about the contrast of the T1+C images beside themselves.

    Attributes
    ----------
    before : the slices the tumour reaches, before contrast, on the grid of the T1+C image along rows and columns; None
        where there is no such phase
    is_confirmed : whether headers say that it is before contrast, and not the order of the phases alone
    fat_suppressed : whether headers say that fat is suppressed; without it fat is brighter than many tumours
    """

    before: Volume | None = None
    is_confirmed: bool = False
    fat_suppressed: bool = False


def judge_size(tumour: Roi, limits: PlausibilityLimits) -> Judgement:
    """Volume, longest diameter, slices and voxels of a mask."""
    measured = _Measures(limits)
    cm3 = tumour.volume_mm3 / 1000
    measured.at_most("tumour-volume", cm3, "It measures {}", _cm3, "volume_doubtful_cm3", "volume_impossible_cm3")
    length = longest_diameter_mm(tumour)
    words = "Its longest diameter is {}"
    measured.at_most("tumour-diameter", length, words, _mm, "diameter_doubtful_mm", "diameter_impossible_mm")
    slices = int(np.count_nonzero(tumour.mask.any(axis=(1, 2))))
    measured.at_least("tumour-few-slices", slices, "It reaches {}", _slices, "slices_doubtful", None)
    voxels = int(np.count_nonzero(tumour.mask))
    measured.at_least("tumour-small", voxels, "It has {}", _voxels, "voxels_doubtful", None)
    return Judgement(tuple(measured.checks))


def judge_place(tumour: Roi, body: NDArray[np.bool_], limits: PlausibilityLimits) -> Judgement:
    """A mask against the body in its image.

    Parameters
    ----------
    body : bool (slices, rows, columns), made without knowledge of the mask
    """
    measured = _Measures(limits)
    voxels = int(np.count_nonzero(tumour.mask))
    share = voxels / max(int(np.count_nonzero(body)), 1)
    words = "It is {} of the body in the image"
    measured.at_most("tumour-share-of-body", share, words, _percent, None, "body_share_impossible")
    outside = int(np.count_nonzero(tumour.mask & ~body)) / voxels
    words = "{} of it lies outside the body"
    measured.at_most(
        "tumour-outside-body", outside, words, _percent, "outside_body_doubtful", "outside_body_impossible"
    )
    return Judgement(tuple(measured.checks))


def judge_contrast(
    tumour: Roi, image: Volume, body: NDArray[np.bool_], evidence: ContrastEvidence, limits: PlausibilityLimits
) -> Judgement:
    """Brightness and enhancement of a mask on T1+C.

    A mask darker than tumours are is impossible where fat is suppressed, or where images before contrast are at hand
    and do not show a tumour's enhancement either; elsewhere it is doubtful, since bright fat makes any tumour dark.
    Too little enhancement is impossible only where headers confirm which images are before contrast: by the order of
    the phases alone, the first may be after it.

    Parameters
    ----------
    tumour : on the grid of `image`
    image : as it was read, neither corrected nor normalised
    body : bool (slices, rows, columns)
    """
    measured = _Measures(limits)
    left_out: list[tuple[str, str]] = []
    rise = None if evidence.before is None else enhancement(tumour, image, evidence.before)
    if rise is None:
        why = (
            "there are no images before contrast" if evidence.before is None else "the tumour is black before contrast"
        )
        left_out.append(("tumour-enhancement", why))
    else:
        words = "The segmented tissue enhances by {} with contrast"
        impossible = "enhancement_impossible" if evidence.is_confirmed else None
        measured.at_least("tumour-enhancement", rise, words, _percent, "enhancement_doubtful", impossible)
    brightness = brightness_in_body(tumour, image, body)
    contrast = contrast_to_surroundings(tumour, image, body)
    if brightness is None or contrast is None:
        left_out.append(("tumour-contrast", "no tissue lies around the tumour in the image"))
        return Judgement(tuple(measured.checks), tuple(left_out))
    is_decisive = evidence.fat_suppressed or (rise is not None and rise < limits.enhancement_doubtful)
    is_dark = contrast < limits.contrast_impossible and brightness < limits.brightness_impossible
    refusing = is_decisive and is_dark
    words = "The segmented tissue is hardly brighter than its surroundings: with a probability of {}"
    if contrast < limits.contrast_impossible:
        words = "The segmented tissue is no brighter than its surroundings: with a probability of {}"
    measured.at_least(
        "tumour-contrast", contrast, words, _number, "contrast_doubtful", "contrast_impossible" if refusing else None
    )
    words = "{} of the other tissue in the image is darker than the segmented tissue"
    measured.at_least(
        "tumour-brightness",
        brightness,
        words,
        _percent,
        "brightness_doubtful",
        "brightness_impossible" if refusing else None,
    )
    return Judgement(tuple(measured.checks), tuple(left_out))


def reasons(judgement: Judgement, sequence: MrSequence) -> tuple[Reason, ...]:
    """Reasons against an answer about this mask; how small it is on each grid, `prepare` says."""
    found: list[Reason] = []
    for one in judgement.checks:
        if one.verdict is Verdict.OK or one.code == "tumour-small":
            continue
        state = _STATES[one.verdict]
        is_first = state is State.NOT_COMPUTABLE and all(reason.state is not state for reason in found)
        start = (
            f"The segmentation on {sequence.label} cannot be a breast tumour."
            if is_first
            else f"The tumour on {sequence.label}:"
        )
        setting = f"plausibility.{one.setting}"
        found.append(Reason(one.code, state, f"{start} {one.sentence}", one.found, one.expected, setting))
    return tuple(found)


def not_checked(judgement: Judgement, sequence: MrSequence) -> tuple[QualityNote, ...]:
    """Notes for the report on checks that could not be made."""
    return tuple(
        QualityNote(f"{code}-not-checked", Severity.NOTE, f"{_LEFT_OUT[code]}, because {why}.", sequence)
        for code, why in judgement.left_out
    )


_STATES = {Verdict.CONDITIONAL: State.CONDITIONAL, Verdict.NOT_COMPUTABLE: State.NOT_COMPUTABLE}
_LEFT_OUT = {
    "tumour-enhancement": "Whether the tumour enhances with contrast was not checked",
    "tumour-contrast": "Whether the tumour is brighter than its surroundings was not checked",
}


def longest_diameter_mm(tumour: Roi) -> float:
    """Longest distance between voxel centres of a mask, in mm.

    Found by going to the voxel that is furthest along a direction and its opposite, and along the line between the two
    again until it grows no more, from directions all around: exact but for shapes with several nearly equal diameters.
    """
    rows = tumour.mask.any(axis=2)
    first, last = (
        tumour.mask.argmax(axis=2)[rows],
        tumour.mask.shape[2] - 1 - tumour.mask[:, :, ::-1].argmax(axis=2)[rows],
    )
    ends = np.argwhere(rows)
    voxels = np.concatenate([np.column_stack([ends, first]), np.column_stack([ends, last])])
    points = voxels @ tumour.affine[:3, :3].T
    longest = 0.0
    for start in _around(24):
        direction, length = start, -1.0
        while True:
            along = points @ direction
            between = points[int(along.argmax())] - points[int(along.argmin())]
            distance = float(np.linalg.norm(between))
            if distance <= length * (1 + 1e-9) or distance == 0:
                break
            length, direction = distance, between / distance
        longest = max(longest, length)
    return longest


def brightness_in_body(tumour: Roi, image: Volume, body: NDArray[np.bool_]) -> float | None:
    """Share of the other voxels of the body that are darker than the median of the tumour; None without others."""
    others = image.voxels[body & ~tumour.mask]
    if not others.size:
        return None
    return float(np.count_nonzero(others < np.median(image.voxels[tumour.mask])) / others.size)


def contrast_to_surroundings(tumour: Roi, image: Volume, body: NDArray[np.bool_]) -> float | None:
    """Probability that a voxel of the tumour is brighter than one of the body within `RING_MM` around it.

    The area under the ROC curve (Mann and Whitney 1947; ties count half). None when there is no such voxel around it.
    """
    margin = np.ceil(RING_MM[1] / np.array(tumour.spacing_mm)).astype(int)
    used = (np.logical_or.reduce(tumour.mask, axis=axes) for axes in ((1, 2), (0, 2), (0, 1)))
    box = tuple(
        slice(max(int(one.argmax()) - reach, 0), one.size - int(one[::-1].argmax()) + reach)
        for one, reach in zip(used, margin, strict=True)
    )
    # Here: the settings name the limits, and commands that compute nothing read them.
    from models.distance import squared_distance_mm2

    near, far = (limit + _TOLERANCE_MM for limit in RING_MM)
    mask = tumour.mask[box]
    squared = squared_distance_mm2(mask, spacing_mm=tumour.spacing_mm, reach_mm=far)
    in_ring = (squared > near**2) & np.isfinite(squared)
    around = np.sort(image.voxels[box][in_ring & body[box]])
    if not around.size:
        return None
    inside = np.sort(image.voxels[box][mask])  # in order, so that the search below finds its place near the last one
    darker = np.searchsorted(around, inside, side="left").sum() + np.searchsorted(around, inside, side="right").sum()
    return float(darker / 2 / inside.size / around.size)


def enhancement(tumour: Roi, image: Volume, before: Volume) -> float | None:
    """Rise of the median of the tumour from `before` to `image`, as a share of before; None where that is not above 0.

    Parameters
    ----------
    before : the slices of the tumour, or more, on the grid of `image`

    Raises
    ------
    ValueError
        When `before` does not hold the slices of the tumour.
    """
    first = round(float((np.linalg.inv(image.affine) @ np.append(before.origin_mm, 1))[0]))
    mask = tumour.mask[first : first + before.shape[0]]
    if mask.shape != before.shape or np.count_nonzero(mask) != np.count_nonzero(tumour.mask):
        raise ValueError(f"slices {first + 1} to {first + before.shape[0]} of the image do not hold the tumour")
    unenhanced = float(np.median(before.voxels[mask]))
    if unenhanced <= 0:
        return None
    return float(np.median(image.voxels[tumour.mask])) / unenhanced - 1


class _Measures:
    """Holds values against the limits of their names, and keeps the checks."""

    def __init__(self, limits: PlausibilityLimits) -> None:
        self._limits = limits
        self.checks: list[Check] = []

    def at_most(
        self, code: str, value: float, words: str, unit: _InWords, doubtful: str | None, impossible: str | None
    ) -> None:
        """A value that is doubtful or impossible above its limits; a limit of no name does not apply."""
        self._add(code, value, words, unit, (doubtful, impossible), sign=1)

    def at_least(
        self, code: str, value: float, words: str, unit: _InWords, doubtful: str | None, impossible: str | None
    ) -> None:
        """A value that is doubtful or impossible below its limits; a limit of no name does not apply."""
        self._add(code, value, words, unit, (doubtful, impossible), sign=-1)

    def _add(
        self, code: str, value: float, words: str, unit: _InWords, names: tuple[str | None, str | None], *, sign: int
    ) -> None:
        verdict, decided = Verdict.OK, next(name for name in names if name is not None)
        for name, worse in zip(names, (Verdict.CONDITIONAL, Verdict.NOT_COMPUTABLE), strict=True):
            if name is not None and sign * (value - getattr(self._limits, name)) > 0:
                verdict, decided = worse, name
        found, limit = apart(value, getattr(self._limits, decided), unit, places=0)
        expected = f"{'at most' if sign > 0 else 'at least'} {limit}"
        is_ok = verdict is Verdict.OK
        sentence = "" if is_ok else f"{words.format(found)}; {expected} was expected."
        self.checks.append(Check(code, verdict, float(value), found, expected, sentence, "" if is_ok else decided))


_InWords = Callable[[float, int], str]  # of a value, with so many more decimals than usual


def _cm3(value: float, more: int) -> str:
    return f"{value:,.{more + (2 if value < 100 else 0)}f} cm³"


def _mm(value: float, more: int) -> str:
    return f"{value:.{more}f} mm"


def _percent(value: float, more: int) -> str:
    return share_of(value, more).replace("%", " %")


def _number(value: float, more: int) -> str:
    return f"{value:.{2 + more}f}"


def _slices(value: float, more: int) -> str:
    return f"{value:.{more}f} slice{'' if value == 1 else 's'}"


def _voxels(value: float, more: int) -> str:
    return f"{value:,.{more}f} voxel{'' if value == 1 else 's'}"


def _around(count: int) -> NDArray[np.float64]:
    """Unit vectors spread over half a sphere (golden spiral), float64 (count, 3)."""
    z = (np.arange(count) + 0.5) / count
    angle = np.pi * (1 + 5**0.5) * np.arange(count)
    radius = np.sqrt(1 - z**2)
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle), z])
