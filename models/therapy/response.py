"""Response to therapy as a table states it: RECIST, pathological complete response, or 1 and 0.

Responders are CR and PR, non-responders SD and PD (RECIST 1.1, Eisenhauer et al. 2009, Eur J Cancer 45:228-247); with
pCR, responders are those who reached it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from models.errors import CohortRejected


class ResponseScale(StrEnum):
    """Scales on which a response is stated."""

    RECIST = "RECIST"  # CR, PR, SD, PD
    PCR = "pCR"  # pathological complete response, or residual disease
    FLAG = "1 or 0"  # 1 responded, 0 did not


# Spelling in small letters → (category as shown, responded).
_SPELLINGS: Final[Mapping[ResponseScale, Mapping[str, tuple[str, bool]]]] = {
    ResponseScale.RECIST: {
        "cr": ("CR", True),
        "complete response": ("CR", True),
        "pr": ("PR", True),
        "partial response": ("PR", True),
        "sd": ("SD", False),
        "stable disease": ("SD", False),
        "pd": ("PD", False),
        "progressive disease": ("PD", False),
    },
    ResponseScale.PCR: {
        "pcr": ("pCR", True),
        "non-pcr": ("no pCR", False),
        "non pcr": ("no pCR", False),
        "no pcr": ("no pCR", False),
        "npcr": ("no pCR", False),
        "rd": ("no pCR", False),
        "residual disease": ("no pCR", False),
    },
    ResponseScale.FLAG: {
        "1": ("1", True),
        "1.0": ("1", True),
        "yes": ("1", True),
        "true": ("1", True),
        "0": ("0", False),
        "0.0": ("0", False),
        "no": ("0", False),
        "false": ("0", False),
    },
}
_UNKNOWN: Final = frozenset({"", "na", "n/a", "nan", "ne", "not evaluable", "unknown", "missing", "."})
COMPLETE: Final = frozenset({"CR", "pCR"})
"""Categories after which there may be no tumour to measure."""


@dataclass(frozen=True)
class Responses:
    """Responses of some patients.

    Attributes
    ----------
    scale : on which they are stated
    categories : as shown ("PR"), "" where not known; one for each patient
    responded : None where not known
    """

    scale: ResponseScale
    categories: tuple[str, ...]
    responded: tuple[bool | None, ...]


def read_responses(cells: Sequence[str], *, column: str, source: str) -> Responses:
    """Reads a column of responses.

    Parameters
    ----------
    cells : as in the table, one for each patient; capitals do not matter
    column, source : names of the column and the table, for sentences

    Raises
    ------
    CohortRejected
        When a cell states no response, two scales are mixed, or nobody's response is known.
    """
    texts = [cell.strip().casefold() for cell in cells]
    known = [text for text in texts if text not in _UNKNOWN]
    if not known:
        raise CohortRejected(
            f"{source}: no cell of the column '{column}' holds a response; CR, PR, SD or PD, pCR or non-pCR, or 1 or 0 "
            "was expected."
        )
    found = {scale: sum(text in spellings for text in known) for scale, spellings in _SPELLINGS.items()}
    scale = max(found, key=lambda one: found[one])
    spellings = _SPELLINGS[scale]
    wrong = Counter(cell.strip()[:20] for cell, text in zip(cells, texts, strict=True) if not _is_read(text, spellings))
    if wrong:
        listed = ", ".join(f"'{text}' ({count})" for text, count in wrong.most_common(5))
        expected = ", ".join(dict.fromkeys(category for category, _ in spellings.values()))
        raise CohortRejected(
            f"{source}: {sum(wrong.values())} of the {len(known)} responses in '{column}' are not on the scale of the "
            f"others ({scale}): {listed}; {expected} or an empty cell was expected. Write all on one scale."
        )
    read = [spellings.get(text) for text in texts]
    return Responses(
        scale,
        tuple("" if one is None else one[0] for one in read),
        tuple(None if one is None else one[1] for one in read),
    )


def _is_read(text: str, spellings: Mapping[str, tuple[str, bool]]) -> bool:
    return text in spellings or text in _UNKNOWN
