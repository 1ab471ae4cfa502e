"""Log lines: one entry per line on standard error, as key=value or JSON, with the job they belong to and no patient
data.

Only the fields below leave the process. Libraries that quote attribute values in their messages are reduced to where
they spoke, and an unexpected error is logged by its type and its place in the code, not by its text.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
import warnings
from datetime import UTC, datetime

from appliance.settings import LogFormat, LogSettings
from models.errors import RDeepNetError
from models.plain_text import plain, without_passwords

FIELDS = ("job", "study", "destination", "peer", "address", "instances", "state", "attempt", "seconds", "port", "error")

# Their messages may quote values of a data set ("Invalid value for VR PN: …").
_QUOTING = ("pydicom", "highdicom", "pynetdicom", "py.warnings")


class LineFormatter(logging.Formatter):
    """One record as one line."""

    def __init__(self, line: LogFormat) -> None:
        super().__init__()
        self._line = line

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        values: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "from": record.name,
            "message": _message(record),
        }
        values |= {field: getattr(record, field) for field in FIELDS if hasattr(record, field)}
        if record.exc_info and record.exc_info[1] is not None:
            values["error"] = describe(record.exc_info[1])
        values = {key: _safe(value) for key, value in values.items()}
        if self._line is LogFormat.JSON:
            return json.dumps(values, ensure_ascii=False, default=str)
        return " ".join(f"{key}={_quoted(value)}" for key, value in values.items())


def configure(settings: LogSettings) -> None:
    """Sends the log lines of the whole process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter(settings.format))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)  # of libraries
    logging.getLogger("rdeepnet").setLevel(settings.level.upper())
    for name in ("dbos", "pynetdicom"):  # they would bring handlers of their own
        library = logging.getLogger(name)
        library.handlers[:] = [logging.NullHandler()]
        library.propagate = True
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)  # what matters of it comes through the receiver
    logging.captureWarnings(capture=True)
    warnings.simplefilter("default")


def describe(error: BaseException) -> str:
    """An error for the log: our own sentences in full; of others the type and the place, since texts may quote data."""
    frames = traceback.extract_tb(error.__traceback__)
    location = f" at {frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}" if frames else ""
    own = next((frame for frame in reversed(frames) if "site-packages" not in frame.filename), None)
    if own is not None and own is not frames[-1]:
        location += f", called at {own.filename.rsplit('/', 1)[-1]}:{own.lineno}"
    text = f": {error}" if isinstance(error, RDeepNetError) else ""
    return f"{type(error).__name__}{location}{text}"


def _safe(value: object) -> object:
    """A value without control characters and passwords, whichever library or peer it comes from."""
    return value if isinstance(value, int | float) else without_passwords(plain(str(value)))


def _message(record: logging.LogRecord) -> str:
    if record.name.split(".")[0] in _QUOTING or record.name in _QUOTING:
        return f"{record.filename}:{record.lineno} (text withheld: it may quote a data set)"
    return record.getMessage()


def _quoted(value: object) -> str:
    """Bare where that is unambiguous, else as a JSON string."""
    text = f"{value:.3f}" if isinstance(value, float) else str(value)
    return text if text and all(c.isalnum() or c in "._:+-/%" for c in text) else json.dumps(text, ensure_ascii=False)
