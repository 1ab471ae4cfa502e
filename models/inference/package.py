"""The model package on disk: what is in the folder, and the checks before any of it is trusted.

    manifest.toml    identity, inputs and outputs of the model; SHA-256 of every other file
    model.onnx       the network, scaling and clipping inside, integrated gradients as a second output, the same from
                     other trainings (refits) as a third
    inputs.csv       name, low, high: the inputs in order, with the 0.5 and 99.5 % quantiles of the training patients
    baseline.csv     time_months, cumulative_hazard (tasks with survival only)
    baseline_resamples.csv  optional; slope and baseline of bootstrap samples, for the range of survival
    familiarity.npz  what the features of the training patients look like, to tell when a patient's do not
    reference.json   feature vectors of reference patients with the outputs expected for them
    MODEL_CARD.*     for people (.md, .html) and for programs (.json)
    SIGNATURE.json   optional; who vouches for the package (`models.inference.signature`). Not part of the digest

This module checks the folder by itself: keys, digests, consistency. `models.inference.runtime` checks what needs a
session: that the graph is what the manifest says, and that the reference patients reproduce. The inputs are in a file
of their own because 3,452 names would bury the manifest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.acquisition import TrainingImages
from models.errors import PackageInvalid
from models.inference.familiarity import Familiarity, FamiliarityTest
from models.inference.manifest import (
    SCHEMA,
    FeatureOrigin,
    Manifest,
    OutOfFold,
    RangeSource,
    SpreadFacts,
    Training,
    read_manifest,
)
from models.inference.outcome import ModelIdentity
from models.inference.package_files import (
    ReferenceCase,
    check_names,
    read_baseline,
    read_baseline_resamples,
    read_familiarity,
    read_inputs,
    read_reference,
)
from models.inference.tasks import BASELINE, BASELINE_RESAMPLES, TASKS, Task
from models.statistics.baseline_resamples import BaselineResamples
from models.statistics.survival import BaselineHazard
from models.volume import Region, Sequence

__all__ = [
    "MANIFEST",
    "SCHEMA",
    "SIGNATURE",
    "FeatureOrigin",
    "ModelPackage",
    "OutOfFold",
    "RangeSource",
    "SpreadFacts",
    "Training",
    "load_package",
    "package_digest",
    "shipped_packages",
]

MANIFEST = "manifest.toml"
SIGNATURE = "SIGNATURE.json"


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
    manifest = read_manifest(folder / MANIFEST, contents[MANIFEST])
    _check_files(folder, manifest, contents)
    return _assembled(folder, manifest, contents)


def package_digest(files: Mapping[str, bytes]) -> str:
    """SHA-256 over the files of a package: over the lines `<sha256 of the file>  <name>`, sorted by name.

    The same as `sha256sum * | sha256sum` inside the folder (in the C locale) of a package that is not signed.
    """
    lines = "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    return hashlib.sha256(lines.encode()).hexdigest()


def _read_files(folder: Path) -> dict[str, bytes]:
    """Name → content of every file of the folder but its signature."""
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
        raise PackageInvalid(f"{folder}: {', '.join(unlisted)} is not listed in {MANIFEST}; remove it.")
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
    names, low, high = read_inputs(folder / "inputs.csv", contents["inputs.csv"])
    check_names(folder / "inputs.csv", names, sequences=manifest.sequences, regions=manifest.regions)
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
        sequences=manifest.sequences,
        regions=manifest.regions,
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
    )
