"""Rules, as data, for the T1+C series, the T2W series and the tumour segment; the assignment overrides
them.

A rule is regular expressions and numeric ranges on DICOM attributes by keyword. The rules of a role are in order: the
first rule that any series fits decides, and when more than one series fits it the study is refused with the list.
Scores and weights were rejected: nobody can tell from a score why a series was taken.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Self, TypeVar

from pydicom.datadict import tag_for_keyword

from dicom_io.default_rules import EXCLUDE, NOT_TUMOUR, T1C, T2W, TUMOUR
from models.acquisition import AcquisitionRange, SeveralTumours, TrainingImages
from models.errors import SetupError

_Member = TypeVar("_Member", bound=StrEnum)

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


def _mistakes_of_rule(rule: Rule) -> list[str]:
    mistakes = [] if rule.name else ["it has no name"]
    mistakes += [
        f"'{keyword}' is not a DICOM keyword"
        for keyword in rule.keywords
        if keyword not in COUNTED and tag_for_keyword(keyword) is None
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


_SHIPPED: Mapping[str, tuple[Rule, ...]] = {
    role: tuple(Rule(**rule) for rule in rules)
    for role, rules in (
        ("t1c", T1C),
        ("t2w", T2W),
        ("exclude", EXCLUDE),
        ("tumour", TUMOUR),
        ("not_tumour", NOT_TUMOUR),
    )
}


_LIMITS = {"registration_limit_mm": 20.0, "registration_limit_degrees": 10.0}


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
    phase: int | None = None
    phase_from_segmentation: bool = True
    several_tumours: SeveralTumours | None = None
    hole_limit_slices: int = 3
    value_mapping: ValueMapping = ValueMapping.RESCALE
    registration: Registration = Registration.NONE
    registration_limit_mm: float = 20.0
    registration_limit_degrees: float = 10.0
    usual: AcquisitionRange = field(default_factory=AcquisitionRange)
    models: Mapping[str, TrainingImages] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.phase is not None and self.phase < 1:
            raise SetupError(f"phase is {self.phase}; 1 (the first phase) or more was expected.")
        if self.hole_limit_slices < 0:
            raise SetupError(f"hole_limit_slices is {self.hole_limit_slices}; 0 or more was expected.")
        for name in _LIMITS:
            if not getattr(self, name) > 0:
                raise SetupError(f"{name} is {getattr(self, name):g}; more than 0 was expected.")
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
        """Rules from a plain mapping, as a TOML table gives it.

        `t1c`, `t2w`, `exclude`, `tumour` and `not_tumour` are lists of tables with `name`, `matches`, `unless` and
        `ranges`; they precede the built-in rules, or replace them all with `defaults = false`. The other
        keys are the attributes of this class.

        Raises
        ------
        SetupError
            One error that names every mistake: unknown keys, unknown DICOM keywords, wrong types, regular expressions
            that do not compile, ranges that are empty.
        """
        mistakes: list[str] = []
        known = {item.name for item in fields(cls)} - {"models"} | {"defaults"}
        mistakes += [_unknown(key, known) for key in mapping if key not in known]
        with_defaults = _typed(mapping, "defaults", bool, True, mistakes)
        lists = {
            role: _rules(mapping.get(role, ()), role, mistakes) + (shipped if with_defaults else ())
            for role, shipped in _SHIPPED.items()
        }
        phase = _typed(mapping, "phase", int, None, mistakes)
        if phase is not None and phase < 1:
            mistakes.append(f"phase is {phase}; 1 (the first phase) or more was expected")
        limit = _typed(mapping, "hole_limit_slices", int, 3, mistakes)
        if limit < 0:
            mistakes.append(f"hole_limit_slices is {limit}; 0 or more was expected")
        several = None
        if "several_tumours" in mapping:
            several = _member(mapping, "several_tumours", SeveralTumours.UNION, mistakes)
        value_mapping = _member(mapping, "value_mapping", ValueMapping.RESCALE, mistakes)
        registration = _member(mapping, "registration", Registration.NONE, mistakes)
        limit_mm, limit_degrees = (_above_zero(mapping, name, default, mistakes) for name, default in _LIMITS.items())
        from_segmentation = _typed(mapping, "phase_from_segmentation", bool, True, mistakes)
        usual = _expectations(mapping.get("usual", {}), mistakes)
        if mistakes:
            raise SetupError("The selection rules are wrong: " + "; ".join(mistakes) + ".")
        return cls(
            t1c=lists["t1c"],
            t2w=lists["t2w"],
            exclude=lists["exclude"],
            tumour=lists["tumour"],
            not_tumour=lists["not_tumour"],
            phase=phase,
            phase_from_segmentation=from_segmentation,
            several_tumours=several,
            hole_limit_slices=limit,
            value_mapping=value_mapping,
            registration=registration,
            registration_limit_mm=limit_mm,
            registration_limit_degrees=limit_degrees,
            usual=usual,
        )


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
        chosen: dict[str, list[str]] = {"t1c": [], "t2w": [], "tumour": []}
        mistakes: list[str] = []
        for text in texts:
            role, equals, value = (part.strip() for part in text.partition("="))
            if not equals or not value:
                mistakes.append(f"'{text}' has no role and value; ROLE=SERIES was expected, as in t1c=1.2.840.1")
            elif role not in chosen:
                mistakes.append(f"'{role}' is not a role; t1c, t2w or tumour was expected")
            else:
                chosen[role].append(value)
        mistakes += [
            f"{role} is assigned {len(chosen[role])} times; once was expected"
            for role in ("t1c", "t2w")
            if len(chosen[role]) > 1
        ]
        if mistakes:
            raise SetupError("The assignment of series is wrong: " + "; ".join(mistakes) + ".")
        return cls(t1c="".join(chosen["t1c"]), t2w="".join(chosen["t2w"]), tumour=tuple(chosen["tumour"]))


NO_ASSIGNMENT = Assignment()


def _shown(keyword: str, values: Mapping[str, str]) -> str:
    return f'{keyword} "{values[keyword]}"' if values.get(keyword) else f"{keyword} (absent)"


def _number(text: str) -> float | None:
    try:
        return float(text.split("\\")[0])
    except ValueError:
        return None


def _unknown(key: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(str(key), sorted(known), n=1)
    return f"'{key}' is not a setting" + (f" (did you mean '{near[0]}'?)" if near else "")


def _typed(mapping: Mapping[str, Any], key: str, kind: type, default: Any, mistakes: list[str]) -> Any:
    value = mapping.get(key, default)
    if key in mapping and type(value) is not kind:
        mistakes.append(f"{key} is {value!r}; {kind.__name__} was expected")
        return default
    return value


def _member(mapping: Mapping[str, Any], key: str, default: _Member, mistakes: list[str]) -> _Member:
    value = mapping.get(key, default.value)
    kind = type(default)
    if value not in list(kind):
        mistakes.append(f"{key} is {value!r}; {', '.join(kind)} was expected")
        return default
    return kind(value)


def _above_zero(mapping: Mapping[str, Any], key: str, default: float, mistakes: list[str]) -> float:
    value = mapping.get(key, default)
    if type(value) not in (int, float) or not value > 0:
        mistakes.append(f"{key} is {value!r}; a number above 0 was expected")
        return default
    return float(value)


def _expectations(table: Any, mistakes: list[str]) -> AcquisitionRange:
    if not isinstance(table, Mapping):
        mistakes.append(f"usual is {table!r}; a table was expected")
        return AcquisitionRange()
    try:
        return AcquisitionRange.from_mapping(table)
    except SetupError as error:
        mistakes.append(f"usual: {error}")
        return AcquisitionRange()


def _rules(tables: Any, role: str, mistakes: list[str]) -> tuple[Rule, ...]:
    if not isinstance(tables, Sequence) or isinstance(tables, str):
        mistakes.append(f"{role} is {type(tables).__name__}; a list of rules was expected")
        return ()
    rules: list[Rule] = []
    for number, table in enumerate(tables, start=1):
        where = f"rule {number} of {role}"
        if not isinstance(table, Mapping):
            mistakes.append(f"{where} is {type(table).__name__}; a table was expected")
            continue
        before = len(mistakes)
        known = {item.name for item in fields(Rule)}
        mistakes += [f"{where}: {_unknown(key, known)}" for key in table if key not in known]
        if not isinstance(table.get("name"), str):
            mistakes.append(f"{where} has no name; a text that explains it was expected")
        texts = {key: _texts(table.get(key, {}), f"{where}, {key}", mistakes) for key in ("matches", "unless")}
        ranges = _ranges(table.get("ranges", {}), f"{where}, ranges", mistakes)
        if len(mistakes) > before:
            continue
        try:
            rules.append(Rule(name=table["name"], ranges=ranges, **texts))
        except SetupError as error:
            mistakes.append(f"{where}: {str(error).rstrip('.')}")
    return tuple(rules)


def _texts(table: Any, where: str, mistakes: list[str]) -> dict[str, str]:
    if not isinstance(table, Mapping) or not all(isinstance(value, str) for value in table.values()):
        mistakes.append(f'{where} is {table!r}; a table of keyword = "regular expression" was expected')
        return {}
    return dict(table)


def _ranges(table: Any, where: str, mistakes: list[str]) -> dict[str, tuple[float, float]]:
    def is_pair(value: Any) -> bool:
        return (
            isinstance(value, Sequence)
            and len(value) == 2
            and all(isinstance(number, int | float) and not isinstance(number, bool) for number in value)
        )

    if not isinstance(table, Mapping) or not all(is_pair(value) for value in table.values()):
        mistakes.append(f"{where} is {table!r}; a table of keyword = [smallest, largest] was expected")
        return {}
    return {keyword: (float(low), float(high)) for keyword, (low, high) in table.items()}
