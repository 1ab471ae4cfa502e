"""The one writer of `result.json`: what became of a study, for the scripts of a site.

`docs/result.schema.json` describes every key, `docs/reference/result-json.md` explains them, and a test holds the three
together. A key that is added stays within the schema; one that is removed or changes its meaning makes another
`SCHEMA`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.files import open_regular
from models.inference.outcome import ModelOutcome, NotApplicable
from models.version import software_version

if TYPE_CHECKING:
    from appliance.pipeline import Result
    from dicom_io.answer import AnswerObject
    from models.inference.change import Change, ModelAnswered
    from models.volume import Sequence
    from reports.change_facts import NotCompared
    from reports.content import ChangeRow, ChangeSection

SCHEMA = 2
RESULT = "result.json"
_MOST_BYTES = 16 * 1024**2  # of a result.json; one has a few hundred kB
LEADING = 20  # contributions of inputs that are listed for each model


@dataclass(frozen=True)
class Origin:
    """Origin of a result.

    Attributes
    ----------
    study_instance_uid : of the study
    input_digest : SHA-256 over its files
    recipe_digest : SHA-256 over everything else that determines the answer: version, settings, models, assignment
    created : when the answer was asked for, with time zone
    """

    study_instance_uid: str
    input_digest: str
    recipe_digest: str
    created: datetime


def of_answer(
    origin: Origin,
    result: Result,
    *,
    files: Mapping[str, bytes],
    objects: Mapping[str, AnswerObject],
    withheld: bool = False,
) -> bytes:
    """`result.json` of an answered study.

    Parameters
    ----------
    files : name → content of every other file of the folder
    objects : name → DICOM object, of those files that are one
    withheld : list the predictions that were withheld, under a key of their own
    """
    features = result.features
    return _json(
        _head(origin)
        | {
            "outcome": "answered",
            "sentence": "",
            "notice": result.report.notice,
            "notices": list(result.report.notices),
            "content_digest": result.study.content_digest,
            "series": [asdict(row) for row in result.study.series],
            "models": [_model(outcome, withheld=withheld) for outcome in result.outcomes],
            "validity": result.report.state,
            "quality_notes": [asdict(note) for note in result.report.notes],
            "change": None if result.report.change is None else _change(result.report.change),
            "not_compared": [_not_compared(prior) for prior in result.report.not_compared],
            "features": None
            if features is None
            else {"count": len(features), "engine": features.engine, "settings_digest": features.settings_digest},
            "provenance": dict(result.report.provenance),
            "stages": [asdict(cost) for cost in result.stages],
            "files": [_file(name, content, objects.get(name)) for name, content in files.items()],
        }
    )


def of_refusal(origin: Origin, *, outcome: str, sentence: str) -> bytes:
    """`result.json` of a study that was refused or failed: why, and no answer."""
    return _json(_head(origin) | {"outcome": outcome, "sentence": sentence, "files": []})


def read_result(folder: Path) -> dict[str, Any] | None:
    """The content of `result.json`; None where there is none, it is of another schema, or a file it names has changed.

    The folder may have been damaged or put there by others: nothing in it is taken for granted, no link followed.
    """
    try:
        with open_regular(folder / RESULT) as stream:
            content = stream.read(_MOST_BYTES + 1)
        description = json.loads(content[:_MOST_BYTES])
        if description["schema"] != SCHEMA or folder.is_symlink():
            return None
        whole = all(_is_unchanged(folder, row["name"], row["sha256"]) for row in description["files"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    return description if whole else None


def _is_unchanged(folder: Path, name: str, sha256: str) -> bool:
    """Returns whether a file of a result has the content that its result.json says; the name is that of a file."""
    if not name or Path(name).name != name:
        return False
    with open_regular(folder / name) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == sha256


def _head(origin: Origin) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "software": software_version(),
        "created": origin.created.isoformat(timespec="seconds"),
        "study_instance_uid": origin.study_instance_uid,
        "input_digest": origin.input_digest,
        "recipe_digest": origin.recipe_digest,
    }


def _model(outcome: ModelOutcome | NotApplicable, *, withheld: bool) -> dict[str, Any]:
    """The answer of one model, as far as its validity allows, or the reason why it was not run."""
    validity = outcome.validity
    identity = asdict(outcome.model) | {
        "validity": validity.state,
        "reasons": [asdict(reason) for reason in validity.reasons],
    }
    if isinstance(outcome, NotApplicable):
        return identity | {"not_applicable": outcome.reason}
    spread = outcome.plausible_range
    described = identity | {
        "quantity": outcome.quantity,
        "predictions": [asdict(prediction) for prediction in outcome.predictions],
        "cut_off": outcome.cut_off,
        "group": outcome.group,
        "plausible_range": None if spread is None else asdict(spread),
        "rank": None if outcome.rank is None else asdict(outcome.rank),
        "provider": outcome.provider,
        "quality_notes": [asdict(note) for note in outcome.notes],
        "leading_contributions": [asdict(part) for part in outcome.contributions[:LEADING]],
    }
    if withheld:
        described["withheld"] = [asdict(prediction) for prediction in outcome.withheld]
    return described


def _change(section: ChangeSection) -> dict[str, Any]:
    """The change since an earlier study, with all digits, in the order of the report."""
    facts, change = section.facts, section.facts.change
    return {
        "study_instance_uid": facts.study_instance_uid,
        "study_date": facts.day_then.isoformat(),
        "interval_days": change.interval_days,
        "software": facts.software_then,
        "sizes": [_size_change(row, row.sequence, change) for row in section.rows if row.sequence is not None],
        "models": [_model_change(then, now) for then, now in change.models],
        "only_then": list(change.only_then),
        "only_now": list(change.only_now),
        "sentences": list(section.sentences),
    }


def _size_change(row: ChangeRow, sequence: Sequence, change: Change) -> dict[str, Any]:
    from reports.change import VOLUME_KEY

    assert row.then is not None, "sizes have both numbers"
    name = row.then.key
    numbers = change.volumes_mm3[sequence] if name == VOLUME_KEY else change.lengths_mm[sequence, name]
    return {
        "measure": name,
        "sequence": sequence,
        "unit": row.then.unit,
        "then": numbers.then,
        "now": numbers.now,
        "difference": numbers.absolute,
        "fraction": numbers.fraction,
    }


def _model_change(then: ModelAnswered, now: ModelAnswered) -> dict[str, Any]:
    both = then.value is not None and now.value is not None
    return {
        "name": now.name,
        "version": now.version,
        "digest": now.digest,
        "title": now.title,
        "quantity": now.quantity,
        "then": _answer_of(then),
        "now": _answer_of(now),
        "difference": now.value - then.value if both else None,  # type: ignore[operator]
    }


def _answer_of(model: ModelAnswered) -> dict[str, Any]:
    """Answer of a model at one of the two examinations."""
    return {
        "validity": model.state,
        "value": model.value,
        "low": model.low,
        "high": model.high,
        "group": model.group,
    }


def _not_compared(prior: NotCompared) -> dict[str, Any]:
    """An earlier study that is not compared; its UID is left out, since it may be of another patient."""
    from reports.change import not_used_note

    return {
        "study_date": None if prior.day is None else prior.day.isoformat(),
        "reason": prior.obstacle,
        "sentence": not_used_note(prior).sentence,
    }


def _file(name: str, content: bytes, made: AnswerObject | None) -> dict[str, Any]:
    row: dict[str, Any] = {"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    if made is not None:
        row |= {"role": made.role, "sop_class_uid": made.sop_class_uid, "sop_instance_uid": made.sop_instance_uid}
    return row


def _json(description: Mapping[str, Any]) -> bytes:
    return (json.dumps(description, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
