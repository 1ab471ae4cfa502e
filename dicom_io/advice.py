"""Advice to the reader of a refusal, who may be able to choose a series, or not.

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
    """Readers of a refusal, by what they can do."""

    COMMAND_LINE = "command line"  # has the files and --assign
    SERVICE = "service"  # its operator: has the settings, and rdeepnet retry STUDY --assign
    UNATTENDED = "unattended"  # a package in a pipeline: has the settings, and the sender of the study


ADVICE: Final[Mapping[Remedy, Mapping[Reader, str]]] = MappingProxyType(
    {
        Remedy.CHOOSE_SERIES: {
            Reader.COMMAND_LINE: (
                "Choose with --assign t1c=… or --assign t2w=… (a Series Instance UID or description), or add a rule "
                "to [reading] of the settings."
            ),
            Reader.SERVICE: (
                "Choose with rdeepnet retry STUDY --assign t1c=… or t2w=… (a Series Instance UID or description), or "
                "add a rule to [reading] of the settings."
            ),
            Reader.UNATTENDED: "Add a rule to [reading] of the settings that finds the series.",
        },
        Remedy.CHOOSE_TUMOUR: {
            Reader.COMMAND_LINE: (
                "Choose with --assign tumour=… (a series or SOP Instance UID, a series description or a segment "
                "label), repeated for several tumours, or add a rule to [reading] of the settings."
            ),
            Reader.SERVICE: (
                "Choose with rdeepnet retry STUDY --assign tumour=… (a series or SOP Instance UID, a series "
                "description or a segment label), or add a rule to [reading] of the settings."
            ),
            Reader.UNATTENDED: "Add a rule to [reading] of the settings that finds the tumour.",
        },
        Remedy.LEAVE_T2W_OUT: {
            Reader.COMMAND_LINE: "Or leave T2W out with --assign t2w=none.",
            Reader.SERVICE: "Or leave T2W out with rdeepnet retry STUDY --assign t2w=none.",
            Reader.UNATTENDED: "Or add a rule to exclude in [reading] of the settings that leaves T2W out.",
        },
    }
)


def advised(error: RDeepNetError, reader: Reader) -> str:
    """The sentence of an error with what its reader can do."""
    remedies: tuple[Remedy, ...] = getattr(error, "remedies", ())
    return " ".join([str(error), *(ADVICE[remedy][reader] for remedy in remedies)])
