"""Familiarity of a patient's features to a model: their likeness to those of its training patients.

Four numbers, because each is blind to something the others see:

    residual   what is left of the scaled features outside the leading principal components of the training patients:
               a broken pattern (sequences swapped, another scanner, another region)
    distance   Mahalanobis distance inside these components: a known pattern, much stronger than usual
    share      share of the inputs outside the 0.5 to 99.5 % quantiles of the training patients: few but extreme values
    count      number of inputs beyond `CLIP` standard deviations, which the model sees as if they were at it

Every package must be tested for what they tell apart (`FamiliarityTest`): a cohort of many kinds of images makes
everything ordinary. Their limits are the 99 % quantiles of patients who were held out, because the residual of a
training patient is too small by construction: a limit taken from training patients calls every fifth ordinary new
patient unfamiliar.
Reference for the pair of residual and distance: Jackson and Mudholkar (1979), Technometrics 21:341-349.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.errors import SetupError
from models.number_words import counted

Floats = NDArray[np.float64]

CLIP = 4.0  # standard deviations, as in the models
HELD_OUT_SHARE = 0.99  # of the held-out patients below each limit
COMPONENTS = 50  # at most; half a megabyte for 3,452 inputs
FAR_OUTSIDE = 1.5  # times a limit
FAR_OUTSIDE_SHARE = 0.999  # of the held-out patients with at most so many inputs beyond `CLIP`
BLIND = 0.5  # oddities of which a smaller share is caught are said not to be told apart
_ROUNDING = 1e-6  # of a squared length, by directions of single precision
_ARRAYS = ("used", "centre", "scale", "directions", "variances", "limits")


@dataclass(frozen=True)
class Limits:
    """Limits that 99% of held-out patients do not exceed; units as in `Measures`.

    Attributes
    ----------
    count : None where the package does not state it
    count_outside : what 99.9% of held-out patients do not exceed; None where the package does not state it
    """

    residual: float
    distance: float
    share: float
    count: float | None = None
    count_outside: float | None = None

    @property
    def as_stored(self) -> tuple[float, ...]:
        """The numbers that are known, in the order of the archive."""
        return tuple(value for value in vars(self).values() if value is not None)


@dataclass(frozen=True, eq=False)
class Measures:
    """Distances of patients from the training patients.

    Attributes
    ----------
    residual : float64 (patients,), mean square of the scaled inputs outside the components
    distance : float64 (patients,), Mahalanobis distance inside the components, standard deviations
    share : float64 (patients,), 0 to 1, of the inputs outside the range
    count : float64 (patients,), number of inputs beyond `CLIP` standard deviations
    """

    residual: Floats
    distance: Floats
    share: Floats
    count: Floats

    def ratio(self, limits: Limits) -> Floats:
        """float64 (patients,): the largest of residual, distance and share as a multiple of its limit."""
        pairs = ((self.residual, limits.residual), (self.distance, limits.distance), (self.share, limits.share))
        return np.max([measure / max(limit, np.finfo(float).tiny) for measure, limit in pairs], axis=0)

    def exceed(self, limits: Limits) -> NDArray[np.bool_]:
        """bool (patients,): above at least one limit."""
        return self._above(limits, 1.0, limits.count)

    def exceed_far(self, limits: Limits) -> NDArray[np.bool_]:
        """bool (patients,): far outside, above `FAR_OUTSIDE` times a limit, or above that of 99.9 % for the count."""
        return self._above(limits, FAR_OUTSIDE, limits.count_outside)

    def rows(self, chosen: NDArray[np.bool_]) -> Measures:
        """The measures of some of the patients."""
        return Measures(self.residual[chosen], self.distance[chosen], self.share[chosen], self.count[chosen])

    def _above(self, limits: Limits, factor: float, count: float | None) -> NDArray[np.bool_]:
        many = np.zeros(self.count.shape, dtype=np.bool_) if count is None else self.count > count
        return np.asarray((self.ratio(limits) > factor) | many)


@dataclass(frozen=True)
class FamiliarityTest:
    """Results of the test of a familiarity at its training: false alarms, and what it must catch.

    Attributes
    ----------
    false_alarms : share of ordinary patients above a limit, and of those far outside
    whom : which patients these were
    caught : oddity in words → share above a limit, and share far outside
    """

    false_alarms: tuple[float, float]
    whom: str
    caught: Mapping[str, tuple[float, float]]

    @property
    def blind_to(self) -> tuple[str, ...]:
        """Oddities that are not told apart from ordinary patients."""
        return tuple(what for what, (above, _) in self.caught.items() if above < BLIND)


@dataclass(frozen=True, eq=False)
class Familiarity:
    """The distribution of the training patients' features.

    Attributes
    ----------
    used : int64 (used,), which inputs are compared: those that varied
    centre, scale : float64 (used,), mean and standard deviation, scale positive
    directions : float32 (components, used), orthonormal
    variances : float64 (components,), positive, of the training patients along them
    limits : from held-out patients

    Raises
    ------
    SetupError
        When the arrays do not fit together.
    """

    used: NDArray[np.int64]
    centre: Floats
    scale: Floats
    directions: NDArray[np.float32]
    variances: Floats
    limits: Limits

    def __post_init__(self) -> None:
        count, components = self.used.size, self.variances.size
        shapes = (self.used.shape, self.centre.shape, self.scale.shape, self.directions.shape, self.variances.shape)
        if shapes != ((count,), (count,), (count,), (components, count), (components,)) or not 0 < components <= count:
            raise SetupError(f"The arrays of the training distribution have shapes {shapes}; they do not fit together.")
        if np.any(np.diff(self.used) <= 0) or self.used[0] < 0:
            raise SetupError("The inputs of the training distribution are not in increasing order.")
        numbers = (self.centre, self.scale, self.directions, self.variances, list(self.limits.as_stored))
        if not all(np.all(np.isfinite(array)) for array in numbers):
            raise SetupError("The training distribution holds numbers that are not finite; none was expected.")
        if not (np.all(self.scale > 0) and np.all(self.variances > 0)):
            raise SetupError("A scale or variance of the training distribution is not positive.")

    def scaled(self, values: ArrayLike) -> Floats:
        """(patients, inputs) → standard deviations from the mean, not clipped: float64 (patients, used)."""
        return np.asarray((np.asarray(values, dtype=np.float64)[:, self.used] - self.centre) / self.scale)

    def measures(self, values: ArrayLike, *, low: Floats, high: Floats) -> Measures:
        """Compares patients (patients, inputs) with the training patients; ranges `low` and `high` (inputs,)."""
        x = np.asarray(values, dtype=np.float64)
        scaled = self.scaled(x)
        z = np.clip(scaled, -CLIP, CLIP)
        inside = z @ self.directions.T.astype(np.float64)
        # Orthonormal directions: what is outside has the rest of the squared length. Where they span all inputs, that
        # is their rounding, which says nothing about a patient.
        length = (z**2).sum(axis=1)
        outside = length - (inside**2).sum(axis=1)
        outside = np.where(outside > _ROUNDING * length, outside, 0.0)
        return Measures(
            residual=outside / self.used.size,
            distance=np.sqrt((inside**2 / self.variances).sum(axis=1)),
            share=((x < low) | (x > high)).mean(axis=1),
            count=np.count_nonzero(np.abs(scaled) > CLIP, axis=1).astype(np.float64),
        )

    def to_bytes(self) -> bytes:
        """Serialises to a NumPy archive; the same arrays give the same bytes."""
        stream = io.BytesIO()
        limits = np.array(self.limits.as_stored)
        np.savez(
            stream,
            used=self.used,
            centre=self.centre,
            scale=self.scale,
            directions=self.directions,
            variances=self.variances,
            limits=limits,
        )
        return stream.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes, *, inputs: int) -> Familiarity:
        """Reads what `to_bytes` wrote, for a model with this many inputs.

        Raises
        ------
        SetupError
            When it is not such an archive or does not fit the inputs.
        """
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in _ARRAYS}
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise SetupError(
                f"The training distribution is not an archive of {', '.join(_ARRAYS)}: {error!r}."
            ) from error
        kinds = {"used": np.int64, "directions": np.float32}
        if any(array.dtype != kinds.get(name, np.float64) for name, array in arrays.items()):
            raise SetupError("An array of the training distribution has another type of number than expected.")
        if arrays["limits"].shape not in ((3,), (5,)) or arrays["used"].size == 0 or arrays["used"].max() >= inputs:
            raise SetupError(
                f"The training distribution is not one of {counted(inputs, 'input')} with three or five limits."
            )
        limits = Limits(*(float(limit) for limit in arrays.pop("limits")))
        return cls(**arrays, limits=limits)
