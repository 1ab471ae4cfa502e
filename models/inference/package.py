"""The model package on disk: what is in the folder, and the checks before any of it is trusted.

    manifest.toml    identity, inputs and outputs of the model; SHA-256 of every other file
    model.onnx       the network, scaling and clipping inside, integrated gradients as a second output
    inputs.csv       name, low, high: the inputs in order, with the 0.5 and 99.5 % quantiles of the training patients
    baseline.csv     time_months, cumulative_hazard (task "recurrence" only)
    familiarity.npz  distribution of the training patients' features, to recognise a patient unlike them
    reference.json   feature vectors of reference patients with the outputs expected for them
    MODEL_CARD.*     for people (.md, .html) and for programs (.json)
    SIGNATURE.json   optional; who vouches for the package (`models.inference.signature`). Not part of the digest

This module checks the folder by itself: keys, digests, consistency. `models.inference.runtime` checks what needs a
session: that the graph is what the manifest says, and that the reference patients reproduce. The inputs are in a file
of their own because 3,452 names would bury the manifest.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.acquisition import SeveralTumours, TrainingImages
from models.errors import PackageInvalid
from models.inference.familiarity import Familiarity
from models.inference.manifest import ManifestReader
from models.inference.outcome import ModelIdentity
from models.inference.package_files import (
    ReferenceCase,
    check_names,
    read_baseline,
    read_familiarity,
    read_inputs,
    read_reference,
)
from models.statistics.survival import BaselineHazard
from models.volume import Region, Sequence

SCHEMA = 1
MANIFEST = "manifest.toml"
SIGNATURE = "SIGNATURE.json"


class Task(StrEnum):
    """Task of a package; it fixes the required files and the scale."""

    RECURRENCE = "recurrence"  # score on the log-risk scale, survival at horizons from a baseline hazard
    KRT7_AS = "krt7_as"  # probability of high expression of the lncRNA KRT7-AS


SCALES = {Task.RECURRENCE: "log-risk", Task.KRT7_AS: "probability"}
DIRECTIONS = {Task.RECURRENCE: "higher means higher risk", Task.KRT7_AS: "higher means higher expression"}
STATISTICS = {Task.RECURRENCE: "Harrell's C", Task.KRT7_AS: "area under the ROC curve"}
CARDS = frozenset({"MODEL_CARD.md", "MODEL_CARD.html", "MODEL_CARD.json"})
_COMMON = CARDS | {"model.onnx", "inputs.csv", "familiarity.npz", "reference.json"}
FILES = {Task.RECURRENCE: _COMMON | {"baseline.csv"}, Task.KRT7_AS: _COMMON}


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
    """

    data: str
    patients: int
    events: int
    recipe: str
    performance: str


