"""Output of `rdeepnet run` for one study: a folder that is complete or absent.

    OUT/study-<16 hexadecimal digits>/     of the SHA-256 of the Study Instance UID: no patient data in names
        seg_t1c.dcm, seg_t2w.dcm           tumour and peritumoral shell on each grid
        key_sr.dcm, features_sr.dcm        Structured Reports (the second only when configured)
        pdf.dcm, report.pdf                the report as Encapsulated PDF and as it is
        features.csv                       name, value, unit (UCUM), ibsi
        result.json                        see `answered`; alone in the folder when the study was refused or failed

DICOM objects and PDF carry the patient's name, as the images do; result.json and features.csv carry the Study
Instance UID only.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.features.table import FeatureTable
from models.inference.outcome import ModelOutcome, NotApplicable
from models.quality_notes import QualityNote
from models.version import software_version

if TYPE_CHECKING:
    from appliance.pipeline import Result
    from dicom_io.answer import AnswerObject

SCHEMA = 1
RESULT = "result.json"
FEATURES = "features.csv"
PDF = "report.pdf"
_LEADING = 20  # contributions of inputs that result.json lists for each model


def folder_name(study_instance_uid: str) -> str:
    """Name of the folder of a study."""
    return f"study-{hashlib.sha256(study_instance_uid.encode()).hexdigest()[:16]}"


def answered(result: Result, *, input_digest: str, recipe_digest: str, created: datetime) -> dict[str, bytes]:
    """The files of an answered study by name.

    result.json, schema 1:

    - `schema`, `software` (version), `notice`, `notices` (of the models), `created` (ISO 8601)
    - `study_instance_uid`; `outcome`: "answered", "refused" or "failed"; `sentence`: why, empty when answered
    - `input_digest`: SHA-256 over the files; `recipe_digest`: SHA-256 over everything else that determines the
      answer (version, settings, models, assignment); `content_digest`: as in the reports
    - `series`: role, description, detail, series_instance_uid, why
    - `models`: name, version, digest, title, notice, and either `not_applicable` (the reason) or `predictions`
      (quantity, value, horizon_months, interval), `cut_off`, `group`, `provider`, `quality_notes`,
      `leading_contributions` (feature, value, attribution)
    - `quality_notes`: code, severity, sentence, sequence, region
    - `features`: count, engine, settings_digest
    - `provenance`: label → text, as in the report
    - `stages`: stage, seconds, cpu_seconds, peak_memory_mb
    - `files`: name, bytes, sha256; for DICOM objects role, sop_class_uid, sop_instance_uid
    """
    contents: dict[str, bytes] = {}
    objects = {f"{made.role}.dcm": made for made in result.answer.objects}
    contents |= {name: _encoded(made) for name, made in objects.items()}
    contents[PDF] = result.answer.pdf
    contents[FEATURES] = features_csv(result.features)
    description = _head(result.study.subject.study_instance_uid, input_digest, recipe_digest, created=created) | {
        "outcome": "answered",
        "sentence": "",
        "notice": result.report.notice,
        "notices": list(result.report.notices),
        "content_digest": result.study.content_digest,
        "series": [asdict(row) for row in result.study.series],
        "models": [_model(outcome) for outcome in result.outcomes],
        "quality_notes": [_note(note) for note in result.report.notes],
        "features": {
            "count": len(result.features),
            "engine": result.features.engine,
            "settings_digest": result.features.settings_digest,
        },
        "provenance": dict(result.report.provenance),
        "stages": [asdict(cost) for cost in result.stages],
        "files": [_file(name, content, objects.get(name)) for name, content in contents.items()],
    }
    return contents | {RESULT: _json(description)}


def given_up(
    study_instance_uid: str, *, outcome: str, sentence: str, input_digest: str, recipe_digest: str, created: datetime
) -> dict[str, bytes]:
    """The one file of a study that was refused or failed: `result.json` as in `answered`, without an answer."""
    head = _head(study_instance_uid, input_digest, recipe_digest, created=created)
    return {RESULT: _json(head | {"outcome": outcome, "sentence": sentence, "files": []})}


def write_folder(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Puts a complete folder in place of an older one."""
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    for leftover in (part, old):
        shutil.rmtree(leftover, ignore_errors=True)
    part.mkdir(parents=True)
    for name, content in contents.items():
        (part / name).write_bytes(content)
    if folder.exists():
        folder.rename(old)
    part.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def remove_leftovers(out: Path) -> None:
    """Removes the unfinished folders of a run that was interrupted."""
    for pattern in (".study-*.part", ".study-*.old"):
        for leftover in out.glob(pattern):
            shutil.rmtree(leftover, ignore_errors=True)


def read_result(folder: Path) -> dict[str, Any] | None:
    """The content of `result.json`; None where there is none, it is of another schema, or a file it names is gone."""
    try:
        description: dict[str, Any] = json.loads((folder / RESULT).read_bytes())
    except (OSError, ValueError):
        return None
    if description.get("schema") != SCHEMA:
        return None
    files = [(folder / row["name"], row["bytes"]) for row in description["files"]]
    whole = all(file.is_file() and file.stat().st_size == size for file, size in files)
    return description if whole else None


def features_csv(table: FeatureTable) -> bytes:
    """Name, value, unit and IBSI code of every feature, one line each; values with all their digits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("name", "value", "unit", "ibsi"))
    writer.writerows((item.name, repr(item.value), item.unit, item.ibsi or "") for item in table.features)
    return text.getvalue().encode()


def _head(study_instance_uid: str, input_digest: str, recipe_digest: str, *, created: datetime) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "software": software_version(),
        "created": created.isoformat(timespec="seconds"),
        "study_instance_uid": study_instance_uid,
        "input_digest": input_digest,
        "recipe_digest": recipe_digest,
    }


def _encoded(made: AnswerObject) -> bytes:
    content = io.BytesIO()
    made.dataset.save_as(content, enforce_file_format=True)
    return content.getvalue()


def _model(outcome: ModelOutcome | NotApplicable) -> dict[str, Any]:
    identity = asdict(outcome.model)
    if isinstance(outcome, NotApplicable):
        return identity | {"not_applicable": outcome.reason}
    return identity | {
        "predictions": [asdict(prediction) for prediction in outcome.predictions],
        "cut_off": outcome.cut_off,
        "group": outcome.group,
        "provider": outcome.provider,
        "quality_notes": [_note(note) for note in outcome.notes],
        "leading_contributions": [asdict(part) for part in outcome.contributions[:_LEADING]],
    }


def _note(note: QualityNote) -> dict[str, Any]:
    return asdict(note)


def _file(name: str, content: bytes, made: AnswerObject | None) -> dict[str, Any]:
    row: dict[str, Any] = {"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    if made is not None:
        row |= {"role": made.role, "sop_class_uid": made.sop_class_uid, "sop_instance_uid": made.sop_instance_uid}
    return row


def _json(description: Mapping[str, Any]) -> bytes:
    return (json.dumps(description, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
