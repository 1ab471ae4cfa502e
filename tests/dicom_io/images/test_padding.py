"""Mechanics: which stored pixels the header declares to be padding (PS3.3 C.7.5.1.1.2)."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

from dicom_io.images.padding import padding_in


def header(value: int | None, limit: int | None = None) -> pydicom.Dataset:
    dataset = pydicom.Dataset()
    if value is not None:
        dataset.add_new(0x00280120, "SS" if value < 0 else "US", value)
    if limit is not None:
        dataset.add_new(0x00280121, "SS" if limit < 0 else "US", limit)
    return dataset


@pytest.mark.parametrize(
    ("dtype", "value", "limit", "expected"),
    [
        (np.int16, -2000, None, [True, False, False, False]),
        (np.int16, 63536, None, [True, False, False, False]),  # the same bits under the other representation
        (np.int16, -2000, -1, [True, True, False, False]),
        (np.int16, -1, -2000, [True, True, False, False]),  # MONOCHROME1 writes the range the other way round
        (np.int16, 4000, None, None),
        (np.int16, None, None, None),
    ],
)
def test_padding_is_the_value_or_the_range(
    dtype: type[np.generic], value: int | None, limit: int | None, expected: list[bool] | None
) -> None:
    found = padding_in(np.array([[-2000, -1, 0, 900]], dtype=dtype), header(value, limit))
    assert (None if found is None else found[0].tolist()) == expected
