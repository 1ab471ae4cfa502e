"""One study from files to answer. This is the page to read first.

    files → read → preprocess → extract → predict → compose → encode → answer

The service and the command line call the same function; the differences between sites are in the `Workbench`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from appliance.stages import StageCost, Stages
from dicom_io.answer import Answer
from dicom_io.earlier import AnswerFacts, EarlierAnswer, objects_replaced
from dicom_io.reading.read import NOTHING_KNOWN, read_study
from dicom_io.rules import Assignment, SelectionRules
from dicom_io.study import Study
from dicom_io.writing.encode import encode
from dicom_io.writing.facts import facts_of, with_replacement
from models.features.extract import FeatureEngine, extract_features
from models.features.settings import FeatureSettings
from models.features.table import FeatureTable
from models.inference.predict import ModelOutcome, NotApplicable, predict
from models.inference.runtime import LoadedModel
from models.plausibility import PlausibilityLimits
from models.preprocessing.cavities import Cavities
from models.preprocessing.measurement import MeasuredParts
from models.preprocessing.prepare import BiasCorrection, prepare
from models.preprocessing.tumour_check import check_tumours
from models.quality_notes import QualityNote
from models.threads import one_thread
from reports.compose import compose
from reports.content import Report


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


@dataclass(frozen=True, eq=False)
class Result:
    """One answered study."""

    study: Study
    features: FeatureTable
    outcomes: tuple[ModelOutcome | NotApplicable, ...]
    report: Report
    answer: Answer
    facts: AnswerFacts
    stages: tuple[StageCost, ...]


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

    Raises
    ------
    StudyRejected
        When the study cannot be answered as it is; the sentence says why.
    """
    stages = Stages()
    with stages.measured("read"):
        study = read_study(files, rules=bench.rules, assignment=assignment, held=held)
    with stages.measured("preprocess"):
        parts = MeasuredParts()
        doubts = check_tumours(
            study.volumes, study.tumours, evidence=study.contrast, limits=bench.plausibility, parts=parts
        )
        prepared = prepare(
            study.volumes, study.tumours, bias=bench.bias, shell_mm=bench.shell_mm, cavities=bench.cavities, parts=parts
        )
    with stages.measured("extract"):
        features = extract_features(prepared, engine=bench.engine, settings=bench.features)
        prepared = prepared.without(features.dropped)
    with stages.measured("predict"):
        outcomes = predict(features, bench.models, missing={**study.missing, **prepared.dropped}, bias=bench.bias.name)
    with stages.measured("report"):
        report = compose(
            subject=study.subject,
            prepared=prepared,
            features=features,
            outcomes=outcomes,
            series=study.series,
            notes=(*study.notes, *doubts, *prepared.notes, *features.notes, *remarks),
            bias=bench.bias.name,
            settings=bench.features,
            created=created,
        )
    with stages.measured("encode"):
        report, facts = with_replacement(report, facts_of(study, report), earlier)
        replaced = objects_replaced(report.replaces, earlier)
        answer = encode(study, prepared, report, features_sr=bench.features_sr, replaced=replaced)
    return Result(study, features, outcomes, report, answer, facts, stages.costs)