@dataclass(frozen=True)
class OutOfFold:
    """Discrimination between the model's own training patients, each scored by a model trained without that patient.

    Attributes
    ----------
    value : Harrell's C, or area under the ROC curve; .5 is chance
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


@dataclass(frozen=True, eq=False)
class ModelPackage:
    """A package whose folder has passed every check that needs no session.

    Attributes
    ----------
    folder : where it was read
    identity : name, version, digest, title, notice
    task : what it predicts
    sequences, regions : what the inputs are computed from, hence what a study must have
    inputs : names of the graph's inputs, in order
    low, high : float64 (inputs,), 0.5 and 99.5 % quantile of each input over the training patients
    cut_off : on the scale of the score; `> cut_off` is high
    scale, direction : "log-risk" or "probability"; which direction is worse, in words
    horizons_months : for which survival is given, increasing; empty unless the task is recurrence
    baseline : cumulative baseline hazard; None unless the task is recurrence
    origin : how the training features were made
    training : what it was trained on
    out_of_fold : how well it told the training patients apart
    familiarity : what their features look like
    statements : what the trainers say about patients, ethics, funding and so on, by key
    search : recipes that were tried in the training with what they reached, by name; empty where none was
    reference : at least one reference patient
    graph : bytes of `model.onnx`, those the digest was computed over
    stands_in_for : name of another package that is run instead wherever the study has all its sequences; "" for none
    images : what its training images were
    """

    folder: Path
    identity: ModelIdentity
    task: Task
    sequences: tuple[Sequence, ...]
    regions: tuple[Region, ...]
    inputs: tuple[str, ...]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    cut_off: float
    scale: str
    direction: str
    horizons_months: tuple[float, ...]
    baseline: BaselineHazard | None
    origin: FeatureOrigin
    training: Training
    out_of_fold: OutOfFold
    familiarity: Familiarity
    statements: Mapping[str, str]
    reference: tuple[ReferenceCase, ...]
    graph: bytes = field(repr=False)
    stands_in_for: str = ""
    search: Mapping[str, str] = field(default_factory=dict)
    images: TrainingImages = field(default_factory=TrainingImages)

    def survival(self, log_risk: float) -> dict[float, float]:
        """Survival probability by horizon in months; empty for a package without a baseline."""
        if self.baseline is None:
            return {}
        return {months: float(self.baseline.survival(log_risk, months)) for months in self.horizons_months}


def shipped_packages() -> tuple[Path, ...]:
    """Folders of the demonstration packages that come with the software, in the order of the report."""
    root = Path(__file__).resolve().parents[1] / "packages"
    return tuple(root / name for name in ("recurrence", "krt7_as", "recurrence_t1c"))


def load_package(folder: Path) -> ModelPackage:
    """Read a package folder and check everything that can be checked without running the model.

    Raises
    ------
    PackageInvalid
        When a file is missing, not listed or changed, a key is missing or unknown, or the parts contradict each other.
    """
    contents = _read_files(folder)
    manifest = _parse_manifest(folder, contents[MANIFEST])
    reader = ManifestReader(folder / MANIFEST, manifest)

    schema = reader.integer("schema")
    if schema != SCHEMA:
        raise PackageInvalid(
            f"{folder / MANIFEST}: schema {schema} was found, {SCHEMA} was expected; install the rdeepnet version the "
            "package was made with, or make the package again."
        )
    task = reader.member("task", Task)
    _check_files(folder, reader.table_of_texts("files"), contents, task)
    package = _assembled(folder, reader, contents, task)
    reader.refuse_unknown()
    return package


def package_digest(files: Mapping[str, bytes]) -> str:
    """SHA-256 over the files of a package: over the lines `<sha256 of the file>  <name>`, sorted by name.

    The same as `sha256sum * | sha256sum` inside the folder (in the C locale) of a package that is not signed.
    """
    lines = "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    return hashlib.sha256(lines.encode()).hexdigest()


def _read_files(folder: Path) -> dict[str, bytes]:
    if not folder.is_dir():
        raise PackageInvalid(f"{folder} is not a folder; give the folder of a model package.")
    contents = {}
    for path in sorted(folder.iterdir()):
        if not path.is_file():
            raise PackageInvalid(f"{path} is not a file; a package holds files only. Remove it.")
        if path.name == SIGNATURE:
            continue
        try:
            contents[path.name] = path.read_bytes()
        except OSError as error:
            raise PackageInvalid(f"{path} cannot be read ({error.strerror}); check its permissions.") from error
    if MANIFEST not in contents:
        raise PackageInvalid(f"{folder} holds no {MANIFEST}; give the folder of a model package.")
    return contents


def _parse_manifest(folder: Path, content: bytes) -> dict[str, object]:
    try:
        return tomllib.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PackageInvalid(f"{folder / MANIFEST} is not valid TOML: {error}. Copy the package again.") from error


def _check_files(folder: Path, listed: Mapping[str, str], contents: Mapping[str, bytes], task: Task) -> None:
    present = set(contents) - {MANIFEST}
    if set(listed) != FILES[task]:
        raise PackageInvalid(
            f"{folder / MANIFEST}: [files] lists {', '.join(sorted(listed))}; a package of task '{task}' lists "
            f"{', '.join(sorted(FILES[task]))}. Make the package again."
        )
    if missing := sorted(set(listed) - present):
        raise PackageInvalid(f"{folder}: {', '.join(missing)} is missing; copy the whole package again.")
    if unlisted := sorted(present - set(listed)):
        raise PackageInvalid(f"{folder}: {', '.join(unlisted)} is not listed in {MANIFEST}; remove it.")
    for name, expected in sorted(listed.items()):
        found = hashlib.sha256(contents[name]).hexdigest()
        if found != expected:
            raise PackageInvalid(
                f"{folder / name}: SHA-256 {found} was found, {expected} was expected by {MANIFEST}; the file was "
                "changed or damaged. Copy the package again."
            )


def _assembled(folder: Path, reader: ManifestReader, contents: Mapping[str, bytes], task: Task) -> ModelPackage:
    output = reader.section("output")
    output.fixed("scale", SCALES[task])
    output.fixed("direction", DIRECTIONS[task])
    cut_off = output.number("cut_off")
    horizons = output.numbers("horizons_months") if task is Task.RECURRENCE else ()
    if task is Task.RECURRENCE and (not horizons or list(horizons) != sorted(set(horizons)) or horizons[0] <= 0):
        raise PackageInvalid(
            f"{folder / MANIFEST}: horizons_months is {list(horizons)}; increasing positive numbers were expected."
        )
    sequences = reader.members("sequences", Sequence)
    regions = reader.members("regions", Region)
    name, stands_in_for = reader.text("name"), reader.optional_text("stands_in_for")
    if stands_in_for == name:
        raise PackageInvalid(f"{folder / MANIFEST}: 'stands_in_for' names the package itself; name another or none.")
    names, low, high = read_inputs(folder / "inputs.csv", contents["inputs.csv"])
    check_names(folder / "inputs.csv", names, sequences=sequences, regions=regions)
    features, training = reader.section("features"), reader.section("training")
    found = reader.section("out_of_fold")
    found.fixed("statistic", STATISTICS[task])
    out_of_fold = OutOfFold(found.number("value"), found.number("low"), found.number("high"))
    if not 0 <= out_of_fold.low <= out_of_fold.value <= out_of_fold.high <= 1:
        raise PackageInvalid(f"{folder / MANIFEST}: out_of_fold is {out_of_fold}; 0 ≤ low ≤ value ≤ high ≤ 1 expected.")
    return ModelPackage(
        folder=folder,
        identity=ModelIdentity(
            name=name,
            version=reader.text("version"),
            digest=package_digest(contents),
            title=reader.text("title"),
            notice=reader.text("notice"),
        ),
        task=task,
        sequences=sequences,
        regions=regions,
        inputs=names,
        low=low,
        high=high,
        cut_off=cut_off,
        scale=SCALES[task],
        direction=DIRECTIONS[task],
        horizons_months=horizons,
        baseline=read_baseline(folder / "baseline.csv", contents["baseline.csv"], horizons)
        if task is Task.RECURRENCE
        else None,
        origin=FeatureOrigin(
            settings_digest=features.text("settings_digest", may_be_empty=True),
            engine=features.text("engine", may_be_empty=True),
            bias_correction=features.text("bias_correction", may_be_empty=True),
        ),
        training=Training(
            data=training.text("data"),
            patients=training.integer("patients"),
            events=training.integer("events"),
            recipe=training.text("recipe"),
            performance=training.text("performance"),
        ),
        out_of_fold=out_of_fold,
        familiarity=read_familiarity(folder / "familiarity.npz", contents["familiarity.npz"], names),
        statements=reader.table_of_texts("statements"),
        search=reader.optional_table_of_texts("search"),
        reference=read_reference(folder / "reference.json", contents["reference.json"], names, horizons),
        graph=contents["model.onnx"],
        stands_in_for=stands_in_for,
        images=_training_images(reader, sequences),
    )


def _training_images(reader: ManifestReader, sequences: tuple[Sequence, ...]) -> TrainingImages:
    """Two keys that older packages, and those of patients whose images are not known, do without."""
    several = reader.optional_member("several_tumours", SeveralTumours)
    acquisition = reader.optional_section("acquisition")
    if acquisition is None:
        return TrainingImages(several)
    found = {sequence: acquisition.optional_section(sequence) for sequence in sequences}
    return TrainingImages(
        several, {sequence: table.acquisition_range() for sequence, table in found.items() if table is not None}
    )
