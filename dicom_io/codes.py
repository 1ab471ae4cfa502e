"""Coded concepts of our objects: standard codes where there are any, else codes of a private scheme.

Every code can be read, and none depends on a site or a model: what varies (horizon, filter, sequence, region) stands
beside a code as modifier or parameter. Features are in `feature_codes`, quality notes in `note_codes`; all codes
together are a table in the documentation that a test holds stable. The private scheme is declared in every object.
"""

from __future__ import annotations

from highdicom.coding_schemes import CodingSchemeIdentificationItem
from highdicom.sr import CodedConcept
from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from models.inference.predict import Group, Quantity
from models.quality_notes import QualityNote, Severity
from models.validity import State
from models.volume import Region, Sequence
from reports.concepts import CONCEPTS, CUT_OFF, CUT_OFF_CODE, UNIT_MEANINGS, CodeText, GroupConcept, concept_of
from reports.content import Measurement, ModelSection, Subject
from reports.feature_words import FeatureClass
from reports.validity_words import STATES

PRIVATE_SCHEME = "99RDEEPNET"
LONGEST_MEANING = 64  # characters of a Code Meaning (VR LO)
LONGEST_VALUE = 16  # characters of a Code Value (VR SH)

BREAST: Code = codes.SCT.Breast
BREAST_MRI = Code("241615005", "SCT", "MRI of breast")
MORPHOLOGICALLY_ABNORMAL = Code("49755003", "SCT", "Morphologically Abnormal Structure")
SPATIAL_CONCEPT = Code("309825002", "SCT", "Spatial and Relational Concept")
NEOPLASM: Code = codes.SCT.Neoplasm
VOLUME: Code = codes.SCT.Volume
SEVERITY = Code("246112005", "SCT", "Severity")
FINDING: Code = codes.DCM.Finding
CONCLUSION: Code = codes.DCM.Conclusion
COMMENT: Code = codes.DCM.Comment
PROCESSING_EQUIPMENT: Code = codes.DCM.ProcessingEquipment
QUALITATIVE_EVALUATIONS = Code("C0034375", "UMLS", "Qualitative Evaluations")
REPORT_TITLE: Code = codes.DCM.ImagingMeasurementReport
# Titles of a rejection note (IHE RAD TF-1 32, Imaging Object Change Management).
REJECTED_FOR_QUALITY = Code("113001", "DCM", "Rejected for Quality Reasons")
INCORRECT_WORKLIST_ENTRY = Code("113038", "DCM", "Incorrect Modality Worklist Entry")
FOR_REVIEW: Code = codes.cid7010.ForPhysicianReview
PDF_TITLE = Code("18748-4", "LN", "Diagnostic Imaging Report")
LATERALITY: Code = codes.SCT.Laterality
SOURCE_IMAGE: Code = codes.DCM.SourceImageForImageProcessingOperation
MASK_IMAGE: Code = codes.DCM.MaskImageForImageProcessingOperation
SUBTRACTION: Code = codes.DCM.PixelByPixelSubtraction
PROJECTION: Code = codes.DCM.MaximumIntensityProjection
REFERENCED_SEGMENT: Code = codes.DCM.ReferencedSegment
SOURCE_SERIES: Code = codes.DCM.SourceSeriesForSegmentation
SEGMENTATION_DERIVATION: Code = codes.cid7203.SegmentationImageDerivation
MANUAL_PROCESSING: Code = codes.cid7162.ManualProcessing
NEIGHBOURHOOD_ANALYSIS: Code = codes.cid7162.NeighborhoodAnalysis
ARTIFICIAL_INTELLIGENCE: Code = codes.cid7162.ArtificialIntelligence
MORPHOLOGICAL_OPERATIONS: Code = codes.cid7162.MorphologicalOperations


def private(value: str, meaning: str) -> Code:
    """A code of the private scheme."""
    return Code(value, PRIVATE_SCHEME, meaning)


def _of(text: CodeText) -> Code:
    return private(text.value, text.meaning)


