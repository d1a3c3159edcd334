"""Work that would block Qt's thread, done beside it, with its end brought back to Qt's thread.

Where the bridge carries the agent's snapshots, this carries what an owner's act has led to. A function of the work runs
on a thread of the pool; what it returns, or the DesktopError it raises, arrives as a call on Qt's thread.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol, TypeVar

from PySide6.QtCore import QObject, QRunnable, Qt, QThreadPool, Signal
from typing_extensions import override

from desktop.errors import DesktopError

_log = logging.getLogger(__name__)

T = TypeVar("T")

Failed = Callable[[DesktopError], None]


class Unexpected(DesktopError):
    """A fault of ours, which the log describes."""

    remedy = "The log has the details: see Diagnostics."

    def __init__(self) -> None:
        super().__init__("This did not work, for a reason that Nightjar did not expect.")


class Runs(Protocol):
    """What pages need of it; a test does the work at once."""

    def run(self, work: Callable[[], T], done: Callable[[T], None], failed: Failed, /) -> None: ...

    def post(self, call: Callable[[], None], /) -> None: ...


class Background(QObject):
    """After `close` nothing arrives any more; work under way is left to end by itself."""

    _came = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._closed = False
        self._came.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    def run(self, work: Callable[[], T], done: Callable[[T], None], failed: Failed, /) -> None:
        """Calls `done` or `failed` later, on Qt's thread."""
        self._pool.start(_Work(lambda: self.post(_outcome(work, done, failed))))

    def post(self, call: Callable[[], None], /) -> None:
        """From any thread: has `call` made on Qt's."""
        if not self._closed:
            self._came.emit(call)

    def close(self, *, wait_ms: int = 2_000) -> None:
        self._closed = True
        self._pool.waitForDone(wait_ms)

    def _deliver(self, call: Callable[[], None]) -> None:
        if not self._closed:
            call()


class _Work(QRunnable):
    def __init__(self, call: Callable[[], None]) -> None:
        super().__init__()
        self._call = call

    @override
    def run(self) -> None:
        self._call()


def _outcome(work: Callable[[], T], done: Callable[[T], None], failed: Failed) -> Callable[[], None]:
    """Does the work, and says whom to call with what came of it."""
    try:
        result = work()
    except DesktopError as error:
        # A new name: the handler's own is unbound when the call is made.
        problem = error
        return lambda: failed(problem)
    except Exception:  # noqa: BLE001 - whatever it was, its owner waits for an end
        _log.exception("an act of the owner failed")
        return lambda: failed(Unexpected())
    return lambda: done(result)
