from __future__ import annotations

from collections.abc import Callable

from relay.completions.refusal import Refusal
from relay.completions.watch import TICK_S, Watch


class HandLoop:
    """A loop whose time and timers a test turns by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.due: list[Callable[[], None]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[[], None], /) -> object:
        self.due.append(callback)
        return callback

    def turn(self) -> None:
        self.now += TICK_S
        due, self.due = self.due, []
        for callback in due:
            callback()


class Ticking:
    """A call that counts its ticks, or fails at them."""

    def __init__(self, *, fails: bool = False) -> None:
        self.ticks = 0
        self.broken_off = False
        self._fails = fails

    def tick(self, now: float) -> None:
        self.ticks += 1
        if self._fails:
            raise ValueError("nobody foresaw this")

    def fail(self, error: Refusal) -> None:
        raise AssertionError(error)

    def break_off(self) -> None:
        self.broken_off = True


def test_a_call_that_fails_at_its_tick_is_broken_off_and_the_others_go_on() -> None:
    loop = HandLoop()
    watch, bad, good = Watch(loop), Ticking(fails=True), Ticking()
    watch.add(bad)
    watch.add(good)

    loop.turn()
    loop.turn()

    assert (bad.ticks, bad.broken_off) == (1, True)
    assert good.ticks == 2
    assert watch.running() == [good]


def test_the_watch_sleeps_while_nothing_runs() -> None:
    loop = HandLoop()
    watch, call = Watch(loop), Ticking()
    watch.add(call)
    watch.remove(call)

    loop.turn()

    assert not loop.due
