"""Checks of gene identifiers: spreadsheets that changed symbols, matrices that lie on their side."""

from __future__ import annotations

import re
from collections.abc import Sequence

from models.errors import CohortRejected
from models.number_words import agreeing

_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
# MARCH1, SEPT2, DEC1 and OCT4 as a spreadsheet shows them: a date, or the number of its day.
_DATE = re.compile(
    rf"(\d{{1,2}}[-/ .]({_MONTHS})[a-z]*([-/ .]\d{{2,4}})?|({_MONTHS})[a-z]*[-/ .]\d{{1,2}}|"
    r"\d{4}[-/]\d{1,2}[-/]\d{1,2}.*|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})",
    re.IGNORECASE,
)
_DAY = re.compile(r"[34]\d{4}")
_POWER = re.compile(r"\d(\.\d+)?E[+]?\d+", re.IGNORECASE)  # RIKEN clones: 2310009E13
_ENSEMBL = re.compile(r"ENS[A-Z]*G\d{6,}")


def check_identifiers(identifiers: Sequence[str]) -> None:
    """Refuses identifiers that a spreadsheet changed, empty ones, and transcripts.

    Raises
    ------
    CohortRejected
        With numbers and examples.
    """
    rows = f"{len(identifiers):,} {agreeing(len(identifiers), 'row')}"
    empty = sum(not one for one in identifiers)
    if empty:
        raise CohortRejected(f"{empty:,} of {rows} {agreeing(empty, 'names', 'name')} no gene; each row needs one.")
    transcripts = [one for one in identifiers if re.match(r"ENS[A-Z]*T\d{6,}", one)]
    if len(transcripts) > len(identifiers) / 2:
        raise CohortRejected(
            f"{len(transcripts):,} of {rows} {agreeing(len(transcripts), 'is a transcript', 'are transcripts')} (such "
            f"as {transcripts[0]}); genes were expected. Add transcripts up to genes first."
        )
    mangled = changed_by_spreadsheet(identifiers)
    if mangled:
        raise CohortRejected(
            f"{len(mangled):,} of {len(identifiers):,} {agreeing(len(identifiers), 'gene')} "
            f"{agreeing(len(mangled), 'is a date or number', 'are dates or numbers')} (such as "
            f"{', '.join(mangled[:3])}): a spreadsheet changed symbols like MARCH1 or SEPT2. Give the table as the "
            "program wrote it, or with identifiers such as ENSG00000257671."
        )


def changed_by_spreadsheet(identifiers: Sequence[str]) -> list[str]:
    """Identifiers that are dates, or numbers of days or powers of ten among symbols."""
    dates = [one for one in identifiers if _DATE.fullmatch(one)]
    numbers = sum(one.isdigit() for one in identifiers)
    if numbers <= len(identifiers) / 2:  # else all are Entrez's numbers
        dates += [one for one in identifiers if _DAY.fullmatch(one) or _POWER.fullmatch(one)]
    return dates


def check_orientation(rows: Sequence[str], columns: Sequence[str], source: str) -> None:
    """Refuses a matrix with samples as rows.

    Raises
    ------
    CohortRejected
        When its columns are genes.
    """
    genes_above = sum(_ENSEMBL.match(one) is not None for one in columns)
    genes_beside = sum(_ENSEMBL.match(one) is not None for one in rows)
    by_name = genes_above > len(columns) / 2 and genes_beside <= len(rows) / 2
    by_shape = not genes_beside and len(columns) > 2000 and len(columns) > 4 * len(rows)
    if by_name or by_shape:
        raise CohortRejected(
            f"{source} has {len(rows):,} {agreeing(len(rows), 'row')} and {len(columns):,} "
            f"{agreeing(len(columns), 'column')}"
            + (
                f", and {genes_above:,} of the columns {agreeing(genes_above, 'is a gene', 'are genes')}"
                if by_name
                else ""
            )
            + "; it is transposed. Genes as rows and samples as columns were expected."
        )
