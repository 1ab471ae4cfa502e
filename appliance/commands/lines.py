"""Lines of text on a terminal: their length, and where they are broken."""

from __future__ import annotations

import os
from typing import IO

from rich.cells import cell_len


def broken(text: str, width: int) -> list[str]:
    """Lines of at most `width` characters, broken between words; a longer word is left whole."""
    lines: list[str] = []
    for line in text.split("\n"):
        if length(line) <= width:
            lines.append(line)
            continue
        current = ""
        for word in line.split(" "):
            longer = f"{current} {word}" if current else word
            if current and length(longer) > width:
                lines.append(current)
                current = word
            else:
                current = longer
        lines.append(current)
    return lines


def length(text: str) -> int:
    """Columns on a terminal: an ideograph takes two."""
    return len(text) if text.isascii() else cell_len(text)


def for_stream(text: str, stream: IO[str]) -> str:
    """The text, with long lines broken between words where the stream is a terminal; elsewhere as it is."""
    try:
        width = os.get_terminal_size(stream.fileno()).columns if stream.isatty() else 0
    except (OSError, ValueError):
        width = 0
    return "\n".join(broken(text, width)) if width else text
