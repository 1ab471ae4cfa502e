"""Cards of the packages that come with the software, made again from their own facts.

`python -m tests.models.model_card.shipped` writes them after a change of the card's form, and the fingerprints of the
simulated training rows, with their digests in the manifest, so that no package has to be trained again.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np

from models.features.names import features_of
from models.inference.fingerprints import Fingerprints, fingerprints_of, salt_of
from models.inference.package import shipped_packages
from models.inference.package_files import read_familiarity, read_inputs
from models.inference.tasks import FINGERPRINTS
from models.model_card.card import card_files
from models.model_card.facts import CardFacts
from models.simulation.feature_shape import measured_shape
from models.statistics.followed import Floats
from models.training.demonstration import demonstration_cohort
from models.volume import Region, Sequence

MANIFEST = "manifest.toml"


def facts_of(package: Path) -> CardFacts:
    """The facts that `MODEL_CARD.json` holds."""
    facts = _built(CardFacts, json.loads((package / "MODEL_CARD.json").read_text(encoding="utf-8")))
    assert isinstance(facts, CardFacts)
    return facts


def _built(kind: Any, content: Any) -> Any:
    """`content` as an object of the type `kind`; keys that its class does not have are left out, others may lack."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is UnionType or NoneType in inner:
        return None if content is None else _built(next(one for one in inner if one is not NoneType), content)
    if is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind)
        there = [one.name for one in fields(kind) if one.name in content or one.default is MISSING]
        return kind(**{name: _built(hints[name], content[name]) for name in there})
    if origin is tuple:
        kinds = [inner[0]] * len(content) if inner[-1] is Ellipsis else list(inner)
        return tuple(_built(one, value) for one, value in zip(kinds, content, strict=True))
    if isinstance(content, dict):
        return {key: _built(inner[1], value) for key, value in content.items()}
    return kind(content) if isinstance(kind, type) else content


def write_again(package: Path) -> None:
    """Writes the card of a package from its facts, and the digests in its manifest."""
    manifest = (package / MANIFEST).read_text(encoding="utf-8")
    for name, content in card_files(facts_of(package)).items():
        before = hashlib.sha256((package / name).read_bytes()).hexdigest()
        assert before in manifest
        manifest = manifest.replace(before, hashlib.sha256(content).hexdigest())
        (package / name).write_bytes(content)
    content = fingerprints_again(package).to_bytes()
    line = f'"{FINGERPRINTS}" = "{hashlib.sha256(content).hexdigest()}"'
    stated = re.compile(rf'^"{re.escape(FINGERPRINTS)}" = .*$', re.MULTILINE)
    if stated.search(manifest):
        manifest = stated.sub(line, manifest)
    else:
        manifest = manifest.replace('"inputs.csv" = ', f'{line}\n"inputs.csv" = ')
    (package / FINGERPRINTS).write_bytes(content)
    (package / MANIFEST).write_text(manifest, encoding="utf-8")


def fingerprints_again(package: Path) -> Fingerprints:
    """Fingerprints of the simulated training rows, with the scales and the graph that the package has."""
    names, _, _ = read_inputs(package / "inputs.csv", (package / "inputs.csv").read_bytes())
    familiarity = read_familiarity(package / "familiarity.npz", (package / "familiarity.npz").read_bytes(), names)
    found = fingerprints_of(training_rows(names), familiarity, salt=salt_of((package / "model.onnx").read_bytes()))
    assert found is not None
    return found


def training_rows(names: tuple[str, ...]) -> Floats:
    """The simulated training patients of the shipped packages: float64 (patients, inputs)."""
    cohort = demonstration_cohort(measured_shape(features_of(Sequence, Region)))
    place = {name: index for index, name in enumerate(cohort.names)}
    return np.asarray(cohort.values[:, [place[name] for name in names]])


if __name__ == "__main__":
    for folder in shipped_packages():
        write_again(folder)
