"""Earlier studies of a patient among those of one run (`rdeepnet run --compare`).

Each study of the run is compared by itself: the last earlier one is read and computed again for it, which takes as long
as a study more. Taking what the same run had computed before was rejected: studies would wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dicom_io.errors import NotReadable
from dicom_io.priors import Comparing, Present, PriorStudy, computed_last_first
from models.errors import StudyRejected
from models.inference.change import ComparisonLimits, Obstacle

if TYPE_CHECKING:
    from appliance.peer_settings import PriorSettings
    from appliance.pipeline import Result


@dataclass(frozen=True)
class StudiesBeside:
    """Other studies of a run that state the Patient ID of one.

    Attributes
    ----------
    files : Study Instance UID → its files
    limits : how far images may differ
    most : studies that are computed for one answer
    """

    files: Mapping[str, tuple[Path, ...]]
    limits: ComparisonLimits
    most: int

    def comparing(self, compute: Callable[[Sequence[Path]], Result]) -> Comparing:
        """Comparison with them; `compute` answers the files of one study, without comparing it itself."""
        return Comparing(lambda present: self._found(present, compute), self.limits)

    def _found(self, present: Present, compute: Callable[[Sequence[Path]], Result]) -> Iterator[PriorStudy]:
        listed = [_listed(uid, files) for uid, files in self.files.items()]
        return computed_last_first(
            [prior for prior in listed if prior is not None],
            present,
            lambda prior: _computed(self.files[prior.study_instance_uid], prior, compute),
            most=self.most,
        )


def studies_beside(
    uid: str, patient_ids: Mapping[str, str], files: Mapping[str, Sequence[Path]], settings: PriorSettings
) -> StudiesBeside | None:
    """The other studies with the Patient ID of one; None where there are none, or it has no Patient ID.

    Parameters
    ----------
    patient_ids : Study Instance UID → Patient ID, of all studies of the run
    """
    patient = patient_ids[uid]
    others = [other for other, stated in patient_ids.items() if stated == patient and other != uid and patient]
    if not others:
        return None
    return StudiesBeside(
        {other: tuple(files[other]) for other in others},
        ComparisonLimits(settings.voxel_fraction, settings.field_strength_t),
        settings.most,
    )


def _listed(uid: str, files: Sequence[Path]) -> PriorStudy | None:
    """A study by its first file that can be read; None where none can, which its own answer says."""
    from dicom_io.reading.patient_identity import read_patient

    for file in files:
        try:
            identity, day = read_patient(file)
        except NotReadable:
            continue
        return PriorStudy(identity=identity, study_instance_uid=uid, study_date=day)
    return None


def _computed(files: Sequence[Path], prior: PriorStudy, compute: Callable[[Sequence[Path]], Result]) -> PriorStudy:
    from dicom_io.reading.patient_identity import patient_of

    try:
        result = compute(files)
    except StudyRejected:  # the run says so of the study itself
        return replace(prior, obstacle=Obstacle.NO_ANSWER)
    return PriorStudy(
        identity=patient_of(result.study.header),
        study_instance_uid=prior.study_instance_uid,
        study_date=result.study.subject.study_date,
        measured=result.measured,
    )
