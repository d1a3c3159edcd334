"""Calls for which every target is busy: they wait for a short while, in the order in which they came.

A room per model, small enough that whoever is let in has a fair chance; nodes themselves never queue.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from relay.completions.phase import ENDING

if TYPE_CHECKING:
    from relay.completions.call import Call

PER_SLOT: Final = 2
AT_LEAST: Final = 4


class SoonLoop(Protocol):
    """What the room needs of an event loop."""

    def call_soon(self, callback: Callable[[], None], /) -> object: ...


class WaitingRoom:
    """Belongs to the event loop's thread. With nobody in it, it costs nothing."""

    def __init__(self, loop: SoonLoop) -> None:
        self._loop = loop
        self._waiting: dict[str, list[Call]] = {}
        self._looking = False

    def has_waiters(self, model: str) -> bool:
        """Whether somebody came before who still waits for this model."""
        return model in self._waiting and bool(self._present(model))

    def has_room(self, model: str, slots: int) -> bool:
        """Whether one more may wait; `slots` is how many answers of the model can be written at once."""
        return len(self._present(model)) < max(AT_LEAST, PER_SLOT * slots)

    def join(self, call: Call, *, first: bool) -> None:
        """Wait; `first` for one that had its turn already, and was turned away."""
        waiting = self._waiting.setdefault(call.request.model, [])
        waiting.insert(0 if first else len(waiting), call)

    def look(self) -> None:
        """Something may be free: soon, everybody who waits is asked to try, in order."""
        if self._waiting and not self._looking:
            self._looking = True
            self._loop.call_soon(self._ask_all)

    def _ask_all(self) -> None:
        self._looking = False
        for model in list(self._waiting):
            waiting = self._present(model)
            self._waiting[model] = []
            still = [call for call in waiting if not call.try_again()]
            # Who was turned away by a target just now has gone to the front.
            self._waiting[model] += still
            if not self._waiting[model]:
                del self._waiting[model]

    def _present(self, model: str) -> list[Call]:
        present = [call for call in self._waiting.get(model, ()) if call.phase < ENDING]
        if present:
            self._waiting[model] = present
        else:
            self._waiting.pop(model, None)
        return present
