"""What a reader of a refusal can do about it: the command line can choose a series, the service cannot.

A refusal carries its remedies as data (`errors.Remedy`); what a remedy is called for whom stands in one table.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from dicom_io.errors import Remedy
from models.errors import RDeepNetError


class Reader(StrEnum):
    """Who reads a refusal, by what they can do."""

    COMMAND_LINE = "command line"  # has the files and --assign
    SERVICE = "service"  # has the settings, the sender of the study and `rdeepnet retry`


ADVICE: Final[Mapping[Remedy, Mapping[Reader, str]]] = MappingProxyType(
    {
        Remedy.CHOOSE_SERIES: {
            Reader.COMMAND_LINE: (
                "Say which with --assign t1c=… or --assign t2w=… (a Series Instance UID or description), or add a rule "
                "to [reading] of the settings."
            ),
            Reader.SERVICE: "Add a rule to [reading] of the settings that finds the series, and retry the study.",
        },
        Remedy.CHOOSE_TUMOUR: {
            Reader.COMMAND_LINE: (
                "Say which with --assign tumour=… (a series or SOP Instance UID, a series description or a segment "
                "label), repeated for several tumours, or add a rule to [reading] of the settings."
            ),
            Reader.SERVICE: "Add a rule to [reading] of the settings that finds the tumour, and retry the study.",
        },
        Remedy.LEAVE_T2W_OUT: {
            Reader.COMMAND_LINE: "Or leave T2W out with --assign t2w=none.",
            Reader.SERVICE: "Or add a rule to exclude of [reading] that leaves T2W out, and retry the study.",
        },
    }
)


def advised(error: RDeepNetError, reader: Reader) -> str:
    """The sentence of an error with what its reader can do."""
    remedies: tuple[Remedy, ...] = getattr(error, "remedies", ())
    return " ".join([str(error), *(ADVICE[remedy][reader] for remedy in remedies)])
