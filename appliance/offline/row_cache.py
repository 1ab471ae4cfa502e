"""Extracted rows, kept in a folder beside the table: an interrupted extraction continues, and a repeated
one processes only what is new or changed.

A row is found again by the contents of the study's files and by everything that determines its values. A row that
cannot be read back counts as absent.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from appliance.files import make_private_folder, write_durably
from appliance.offline.feature_file import Row, RowId
from models.acquisition import Acquisition
from models.volume import Sequence


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
            with self._path(input_digest).open("rb") as stream, np.load(stream, allow_pickle=False) as file:
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
                is_from_before=True,
            )
        except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile):
            return None
        return row if len(row.names) == len(row.values) else None

    def keep(self, row: Row, input_digest: str) -> None:
        """Writes a row completely or not at all."""
        about = asdict(replace(row, values=np.empty(0)))
        del about["values"], about["is_from_before"]
        stream = io.BytesIO()
        np.savez_compressed(stream, about=np.frombuffer(json.dumps(about).encode(), np.uint8), values=row.values)
        make_private_folder(self.folder)
        write_durably(self._path(input_digest), [stream.getvalue()])

    def _path(self, input_digest: str) -> Path:
        return self.folder / f"{hashlib.sha256(f'{input_digest} {self.recipe}'.encode()).hexdigest()[:32]}.npz"
