"""Comparison of a report with earlier studies: the facts that are kept of it, and the section about the change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dicom_io.priors import Comparing, Present, PriorStudy
from dicom_io.study import Study
from models.inference.change import (
    ImagesMeasured,
    ModelAnswered,
    Obstacle,
    StudyMeasured,
    TumourSize,
    change,
    obstacles,
)
from models.version import software_version
from models.volume import Region, Sequence
from reports.change import LENGTHS, PRIOR_NOT_USED, PRIORS_NOT_ASKED, change_section, not_used_note
from reports.change_facts import ChangeFacts, NotCompared
from reports.content import ModelSection, RegionSection, Report
from reports.languages.languages import WORDS
from reports.languages.said import notes_in


def measured(study: Study, report: Report, *, settings: str) -> StudyMeasured:
    """The facts of an answered study that a later one is compared with.

    Parameters
    ----------
    settings : digest of all settings that determine the numbers
    """
    regions = {one.sequence: _size(one) for one in report.regions if one.region is Region.INTRATUMORAL}
    if study.nothing_segmented:
        regions = {sequence: TumourSize(0.0, {}) for sequence in study.acquisitions}
    is_shown = bool(study.nothing_segmented) or report.state.shows_features or not report.models
    return StudyMeasured(
        settings=settings,
        software=f"rdeepnet {software_version()}",
        side=report.subject.laterality,
        sizes=regions if is_shown else {},
        images={sequence: _images(study, sequence) for sequence in study.acquisitions},
        models=tuple(_answered(section) for section in report.models),
    )


def compared(report: Report, present: Present, now: StudyMeasured, comparing: Comparing) -> Report:
    """The report with the change since the last comparable study, and a note on each that is not compared."""
    if not now.sizes:
        return report  # nothing was measured
    if not present.identity.patient_id:
        return report  # the report says already that there is no Patient ID
    found = sorted(
        (one for one in comparing.find(present) if not _is_later(one, present)),
        key=lambda one: (str(one.study_date or ""), one.study_instance_uid),
        reverse=True,
    )
    not_compared: list[NotCompared] = []
    section = None
    for prior in found:
        obstacle = next(_obstacles(prior, present, now, comparing), None)
        if obstacle is None and section is not None:
            obstacle = Obstacle.LATER_ONE_USED
        if obstacle is not None:
            not_compared.append(NotCompared(prior.study_date, obstacle))
            continue
        assert prior.measured is not None
        assert prior.study_date is not None
        assert present.study_date is not None
        section = change_section(
            ChangeFacts(
                change=change(prior.measured, now, day_then=prior.study_date, day_now=present.study_date),
                day_then=prior.study_date,
                day_now=present.study_date,
                study_instance_uid=prior.study_instance_uid,
                report=prior.report,
                software_then="" if prior.measured.software == now.software else prior.measured.software,
            )
        )
    notes = dict.fromkeys((*map(not_used_note, not_compared), *comparing.remarks()))
    return replace(report, change=section, not_compared=tuple(not_compared), notes=(*report.notes, *notes))


def with_comparison(shown: Report, report: Report) -> Report:
    """A report in another language with what `report` says of earlier studies, in its words."""
    words = WORDS[shown.language]
    notes = (note for note in report.notes if note.code in (PRIOR_NOT_USED, PRIORS_NOT_ASKED))
    section = None if report.change is None else change_section(report.change.facts, words)
    return replace(
        shown, change=section, not_compared=report.not_compared, notes=(*shown.notes, *notes_in(words, notes))
    )


def _is_later(prior: PriorStudy, present: Present) -> bool:
    """Returns whether a study is no earlier one at all."""
    return prior.study_date is not None and present.study_date is not None and prior.study_date > present.study_date


def _obstacles(prior: PriorStudy, present: Present, now: StudyMeasured, comparing: Comparing) -> Iterator[Obstacle]:
    """Reasons against a prior, the identity of the patient first."""
    identity = present.identity.obstacle(prior.identity)
    if identity is not None:
        yield identity
        return
    if prior.study_date is None or present.study_date is None:
        yield Obstacle.NO_DATE
        return
    if prior.study_date >= present.study_date:
        yield Obstacle.NOT_EARLIER
        return
    if prior.measured is None:
        yield prior.obstacle or Obstacle.NO_ANSWER  # what kept its answer from being there
        return
    yield from obstacles(prior.measured, now, limits=comparing.limits)


def _size(region: RegionSection) -> TumourSize:
    lengths = {}
    for feature in region.features:
        name = next((name for name in LENGTHS if feature.key.endswith(name)), None)
        if name is not None:
            lengths[name] = float(feature.value)
    return TumourSize(float(region.volume.value), lengths)


def _images(study: Study, sequence: Sequence) -> ImagesMeasured:
    header = study.header
    return ImagesMeasured(
        manufacturer=str(header.get("Manufacturer", "") or "").strip().upper(),
        scanner=str(header.get("ManufacturerModelName", "") or "").strip().upper(),
        acquisition=study.acquisitions[sequence],
        is_dynamic=study.phases.get(sequence, 1) > 1,
    )


def _answered(section: ModelSection) -> ModelAnswered:
    score = section.measurements[0] if section.measurements else None
    spread = None if score is None else score.plausible_range
    return ModelAnswered(
        name=section.model.name,
        version=section.model.version,
        digest=section.model.digest,
        title=section.model.title,
        quantity=section.quantity,
        state=section.state,
        value=None if score is None else float(score.value),
        low=None if spread is None else float(spread[0]),
        high=None if spread is None else float(spread[1]),
        group=section.group,
    )
