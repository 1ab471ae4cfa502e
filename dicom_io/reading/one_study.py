"""The check that objects are of one study and one patient; if not, which series differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from dicom_io.errors import SeriesNotFound
from dicom_io.images.headers import Instance, identifier, shown
from models.errors import StudyRejected
from models.number_words import counted


def check_one_study(instances: Sequence[Instance]) -> None:
    """Raise unless all objects carry one Study Instance UID and one Patient ID.

    Raises
    ------
    SeriesNotFound
        When there is no object.
    StudyRejected
        When they differ; the sentence names the series, never the patient.
    """
    if not instances:
        raise SeriesNotFound("No DICOM object was found; MR images and a segmentation of the tumour were expected.")
    studies = _series_by(instances, lambda instance: instance.study_instance_uid)
    if len(studies) > 1:
        listed = "; ".join(f"{uid}: {series}" for uid, series in sorted(studies.items()))
        raise StudyRejected(
            f"The files belong to {counted(len(studies), 'study', 'studies')} ({listed}); one was expected. Read them "
            "one by one, or have them stored as one study."
        )
    patients = _series_by(instances, lambda instance: identifier(instance.header, "PatientID"))
    if len(patients) == 1:
        return
    without = patients.pop("", "")
    if without and len(patients) == 1:
        raise StudyRejected(
            f"A part of the study has no Patient ID: {without}. The rest has one: {next(iter(patients.values()))}. The "
            "same in all was expected: have that part stored again with the Patient ID of the rest."
        )
    groups = [*patients.values(), *([f"{without} (with none)"] if without else [])]
    raise StudyRejected(
        f"The objects of the study carry {len(groups)} different Patient IDs: {', another: '.join(groups)}. One was "
        "expected: have the study corrected at the PACS."
    )


def _series_by(instances: Sequence[Instance], value: Callable[[Instance], str]) -> dict[str, str]:
    """Value → the series that carry it, with their number of objects."""
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for instance in instances:
        header = instance.header
        name = f'{shown(header, "SeriesNumber") or "?"} "{shown(header, "SeriesDescription")}"'
        counts[value(instance)][f"{name} ({instance.modality or '?'}"] += 1
    return {
        key: "; ".join(f"{name}, {count} object{'' if count == 1 else 's'})" for name, count in sorted(series.items()))
        for key, series in counts.items()
    }
