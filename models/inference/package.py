"""The model package on disk: what is in the folder, and the checks before any of it is trusted.

    manifest.toml    identity, inputs and outputs of the model; SHA-256 of every other file
    model.onnx       the network, scaling and clipping inside, integrated gradients as a second output, the same from
                     other trainings (refits) as a third
    inputs.csv       name, low, high: the inputs in order, with the 0.5 and 99.5 % quantiles of the training patients;
                     and what each is (kind, sequence, region, feature, unit) where they come from elsewhere
    baseline.csv     time_months, cumulative_hazard (tasks with survival only)
    baseline_resamples.csv  optional; slope and baseline of bootstrap samples, for the range of survival
    training_scores.json  optional; quantiles of the training patients' out-of-fold scores, curves of their risk groups
    fingerprints.npz  optional; salted hashes of the training rows, to tell whether patients are among them
    familiarity.npz  what the features of the training patients look like, to tell when a patient's do not
    reference.json   feature vectors of reference patients with the outputs expected for them
    MODEL_CARD.*     for people (.md, .html) and for programs (.json)
    SIGNATURE.json   optional; who vouches for the package (`models.inference.signature`). Not part of the digest

This module checks the folder by itself: signature, keys, digests, consistency. It is the one place where a signature is
asked for, so that no command can forget it. `models.inference.runtime` checks what needs a
session: that the graph is what the manifest says, and that the reference patients reproduce. The inputs are in a file
of their own because 3,452 names would bury the manifest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from collections.abc import Sequence as Ordered
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.acquisition import TrainingImages
from models.errors import PackageInvalid
from models.features.columns import InputColumn
from models.inference.external_data import check_self_contained
from models.inference.familiarity import Familiarity, FamiliarityTest
from models.inference.fingerprints import Fingerprints, Matches, salt_of
from models.inference.manifest import (
    MANIFEST,
    NOT_RUNNABLE,
    SCHEMA,
    FeatureOrigin,
    InputsFrom,
    Manifest,
    OutOfFold,
    RangeSource,
    SpreadFacts,
    Training,
    read_manifest,
    shipped_packages,
)
from models.inference.outcome import ModelIdentity
from models.inference.package_files import (
    ReferenceCase,
    check_names,
    read_baseline,
    read_baseline_resamples,
    read_familiarity,
    read_fingerprints,
    read_foreign_inputs,
    read_inputs,
    read_reference,
    read_training_scores,
)
from models.inference.signature import SIGNATURE, verify_signature
from models.inference.tasks import BASELINE, BASELINE_RESAMPLES, FINGERPRINTS, TASKS, TRAINING_SCORES, Task
from models.inference.training_scores import TrainingScores
from models.statistics.baseline_resamples import BaselineResamples
from models.statistics.survival import BaselineHazard
from models.volume import Region, Sequence

__all__ = [
    "MANIFEST",
    "SCHEMA",
    "NOT_RUNNABLE",
    "SIGNATURE",
    "FeatureOrigin",
    "InputsFrom",
    "ModelPackage",
    "OutOfFold",
    "RangeSource",
    "SpreadFacts",
    "Training",
    "load_package",
    "load_whoever_signed",
    "package_digest",
    "require_runnable",
    "shipped_packages",
]


@dataclass(frozen=True, eq=False)
class ModelPackage:
    """A package whose folder has passed every check that needs no session.

    Attributes
    ----------
    folder : where it was read
    identity : name, version, digest, title, notice, and the key that signed it
    task : what it predicts
    sequences, regions : what the inputs are computed from, hence what a study must have
    inputs : names of the graph's inputs, in order
    low, high : float64 (inputs,), 0.5 and 99.5 % quantile of each input over the training patients
    cut_off : on the scale of the score; `> cut_off` is high
    scale, direction : as in `TaskRow`
    horizons_months : for which survival is given, increasing; empty where the task has none
    baseline : cumulative baseline hazard; None where the task has no survival
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
    spread : what its plausible ranges are made of; None: it gives no range
    resamples : of slope and baseline hazard; None where it has none
    familiarity_test : what its familiarity catches; None where it was not tested
    training_scores : summary of the training patients' out-of-fold scores; None where it holds none
    foreign : what each input is, where they come from elsewhere than the appliance; empty where it computes them
    fingerprints : of the training rows; None where it holds none
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
    spread: SpreadFacts | None = None
    resamples: BaselineResamples | None = None
    familiarity_test: FamiliarityTest | None = None
    training_scores: TrainingScores | None = None
    foreign: tuple[InputColumn, ...] = ()
    fingerprints: Fingerprints | None = None

    @property
    def is_runnable(self) -> bool:
        """Returns whether the appliance can compute the inputs from a study."""
        return not self.foreign

    def matches(self, values: NDArray[np.float64]) -> Matches | None:
        """Patients among (patients, inputs) it was trained on; None for a package without fingerprints."""
        if self.fingerprints is None:
            return None
        return self.fingerprints.matches(values, self.familiarity, salt=salt_of(self.graph))

    def survival(self, log_risk: float) -> dict[float, float]:
        """Survival probability by horizon in months; empty for a package without a baseline."""
        if self.baseline is None:
            return {}
        return {months: float(self.baseline.survival(log_risk, months)) for months in self.horizons_months}


