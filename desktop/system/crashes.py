"""The last fault of Nightjar itself, kept on this PC until its owner drops it. Nothing of it is sent anywhere.

A trace names functions and lines of ours, and the text of the error; no prompt and no answer is ever in either.
"""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import sys
import threading
import time
import traceback
from pathlib import Path
from types import TracebackType
from typing import Final, TextIO

import msgspec

from desktop.system.files import write_private
from desktop.system.program import version

KEPT: Final = "last-fault.json"
NATIVE: Final = "native-fault.txt"
"""Empty unless a run ended by a signal; Python's faulthandler writes it in the very moment."""

_log = logging.getLogger(__name__)


class Fault(msgspec.Struct, frozen=True):
    """`at` is a Unix time; `where` says which part it was in: `program`, `agent`, `window` or `native`."""

    at: float
    version: str
    where: str
    trace: str


class Crashes:
    """Of one folder. Never raises: whoever reports a fault must not add another."""

    def __init__(self, folder: Path) -> None:
        self._kept, self._native = folder / KEPT, folder / NATIVE
        self._open: TextIO | None = None

    def watch(self) -> None:
        """From now on what nobody caught is kept; and what a run before this one left behind is taken in."""
        self._take_in_native()
        with contextlib.suppress(OSError):
            self._open = self._native.open("w", encoding="utf-8")
            faulthandler.enable(self._open)
        sys.excepthook = self._uncaught
        threading.excepthook = lambda told: self._uncaught(told.exc_type, told.exc_value, told.exc_traceback)

    def keep(self, where: str, error: BaseException) -> None:
        """In place of the one before."""
        trace = "".join(traceback.format_exception(error))
        self._write(Fault(time.time(), version(), where, trace))

    def last(self) -> Fault | None:
        """None if there is none, or none that can be read."""
        try:
            return msgspec.json.decode(self._kept.read_bytes(), type=Fault)
        except (OSError, msgspec.DecodeError):
            return None

    def forget(self) -> None:
        with contextlib.suppress(OSError):
            self._kept.unlink(missing_ok=True)

    def _take_in_native(self) -> None:
        """Its time is that of the file: whoever died could not look at a clock."""
        with contextlib.suppress(OSError):
            if trace := self._native.read_text(encoding="utf-8", errors="replace").strip():
                self._write(Fault(self._native.stat().st_mtime, version(), "native", trace))

    def _uncaught(self, kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None or isinstance(error, KeyboardInterrupt | SystemExit):
            return
        _log.critical("nobody caught this", exc_info=(kind, error, trace))
        self.keep("program", error)

    def _write(self, fault: Fault) -> None:
        with contextlib.suppress(OSError):
            write_private(self._kept, msgspec.json.encode(fault))
