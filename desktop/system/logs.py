"""Where the log goes: JSON lines in a file that is kept small, and short lines on standard error.

What is logged are events with ids and figures; text of prompts and answers never, and no secret. Libraries that would
log what they carry are kept above the level at which they do.
"""

from __future__ import annotations

import json
import logging
import logging.handlers
import os
import sys
from collections import deque
from datetime import datetime
from pathlib import Path
from typing import Final

from typing_extensions import override

LOG_FILE: Final = "nightjar.log"
"""In the folder of logs; older ones have a number behind."""

_FILE_BYTES = 1024 * 1024
_FILES_KEPT = 3
_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
"""Attributes every record has; all others are facts of the event."""


class JsonLines(logging.Formatter):
    """One JSON object an event."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        event: dict[str, object] = {
            "at": round(record.created, 3),
            "level": record.levelname.lower(),
            "where": record.name,
            "event": record.getMessage(),
        }
        event |= _facts(record)
        if record.exc_info:
            event["trace"] = self.formatException(record.exc_info)
        return json.dumps(event, default=str, ensure_ascii=False)


class ShortLines(logging.Formatter):
    """One line an event for people, its facts in brackets."""

    @override
    def formatMessage(self, record: logging.LogRecord) -> str:
        facts = ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in _facts(record).items())
        return super().formatMessage(record) + (f" ({facts})" if facts else "")


def plain(line: str) -> str:
    """A line of the file as people read it, its times by this PC's clock; one that is none of ours as it is."""
    try:
        event = json.loads(line)
        at = datetime.fromtimestamp(event.pop("at")).astimezone()
        level, said = event.pop("level").upper(), event.pop("event")
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError):
        return line
    event.pop("where", None)
    trace = event.pop("trace", "")
    facts = ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in event.items())
    told = f"{at:%Y-%m-%d %H:%M:%S} {level:<7} {said}" + (f" ({facts})" if facts else "")
    return "\n".join([told, *(f"    {each}" for each in trace.splitlines())])


def _facts(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _PLAIN}


def configure(folder: Path, *, on_screen: int) -> None:
    """Starts logging to `folder`; events of level `on_screen` and above also go to standard error."""
    file = logging.handlers.RotatingFileHandler(
        folder / LOG_FILE, maxBytes=_FILE_BYTES, backupCount=_FILES_KEPT, encoding="utf-8"
    )
    file.setFormatter(JsonLines())
    screen = logging.StreamHandler(sys.stderr)
    screen.setLevel(on_screen)
    screen.setFormatter(ShortLines("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
    logging.basicConfig(level=logging.INFO, handlers=[file, screen])
    # At DEBUG websockets writes frames, and at INFO httpx writes a line for every poll of an enrolment.
    for library in ("websockets", "httpx", "httpcore"):
        logging.getLogger(library).setLevel(logging.WARNING)


def last_lines(file: Path, count: int) -> list[str]:
    """Of the log, the oldest first."""
    return tail(file, count)[0]


def tail(file: Path, count: int) -> tuple[list[str], tuple[int, int]]:
    """The last lines, and where they end: the file's number and the place in it."""
    try:
        with file.open("rb") as log:
            lines = deque(log, maxlen=count)
            end = (os.fstat(log.fileno()).st_ino, log.tell())
    except OSError:
        return [], (0, 0)
    return [line.decode(errors="replace").rstrip("\n") for line in lines], end
