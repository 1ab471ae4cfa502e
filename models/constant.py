"""One definition of "constant" for every column, feature or score: the values do not differ beyond rounding.

A standard deviation does not tell: that of 698 times .9 is 1e-17, since their mean is not quite .9, and a value scaled
by it is 4e16. The range of equal numbers is 0, whatever the number.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

ROUNDING = 1e-9  # of the largest magnitude: features agree between engines and machines to that, and no better


def varies(values: ArrayLike, *, axis: int = 0) -> NDArray[np.bool_]:
    """True where the range exceeds `ROUNDING` times the largest magnitude, over an axis; False where there is no value.

    Parameters
    ----------
    values : finite; (patients, inputs) with axis 0 gives (inputs,), (features, samples) with axis 1 gives (features,)
    """
    array = np.asarray(values, dtype=np.float64)
    if array.shape[axis] == 0:
        return np.zeros(np.delete(array.shape, axis), dtype=np.bool_)
    high, low = array.max(axis=axis), array.min(axis=axis)
    return np.asarray(high - low > ROUNDING * np.maximum(np.abs(high), np.abs(low)))
