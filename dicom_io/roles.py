"""The roles in which series and segments are read: one for each sequence, and the tumour's segmentation.

An assignment and the rules name them alike: "t1c", "t2w", "tumour".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from models.volume import Sequence

TUMOUR: Final = "tumour"


@dataclass(frozen=True, kw_only=True)
class RoleRow:
    """Way in which a role can be assigned.

    Attributes
    ----------
    is_repeatable : several may be assigned
    may_be_left_out : "none" may be assigned, for a study without
    """

    is_repeatable: bool
    may_be_left_out: bool


ROLES: Final[Mapping[str, RoleRow]] = MappingProxyType(
    {
        **{
            sequence.value: RoleRow(is_repeatable=False, may_be_left_out=not sequence.is_required)
            for sequence in Sequence
        },
        TUMOUR: RoleRow(is_repeatable=True, may_be_left_out=False),
    }
)

# Lists of rules that give no role: what is never a sequence, what is never the tumour.
EXCLUDED: Final = "exclude"
NOT_TUMOUR: Final = "not_tumour"
RULED: Final = (*ROLES, EXCLUDED, NOT_TUMOUR)
