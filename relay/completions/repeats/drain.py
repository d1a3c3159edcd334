"""The last bytes of an answer that no call watches over any more: they leave within a time, or the connection ends."""

from __future__ import annotations

from typing import Final

from relay.completions.refusal import Refusal
from relay.completions.reply import Reply
from relay.completions.watch import Watch


def drain(watch: Watch, reply: Reply, *, within_s: float) -> None:
    """See to it that what was written to `reply` does not lie in memory for ever, for a caller who does not read."""
    if reply.unsent() > 0:
        watch.add(_Drain(watch, reply, within_s))


class _Drain:
    """One such answer, as the watch sees it."""

    __slots__ = ("_ends_at", "_reply", "_watch", "_within_s")

    def __init__(self, watch: Watch, reply: Reply, within_s: float) -> None:
        self._watch = watch
        self._reply = reply
        self._within_s = within_s
        self._ends_at = _NEVER

    def tick(self, now: float) -> None:
        if self._ends_at == _NEVER:
            self._ends_at = now + self._within_s
        if self._reply.unsent() <= 0:
            self._watch.remove(self)
        elif now >= self._ends_at:
            self._watch.remove(self)
            self._reply.abort()

    def fail(self, error: Refusal) -> None:
        """Nothing: the answer was given."""

    def break_off(self) -> None:
        self._reply.abort()


_NEVER: Final = -1.0
