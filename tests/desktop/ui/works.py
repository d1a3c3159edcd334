"""Background work for tests: done when the test says so, on its own thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from desktop.errors import DesktopError
from desktop.ui.background import Failed

T = TypeVar("T")


class Works:
    """Keeps what was asked for until `finish`; `at_once` does it in the call."""

    def __init__(self, *, at_once: bool = True) -> None:
        self.at_once = at_once
        self.waiting: list[Callable[[], None]] = []

    def run(self, work: Callable[[], T], done: Callable[[T], None], failed: Failed, /) -> None:
        def do() -> None:
            try:
                result = work()
            except DesktopError as error:
                failed(error)
            else:
                done(result)

        self.post(do)

    def post(self, call: Callable[[], None], /) -> None:
        if self.at_once:
            call()
        else:
            self.waiting.append(call)

    def finish(self) -> None:
        """Does all that waits, and what that leads to."""
        while self.waiting:
            self.waiting.pop(0)()
