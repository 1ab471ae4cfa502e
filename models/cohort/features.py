"""Reads the table that `rdeepnet features` writes: one row per study, `.csv` or `.parquet`.

The first column identifies the row; then the features (empty where a sequence was not there); at the end
`settings_digest`, `engine` and `bias_correction`. Tables of newer versions also have how the images were acquired
(`acquisition_t1c_slice_mm` and so on, empty where not known) and `several_tumours`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.acquisition import MEASURES, Acquisition
from models.errors import CohortRejected
from models.volume import Region, Sequence

PROVENANCE = ("settings_digest", "engine", "bias_correction")
SEVERAL_TUMOURS = "several_tumours"
# Column → the sequence and measure of it.
ACQUISITION = {f"acquisition_{sequence}_{name}": (sequence, name) for sequence in Sequence for name in MEASURES}
_FEATURE_PREFIXES = tuple(f"{sequence}_{region}_" for sequence in Sequence for region in Region)


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
        )

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
                f"{self.source} lacks {len(missing)} of the {len(names)} features the model needs (first: "
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
    missing = [name for name in PROVENANCE if name not in header]
    about = {*PROVENANCE, SEVERAL_TUMOURS, *ACQUISITION}
    names = tuple(name for name in header[1:] if name not in about)
    if missing or not any(name.startswith(_FEATURE_PREFIXES) for name in names):
        lacking = f"no column {', '.join(missing)}" if missing else "no feature, such as t1c_intratumoral_…,"
        raise CohortRejected(f"{path.name} has {lacking}; give the table that rdeepnet features wrote.")
    if table.num_rows == 0:
        raise CohortRejected(f"{path.name} has no row; at least one patient was expected.")
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
        texts = {name.strip('"'): pyarrow.string() for name in (header[0], *PROVENANCE, SEVERAL_TUMOURS)}
        return csv.read_csv(
            path,
            convert_options=csv.ConvertOptions(column_types=texts, strings_can_be_null=False),
            read_options=csv.ReadOptions(block_size=64 << 20),  # a block holds a whole row of any width
        )
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
    return tuple("" if value is None else str(value).strip() for value in column.to_pylist())


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
