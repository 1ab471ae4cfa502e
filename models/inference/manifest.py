"""`manifest.toml` of a model package as types, and the rules between its keys."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from models.acquisition import AcquisitionRange, SeveralTumours
from models.errors import PackageInvalid, SetupError
from models.inference.familiarity import FamiliarityTest
from models.inference.tasks import TASKS, Task
from models.typed_tables import Above, AtLeast, Distinct, Text, read_whole
from models.volume import Region, Sequence

MANIFEST = "manifest.toml"
SCHEMA = 1
NOT_RUNNABLE = "not runnable by the appliance: inputs come from elsewhere"

_Count = Annotated[int, AtLeast(0)]


@dataclass(frozen=True)
class FeatureOrigin:
    """Origin of the training features; an empty text means that it does not matter or is not known.

    Attributes
    ----------
    settings_digest : `FeatureSettings.digest`
    engine : `FeatureEngine.name`
    bias_correction : `BiasCorrection.name`
    """

    settings_digest: str
    engine: str
    bias_correction: str


@dataclass(frozen=True)
class Training:
    """Training data and method of the model, for people.

    Attributes
    ----------
    data : description of the patients (or of what stood in for them)
    patients, events : number of training patients; of recurrences, or of patients with high expression
    recipe : how it was trained, in words
    performance : what was measured, on whom, with its limits
    effective_parameters : of the model (`models.training.effective_parameters`); None where not known
    """

    data: Text
    patients: _Count
    events: _Count
    recipe: Text
    performance: Text
    effective_parameters: Annotated[float, AtLeast(1)] | None = None


@dataclass(frozen=True)
class OutOfFold:
    """Discrimination between the model's own training patients, each scored by a model trained without that patient.

    Attributes
    ----------
    value : the statistic of the task; .5 is chance
    low, high : 95 % interval, widened because the models share patients; 0 and 1 where there were too few events
    """

    value: float
    low: float
    high: float

    def in_words(self) -> str:
        """ "0.72 (95% 0.65 to 0.79)"."""
        return f"{self.value:.2f} (95% {self.low:.2f} to {self.high:.2f})"

    @property
    def has_signal(self) -> bool:
        """Returns whether the interval lies above chance."""
        return self.low > 0.5


@dataclass(frozen=True)
class Output:
    """The table `[output]`; `scale` and `direction` can only be those of the task and stand there for a reader."""

    scale: str
    direction: str
    cut_off: float
    horizons_months: tuple[float, ...] = ()


class InputsFrom(StrEnum):
    """Origin of a model's inputs."""

    APPLIANCE = "appliance"  # features that the appliance computes from a study
    ELSEWHERE = "elsewhere"  # columns of an imported table; only score and evaluate, on tables of the same schema


class RangeSource(StrEnum):
    """Parts a plausible range is made of; the name of the third output of its graph."""

    REFITS = "refits"  # the whole recipe trained again on bootstrap samples of the patients
    MEMBERS = "members"  # the networks of the one training


@dataclass(frozen=True)
class SpreadFacts:
    """The table `[range]`: what plausible ranges are made of, and what they held at the training.

    Attributes
    ----------
    source : refits or members
    count : number of them
    inflation : what their deviation from the score is multiplied with; another training lies farther away
    borderline : share of patients whose range holds the cut-off, the contour left out; None where not measured
    held : share of the scores of other trainings that lie in the range; None where there was no other training
    flips_shown : share of these that say the other group, among patients with a group
    whom : patients and trainings the shares were measured on
    """

    source: RangeSource
    count: Annotated[int, AtLeast(2)]
    inflation: Annotated[float, Above(0)]
    borderline: float | None = None
    held: float | None = None
    flips_shown: float | None = None
    whom: str = ""


@dataclass(frozen=True)
class StatedOutOfFold(OutOfFold):
    """The table `[out_of_fold]`: with the statistic, for a reader."""

    statistic: str


@dataclass(frozen=True)
class Manifest:
    """One manifest; the keys are explained at `ModelPackage`.

    Raises
    ------
    SetupError
        With every rule between the keys that is broken.
    """

    schema: int
    name: Text
    version: Text
    task: Task
    title: Text
    notice: Text
    output: Output
    features: FeatureOrigin
    training: Training
    out_of_fold: StatedOutOfFold
    statements: Mapping[str, str]
    files: Mapping[str, str]
    inputs_from: InputsFrom = InputsFrom.APPLIANCE
    sequences: Annotated[tuple[Sequence, ...], Distinct()] = ()
    regions: Annotated[tuple[Region, ...], Distinct()] = ()
    stands_in_for: Text = ""
    several_tumours: SeveralTumours | None = None
    acquisition: Mapping[Sequence, AcquisitionRange] = field(default_factory=dict)
    search: Mapping[str, str] = field(default_factory=dict)
    range: SpreadFacts | None = None
    familiarity: FamiliarityTest | None = None

    def __post_init__(self) -> None:
        row, output, found = TASKS[self.task], self.output, self.out_of_fold
        fixed = (
            ("output.scale", output.scale, row.scale),
            ("output.direction", output.direction, row.direction),
            ("out_of_fold.statistic", found.statistic, row.statistic),
        )
        mistakes = [f"{key} is {value!r}; expected '{only}'" for key, value, only in fixed if value != only]
        horizons = list(output.horizons_months)
        if row.has_survival and (not horizons or horizons != sorted(set(horizons)) or horizons[0] <= 0):
            mistakes.append(f"output.horizons_months is {horizons}; expected increasing positive numbers")
        if horizons and not row.has_survival:
            mistakes.append(f"output.horizons_months is {horizons}; a package of task '{self.task}' has none")
        if not 0 <= found.low <= found.value <= found.high <= 1:
            mistakes.append(f"out_of_fold is {found.in_words()}; expected 0 ≤ low ≤ value ≤ high ≤ 1")
        is_ours = self.inputs_from is InputsFrom.APPLIANCE
        for key, value in (("sequences", self.sequences), ("regions", self.regions)):
            if is_ours and not value:
                mistakes.append(f"{key} is missing; expected a list, at least one, without repetition")
            if not is_ours and value:
                mistakes.append(f"{key} is stated; a package whose inputs come from elsewhere has none")
        if self.stands_in_for == self.name:
            mistakes.append("stands_in_for names the package itself; name another or leave it out")
        mistakes += [
            f"acquisition.{sequence} is of a sequence the model does not need; expected none of it"
            for sequence in self.acquisition
            if sequence not in self.sequences
        ]
        if mistakes:
            raise SetupError("; ".join(mistakes))


def read_manifest(path: Path, content: bytes) -> Manifest:
    """Read a manifest.

    Raises
    ------
    PackageInvalid
        When it is no TOML, of another schema, or with every mistake in it.
    """
    try:
        table = tomllib.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PackageInvalid(f"{path} is not valid TOML: {error}. Copy the package again.") from error
    if (schema := table.get("schema", SCHEMA)) != SCHEMA:
        raise PackageInvalid(
            f"{path}: schema {schema} was found, {SCHEMA} was expected; install the rdeepnet version the package was "
            "made with, or make the package again."
        )
    return read_whole(Manifest, table, what=str(path), error=PackageInvalid)


def shipped_packages() -> tuple[Path, ...]:
    """Folders of the demonstration packages that come with the software, in the order of the report."""
    root = Path(__file__).resolve().parents[1] / "packages"
    return tuple(root / name for name in ("recurrence", "krt7_as", "recurrence_t1c"))
