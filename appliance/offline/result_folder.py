"""Output of `rdeepnet run` for one study: a folder that is complete or absent.

    OUT/study-<16 hexadecimal digits>/     of the SHA-256 of the Study Instance UID: no patient data in names
        seg_t1c.dcm, seg_t2w.dcm           tumour and peritumoral shell on each grid
        key_sr.dcm, features_sr.dcm        Structured Reports (the second only when configured)
        pdf.dcm, report.pdf                the report as Encapsulated PDF and as it is
        key_images-1.dcm …                 key images as Secondary Capture; only when configured
        fhir.json                          the answer as a FHIR R4 bundle; only when configured
        features.csv                       name, value, unit (UCUM), ibsi; absent where nothing can be computed
        result.json                        see `result_json`; alone in the folder when the study was refused or failed

DICOM objects and PDF carry the patient's name, as the images do; result.json and features.csv carry the Study
Instance UID only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.offline import result_json
from appliance.offline.result_json import RESULT, Origin
from dicom_io.answer_roles import Role
from models.csv_table import lines
from models.errors import NotWritable
from models.features.table import Feature
from models.files import OLD, PART, remove, replace_folder

if TYPE_CHECKING:
    from appliance.pipeline import Result
    from dicom_io.answer import AnswerObject

FEATURES = "features.csv"
PDF = "report.pdf"
FHIR = "fhir.json"


def folder_name(study_instance_uid: str) -> str:
    """Name of the folder of a study."""
    return f"study-{hashlib.sha256(study_instance_uid.encode()).hexdigest()[:16]}"


def answered(result: Result, origin: Origin, *, withheld: bool = False, fhir: bool = False) -> dict[str, bytes]:
    """The files of an answered study by name.

    Parameters
    ----------
    withheld : withheld scores are in result.json, for a researcher
    fhir : with a FHIR bundle
    """
    objects = {_file_name(made): made for made in result.answer.objects if made.is_default}
    contents = {name: made.file for name, made in objects.items()}
    contents[PDF] = result.answer.pdf
    if fhir:
        from dicom_io.writing.fhir_bundle import make_fhir_bundle

        contents[FHIR] = make_fhir_bundle(result.study, result.report, pdf=result.answer.pdf, language=result.language)
    if result.features is not None:
        contents[FEATURES] = features_csv(result.features.features)
    description = result_json.of_answer(origin, result, files=contents, objects=objects, withheld=withheld)
    return contents | {RESULT: description}


def _file_name(made: AnswerObject) -> str:
    """Name of the file of an object; key images are several, and have their Instance Numbers."""
    number = f"-{made.dataset.InstanceNumber}" if made.role is Role.KEY_IMAGES else ""
    return f"{made.role}{number}.dcm"


def write_folder(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Puts a complete folder in place of an older one; folder and files are their owner's alone (0700, 0600).

    Raises
    ------
    NotWritable
        When it cannot be written.
    """
    try:
        replace_folder(folder, dict(contents))
    except OSError as error:
        raise NotWritable(
            f"The results cannot be written to {folder.parent} ({error.strerror}); name a folder that this user may "
            "write to and that has space.",
            because=error,
        ) from error


def remove_leftovers(out: Path) -> None:
    """Removes the unfinished folders of a run that was interrupted."""
    for pattern in (f".study-*{PART}", f".study-*{OLD}", f".*.csv.*{PART}"):
        for leftover in out.glob(pattern):
            remove(leftover)


def features_csv(features: Iterable[Feature]) -> bytes:
    """Name, value, unit and IBSI code of every feature, one line each; values with all their digits."""
    rows = ((item.name, item.value, item.unit, item.ibsi or "") for item in features)
    return "".join(lines([("name", "value", "unit", "ibsi"), *rows])).encode()
