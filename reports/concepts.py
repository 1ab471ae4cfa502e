"""Names of our numbers: words for a reader and codes for a machine, without any DICOM type.

One row for each `Quantity`. SR, PDF and result.json take their words and codes from here, so they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from models.inference.outcome import Group, Quantity

CUT_OFF: Final = "cut_off"  # key of the measurement that is the limit between the groups


@dataclass(frozen=True)
class CodeText:
    """Value and meaning of a private code: at most 16 and 64 characters (VR SH and LO)."""

    value: str
    meaning: str


@dataclass(frozen=True, kw_only=True)
class GroupConcept:
    """The groups on the two sides of a cut-off.

    Attributes
    ----------
    labels : "High risk of recurrence"
    question : what the group answers
    code_stem : beginning of the code values of the groups
    """

    labels: Mapping[Group, str]
    question: CodeText
    code_stem: str


@dataclass(frozen=True, kw_only=True)
class Concept:
    """One quantity in words and code.

    Attributes
    ----------
    label : "RDeepNet recurrence score"
    is_probability : shown in per cent
    unit : UCUM code of the number. A score has an annotation (PS3.16 7.2.2 takes its text as the meaning), since plain
        viewers show the code and "1.44 1" reads as two numbers; features keep the "1" that other software gives them
    other_words : the value in other words; "{of_hundred}" stands for it as a frequency, "31 of 100"
    code : of the number; a horizon stands beside it
    groups : None where the quantity has no cut-off
    """

    label: str
    is_probability: bool
    unit: str
    other_words: str
    code: CodeText
    groups: GroupConcept | None


CONCEPTS: Final[Mapping[Quantity, Concept]] = MappingProxyType(
    {
        Quantity.RECURRENCE_SCORE: Concept(
            label="RDeepNet recurrence score",
            is_probability=False,
            unit="{score}",
            other_words="log-risk; higher means higher risk",
            code=CodeText("RECURRENCE_SCORE", "Recurrence score (log-risk)"),
            groups=GroupConcept(
                labels={Group.HIGH: "High risk of recurrence", Group.LOW: "Low risk of recurrence"},
                question=CodeText("RISK_GROUP", "Risk group for recurrence"),
                code_stem="RISK",
            ),
        ),
        Quantity.RFS: Concept(
            label="Recurrence-free survival",
            is_probability=True,
            unit="1",
            other_words="{of_hundred} patients recurrence-free",
            code=CodeText("RFS", "Recurrence-free survival"),
            groups=None,
        ),
        Quantity.KRT7_AS_HIGH: Concept(
            label="Probability of high KRT7-AS expression",
            is_probability=True,
            unit="1",
            other_words="{of_hundred} such tumours with high expression",
            code=CodeText("KRT7_AS_PROB", "Probability of high expression of KRT7-AS"),
            groups=GroupConcept(
                labels={Group.HIGH: "High expression of KRT7-AS", Group.LOW: "Low expression of KRT7-AS"},
                question=CodeText("KRT7_AS_GROUP", "Expression group of KRT7-AS"),
                code_stem="KRT7_AS",
            ),
        ),
    }
)

CUT_OFF_CODE: Final = CodeText("CUT_OFF", "Cut-off between the low and the high group")

# UCUM code → meaning (CID 7181 and 82 where they list it).
UNIT_MEANINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "1": "no units",
        "mm": "millimeter",
        "mm2": "square millimeter",
        "mm3": "cubic millimeter",
        "/mm": "per millimeter",
        "1/mm": "per millimeter",
        "mm-1": "per millimeter",
        "cm3": "cubic centimeter",
        "mo": "month",
        "d": "day",
        "%": "percent",
        "{voxels}": "voxels",
        "{score}": "score",
    }
)


def concept_of(key: str) -> Concept | None:
    """The concept of a measurement by its key; None where the key names no quantity ("cut_off", a feature)."""
    return CONCEPTS[Quantity(key)] if key in tuple(Quantity) else None