PERITUMORAL_SHELL = private("PERITUMORAL", "Peritumoral shell")
ATTRIBUTION = private("ATTRIBUTION", "Attribution to the output of the model")
REPLACES = private("REPLACES", "Replaces an earlier report")
NOTICE = private("NOTICE", "Notice")
NOT_APPLICABLE = private("NOT_APPLICABLE", "Model not applicable")
PROVENANCE = private("PROVENANCE", "Provenance")
SERIES_USED = private("SERIES_USED", "Series used")
IMAGE_TYPE = private("SEQUENCE", "MR sequence")
REGION = private("REGION", "Region")
FEATURE_CLASS = private("FEATURE_CLASS", "Kind of features")
CONTRIBUTION = private("CONTRIBUTION", "Share of the output of the model")
HORIZON = private("HORIZON", "Horizon of the probability")
# Kind of the uncertainty whose distances stand with a number (CID 225).
UNCERTAINTY = private("UNCERTAINTY", "Kind of uncertainty")
PLAUSIBLE_RANGE = private("PLAUSIBLE_RANGE", "Plausible range")
INTERVAL_95 = private("INTERVAL_95", "95 % interval")
RANGE_ENDS = {
    "low": private("RANGE_LOW", "Lower end of the plausible range"),
    "high": private("RANGE_HIGH", "Upper end of the plausible range"),
}
VALIDITY = private("VALIDITY", "Validity of the answer")
VALIDITY_REASON = private("VALIDITY_REASON", "Reason for the validity")
# Change since an earlier study
CHANGE = private("CHANGE", "Change since an earlier study")
INTERVAL = private("PRIOR_INTERVAL", "Interval from the earlier examination")
PRIOR_STUDY = private("PRIOR_STUDY", "Earlier study that is compared")
TIME = private("TIME", "Examination of the number")
EARLIER = private("EARLIER", "Earlier examination")
DIFFERENCE = private("DIFFERENCE", "Difference, this examination minus the earlier one")
# CID 3118 has the older pair of two in SNOMED CT; the two others as mCODE defines them: too close to call, and
# uninterpretable.
LOW_RISK = Code("75976002", "SCT", "Low risk")
HIGH_RISK = Code("15508007", "SCT", "High risk")
EQUIVOCAL = Code("42425007", "SCT", "Equivocal")
INDETERMINATE = Code("82334004", "SCT", "Indeterminate")
# CID 6042, as computer-aided detection states it for each analysis: whether there is a result, whatever it is.
SUMMARY_OF_ANALYSES: Code = codes.DCM.SummaryOfAnalyses
DISTANCES: tuple[Code, Code] = (
    codes.cid225.RangeOfLowerMeasurementUncertainty,
    codes.cid225.RangeOfUpperMeasurementUncertainty,
)
PERCENTILE: Code = codes.DCM.PercentileRankingOfMeasurement  # CID 227
# Texts about a model, behind its numbers.
ABOUT_MODEL = private("ABOUT_MODEL", "Training of the model, and place of the value")
SUCCEEDED: Code = codes.DCM.Succeeded
FAILED: Code = codes.DCM.Failed
NOT_ATTEMPTED: Code = codes.DCM.NotAttempted

_SEVERITIES = {
    Severity.NOTE: private("NOTE", "Note"),
    Severity.WARNING: private("WARNING", "Warning"),
}
_RISKS = {Group.HIGH: HIGH_RISK, Group.LOW: LOW_RISK}
_VALIDITIES = {state: _of(row.code) for state, row in STATES.items()}
_ANALYSES = {
    State.VALID: SUCCEEDED,
    State.CONDITIONAL: SUCCEEDED,
    State.BORDERLINE: SUCCEEDED,
    State.OUTSIDE: NOT_ATTEMPTED,  # no answer is attempted for a patient whom the model is not meant for
    State.NOT_COMPUTABLE: FAILED,
    State.NOT_ASKED: NOT_ATTEMPTED,
}
_SIDES = {Group.HIGH: CodeText("HIGH", "High group"), Group.LOW: CodeText("LOW", "Low group")}
# CID 7180. Earlier versions wrote private ones, SEQ_T1C and SEQ_T2W (`writing.read_features` knows them).
_IMAGES = {
    Sequence.T1C: codes.DCM.T1WeightedDynamicContrastEnhancedMRSignalIntensity,
    Sequence.T2W: codes.DCM.T2WeightedMRSignalIntensity,
}
_CLASSES = {
    FeatureClass.SHAPE: private("SIZE_AND_SHAPE", "Size and shape"),
    FeatureClass.INTENSITY: private("INTENSITY", "Intensity"),
    FeatureClass.TEXTURE: private("TEXTURE", "Texture"),
    FeatureClass.IMAGE: private("IMAGE", "Image properties"),
}
_CATEGORIES = {Region.INTRATUMORAL: MORPHOLOGICALLY_ABNORMAL, Region.PERITUMORAL: SPATIAL_CONCEPT}
_TYPES = {Region.INTRATUMORAL: NEOPLASM, Region.PERITUMORAL: PERITUMORAL_SHELL}


def private_codes() -> tuple[Code, ...]:
    """Every private code but those of features and of quality notes."""
    constants = [value for value in globals().values() if isinstance(value, Code)]
    tables = (_SEVERITIES, _CLASSES, _VALIDITIES)
    listed = [code for table in tables for code in table.values()]
    fixed = [*constants, *listed, *RANGE_ENDS.values(), *_quantities_and_groups()]
    return tuple(sorted((code for code in fixed if code.scheme_designator == PRIVATE_SCHEME), key=lambda c: c.value))


def standard_codes() -> tuple[Code, ...]:
    """Codes of standard schemes listed here; templates and modules add their own."""
    constants = [value for value in globals().values() if isinstance(value, Code)]
    found = [*constants, *_IMAGES.values(), *DISTANCES, codes.SCT.Left, codes.SCT.Right, codes.SCT.RightAndLeft]
    known = {(code.scheme_designator, code.value): code for code in found if code.scheme_designator != PRIVATE_SCHEME}
    return tuple(known[key] for key in sorted(known))


def fitting(text: str, otherwise: str) -> str:
    """`text` where it fits a Code Meaning, else `otherwise`, cut to fit."""
    return text if 0 < len(text) <= LONGEST_MEANING else otherwise[:LONGEST_MEANING]


