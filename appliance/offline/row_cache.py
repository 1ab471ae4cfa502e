"""Extracted rows, kept in a folder beside the table: an interrupted extraction continues, and a repeated
one processes only what is new or changed.

A row is found again by the contents of the study's files and by everything that determines its values. A row that
cannot be read back counts as absent.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
import zlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from appliance.files import make_private_folder, write_durably
from appliance.offline.feature_file import Row, RowId
from models.acquisition import Acquisition
from models.errors import NotWritable
from models.files import PART, open_regular, remove
from models.quality_notes import QualityNote, Severity
from models.volume import Sequence

# What NumPy, zipfile and JSON raise for a file that is something else; it has no common root.
_NOT_A_ROW = (
    AttributeError,
    EOFError,
    KeyError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True)
class KeptRows:
    """The rows in `folder`; it is made when the first is kept.

    Attributes
    ----------
    recipe : digest of everything but the files that determines a row
    """

    folder: Path
    recipe: str

    def find(self, input_digest: str) -> Row | None:
        """The row of a study whose files have this digest, if it is kept."""
        try:
            with open_regular(self._path(input_digest)) as stream, np.load(stream, allow_pickle=False) as file:
                about, values = json.loads(file["about"].tobytes()), file["values"]
            row = Row(
                study_instance_uid=about["study_instance_uid"],
                identifiers={RowId(key): value for key, value in about["identifiers"].items()},
                names=tuple(about["names"]),
                values=values,
                engine=about["engine"],
                bias=about["bias"],
                acquisitions={Sequence(key): Acquisition(**sizes) for key, sizes in about["acquisitions"].items()},
                several_tumours=about["several_tumours"],
                outlined=about["outlined"],
                notes=tuple(
                    QualityNote(note["code"], Severity(note["severity"]), note["sentence"]) for note in about["notes"]
                ),
                undefined=about["undefined"],
                is_from_before=True,
            )
        except _NOT_A_ROW:
            return None
        return row if _is_whole(row) else None

    def keep(self, row: Row, input_digest: str) -> None:
        """Writes a row completely or not at all.

        Raises
        ------
        NotWritable
            When it cannot be written.
        """
        about = asdict(replace(row, values=np.empty(0)))
        del about["values"], about["is_from_before"]
        stream = io.BytesIO()
        np.savez_compressed(stream, about=np.frombuffer(json.dumps(about).encode(), np.uint8), values=row.values)
        try:
            make_private_folder(self.folder)
            write_durably(self._path(input_digest), [stream.getvalue()])
        except OSError as error:
            raise NotWritable(
                f"A row cannot be kept in {self.folder} ({error.strerror}); name a table in a folder that this user "
                "may write to and that has space.",
                because=error,
            ) from error

    def _path(self, input_digest: str) -> Path:
        return self.folder / f"{hashlib.sha256(f'{input_digest} {self.recipe}'.encode()).hexdigest()[:32]}.npz"


def remove_unfinished(folder: Path) -> None:
    """Removes the unfinished rows of an extraction that was interrupted."""
    for leftover in folder.glob(f".*.npz.*{PART}"):
        remove(leftover)


def _is_whole(row: Row) -> bool:
    """Returns whether a row that was read back can be written: every value is of its kind, one for each name."""
    texts = [row.study_instance_uid, row.engine, row.bias, row.several_tumours, row.outlined]
    texts += [*row.names, *row.identifiers.values()]
    texts += [text for note in row.notes for text in (note.code, note.sentence)]
    texts += [*row.undefined, *row.undefined.values()]
    measures = [value for one in row.acquisitions.values() for value in asdict(one).values()]
    return (
        row.values.dtype == np.float64
        and row.values.shape == (len(row.names),)
        and set(row.identifiers) == set(RowId)
        and all(isinstance(text, str) for text in texts)
        and all(value is None or isinstance(value, int | float) for value in measures)
    )
