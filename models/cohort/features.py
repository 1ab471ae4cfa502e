"""Reads the table that `rdeepnet features` or `rdeepnet import` writes: one row per study or patient.

The first column identifies the row; then the features (empty where a sequence was not there); at the end
`settings_digest`, `engine` and `bias_correction`. Tables of newer versions also have how the images were acquired
(`acquisition_t1c_slice_mm` and so on, empty where not known), `several_tumours` and `tumour_outlined`. A table that was
imported has `imported_from` as well, and a sidecar that says what its columns are (`models.cohort.imported`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.acquisition import MEASURES, Acquisition
from models.cohort.imported import IMPORTED_FROM, read_sidecar
from models.csv_table import unescaped
from models.errors import CohortRejected
from models.features.columns import InputColumn, our_column
from models.number_words import agreeing, counted
from models.plain_text import one_line
from models.pseudonyms import Kind, Pseudonyms
from models.volume import Sequence

PROVENANCE = ("settings_digest", "engine", "bias_correction")
SEVERAL_TUMOURS = "several_tumours"
OUTLINED = "tumour_outlined"
# Column → the sequence and measure of it.
ACQUISITION = {f"acquisition_{sequence}_{name}": (sequence, name) for sequence in Sequence for name in MEASURES}


@dataclass(frozen=True, eq=False)
class FeatureRows:
    """Features of some patients, as in a file.

    Attributes
    ----------
    source : name of the file, for sentences
    identifiers : one text for each row, in the order of the file
    names : of the features, in the order of the columns
    values : float64 (rows, features); NaN for an empty cell
    settings_digests, engines, bias_corrections : for each row, how its features were made
    acquisitions : for each row, how its images were acquired; a sequence is missing where the table does not say it
    several_tumours : for each row, what was done with several tumours; empty texts where the table does not say it
    outlined : for each row, how its tumour was outlined; empty texts where the table does not say it
    identified_by : name of the first column: study, patient, accession, image
    imported : what the columns of an imported table are, in the order of `names`; empty for a table of ours
    """

    source: str
    identifiers: tuple[str, ...]
    names: tuple[str, ...]
    values: NDArray[np.float64]
    settings_digests: tuple[str, ...]
    engines: tuple[str, ...]
    bias_corrections: tuple[str, ...]
    acquisitions: Mapping[Sequence, tuple[Acquisition, ...]] = field(default_factory=dict)
    several_tumours: tuple[str, ...] = ()
    identified_by: str = ""
    imported: tuple[InputColumn, ...] = ()
    outlined: tuple[str, ...] = ()

    @property
    def described(self) -> tuple[InputColumn, ...]:
        """The columns as described by the sidecar of an imported table, else by the names of ours.

        A name that is none of ours is left out; `read_features` refuses a file that has one.
        """
        return self.imported or tuple(column for name in self.names if (column := our_column(name)) is not None)

    def rows(self, chosen: Iterable[int]) -> FeatureRows:
        """Some of the rows, in the requested order."""
        rows = list(chosen)

        def of(values: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(values[row] for row in rows)

        return FeatureRows(
            source=self.source,
            identifiers=of(self.identifiers),
            names=self.names,
            values=self.values[rows],
            settings_digests=of(self.settings_digests),
            engines=of(self.engines),
            bias_corrections=of(self.bias_corrections),
            acquisitions={name: tuple(acquired[row] for row in rows) for name, acquired in self.acquisitions.items()},
            several_tumours=of(self.several_tumours) if self.several_tumours else (),
            identified_by=self.identified_by,
            imported=self.imported,
            outlined=of(self.outlined) if self.outlined else (),
        )

    def pseudonymised(self, pseudonyms: Pseudonyms) -> FeatureRows:
        """The same rows with pseudonyms as identifiers, of the kind that the first column names.

        Raises
        ------
        CohortRejected
            When it names none: other pseudonyms than those of the studies would join with nothing.
        """
        if self.identified_by not in tuple(Kind):
            raise CohortRejected(
                f"The first column of {self.source} is not one of {', '.join(Kind)}, so it is not known which "
                "identifiers it holds; give the table that rdeepnet features wrote."
            )
        kind = Kind(self.identified_by)
        return replace(self, identifiers=tuple(pseudonyms.of(kind, one) for one in self.identifiers))

    def columns(self, names: tuple[str, ...]) -> NDArray[np.float64]:
        """The values of some features in the requested order: float64 (rows, len(names)).

        Raises
        ------
        CohortRejected
            When a feature is not in the table.
        """
        column_of = {name: index for index, name in enumerate(self.names)}
        missing = [name for name in names if name not in column_of]
        if missing:
            raise CohortRejected(
                f"{self.source} lacks {len(missing)} of the {counted(len(names), 'feature')} the model needs (first: "
                f"{missing[0]}); extract them with rdeepnet features from studies with the sequences of the model."
            )
        return self.values[:, [column_of[name] for name in names]]


def read_features(path: Path) -> FeatureRows:
    """Reads a table of features.

    Raises
    ------
    CohortRejected
        When the file does not exist, is not such a table, or holds a text where a number was expected.
    """
    if path.suffix not in (".csv", ".parquet"):
        raise CohortRejected(f"The features are in '{path.name}'; a .csv or .parquet file was expected.")
    if not path.is_file():
        raise CohortRejected(f"{path} does not exist; give the table that rdeepnet features wrote.")
    table = _read_csv(path) if path.suffix == ".csv" else _read_parquet(path)
    header = list(table.column_names)
    if len(set(header)) != len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise CohortRejected(f"{path.name} has the column '{twice}' more than once; each was expected once.")
    if missing := [name for name in PROVENANCE if name not in header]:
        raise CohortRejected(
            f"{path.name} has no column {', '.join(missing)}; give the table that rdeepnet features wrote, or bring "
            "this one in with rdeepnet import."
        )
    about = {*PROVENANCE, SEVERAL_TUMOURS, OUTLINED, *ACQUISITION, IMPORTED_FROM}
    names = tuple(name for name in header[1:] if name not in about)
    if table.num_rows == 0:
        raise CohortRejected(f"{path.name} has no row; at least one patient was expected.")
    imported: tuple[InputColumn, ...] = ()
    if IMPORTED_FROM in header:
        imported = read_sidecar(path, set(_texts(table.column(IMPORTED_FROM)))).columns
    _check_names(path.name, names, imported)
    return FeatureRows(
        source=path.name,
        identifiers=_texts(table.column(0)),
        names=names,
        values=np.column_stack([_numbers(table.column(name), name, path) for name in names]),
        settings_digests=_texts(table.column("settings_digest")),
        engines=_texts(table.column("engine")),
        bias_corrections=_texts(table.column("bias_correction")),
        acquisitions=_acquisitions(table, header, path),
        several_tumours=_texts(table.column(SEVERAL_TUMOURS)) if SEVERAL_TUMOURS in header else (),
        identified_by=header[0],
        imported=imported,
        outlined=_texts(table.column(OUTLINED)) if OUTLINED in header else (),
    )


def _check_names(source: str, names: tuple[str, ...], imported: tuple[InputColumn, ...]) -> None:
    """Refuses a column that the sidecar does not have, or whose name is that of no feature; and one that is missing."""
    if imported:
        if names != tuple(column.name for column in imported):
            raise CohortRejected(
                f"The columns of {source} are not those of its sidecar; a column was added, renamed, moved or removed. "
                "Change the schema, and import the table again (rdeepnet import)."
            )
        return
    if not names:
        raise CohortRejected(
            f"{source} has no feature, such as t1c_intratumoral_…; give the table that rdeepnet features wrote."
        )
    if other := [name for name in names if our_column(name) is None]:
        raise CohortRejected(
            f"{source} has {counted(len(other), 'column')} that {agreeing(len(other), 'is', 'are')} no feature of ours "
            f"(first: '{other[0]}'); sequence, region and feature were expected, such as "
            "t1c_intratumoral_original_glcm_Contrast. Outcomes and clinical columns belong in the table of outcomes; a "
            "table of another program comes in by rdeepnet import."
        )


def _acquisitions(table: Any, header: list[str], path: Path) -> dict[Sequence, tuple[Acquisition, ...]]:
    columns: dict[Sequence, dict[str, list[float | None]]] = {}
    for column, (sequence, measure) in ACQUISITION.items():
        if column in header:
            numbers = _numbers(table.column(column), column, path).tolist()
            known = [value if value > 0 else None for value in numbers]  # NaN is not above 0
            columns.setdefault(sequence, {})[measure] = known
    return {
        sequence: tuple(
            Acquisition(**dict(zip(measures, row, strict=True))) for row in zip(*measures.values(), strict=True)
        )
        for sequence, measures in columns.items()
    }


def _read_csv(path: Path) -> Any:
    import pyarrow
    from pyarrow import csv

    try:
        with path.open(encoding="utf-8-sig") as stream:
            header = stream.readline().rstrip("\r\n").split(",")
        # Identifiers stay texts: 007 is not 7.
        own = (header[0], *PROVENANCE, SEVERAL_TUMOURS, OUTLINED, IMPORTED_FROM)
        texts = {name.strip('"'): pyarrow.string() for name in own}
        table = csv.read_csv(
            path,
            convert_options=csv.ConvertOptions(column_types=texts, strings_can_be_null=False),
            read_options=csv.ReadOptions(block_size=64 << 20),  # a block holds a whole row of any width
        )
        for index, name in enumerate(table.column_names):
            if name in texts:
                cells = [None if cell is None else unescaped(cell) for cell in table.column(index).to_pylist()]
                table = table.set_column(index, name, pyarrow.array(cells, pyarrow.string()))
        return table
    except OSError as error:
        raise CohortRejected(f"{path} cannot be read ({error.strerror}); give the table of features.") from error
    except (pyarrow.ArrowInvalid, UnicodeDecodeError) as error:
        raise CohortRejected(f"{path.name} is not a table of comma-separated values: {error}.") from error


def _read_parquet(path: Path) -> Any:
    import pyarrow
    from pyarrow import parquet

    try:
        return parquet.read_table(path)
    except (pyarrow.ArrowInvalid, pyarrow.ArrowIOError) as error:
        raise CohortRejected(f"{path.name} is not a Parquet file: {error}.") from error


def _texts(column: Any) -> tuple[str, ...]:
    return tuple("" if value is None else one_line(str(value)).strip() for value in column.to_pylist())


def _numbers(column: Any, name: str, path: Path) -> NDArray[np.float64]:
    import pyarrow
    from pyarrow import types

    if types.is_null(column.type):
        return np.full(len(column), np.nan)
    if not (types.is_floating(column.type) or types.is_integer(column.type)):
        raise CohortRejected(
            f"{path.name} holds something that is not a number in the column '{name}'; numbers or empty cells were "
            "expected."
        )
    return np.asarray(column.cast(pyarrow.float64()).to_numpy(), dtype=np.float64)
