"""The digest of everything but the images that determines a result: no result of another recipe is taken as this one's.

Whoever asks hands over all fields of what a study is worked on with (`dataclasses.fields`), so that a new option cannot
be forgotten here; a value this module cannot state is an error, never left out.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, is_dataclass
from pathlib import PurePath

from models.features.extract import FeatureEngine
from models.features.settings import FeatureSettings
from models.inference.runtime import LoadedModel
from models.preprocessing.prepare import BiasCorrection
from models.version import software_version


def digest_of_recipe(**parts: object) -> str:
    """SHA-256 over the version of the software and every part by its name: 64 hexadecimal digits.

    Raises
    ------
    TypeError
        When a part is of a kind that has no statement here.
    """
    recipe = {"software": software_version()} | {name: _stated(part) for name, part in parts.items()}
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()


def _stated(part: object) -> object:
    """The parts of a value that determine the result, as JSON can hold them."""
    match part:
        case None | bool() | int() | float() | str():
            return part
        case PurePath():
            return str(part)
        case tuple():
            return [_stated(item) for item in part]
        case LoadedModel():
            return part.package.identity.name, part.package.identity.digest, part.provider
        case FeatureSettings():
            return part.digest()
        case BiasCorrection() | FeatureEngine():
            return part.name
        case _ if is_dataclass(part) and not isinstance(part, type):
            return asdict(part)
    raise TypeError(f"A {type(part).__name__} is part of a recipe; say in {__name__} what of it determines a result.")
