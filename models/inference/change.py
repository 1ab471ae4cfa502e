"""Change between two studies of one patient: what may be compared, and the numbers then and now.

Two answers are compared only where the same models, the same settings and images of the same kind gave them; every
reason against it is in a closed list, so that it is said and not passed over. Nothing here says what a change means:
the response of a tumour is for a radiologist to say, who sees all lesions (RECIST 1.1).

Nothing here reads a file or an object. Facts of an answered study travel as JSON, since they are kept with its results.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Self

from models.acquisition import Acquisition
from models.inference.outcome import Group, Quantity
from models.validity import State
from models.volume import Sequence as MrSequence


class Obstacle(StrEnum):
    """Reasons why an earlier study is not compared; the first of them that holds is said first."""

    OTHER_PATIENT_ID = "other-patient-id"  # it differs in a letter or its case
    ISSUER_MISSING = "issuer-missing"  # one of the two says who issued the Patient ID, the other does not
    OTHER_ISSUER = "other-issuer"  # two patients with one ID
    OTHER_BIRTH_DATE = "other-birth-date"
    OTHER_SEX = "other-sex"
    NO_DATE = "no-date"  # one of the two has no Study Date
    NOT_EARLIER = "not-earlier"  # of the same day or later
    NOT_FETCHED = "not-fetched"  # the archive did not send all of it
    NO_ANSWER = "no-answer"  # it could not be answered: no segmentation, no contrast series, …
    OTHER_MODELS = "other-models"  # no model package of the two answers is the same
    OTHER_SETTINGS = "other-settings"  # features were computed with other settings
    NO_IMAGES = "no-images"  # no sequence was measured in both
    OTHER_VENDOR = "other-vendor"  # Manufacturer
    OTHER_SCANNER = "other-scanner"  # Manufacturer's Model Name
    OTHER_FIELD = "other-field"  # Magnetic Field Strength
    OTHER_TECHNIQUE = "other-technique"  # one is a phase of a dynamic series, the other a single series
    OTHER_VOXELS = "other-voxels"
    OTHER_SIDE = "other-side"  # the tumours are in different breasts
    LATER_ONE_USED = "later-one-used"  # another earlier study is nearer in time, and is compared


@dataclass(frozen=True)
class ComparisonLimits:
    """Limits of the differences between images of two studies, each included.

    Attributes
    ----------
    voxel_fraction : of each voxel size, relative to that of the earlier study
    field_strength_t : of the field strength
    """

    voxel_fraction: float = 0.2
    field_strength_t: float = 0.1


@dataclass(frozen=True)
class ImagesMeasured:
    """Images of one sequence.

    Attributes
    ----------
    manufacturer, scanner : as the headers state them, without spaces at the ends, in capitals
    is_dynamic : a phase of several
    """

    manufacturer: str
    scanner: str
    acquisition: Acquisition
    is_dynamic: bool


@dataclass(frozen=True)
class TumourSize:
    """Size of the tumour on one sequence; all 0 where the segment is empty.

    Attributes
    ----------
    lengths_mm : name of the feature → length in mm ("original_shape_Maximum3DDiameter")
    """

    volume_mm3: float
    lengths_mm: Mapping[str, float]

    @property
    def is_empty(self) -> bool:
        """Returns whether no tumour was segmented."""
        return self.volume_mm3 == 0.0


@dataclass(frozen=True)
class ModelAnswered:
    """Answer of one model; without a score where its state does not show one.

    Attributes
    ----------
    low, high : ends of the plausible range of `value`; None where it is not known
    """

    name: str
    version: str
    digest: str
    title: str
    quantity: Quantity
    state: State
    value: float | None = None
    low: float | None = None
    high: float | None = None
    group: Group | None = None


@dataclass(frozen=True)
class StudyMeasured:
    """An answered study, as far as a later one is compared with it; no patient data.

    Attributes
    ----------
    settings : digest of all settings that determine the numbers
    software : version of the software
    side : L, R, B or ""
    """

    settings: str
    software: str
    side: str
    sizes: Mapping[MrSequence, TumourSize]
    images: Mapping[MrSequence, ImagesMeasured]
    models: Sequence[ModelAnswered]

    def as_json(self) -> dict[str, Any]:
        """For the results it is kept with."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """From what `as_json` gave, also through a JSON file."""
        return cls(
            settings=values["settings"],
            software=values["software"],
            side=values["side"],
            sizes={MrSequence(name): TumourSize(**size) for name, size in values["sizes"].items()},
            images={
                MrSequence(name): ImagesMeasured(**{**one, "acquisition": Acquisition(**one["acquisition"])})
                for name, one in values["images"].items()
            },
            models=tuple(
                ModelAnswered(
                    **{
                        **one,
                        "quantity": Quantity(one["quantity"]),
                        "state": State(one["state"]),
                        "group": one["group"] and Group(one["group"]),
                    }
                )
                for one in values["models"]
            ),
        )


@dataclass(frozen=True)
class Difference:
    """A number of both studies.

    Attributes
    ----------
    absolute : now minus then
    fraction : of the number then; None where that is 0
    """

    then: float
    now: float

    @property
    def absolute(self) -> float:
        """Now minus then, in the same unit."""
        return self.now - self.then

    @property
    def fraction(self) -> float | None:
        """Difference relative to the number then; None where that is 0."""
        return None if self.then == 0 else (self.now - self.then) / self.then


@dataclass(frozen=True)
class Change:
    """Change from an earlier study to this one.

    Attributes
    ----------
    interval_days : from Study Date to Study Date
    volumes_mm3 : sequence → volume of the tumour
    lengths_mm : (sequence, feature) → length
    models : answers then and now of each model that gave both, same package
    only_then, only_now : titles of models that only one of the two studies was answered by
    is_empty_then, is_empty_now : no tumour was segmented
    """

    interval_days: int
    volumes_mm3: Mapping[MrSequence, Difference]
    lengths_mm: Mapping[tuple[MrSequence, str], Difference]
    models: Sequence[tuple[ModelAnswered, ModelAnswered]]
    only_then: Sequence[str]
    only_now: Sequence[str]
    is_empty_then: bool
    is_empty_now: bool


def obstacles(
    then: StudyMeasured, now: StudyMeasured, *, limits: ComparisonLimits = ComparisonLimits()
) -> tuple[Obstacle, ...]:
    """Reasons why two answers are not compared, in the order of `Obstacle`; empty where they are."""
    if not then.sizes:
        return (Obstacle.NO_ANSWER,)
    found: set[Obstacle] = set()
    if not {_package(one) for one in then.models} & {_package(one) for one in now.models}:
        found.add(Obstacle.OTHER_MODELS)
    if then.settings != now.settings:
        found.add(Obstacle.OTHER_SETTINGS)
    common = _common(then, now)
    if not common:
        found.add(Obstacle.NO_IMAGES)
    for sequence in common:
        found |= _unlike(then.images[sequence], now.images[sequence], limits)
    if {then.side, now.side} == {"L", "R"}:
        found.add(Obstacle.OTHER_SIDE)
    return tuple(one for one in Obstacle if one in found)


def change(then: StudyMeasured, now: StudyMeasured, *, day_then: date, day_now: date) -> Change:
    """The numbers then and now of two answers without `obstacles`."""
    common = _common(then, now)
    earlier = {_package(one): one for one in then.models}
    later = {_package(one): one for one in now.models}
    return Change(
        interval_days=(day_now - day_then).days,
        volumes_mm3={
            sequence: Difference(then.sizes[sequence].volume_mm3, now.sizes[sequence].volume_mm3) for sequence in common
        },
        lengths_mm={
            (sequence, name): Difference(*lengths)
            for sequence in common
            for name, lengths in _lengths(then.sizes[sequence], now.sizes[sequence]).items()
        },
        models=tuple((earlier[package], one) for package, one in later.items() if package in earlier),
        only_then=tuple(one.title for package, one in earlier.items() if package not in later),
        only_now=tuple(one.title for package, one in later.items() if package not in earlier),
        is_empty_then=all(then.sizes[sequence].is_empty for sequence in common),
        is_empty_now=all(now.sizes[sequence].is_empty for sequence in common),
    )


def _common(then: StudyMeasured, now: StudyMeasured) -> tuple[MrSequence, ...]:
    """Sequences that were measured in both."""
    measured = [set(one.sizes) & set(one.images) for one in (then, now)]
    return tuple(sequence for sequence in MrSequence if all(sequence in each for each in measured))


def _package(model: ModelAnswered) -> tuple[str, str]:
    return model.name, model.digest


def _lengths(then: TumourSize, now: TumourSize) -> dict[str, tuple[float, float]]:
    """Lengths of both; an empty segment has the length 0."""
    names = dict.fromkeys([*then.lengths_mm, *now.lengths_mm])
    pairs = {}
    for name in names:
        values = [0.0 if size.is_empty else size.lengths_mm.get(name) for size in (then, now)]
        if values[0] is not None and values[1] is not None:
            pairs[name] = (values[0], values[1])
    return pairs


def _unlike(then: ImagesMeasured, now: ImagesMeasured, limits: ComparisonLimits) -> set[Obstacle]:
    """Obstacles between two images; a value that one of them does not state is none to compare."""
    found = set()
    if then.manufacturer != now.manufacturer:
        found.add(Obstacle.OTHER_VENDOR)
    elif then.scanner != now.scanner:
        found.add(Obstacle.OTHER_SCANNER)
    if then.is_dynamic != now.is_dynamic:
        found.add(Obstacle.OTHER_TECHNIQUE)
    fields = (then.acquisition.field_strength_t, now.acquisition.field_strength_t)
    if fields != (None, None) and not _is_near(*fields, limits.field_strength_t):
        found.add(Obstacle.OTHER_FIELD)
    for name in ("slice_mm", "row_mm", "column_mm"):
        size, other = getattr(then.acquisition, name), getattr(now.acquisition, name)
        if size is not None and other is not None and not _is_near(size, other, limits.voxel_fraction * size):
            found.add(Obstacle.OTHER_VOXELS)
    return found


def _is_near(one: float | None, other: float | None, most: float) -> bool:
    """Returns whether two numbers are known and differ by no more than `most`."""
    return one is not None and other is not None and math.isclose(one, other, rel_tol=0.0, abs_tol=most + 1e-9)
