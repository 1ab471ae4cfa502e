"""Warnings of the DICOM library while a study is read, as a quality note instead of lines on standard error.

What the library says may quote a value, which may be a patient's name: a warning that is known has words of ours, of
any other only its place is told. Warnings of other libraries stay what they are.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.quality_notes import QualityNote, Severity

# Beginning of a warning → what it means.
_KNOWN = (
    (r"Unknown encoding|Incorrect value for Specific Character Set", "a character set that does not exist"),
    (r"Failed to decode byte string|Found unknown escape sequence", "texts that do not fit their character set"),
    (
        r"Value .* (for Specific Character Set|cannot be used as code)",
        "character sets that exclude each other",
    ),
    (r"Expected (implicit|explicit) VR", "another kind of value representation than the transfer syntax has"),
    (r"End of file reached|.*end of (the )?file", "a file that ends early"),
    (r"The (end of the encapsulated|pixel data|length of the pixel)", "pixel data of an unexpected length"),
    (r"More frames have been found|.*fewer frames", "another number of frames than the header says"),
    (r"The (value of|\(?0028)", "pixel attributes that contradict each other"),
    (r"Invalid value|Value exceeds|The value length|A value of type", "values that break a rule of their type"),
)
_LIBRARIES = frozenset({"pydicom", "highdicom", "pynetdicom"})


class Remarks:
    """Warnings of the DICOM library, counted by what they mean."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, warning: warnings.WarningMessage) -> None:
        """Counts one warning."""
        said = str(warning.message)
        words = next((words for pattern, words in _KNOWN if re.match(pattern, said)), None)
        path = Path(warning.filename)
        self._counts[words or f"a warning at {path.name}:{warning.lineno}"] += 1

    def notes(self) -> tuple[QualityNote, ...]:
        """One note that names all of them; none where nothing was remarked."""
        if not self._counts:
            return ()
        listed = "; ".join(
            f"{words} ({count} times)" if count > 1 else words for words, count in sorted(self._counts.items())
        )
        return (
            QualityNote(
                code="library-remarks",
                severity=Severity.NOTE,
                sentence=f"The DICOM library remarked on the files of the study, and read them: {listed}.",
            ),
        )


@contextmanager
def library_remarks() -> Iterator[Remarks]:
    """Collects the warnings of the DICOM library in a block; those of others are given again after it.

    Not for several threads at once: the filters of warnings belong to the process.
    """
    remarks = Remarks()
    with warnings.catch_warnings(record=True) as found:
        for library in _LIBRARIES:
            warnings.filterwarnings("always", module=rf"{library}(\.|$)")
        try:
            yield remarks
        finally:
            others = [one for one in found if not _is_of_the_library(one)]
            for one in found:
                if _is_of_the_library(one):
                    remarks.add(one)
    for one in others:
        warnings.warn_explicit(one.message, one.category, one.filename, one.lineno, source=one.source)


def _is_of_the_library(warning: warnings.WarningMessage) -> bool:
    return any(part in _LIBRARIES for part in Path(warning.filename).parts)