def load_package(folder: Path, *, trusted_keys: Ordered[Path] = ()) -> ModelPackage:
    """Read a package folder and check everything that can be checked without running the model; the signature first.

    Parameters
    ----------
    trusted_keys : files with public keys, one of which must have signed the package; empty: it may be unsigned, but a
        signature that is there must fit

    Raises
    ------
    PackageInvalid
        When it is not signed as it should be, a file is missing, not listed or changed, a key is missing or unknown,
        or the parts contradict each other.
    SetupError
        When a file of `trusted_keys` holds no public key.
    """
    contents = _read_files(folder)
    stated, digest = contents.pop(SIGNATURE, None), package_digest(contents)
    signature = verify_signature(stated, folder=folder, digest=digest, trusted_keys=trusted_keys)
    package = _checked(folder, contents)
    if signature is None:
        return package
    return replace(package, identity=replace(package.identity, signed_by=signature.fingerprint))


def require_runnable(package: ModelPackage) -> None:
    """Refuses a package whose inputs the appliance cannot compute.

    Raises
    ------
    PackageInvalid
    """
    if not package.is_runnable:
        raise PackageInvalid(
            f"The package '{package.identity.name}' is {NOT_RUNNABLE}. Use rdeepnet score and rdeepnet evaluate with "
            "tables of the same schema, and leave it out of models.packages."
        )


def load_whoever_signed(folder: Path) -> ModelPackage:
    """As `load_package`, without a look at the signature: for those who are about to sign the package.

    Raises
    ------
    PackageInvalid
        When it fails another check.
    """
    contents = _read_files(folder)
    contents.pop(SIGNATURE, None)
    return _checked(folder, contents)


def package_digest(files: Mapping[str, bytes]) -> str:
    """SHA-256 over a package without its signature: over the lines `<sha256 of the file>  <name>`, sorted by name.

    The same as `sha256sum * | sha256sum` inside the folder (in the C locale) of a package that is not signed.
    """
    lines = "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    return hashlib.sha256(lines.encode()).hexdigest()


def _read_files(folder: Path) -> dict[str, bytes]:
    """Name → content of every file of the folder."""
    if not folder.is_dir():
        raise PackageInvalid(f"{folder} is not a folder; give the folder of a model package.")
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise PackageInvalid(f"{folder} cannot be read ({error.strerror}); check its permissions.") from error
    if MANIFEST not in (path.name for path in paths):
        raise PackageInvalid(f"{folder} holds no {MANIFEST}; give the folder of a model package.")
    contents = {}
    for path in paths:
        if not path.is_file():
            raise PackageInvalid(
                f"{path} is not a file; a package holds files only. Copy the package again, into a folder of its own."
            )
        try:
            contents[path.name] = path.read_bytes()
        except OSError as error:
            raise PackageInvalid(f"{path} cannot be read ({error.strerror}); check its permissions.") from error
    return contents


