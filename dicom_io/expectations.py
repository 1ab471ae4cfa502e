"""What images of the breast usually are: voxel sizes and field strengths outside are read, with a finding.

The ranges are of the examinations the method is meant for (breast protocols of 1.5 and 3 T scanners). They are wide:
what lies outside is not wrong, but texture features depend on the voxel size, and the models have not seen it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from models.errors import SetupError


@dataclass(frozen=True)
class Expectations:
    """Smallest and largest usual values, both included.

    Attributes
    ----------
    slice_mm : distance from slice to slice, and Slice Thickness
    pixel_mm : distance from row to row and from column to column
    field_strength_t : Magnetic Field Strength; scanners called 1.5 T write 1.494, 3 T ones 2.89
    """

    slice_mm: tuple[float, float] = (0.5, 5.0)
    pixel_mm: tuple[float, float] = (0.3, 1.5)
    field_strength_t: tuple[float, float] = (1.4, 3.1)

    def __post_init__(self) -> None:
        mistakes = [
            f"{item.name} is {low:g} to {high:g}; two numbers above 0, the smaller first, were expected"
            for item in fields(self)
            for low, high in (getattr(self, item.name),)
            if not 0 < low <= high
        ]
        if mistakes:
            raise SetupError("; ".join(mistakes))

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Self:
        """From a plain mapping of pairs, as a TOML table gives it; the mistakes of all keys are named together.

        Raises
        ------
        SetupError
            For unknown keys and values that are not [smallest, largest].
        """
        known = [item.name for item in fields(cls)]
        mistakes = [f"'{key}' is not a setting; {', '.join(known)} are" for key in mapping if key not in known]
        pairs: dict[str, tuple[float, float]] = {}
        for key in known:
            value = mapping.get(key)
            if value is None:
                continue
            if isinstance(value, list | tuple) and len(value) == 2 and all(type(one) in (int, float) for one in value):
                pairs[key] = (float(value[0]), float(value[1]))
            else:
                mistakes.append(f"{key} is {value!r}; [smallest, largest] was expected")
        if mistakes:
            raise SetupError("; ".join(mistakes))
        return cls(**pairs)
