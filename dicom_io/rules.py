"""Rules, as data, for the T1+C series, the T2W series and the tumour segment; the assignment overrides
them.

A rule is regular expressions and numeric ranges on DICOM attributes by keyword. The rules of a role are in order: the
first rule that any series fits decides, and when more than one series fits it the study is refused with the list.
Scores and weights were rejected: nobody can tell from a score why a series was taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Annotated, Any, Self

from dicom_io.default_rules import SHIPPED
from dicom_io.roles import ROLES, RULED, TUMOUR
from models.acquisition import AcquisitionRange, SeveralTumours, TrainingImages
from models.errors import SetupError
from models.number_words import counted
from models.typed_tables import NOT_IN_FILE, Above, AtLeast, check, read_fields, read_whole
from models.volume import Sequence as MrSequence

# Attributes of a series that are counted, not read: images at each position, and positions.
COUNTED = ("Phases", "Slices")


class Registration(StrEnum):
    """Treatment of T1+C and T2W in different Frames of Reference."""

    NONE = "none"  # refuse the study
    RIGID = "rigid"  # register the images and carry the tumour over, with a quality note


class ValueMapping(StrEnum):
    """Mapping of stored values to the values of the images."""

    RESCALE = "rescale"  # Rescale Slope and Intercept, where there are any
    PHILIPS = "philips"  # Philips' scaling to signal where images state it (`philips`), else Rescale
    REAL_WORLD = "real-world"  # the one linear Real World Value Mapping of each image; images without are refused


# Those of the shipped rules, and most of what a site uses: for them the dictionary need not be loaded.
_USUAL_KEYWORDS = {
    keyword
    for rules in SHIPPED.values()
    for rule in rules
    for conditions in ("matches", "unless", "ranges")
    for keyword in rule.get(conditions, ())
}


def _is_keyword(keyword: str) -> bool:
    """Returns whether the dictionary has a keyword."""
    if keyword in _USUAL_KEYWORDS:
        return True
    from pydicom.datadict import tag_for_keyword  # loads pydicom, for a keyword of a site's own

    return tag_for_keyword(keyword) is not None


def _mistakes_of_rule(rule: Rule) -> list[str]:
    """Everything wrong with one rule, in words."""
    mistakes = [] if rule.name else ["it has no name"]
    mistakes += [
        f"'{keyword}' is not a DICOM keyword"
        for keyword in rule.keywords
        if keyword not in COUNTED and not _is_keyword(keyword)
    ]
    for keyword, pattern in (*rule.matches.items(), *rule.unless.items()):
        try:
            re.compile(pattern)
        except re.error as error:
            mistakes.append(f"/{pattern}/ for {keyword} is not a regular expression ({error})")
    mistakes += [
        f"the range of {keyword} is {low:g} to {high:g}, which is empty"
        for keyword, (low, high) in rule.ranges.items()
        if not low <= high
    ]
    if not rule.keywords:
        mistakes.append("it has no condition; matches, unless or ranges was expected")
    return mistakes


@dataclass(frozen=True)
class Rule:
    """Conditions on the attributes of one series or segment; all of them must hold.

    Attributes
    ----------
    name : what a reader sees as the reason ("dynamic series by its description")
    matches : keyword → regular expression that must be found in the value (case is ignored; an absent attribute is
        the empty text; several values are joined by a backslash; a code is written "SCT 108369006 Neoplasm")
    unless : keyword → regular expression that must not be found
    ranges : keyword → (smallest, largest) value, both allowed; an absent or non-numeric value does not match
    """

    name: str
    matches: Mapping[str, str] = field(default_factory=dict)
    unless: Mapping[str, str] = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if mistakes := _mistakes_of_rule(self):
            raise SetupError(f"The rule '{self.name}' is wrong: {'; '.join(mistakes)}.")

    @property
    def keywords(self) -> tuple[str, ...]:
        """Every attribute the rule looks at, each once."""
        return tuple(dict.fromkeys((*self.matches, *self.unless, *self.ranges)))

    def objection(self, values: Mapping[str, str]) -> str:
        """The first condition that does not hold, in words; empty when the rule fits."""
        for keyword, pattern in self.matches.items():
            if not re.search(pattern, values.get(keyword, ""), re.IGNORECASE):
                return f"{_shown(keyword, values)} does not match /{pattern}/"
        for keyword, pattern in self.unless.items():
            if found := re.search(pattern, values.get(keyword, ""), re.IGNORECASE):
                return f"{_shown(keyword, values)} contains '{found.group()}'"
        for keyword, (low, high) in self.ranges.items():
            number = _number(values.get(keyword, ""))
            if number is None or not low <= number <= high:
                return f"{_shown(keyword, values)} is not within {low:g} to {high:g}"
        return ""


def keywords_of(rules: Iterable[Rule]) -> tuple[str, ...]:
    """Every attribute that some of the rules look at, each once."""
    return tuple(dict.fromkeys(keyword for rule in rules for keyword in rule.keywords))


_SHIPPED: Mapping[str, tuple[Rule, ...]] = {
    role: tuple(Rule(**rule) for rule in rules) for role, rules in SHIPPED.items()
}


@dataclass(frozen=True)
class SelectionRules:
    """Rules that give series and segments their roles.

    Attributes
    ----------
    t1c, t2w : rules in order for the contrast-enhanced T1 series and the T2-weighted series
    exclude : series that are neither, whatever else they fit (localizers, subtractions, projections, diffusion, maps)
    tumour : rules in order for the segment that is the tumour
    not_tumour : segments that are not, whatever else they fit (peritumoral tissue, lymph nodes, cysts)
    phase : one-based phase of a dynamic series, or None for the first after contrast
    phase_from_segmentation : take the phase a tumour segmentation refers to, where it refers to exactly one
    newest_segmentation : of two objects with a segmentation of the same region, the newer counts
    several_tumours : what to do with more than one tumour segment on one sequence; None leaves it to the models
    hole_limit_slices : largest run of empty slices inside a tumour that is reported; a longer one is refused
    value_mapping : what turns stored values into values
    registration : what to do with different Frames of Reference
    registration_limit_mm, registration_limit_degrees : a larger motion is not believed, and the study refused
    usual : voxel sizes and field strengths outside of which a quality note is made; what is None is left to the models
    models : name of each model the study is read for → its training images
    """

    t1c: tuple[Rule, ...] = _SHIPPED["t1c"]
    t2w: tuple[Rule, ...] = _SHIPPED["t2w"]
    exclude: tuple[Rule, ...] = _SHIPPED["exclude"]
    tumour: tuple[Rule, ...] = _SHIPPED["tumour"]
    not_tumour: tuple[Rule, ...] = _SHIPPED["not_tumour"]
    phase: Annotated[int, AtLeast(1)] | None = None
    phase_from_segmentation: bool = True
    newest_segmentation: bool = True
    several_tumours: SeveralTumours | None = None
    hole_limit_slices: Annotated[int, AtLeast(0)] = 3
    value_mapping: ValueMapping = ValueMapping.RESCALE
    registration: Registration = Registration.NONE
    registration_limit_mm: Annotated[float, Above(0)] = 20.0
    registration_limit_degrees: Annotated[float, Above(0)] = 10.0
    usual: AcquisitionRange = field(default_factory=AcquisitionRange)
    models: Mapping[str, TrainingImages] = field(default_factory=dict, metadata=NOT_IN_FILE)

    def of(self, role: str) -> tuple[Rule, ...]:
        """The rules of a role, in order: of a sequence, or of one of `RULED`."""
        rules: tuple[Rule, ...] = getattr(self, role)
        return rules

    def __post_init__(self) -> None:
        check(self)
        wanted = {title: images.several_tumours for title, images in self.models.items() if images.several_tumours}
        if self.several_tumours is None and len(set(wanted.values())) > 1:
            listed = ", ".join(f"'{title}' {choice}" for title, choice in wanted.items())
            raise SetupError(
                f"The models were trained differently on patients with several tumours ({listed}); one way was "
                "expected: set several_tumours in [reading], or run them in services of their own."
            )

    @property
    def tumours_together(self) -> SeveralTumours:
        """Treatment of several tumours: by the settings, else as the models were trained, else the union."""
        wanted = [images.several_tumours for images in self.models.values() if images.several_tumours]
        return self.several_tumours or (wanted[0] if wanted else SeveralTumours.UNION)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Self:
        """Rules from a plain mapping, as the table `[reading]` of the settings gives it.

        Raises
        ------
        SetupError
            One error that names every mistake.
        """
        return read_whole(cls, mapping, what="The table of selection rules", where="reading")

    @classmethod
    def from_table(cls, table: Mapping[str, Any], *, where: str, mistakes: list[str]) -> Self | None:
        """Rules from a TOML table; every mistake is appended to `mistakes`, and None is returned then.

        `t1c`, `t2w`, `exclude`, `tumour` and `not_tumour` are lists of tables with `name`, `matches`, `unless` and
        `ranges`; they stand before the rules that ship, or replace them all where `defaults = false`. The other
        keys are the attributes of this class.
        """
        with_defaults = table.get("defaults", True)
        if not isinstance(with_defaults, bool):
            mistakes.append(f"{where}.defaults is {with_defaults!r}; expected true or false")
        own = dict.fromkeys(RULED, ()) | {key: value for key, value in table.items() if key != "defaults"}
        rules = read_fields(cls, own, where=where, mistakes=mistakes, also=("defaults",))
        if rules is None or not with_defaults:
            return rules
        lists: dict[str, Any] = {role: rules.of(role) + shipped for role, shipped in _SHIPPED.items()}
        return replace(rules, **lists)


@dataclass(frozen=True)
class Assignment:
    """An explicit choice that overrides the rules; each value is a Series Instance UID or a description.

    Attributes
    ----------
    t1c, t2w : the series, or empty to go by the rules; t2w may be "none" for a study that has no usable T2W series
    tumour : the segmentations: Series or SOP Instance UIDs, series descriptions or segment labels; empty to go by the
        rules
    """

    t1c: str = ""
    t2w: str = ""
    tumour: tuple[str, ...] = ()

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Self:
        """An assignment from texts like "t1c=1.2.840.1" or "t2w=AX T2 FS"; `tumour=` may be repeated.

        Raises
        ------
        SetupError
            One error that names every mistake.
        """
        chosen: dict[str, list[str]] = {role: [] for role in ROLES}
        *others, last = ROLES
        roles = f"{', '.join(others)} or {last}"
        mistakes: list[str] = []
        for text in texts:
            role, equals, value = (part.strip() for part in text.partition("="))
            if not equals or not value:
                mistakes.append(f"'{text}' has no role and value; ROLE=SERIES was expected, as in t1c=1.2.840.1")
            elif role not in chosen:
                mistakes.append(f"'{role}' is not a role; {roles} was expected")
            else:
                chosen[role].append(value)
        mistakes += [
            f"{role} is assigned {counted(len(chosen[role]), 'time')}; once was expected"
            for role, row in ROLES.items()
            if len(chosen[role]) > 1 and not row.is_repeatable
        ]
        if mistakes:
            raise SetupError("The assignment of series is wrong: " + "; ".join(mistakes) + ".")
        return cls(tumour=tuple(chosen[TUMOUR]), **{sequence: "".join(chosen[sequence]) for sequence in MrSequence})

    def of(self, sequence: MrSequence) -> str:
        """The series assigned to a sequence; empty to go by the rules."""
        series: str = getattr(self, sequence)
        return series


NO_ASSIGNMENT = Assignment()


def _shown(keyword: str, values: Mapping[str, str]) -> str:
    return f'{keyword} "{values[keyword]}"' if values.get(keyword) else f"{keyword} (absent)"


def _number(text: str) -> float | None:
    try:
        return float(text.split("\\")[0])
    except ValueError:
        return None
