"""Earlier studies of a patient at the archive: looked for, fetched, and computed with the models of today.

A study that is fetched here is never answered as if it had been sent to us: it has a folder of its own for as long as
it is computed, no record, and no results that are sent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.logs import describe
from appliance.service.prior_sources import PriorSource
from appliance.settings import Settings
from appliance.state.prior_folders import PriorFolders
from dicom_io.errors import PeerRefused, PeerUnavailable
from dicom_io.network.find_studies import StudyAtPeer, Wanted
from dicom_io.priors import FindPriors, PatientIdentity, Present, PriorStudy, computed_last_first
from dicom_io.reading.patient_identity import day_of, patient_of
from models.errors import NotWritable, StudyRejected
from models.inference.change import Obstacle
from models.quality_notes import QualityNote
from reports.change import archive_not_asked

if TYPE_CHECKING:
    from appliance.pipeline import Result

LOG = logging.getLogger("rdeepnet.priors")

Compute = Callable[[Sequence[Path]], "Result"]


@dataclass
class ArchivedPriors:
    """Finds earlier studies among our own results, then at the archive.

    Attributes
    ----------
    source : the archive
    own : those among our results
    compute : answers the files of one study, without comparing it itself
    remarks : what kept the archive from being asked, after `find`
    """

    settings: Settings
    source: PriorSource
    own: FindPriors
    compute: Compute
    remarks: list[QualityNote] = field(default_factory=list)

    def find(self, present: Present) -> Iterator[PriorStudy]:
        """Earlier studies; an archive that cannot be asked is a remark, and holds nothing up."""
        known = list(self.own(present))
        yield from known
        try:
            studies = self.source.studies(Wanted(patient_id=present.identity.patient_id))
        except (PeerUnavailable, PeerRefused) as error:
            LOG.warning("the archive could not be asked for earlier studies: %s", error)
            self.remarks.append(archive_not_asked())
            return
        ours = {prior.study_instance_uid for prior in known} | {present.study_instance_uid}
        usable = [one.study_date for one in known if one.study_date and not present.identity.obstacle(one.identity)]
        others = [one for one in studies if one.study_instance_uid not in ours and _may_have_images(one)]
        yield from self._of_archive(others, present, after=max(usable, default=date.min))

    def _of_archive(self, studies: Sequence[StudyAtPeer], present: Present, *, after: date) -> Iterator[PriorStudy]:
        """Studies of the archive, the last first; so many of them are fetched as the settings say."""
        states_issuers = any(study.issuer for study in studies)
        listed = {study.study_instance_uid: study for study in studies}
        return computed_last_first(
            [_listed(study, present, states_issuers=states_issuers) for study in studies],
            present,
            lambda prior: self._fetched(listed[prior.study_instance_uid], prior),
            most=self.settings.priors.most,
            after=after,
        )

    def _fetched(self, study: StudyAtPeer, prior: PriorStudy) -> PriorStudy:
        folders = PriorFolders(self.settings.service.state_dir)
        try:
            with folders.request(study.study_instance_uid) as (message_id, folder):
                return self._computed(self.source.bring(study, message_id=message_id, folder=folder), prior)
        except (PeerUnavailable, PeerRefused, NotWritable) as error:
            LOG.warning("an earlier study could not be fetched: %s", error)
            return replace(prior, obstacle=Obstacle.NOT_FETCHED)

    def _computed(self, files: Sequence[Path], prior: PriorStudy) -> PriorStudy:
        try:
            result = self.compute(files)
        except StudyRejected as error:  # without a segmentation, most often
            LOG.info("an earlier study cannot be computed", extra={"error": describe(error)})
            return replace(prior, obstacle=Obstacle.NO_ANSWER)
        return PriorStudy(
            identity=patient_of(result.study.header),
            study_instance_uid=prior.study_instance_uid,
            study_date=result.study.subject.study_date,
            measured=result.measured,
        )


def _may_have_images(study: StudyAtPeer) -> bool:
    """Returns whether a study has MR images, or the archive does not say."""
    return not study.modalities or "MR" in study.modalities


def _listed(study: StudyAtPeer, present: Present, *, states_issuers: bool) -> PriorStudy:
    """A study as the archive lists it; where it states no issuers at all, the images will."""
    issuer = study.issuer if study.issuer or states_issuers else present.identity.issuer
    return PriorStudy(
        identity=PatientIdentity(study.patient_id, issuer, study.birth_date, study.sex),
        study_instance_uid=study.study_instance_uid,
        study_date=day_of(study.study_date),
    )
