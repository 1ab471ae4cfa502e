"""Folders of results without names: marked, so that results with names or of another key are never mixed in."""

from __future__ import annotations

from pathlib import Path

from appliance.files import make_private_folder, write_durably
from dicom_io.reading.pseudonymise import Pseudonymiser
from models.errors import SetupError

MARK = "PSEUDONYMISED"  # file that names key and options; nobody gets from it to the key


def claim(folder: Path, pseudonymiser: Pseudonymiser | None, *, has_results: bool) -> None:
    """Marks a folder for results without names by one key, and refuses one that holds others.

    Parameters
    ----------
    pseudonymiser : of the results that are to come; None for results with names, whose folder has no mark
    has_results : the folder holds results already

    Raises
    ------
    SetupError
        When the folder has results of another kind.
    """
    mark = folder / MARK
    wanted = "" if pseudonymiser is None else pseudonymiser.recipe
    held = mark.read_text(encoding="utf-8").strip() if mark.is_file() else ""
    if held != wanted and (held or has_results):
        kinds = [_kind(one) for one in (held, wanted)]
        raise SetupError(f"{folder} holds results {kinds[0]}; {kinds[1]} would be mixed with them. Name a new folder.")
    if wanted and not held:
        make_private_folder(folder)
        write_durably(mark, [f"{wanted}\n".encode()])


def _kind(recipe: str) -> str:
    return f"pseudonymised with key and dates {recipe}" if recipe else "with names"
