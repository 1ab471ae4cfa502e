"""Output of `rdeepnet run` for one study: a folder that is complete or absent.

    OUT/study-<16 hexadecimal digits>/     of the SHA-256 of the Study Instance UID: no patient data in names
        seg_t1c.dcm, seg_t2w.dcm           tumour and peritumoral shell on each grid
        key_sr.dcm, features_sr.dcm        Structured Reports (the second only when configured)
        pdf.dcm, report.pdf                the report as Encapsulated PDF and as it is
        features.csv                       name, value, unit (UCUM), ibsi; absent where nothing can be computed
        result.json                        see `result_json`; alone in the folder when the study was refused or failed

DICOM objects and PDF carry the patient's name, as the images do; result.json and features.csv carry the Study
Instance UID only.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.offline import result_json
from appliance.offline.result_json import RESULT, Origin
from models.features.table import FeatureTable

if TYPE_CHECKING:
    from appliance.pipeline import Result

FEATURES = "features.csv"
PDF = "report.pdf"


def folder_name(study_instance_uid: str) -> str:
    """Name of the folder of a study."""
    return f"study-{hashlib.sha256(study_instance_uid.encode()).hexdigest()[:16]}"


def answered(result: Result, origin: Origin, *, withheld: bool = False) -> dict[str, bytes]:
    """The files of an answered study by name; withheld scores are in result.json where a researcher wants them."""
    objects = {f"{made.role}.dcm": made for made in result.answer.objects}
    contents = {name: made.file for name, made in objects.items()}
    contents[PDF] = result.answer.pdf
    if result.features is not None:
        contents[FEATURES] = features_csv(result.features)
    description = result_json.of_answer(origin, result, files=contents, objects=objects, withheld=withheld)
    return contents | {RESULT: description}


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


def features_csv(table: FeatureTable) -> bytes:
    """Name, value, unit and IBSI code of every feature, one line each; values with all their digits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("name", "value", "unit", "ibsi"))
    writer.writerows((item.name, repr(item.value), item.unit, item.ibsi or "") for item in table.features)
    return text.getvalue().encode()
