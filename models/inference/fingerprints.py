"""Fingerprints of the training rows: whether a patient was among the patients a model was trained on.

A package is handed on without its patients, and the name of a cohort proves nothing. Its fingerprints tell whoever has
the features of a patient that this patient, or one with nearly the same features, was trained on.

Every row gives one number for the row itself (features to six digits) and `TABLES` numbers for its neighbourhood: the
inputs, scaled by the training patients, are projected on `PROJECTIONS` random directions and rounded to cells of
`CELL` standard deviations, in `TABLES` grids that are shifted at random. Equal rows share every cell; rows that differ
by noise share the cells of some grids; different patients share none. What is kept is a hash of each cell vector, not
the cells: 64 bits of BLAKE2b, keyed with the package's graph, each table sorted by itself, so that the hashes of one
patient cannot be told from those of another, and two packages with the same patient share none.

What an attacker learns. With the features of a patient: that the patient was trained on, or not; that is what the
fingerprints are for, and a reason not to publish a package whose cohort must stay secret. Without them: a hash is
inverted only by guessing all cells of a grid at once. The cells of the simulated cohorts have about 80 bits (measured,
tests/models/inference/test_fingerprints.py); a model of few inputs would have less, so that `FEWEST_INPUTS` are needed,
and a package of fewer has no fingerprints. Feature values cannot be read off them.

References: Indyk and Motwani (1998), Proc. 30th STOC, 604-613; Datar et al. (2004), Proc. 20th SoCG, 253-262, for the
shifted grids; Charikar (2002), Proc. 34th STOC, 380-388.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.errors import SetupError
from models.inference.familiarity import Familiarity, Floats

TABLES = 24
PROJECTIONS = 48
CELL = 0.7  # standard deviations of a projection
FEWEST_INPUTS = 100
# Inputs whose mean is many standard deviations from 0 move far in standard deviations by noise of a per cent.
_STEADY = 10.0
_ARRAYS = ("rows", "cells")
Hashes = NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Matches:
    """Patients who were trained on, by the fingerprints, among some patients.

    Attributes
    ----------
    same : bool (patients,), the row itself was trained on
    near : bool (patients,), a row with nearly the same features was trained on, or the row itself
    """

    same: NDArray[np.bool_]
    near: NDArray[np.bool_]

    def of(self, rows: NDArray[np.bool_]) -> Matches:
        """Those of some of the patients."""
        return Matches(self.same[rows], self.near[rows])


@dataclass(frozen=True, eq=False)
class Fingerprints:
    """Fingerprints of the training rows of a package.

    Attributes
    ----------
    rows : uint64 (patients,), sorted
    cells : uint64 (`TABLES`, patients), each table sorted

    Raises
    ------
    SetupError
        When the arrays do not fit.
    """

    rows: Hashes
    cells: Hashes

    def __post_init__(self) -> None:
        if self.rows.ndim != 1 or self.cells.shape != (TABLES, self.rows.size) or not self.rows.size:
            raise SetupError(
                f"Fingerprints of {self.rows.shape} rows and {self.cells.shape} cells; one row and {TABLES} cells of "
                "each training patient were expected."
            )

    def matches(self, values: ArrayLike, familiarity: Familiarity, *, salt: bytes) -> Matches:
        """Compares patients (patients, inputs) with the training rows; familiarity and salt as in `fingerprints_of`."""
        rows, cells = _hashes(np.asarray(values, dtype=np.float64), familiarity, salt)
        same = np.isin(rows, self.rows)
        near = np.any([np.isin(one, table) for one, table in zip(cells, self.cells, strict=True)], axis=0)
        return Matches(same, same | near)

    def to_bytes(self) -> bytes:
        """Serialises to a NumPy archive; the same arrays give the same bytes."""
        stream = io.BytesIO()
        np.savez(stream, rows=self.rows, cells=self.cells)
        return stream.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Fingerprints:
        """Reads what `to_bytes` wrote.

        Raises
        ------
        SetupError
            When it is not such an archive.
        """
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in _ARRAYS}
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise SetupError(f"The fingerprints are not an archive of {', '.join(_ARRAYS)}: {error!r}.") from error
        if any(array.dtype != np.uint64 for array in arrays.values()):
            raise SetupError("The fingerprints hold another type of number than 64-bit unsigned integers.")
        return cls(**arrays)


def salt_of(graph: bytes) -> bytes:
    """The salt of a package: the SHA-256 of its graph, which is another one in every package."""
    return hashlib.sha256(graph).digest()


def fingerprints_of(values: ArrayLike, familiarity: Familiarity, *, salt: bytes) -> Fingerprints | None:
    """Fingerprints of training rows; None where the inputs are so few that their cells could be guessed.

    Parameters
    ----------
    values : float64 (patients, inputs), finite
    familiarity : of the package; it scales the inputs
    salt : of the package
    """
    if _projected(familiarity).size < FEWEST_INPUTS:
        return None
    rows, cells = _hashes(np.asarray(values, dtype=np.float64), familiarity, salt)
    return Fingerprints(np.sort(rows), np.sort(cells, axis=1))


def to_six_digits(values: Floats) -> Floats:
    """Values rounded to 20 bits, about six digits; a 0 has no sign."""
    mantissa, exponent = np.frexp(values)
    return np.asarray(np.ldexp(np.round(mantissa * 2**20), exponent - 20) + 0.0)


def projections(values: Floats, familiarity: Familiarity, *, salt: bytes) -> Floats:
    """Scaled inputs on the package's random directions, each with variance 1 over the training patients, about.

    (patients, inputs) → float64 (patients, `PROJECTIONS`).
    """
    chosen = _projected(familiarity)
    z = familiarity.scaled(values)[:, chosen]
    bits = np.unpackbits(np.frombuffer(_stream(salt, "directions", -(-PROJECTIONS * chosen.size // 8)), dtype=np.uint8))
    signs = 2.0 * bits[: PROJECTIONS * chosen.size].reshape(chosen.size, PROJECTIONS) - 1.0
    return np.asarray(z @ signs / np.sqrt(chosen.size))


def _projected(familiarity: Familiarity) -> NDArray[np.int64]:
    """Places among the inputs of the familiarity: those that noise of a per cent does not move far."""
    return np.flatnonzero(np.abs(familiarity.centre) <= _STEADY * familiarity.scale)


def _hashes(values: Floats, familiarity: Familiarity, salt: bytes) -> tuple[Hashes, Hashes]:
    """Of the rows (patients,), and of the cells (`TABLES`, patients)."""
    rows = np.array([_hashed(row.tobytes(), salt, "row") for row in to_six_digits(values)], dtype=np.uint64)
    placed = projections(values, familiarity, salt=salt) / CELL
    drawn = np.frombuffer(_stream(salt, "shifts", 4 * TABLES * PROJECTIONS), dtype="<u4")
    shifts = drawn.reshape(TABLES, PROJECTIONS) / 2.0**32
    cells = np.empty((TABLES, len(values)), dtype=np.uint64)
    for table, shift in enumerate(shifts):
        found = np.floor(placed + shift).astype("<i2")
        cells[table] = [_hashed(row.tobytes(), salt, f"table {table}") for row in found]
    return rows, cells


def _hashed(content: bytes, salt: bytes, what: str) -> int:
    digest = hashlib.blake2b(content, digest_size=8, key=salt, person=what.encode()).digest()
    return int.from_bytes(digest, "little")


def _stream(salt: bytes, what: str, size: int) -> bytes:
    """Random bytes that are the same wherever the package is read: no library's generator is."""
    return hashlib.shake_256(salt + what.encode()).digest(size)
