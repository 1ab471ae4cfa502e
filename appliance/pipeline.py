"""One study from files to answer. This is the page to read first.

    files → read → preprocess → extract → predict → compose → encode → answer

The service and the command line call the same function; the differences between sites are in the `Workbench`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from appliance.stages import StageCost, Stages
from dicom_io.answer import Answer
from dicom_io.earlier import AnswerFacts, EarlierAnswer, objects_replaced
from dicom_io.errors import TumourEmpty
from dicom_io.images.limits import USUAL, Limits
from dicom_io.priors import Comparing
from dicom_io.reading.patient_identity import present_of
from dicom_io.reading.pseudonymise import StudyCover
from dicom_io.reading.read import NOTHING_KNOWN, read_study
from dicom_io.rules import Assignment, SelectionRules
from dicom_io.study import Study
from dicom_io.writing.comparison import compared, measured, with_comparison
from dicom_io.writing.encode import encode
from dicom_io.writing.facts import facts_of, with_replacement
from models.errors import StudyRejected
from models.features.contour_features import ContourFeatures
from models.features.extract import FeatureEngine, extract_features
from models.features.settings import FeatureSettings
from models.features.table import FeatureTable
from models.inference.change import StudyMeasured
from models.inference.predict import ModelOutcome, NotApplicable, not_computed, predict
from models.inference.runtime import LoadedModel
from models.intended_use import IntendedUse, check_intended_use
from models.note_reasons import reasons_of
from models.outline import READERS_DICE
from models.plausibility import PlausibilityLimits
from models.preprocessing.cavities import Cavities
from models.preprocessing.measurement import MeasuredParts
from models.preprocessing.prepare import BiasCorrection, Prepared, prepare
from models.preprocessing.tumour_check import NO_TUMOUR, TumourCheck, check_tumours
from models.quality_notes import QualityNote
from models.threads import one_thread
from models.validity import Reason, State
from models.volume import Roi, Volume, same_grid
from models.volume import Sequence as MrSequence
from reports.compose import compose
from reports.content import Report
from reports.language import Language
from reports.paper import Paper


@dataclass(frozen=True, eq=False)
class Workbench:
    """Everything needed to process a study; made once, used for every study.

    Attributes
    ----------
    rules : which series and segment plays which role
    bias : N4
    shell_mm : width of the peritumoral shell
    cavities : what becomes of voxels a tumour encloses
    plausibility : what a breast tumour can be
    engine : feature engine
    features : feature settings
    models : loaded model packages, in the order of the report
    features_sr : also make the SR with all features
    intended_use : what the headers must say, and what is confirmed in their place
    paper : of the PDF
    limits : what files may ask for
    languages : of SR and PDF, the site's first; the others are for destinations with a language of their own
    fonts : files to look in for characters that DejaVu Sans lacks, before those of the system
    withheld : write withheld scores into result.json, for researchers
    fhir : write a FHIR bundle beside the answer
    key_images : also make the key images
    """

    rules: SelectionRules
    bias: BiasCorrection
    shell_mm: float
    plausibility: PlausibilityLimits
    engine: FeatureEngine
    features: FeatureSettings
    models: tuple[LoadedModel, ...]
    features_sr: bool
    cavities: Cavities = Cavities.EXCLUDE
    intended_use: IntendedUse = field(default_factory=IntendedUse)
    withheld: bool = False
    fhir: bool = False
    key_images: bool = False
    paper: Paper = Paper.A4
    limits: Limits = USUAL
    languages: tuple[Language, ...] = (Language.ENGLISH,)
    fonts: tuple[str, ...] = ()

    def digest(self) -> str:
        """SHA-256 over the settings that determine the numbers of a study, models apart."""
        parts = (self.features.digest(), self.bias.name, f"{self.shell_mm:g}", self.cavities, self.engine.name)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class Result:
    """One answered study; without features where nothing could be computed on its tumour.

    `measured` is what a later study of the patient is compared with.
    """

    study: Study
    features: FeatureTable | None
    outcomes: tuple[ModelOutcome | NotApplicable, ...]
    report: Report
    answer: Answer
    facts: AnswerFacts
    stages: tuple[StageCost, ...]
    language: Language = Language.ENGLISH  # of the documents; `report` is English
    measured: StudyMeasured | None = None


@one_thread()
def answer_study(
    files: Sequence[Path],
    bench: Workbench,
    *,
    assignment: Assignment,
    created: datetime,
    held: Mapping[str, int] = NOTHING_KNOWN,
    earlier: Sequence[EarlierAnswer] = (),
    remarks: Sequence[QualityNote] = (),
    cover: StudyCover | None = None,
    comparing: Comparing | None = None,
) -> Result:
    """Answers one study.

    Parameters
    ----------
    files : the DICOM files of one study
    assignment : explicit choice of series, empty to go by the rules
    created : time of the request, with time zone; the same input and time give the same objects
    held : Series Instance UID → images of it at the archive, as far as it was asked
    earlier : answers given to the same study before, oldest first; the new one says which it replaces
    remarks : what the report says besides
    cover : makes the answer one without names; None leaves them
    comparing : how it is compared with earlier studies of the patient; None looks for none. A segment without a voxel
        is a legal answer where an earlier study can be compared, and a refusal otherwise

    Raises
    ------
    StudyRejected
        When the study cannot be answered as it is; the sentence says why, and quotes headers whatever the cover.
    """
    stages = Stages()
    with stages.measured("read"):
        study = read_study(
            files,
            rules=bench.rules,
            assignment=assignment,
            held=held,
            limits=bench.limits,
            may_be_empty=comparing is not None,
            whole_before=bench.key_images,
        )
        use = check_intended_use(study.evidence, bench.intended_use)
        if cover is not None:
            study, use = cover.study(study), cover.reasons(use)
    with stages.measured("preprocess"):
        parts = MeasuredParts()
        tumours = (
            NO_TUMOUR
            if study.nothing_segmented
            else check_tumours(
                study.volumes, study.tumours, evidence=study.contrast, limits=bench.plausibility, parts=parts
            )
        )
    computed = _computed(study, tumours, bench, stages, parts=parts, against=use)
    with stages.measured("report"):
        composed = partial(
            compose,
            subject=study.subject,
            prepared=computed.prepared,
            features=computed.features,
            outcomes=computed.outcomes,
            series=study.series,
            notes=(*study.notes, *tumours.notes, *computed.notes, *remarks),
            bias=bench.bias.name,
            settings=bench.features,
            created=created,
            received=_received(study),
            before=study.contrast.before if bench.key_images else None,
            validity_settings=f"{bench.intended_use.in_words()}; {bench.plausibility.in_words()}",
        )
        report = composed()
        facts_now = measured(study, report, settings=bench.digest())
    if comparing is not None:
        with stages.measured("priors"):
            report = compared(report, present_of(study), facts_now, comparing)
        if study.nothing_segmented and report.change is None:
            raise TumourEmpty(study.nothing_segmented)  # a mistake, as long as no earlier tumour is known
    with stages.measured("encode"):
        report, facts = with_replacement(report, facts_of(study, report), earlier)
        shown = [
            report
            if language is report.language
            else replace(with_comparison(composed(language=language), report), replaces=report.replaces)
            for language in bench.languages
        ]
        answer = encode(
            study,
            computed.prepared,
            report,
            features_sr=bench.features_sr,
            paper=bench.paper,
            key_images=bench.key_images,
            replaced=objects_replaced(report.replaces, earlier),
            shown=shown,
            fonts=bench.fonts,
        )
    return Result(
        study,
        computed.features,
        computed.outcomes,
        report,
        answer,
        facts,
        stages.costs,
        language=bench.languages[0],
        measured=facts_now,
    )


@dataclass(frozen=True, eq=False)
class _Computed:
    """Results of the computation on a study; only outcomes where the tumour allows nothing."""

    outcomes: tuple[ModelOutcome | NotApplicable, ...]
    prepared: Prepared | None = None
    features: FeatureTable | None = None
    notes: tuple[QualityNote, ...] = ()


def _computed(
    study: Study,
    tumours: TumourCheck,
    bench: Workbench,
    stages: Stages,
    *,
    parts: MeasuredParts,
    against: Sequence[Reason],
) -> _Computed:
    """Features and outcomes, or outcomes that say why there are none: a study that was read gets an answer."""
    missing = {**study.missing, **tumours.dropped}
    if not tumours.is_computable:
        return _Computed(not_computed(bench.models, missing=missing, reasons=(*against, *tumours.reasons)))
    try:
        with stages.measured("preprocess"):
            prepared = prepare(
                tumours.usable(study.volumes),
                study.tumours,
                bias=bench.bias,
                shell_mm=bench.shell_mm,
                cavities=bench.cavities,
                parts=parts,
            )
        with stages.measured("extract"):
            features = extract_features(prepared, engine=bench.engine, settings=bench.features)
            prepared = prepared.without(features.dropped)
    except StudyRejected as undefined:
        impossible = Reason("not-computable", State.NOT_COMPUTABLE, str(undefined))
        return _Computed(not_computed(bench.models, missing=missing, reasons=(*against, *tumours.reasons, impossible)))
    notes = prepared.notes + features.notes
    # Doubts about a sequence that is not used are no doubts about the answer.
    reasons = (*against, *tumours.without(prepared.dropped).reasons)
    doubts = [note for note in study.notes + notes if note.sequence not in prepared.dropped]
    with stages.measured("predict"):
        outcomes = predict(
            features,
            bench.models,
            missing={**missing, **prepared.dropped},
            bias=bench.bias.name,
            reasons=(*reasons, *reasons_of(doubts)),
            contours=ContourFeatures(
                prepared,
                settings=bench.features,
                shell_mm=bench.shell_mm,
                dice=min((one.readers_dice for one in study.outlines.values()), default=READERS_DICE),
            ).vectors,
        )
    return _Computed(outcomes, prepared, features, notes)


def _received(study: Study) -> Mapping[MrSequence, tuple[Volume, Roi]]:
    """The images with their tumours as they were read, of those that are on one grid."""
    return {
        sequence: (volume, study.tumours[sequence])
        for sequence, volume in study.volumes.items()
        if sequence in study.tumours and same_grid(study.tumours[sequence], volume)
    }
