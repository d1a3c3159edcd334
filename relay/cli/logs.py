"""What a running relay writes to standard error: lines for people, or one JSON object a line for programs."""

from __future__ import annotations

import datetime as dt
import logging
import sys
from typing import Final

import msgspec

from relay.settings import LogSettings

_LEVELS: Final = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class JsonLines(logging.Formatter):
    """One object a line; whatever is in a message, a line break in it begins no other."""

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, object] = {
            "time": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[0] is not None:
            told["error"] = record.exc_info[0].__name__
            told["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(told).decode()


def write_logs(settings: LogSettings) -> None:
    """From now on, for the whole process."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if settings.form == "json" else logging.Formatter("%(message)s"))
    logging.basicConfig(level=_LEVELS[settings.level], handlers=[handler])
