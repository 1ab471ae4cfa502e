"""Every code of our Structured Reports as one table, `docs/reference/sr-codes.csv`; a test holds it stable.

Write it again with `python -m dicom_io.conformance.code_table > docs/reference/sr-codes.csv`. Rows may be added; a row
that was published keeps its value and what it means, since reports in archives have it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from dicom_io import codes
from dicom_io.feature_codes import DEFINITIONS, FILTER, LAPLACIAN_OF_GAUSSIAN, LEVEL, SIGMA, SUB_BAND, SUB_BAND_CODES
from dicom_io.feature_codes import WAVELET as WAVELET_FILTER
from dicom_io.note_codes import SHORT, note_code
from models.csv_table import lines

HEADER = ("kind", "name", "value", "scheme", "meaning")


def code_rows() -> Iterator[tuple[str, str, str, str, str]]:
    """Rows of the table: kind, name in the software or empty, code value, scheme, meaning in general."""
    for name, (value, scheme) in DEFINITIONS.items():
        yield "feature", name, value, scheme, ""
    for code in (FILTER, WAVELET_FILTER, LAPLACIAN_OF_GAUSSIAN, SUB_BAND, *SUB_BAND_CODES.values(), LEVEL, SIGMA):
        yield "filter", "", code.value, code.scheme_designator, code.meaning
    for identifier in sorted(SHORT):
        code = note_code(identifier)
        yield "note", identifier, code.value, code.scheme_designator, code.meaning
    for code in (*codes.private_codes(), *codes.standard_codes()):
        yield "concept", "", code.value, code.scheme_designator, code.meaning


def code_table() -> str:
    """The table as CSV."""
    return "".join(lines([HEADER, *code_rows()]))


if __name__ == "__main__":
    sys.stdout.write(code_table())
