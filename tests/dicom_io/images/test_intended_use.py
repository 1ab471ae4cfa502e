"""Evidence of the intended use from headers. Kind: mechanics.

The texts are those of real headers: public breast studies and studies of other organs of the Imaging Data Commons, as
surveyed on 2026-11-28, and placeholders of de-identifiers.
"""

from __future__ import annotations

import pytest

from dicom_io.images.intended_use import about_implants, evidence_of
from models.intended_use import Evidence, IntendedUse, check_intended_use
from models.validity import State, decide

BREAST = (
    {"StudyDescription": "MR BREAS, UNIT"},
    {"StudyDescription": "MRM/6667"},
    {"StudyDescription": "MRI BR UNI W/IN"},
    {"StudyDescription": "MR BR BILAT W WO"},
    {"StudyDescription": "MRT Mamma bds."},
    {"StudyDescription": "RM MAMA BILATERAL"},
    {"SeriesDescription": "Brst Ax T1 post"},
    {"BodyPartExamined": "BREAST"},
    {"ReceiveCoilName": "L_BREAST"},
    {"ReceiveCoilName": "Breast18"},
    {"ProtocolName": "mamma_dyn"},
    {"AnatomicRegionSequence": "SCT 76752008 Breast"},
    {"AnatomicRegionSequence": "SRT T-04000"},
    {"ProcedureCodeSequence": "L 123 MRI breast with contrast"},
)
OTHER = (
    {"BodyPartExamined": "EXTREMITY", "StudyDescription": "^THIGH"},
    {"BodyPartExamined": "TSPINE"},
    {"BodyPartExamined": "HEADNECK"},
    {"StudyDescription": "MR BRAIN W WO"},
    {"StudyDescription": "MRI PELVIS PROSTATE"},
    {"SeriesDescription": "AX T2 LIVER"},
    {"StudyDescription": "Abdomen^Nieren"},
    {"AnatomicRegionSequence": "SCT 71341001 Bone structure of femur"},
)
SILENT: tuple[dict[str, str], ...] = (
    {},
    {"StudyDescription": "MR RESEARCH", "SeriesDescription": "Dynamic-3dfgre"},
    {"BodyPartExamined": "CHEST"},  # holds the breast
    {"StudyDescription": "Charm study, arms down"},
    {"ReceiveCoilName": "Spine32;Body18"},  # under every patient
    {"PatientPosition": "HFP"},
    {"StudyDescription": "MRI BRACHYTHERAPY"},
)


def found(values: dict[str, str], *, phases: int = 1) -> Evidence:
    return evidence_of([values], phases=phases)


@pytest.mark.parametrize("values", BREAST, ids=str)
def test_a_breast_by_its_stems(values: dict[str, str]) -> None:
    evidence = found(values)
    assert evidence.breast
    assert evidence.other_organ == ""


@pytest.mark.parametrize("values", OTHER, ids=str)
def test_another_organ(values: dict[str, str]) -> None:
    evidence = found(values)
    assert evidence.other_organ
    assert evidence.breast == ""


@pytest.mark.parametrize("values", SILENT, ids=str)
def test_absence_is_no_contradiction(values: dict[str, str]) -> None:
    evidence = found(values)
    assert evidence.breast == ""
    states = {reason.state for reason in check_intended_use(evidence, IntendedUse())}
    assert states == {State.CONDITIONAL} or "arms" in str(values)


def test_a_true_breast_labelled_with_another_organ_is_conditional() -> None:
    """54 of 1,123 studies of ACRIN-6698 say TSPINE; where anything says breast, nothing is withheld."""
    evidence = evidence_of(
        [{"BodyPartExamined": "TSPINE", "StudyDescription": "MR BREAS, UNIT", "PatientSex": "F"}], phases=6
    )
    assert evidence.breast == "Study Description “MR BREAS, UNIT”"
    assert evidence.other_organ == "Body Part Examined “TSPINE”"
    assert decide(check_intended_use(evidence, IntendedUse())).state is State.CONDITIONAL