def _checked(folder: Path, contents: Mapping[str, bytes]) -> ModelPackage:
    """The package of these files, none of which is its signature."""
    manifest = read_manifest(folder / MANIFEST, contents[MANIFEST])
    _check_files(folder, manifest, contents)
    check_self_contained(folder / "model.onnx", contents["model.onnx"])
    return _assembled(folder, manifest, contents)


def _check_files(folder: Path, manifest: Manifest, contents: Mapping[str, bytes]) -> None:
    """Raise `PackageInvalid` unless the folder holds the files of its task, each with the SHA-256 that is listed."""
    task, listed = manifest.task, manifest.files
    present = set(contents) - {MANIFEST}
    required, optional = TASKS[task].files, TASKS[task].optional_files
    if not required <= set(listed) <= required | optional:
        raise PackageInvalid(
            f"{folder / MANIFEST}: [files] lists {', '.join(sorted(listed))}; a package of task '{task}' lists "
            f"{', '.join(sorted(required))}. Make the package again."
        )
    if missing := sorted(set(listed) - present):
        raise PackageInvalid(f"{folder}: {', '.join(missing)} is missing; copy the whole package again.")
    if unlisted := sorted(present - set(listed)):
        raise PackageInvalid(
            f"{folder}: {', '.join(unlisted)} is not listed in {MANIFEST}; keep it elsewhere, or copy the "
            "package again."
        )
    for name, expected in sorted(listed.items()):
        found = hashlib.sha256(contents[name]).hexdigest()
        if found != expected:
            raise PackageInvalid(
                f"{folder / name}: SHA-256 {found} was found, {expected} was expected by {MANIFEST}; the file was "
                "changed or damaged. Copy the package again."
            )


def _assembled(folder: Path, manifest: Manifest, contents: Mapping[str, bytes]) -> ModelPackage:
    """The package of a manifest and its files; each file is checked against the manifest as it is read."""
    row, output, found = TASKS[manifest.task], manifest.output, manifest.out_of_fold
    horizons = output.horizons_months
    sequences, regions, inputs = manifest.sequences, manifest.regions, contents["inputs.csv"]
    foreign: tuple[InputColumn, ...] = ()
    if manifest.inputs_from is InputsFrom.ELSEWHERE:
        foreign, low, high = read_foreign_inputs(folder / "inputs.csv", inputs)
        names = tuple(column.name for column in foreign)
    else:
        names, low, high = read_inputs(folder / "inputs.csv", inputs)
        check_names(folder / "inputs.csv", names, sequences=sequences, regions=regions)
    return ModelPackage(
        folder=folder,
        identity=ModelIdentity(
            name=manifest.name,
            version=manifest.version,
            digest=package_digest(contents),
            title=manifest.title,
            notice=manifest.notice,
        ),
        task=manifest.task,
        sequences=sequences,
        regions=regions,
        inputs=names,
        low=low,
        high=high,
        cut_off=output.cut_off,
        scale=output.scale,
        direction=output.direction,
        horizons_months=horizons,
        baseline=read_baseline(folder / BASELINE, contents[BASELINE], horizons) if row.has_survival else None,
        origin=manifest.features,
        training=manifest.training,
        out_of_fold=OutOfFold(found.value, found.low, found.high),
        familiarity=read_familiarity(folder / "familiarity.npz", contents["familiarity.npz"], names),
        statements=manifest.statements,
        search=manifest.search,
        reference=read_reference(folder / "reference.json", contents["reference.json"], names, horizons),
        graph=contents["model.onnx"],
        stands_in_for=manifest.stands_in_for,
        images=TrainingImages(manifest.several_tumours, manifest.acquisition),
        spread=manifest.range,
        resamples=(
            read_baseline_resamples(folder / BASELINE_RESAMPLES, contents[BASELINE_RESAMPLES], horizons)
            if BASELINE_RESAMPLES in contents
            else None
        ),
        familiarity_test=manifest.familiarity,
        training_scores=(
            read_training_scores(folder / TRAINING_SCORES, contents[TRAINING_SCORES])
            if TRAINING_SCORES in contents
            else None
        ),
        foreign=foreign,
        fingerprints=(
            read_fingerprints(folder / FINGERPRINTS, contents[FINGERPRINTS]) if FINGERPRINTS in contents else None
        ),
    )