def unit(ucum: str) -> Code:
    """A unit; the code itself is the meaning of a unit that is not in the table."""
    return Code(ucum, "UCUM", UNIT_MEANINGS.get(ucum, ucum))


def quantity(measurement: Measurement) -> Code:
    """Code of a number that a model gives: score, probability, survival, cut-off; a horizon stands beside it.

    Raises
    ------
    ValueError
        When the table of concepts has no such number.
    """
    if measurement.key == CUT_OFF:
        return _of(CUT_OFF_CODE)
    known = concept_of(measurement.key)
    if known is None:
        raise ValueError(f"'{measurement.key}' has no code: it is none of the quantities that a model gives.")
    if measurement.horizon_months is None:
        return _of(known.code)
    return private(known.code.value, f"{known.code.meaning} at {measurement.horizon_months:g} months")


def score(quantity: Quantity) -> Code:
    """Code of a quantity, whether there is a number or not."""
    return _of(CONCEPTS[quantity].code)


def question(section: ModelSection) -> Code:
    """Code of the question that a model's group answers."""
    return _of(_groups_of(section.quantity).question)


def _groups_of(quantity: Quantity) -> GroupConcept:
    groups = CONCEPTS[quantity].groups
    if groups is None:
        raise ValueError(f"'{quantity}' has no groups; a model's score was expected.")
    return groups


def _quantities_and_groups() -> list[Code]:
    """Every private code that the table of concepts gives."""
    concepts = CONCEPTS.values()
    grouped = [concept.groups for concept in concepts if concept.groups is not None]
    private_groups = [row.groups for key, row in CONCEPTS.items() if key is not Quantity.RECURRENCE_SCORE]
    stems = [groups.code_stem for groups in private_groups if groups is not None]
    return [
        *(_of(concept.code) for concept in concepts),
        _of(CUT_OFF_CODE),
        *(_of(groups.question) for groups in grouped),
        *(private(f"{stem}_{side.value}", side.meaning) for stem in stems for side in _SIDES.values()),
    ]


def group(section: ModelSection) -> Code:
    """Answer to the question: the group, or that it is too close to call, or that there is no result.

    A risk group has a code of SNOMED CT; other groups a private one, with the report's own label as its meaning.
    """
    return group_in(section.state, section.quantity, section.group, label=section.group_label or "")


def group_in(state: State, quantity: Quantity, group: Group | None, *, label: str) -> Code:
    """As `group`, of an answer that has no section of its own: that of an earlier study."""
    if group is None:
        return EQUIVOCAL if state is State.BORDERLINE else INDETERMINATE
    if quantity is Quantity.RECURRENCE_SCORE:
        return _RISKS[group]
    stem = _groups_of(quantity).code_stem
    return private(f"{stem}_{_SIDES[group].value}", fitting(label, group.value))


def validity(state: State) -> Code:
    """State of an answer."""
    return _VALIDITIES[state]


def summary_of_analysis(state: State) -> Code:
    """Success of an analysis, in the words of other computer-aided systems."""
    return _ANALYSES[state]


def contribution(label: str) -> Code:
    """Share of a group of inputs in an output, with the group as the meaning."""
    return private(CONTRIBUTION.value, fitting(label, CONTRIBUTION.meaning))


def severity(item: QualityNote) -> Code:
    """Code of the severity of a quality note."""
    return _SEVERITIES[item.severity]


def sequence(value: Sequence) -> Code:
    """The sequence a region was measured on."""
    return _IMAGES[value]


def feature_class(value: FeatureClass) -> Code:
    """A kind of features, coarse enough for a reader."""
    return _CLASSES[value]


def region_category(region: Region) -> Code:
    """Segmented Property Category."""
    return _CATEGORIES[region]


def region_type(region: Region) -> Code:
    """Segmented Property Type, and the finding of the region's measurement group."""
    return _TYPES[region]


def is_breast(header: Dataset) -> bool:
    """Returns whether the images are of the breast: they state it, or state nothing."""
    part = str(header.get("BodyPartExamined", "") or "").strip().upper()
    return part == "" or "BREAST" in part


def side(subject: Subject) -> Code | None:
    """Laterality of the finding site, where the images state it."""
    return {
        "L": codes.SCT.Left,
        "R": codes.SCT.Right,
        "B": codes.SCT.RightAndLeft,
    }.get(subject.laterality)


def coding_schemes() -> list[CodingSchemeIdentificationItem]:
    """Declaration of the coding schemes that are not DICOM's own."""
    return [
        CodingSchemeIdentificationItem(
            designator=PRIVATE_SCHEME,
            name="rdeepnet private codes",
            responsible_organization="rdeepnet",
        ),
        CodingSchemeIdentificationItem(
            designator="IBSI",
            name="Image Biomarker Standardisation Initiative",
            registry="HL7",
            uid="1.2.840.10008.2.16.13",
        ),
    ]


def concept(code: Code) -> CodedConcept:
    """The code as a DICOM item."""
    return CodedConcept(code.value, code.scheme_designator, code.meaning)