def test_the_order_of_evidence() -> None:
    values = {"AnatomicRegionSequence": "SCT 80248007 Left breast", "StudyDescription": "Mamma", "ProtocolName": "brst"}
    assert found(values).breast == "Anatomic Region “SCT 80248007 Left breast”"
    by_segment = evidence_of([{}], phases=1, anatomy=["SCT 76752008 Breast"])
    assert by_segment.breast == "the segment's Anatomic Region “SCT 76752008 Breast”"


@pytest.mark.parametrize(
    ("born", "examined", "stated", "expected"),
    [
        ("19800101", "20200101", "040Y", (pytest.approx(40.0, abs=0.01), 40.0)),
        ("19800101", "20200101", "", (pytest.approx(40.0, abs=0.01), None)),
        ("", "20200101", "071Y", (None, 71.0)),
        ("19800101", "20200101", "000Y", (pytest.approx(40.0, abs=0.01), None)),
        ("", "20200101", "000Y", (None, None)),  # a de-identifier's zero
        ("20191201", "20200101", "000Y", (pytest.approx(0.085, abs=0.01), 0.0)),  # a baby
        ("", "20200101", "011M", (None, pytest.approx(11 / 12))),
        ("11111111", "20200101", "", (None, None)),  # 908 years
        ("11111111", "11111111", "", (None, None)),
        ("18900101", "20200101", "", (None, None)),  # 130 years
        ("20200101", "20200101", "", (None, None)),  # one placeholder for both
        ("20210101", "20200101", "130Y", (None, None)),
        ("1980", "20200101", "40", (None, None)),
        ("2011-01-01", "2020.01.01", "9Y", (pytest.approx(9.0, abs=0.01), 9.0)),  # not allowed, and clear
    ],
)
def test_ages(born: str, examined: str, stated: str, expected: tuple[float | None, float | None]) -> None:
    evidence = found({"PatientBirthDate": born, "StudyDate": examined, "PatientAge": stated})
    assert (evidence.age_years, evidence.stated_age_years) == expected


@pytest.mark.parametrize(
    ("stated", "sex"), [("F", "F"), ("m", "M"), ("Male", "M"), ("female", "F"), ("O", ""), ("", ""), ("6657", "")]
)
def test_sex(stated: str, sex: str) -> None:
    assert found({"PatientSex": stated}).sex == sex


@pytest.mark.parametrize(
    ("agent", "description", "phases", "is_evidence"),
    [
        ("Gadobutrol", "", 1, True),
        ("SCT 418351005 Gadobutrol", "", 1, True),
        ("NONE", "", 1, False),
        ("No", "", 1, False),
        ("NONE", "", 3, True),  # real dynamic series of UCSF say NONE in every phase
        ("", "AX T1 + C", 1, True),
        ("", "AX T1 without contrast", 1, False),
        ("", "", 1, False),
    ],
)
def test_contrast(agent: str, description: str, phases: int, is_evidence: bool) -> None:
    evidence = found({"ContrastBolusAgent": agent, "SeriesDescription": description}, phases=phases)
    assert bool(evidence.contrast) is is_evidence


@pytest.mark.parametrize(
    ("stated", "tesla"), [("15000", 1.5), ("1.494", 1.494), ("30000", 3.0), ("7", 7.0), ("", None), ("x", None)]
)
def test_field_strength_in_gauss_or_tesla(stated: str, tesla: float | None) -> None:
    assert found({"MagneticFieldStrength": stated}).field_strength_t == tesla


def test_an_implant_is_a_note() -> None:
    evidence = found({"SeriesDescription": "AX VIBRANT +C silicone", "BodyPartExamined": "BREAST"})
    (note,) = about_implants(evidence)
    assert note.code == "implant-mentioned"
    assert "AX VIBRANT +C silicone" in note.sentence
    assert about_implants(Evidence()) == ()
