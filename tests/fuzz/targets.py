"""Targets of the fuzzing: a file of each kind that comes from outside, mutated, and the outcomes it may have.

The damages to DICOM files are those of `tests/dicom_io/reading/test_fuzz_reading.py`. A target takes the number of a
case, which is its seed, and returns its outcome in words; anything it raises is a fault of the product.
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from appliance.offline.result_json import RESULT, read_result
from appliance.offline.runs import in_a_line, predictions_of
from appliance.settings import EXAMPLE, load_settings
from models.errors import PackageInvalid, RDeepNetError, SetupError, StudyRejected
from models.inference.package import load_package
from models.inference.tasks import Task
from tests.dicom_io.reading.test_fuzz_reading import change_bytes, cut_off, outcome
from tests.models.small_packages import write_small_package

Target = Callable[[int], str]

_NUMBERS = ("0", "-1", "1e9", "nan", "inf", "99999999999999999999", "0x10", "true", '""', "[]", "{}", '"none"', "'''")
_KEPT = "read"


def study(seed: int) -> str:
    """Any file of a study."""
    return outcome(seed=seed)


def segmentation(seed: int) -> str:
    """The segmentation alone; studies with contours are left to `structure_set`."""
    return outcome(seed=8 * (seed // 6) + (0, 2, 3, 4, 6, 7)[seed % 6], only="seg.dcm")


def structure_set(seed: int) -> str:
    """The structure set alone."""
    return outcome(seed=8 * seed + (1, 5)[seed % 2], only="contours.dcm")


def package(seed: int) -> str:
    """A file of a model package; in half of the cases its digest is that of the damaged file, as an author's would be.

    The graph keeps its digest: who may sign a package may give it any graph.
    """
    dice = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "package"
        shutil.copytree(_package(), folder)
        path = dice.choice(sorted(path for path in folder.iterdir() if path.stat().st_size))
        before = path.read_bytes()
        _damage(path, dice)
        if dice.random() < 0.5 and path.name != "model.onnx" and path.suffix != ".toml":
            manifest = folder / "manifest.toml"
            digests = (hashlib.sha256(content).hexdigest() for content in (before, path.read_bytes()))
            manifest.write_bytes(manifest.read_bytes().replace(*(digest.encode() for digest in digests)))
        return _loaded(load_package, folder, refusal=PackageInvalid)


def settings(seed: int) -> str:
    """The settings file."""
    dice = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "rdeepnet.toml"
        shutil.copy(EXAMPLE, path)
        for _ in range(dice.randint(1, 3)):
            _damage(path, dice)
        return _loaded(load_settings, path, refusal=SetupError)


def result_folder(seed: int) -> str:
    """A folder of results of an earlier run: used as it is, or made again."""
    dice = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        contents = {"features.csv": b"name,value,unit,ibsi\n", "key_sr.dcm": bytes(64)}
        for file, content in contents.items():
            (folder / file).write_bytes(content)
        (folder / RESULT).write_text(json.dumps(_result(contents), indent=1), encoding="utf-8")
        for _ in range(dice.randint(1, 3)):
            _damage(folder / dice.choice((RESULT, RESULT, RESULT, *contents)), dice)
        description = read_result(folder)
        if description is None:
            return "made again"
        try:
            predictions_of(description)
            [in_a_line(model) for model in description.get("models", ()) if "predictions" in model]
        except (LookupError, TypeError, ValueError, AttributeError):
            return "read, but not what it says"
        return _KEPT


TARGETS: Mapping[str, tuple[Target, int]] = {  # name in the table → target, and its share of 10,000 cases
    "a study": (study, 3000),
    "its segmentation": (segmentation, 2000),
    "its structure set": (structure_set, 1500),
    "a model package": (package, 1000),
    "the settings file": (settings, 1500),
    "a result folder": (result_folder, 1000),
}


def _loaded(load: Callable[[Path], object], path: Path, *, refusal: type[RDeepNetError]) -> str:
    """Outcome of loading a damaged file or folder."""
    try:
        load(path)
    except refusal as error:
        return _refused(error)
    return _KEPT


def _refused(error: RDeepNetError) -> str:
    assert not isinstance(error, StudyRejected)
    assert any(ends in str(error) for ends in (".", ")")), error
    return f"refused, {type(error).__name__}"


def _damage(path: Path, dice: random.Random) -> None:
    """Bytes changed, the end cut off, or lines of a text removed, doubled, exchanged or given another value."""
    if not path.stat().st_size:
        return
    kind = dice.randrange(6)
    if kind == 0 or (kind > 1 and path.suffix in (".onnx", ".npz", ".dcm")):
        change_bytes(path, dice)
    elif kind == 1:
        cut_off(path, dice)
    else:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
        place, other = dice.randrange(len(lines)), dice.randrange(len(lines))
        if kind == 2:
            del lines[place]
        elif kind == 3:
            lines.insert(other, lines[place])
        elif kind == 4:
            lines[place], lines[other] = lines[other], lines[place]
        else:
            for mark in ("=", ":", ","):
                if mark in lines[place]:
                    lines[place] = f"{lines[place].split(mark)[0]}{mark} {dice.choice(_NUMBERS)}"
                    break
        path.write_text("\n".join(lines), encoding="utf-8", errors="replace")


@cache
def _package() -> Path:
    """A small package of random weights."""
    folder = Path(tempfile.mkdtemp(prefix="rdeepnet-fuzz-")) / "package"
    write_small_package(folder, task=Task.RECURRENCE, refits=5)
    return folder


def _result(contents: Mapping[str, bytes]) -> dict[str, Any]:
    """A result.json with one model, as `run` writes it."""
    return {
        "schema": 2,
        "software": "0",
        "study_instance_uid": "1.2.3",
        "input_digest": "a",
        "recipe_digest": "b",
        "outcome": "answered",
        "sentence": "",
        "files": [
            {"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in contents.items()
        ],
        "models": [
            {
                "name": "recurrence",
                "validity": "valid",
                "group": "high",
                "reasons": [{"code": "x"}],
                "predictions": [{"quantity": "recurrence_score", "horizon_months": None, "value": 1.4}],
            }
        ],
    }
