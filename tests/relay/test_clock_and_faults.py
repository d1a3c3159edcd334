from __future__ import annotations

import pytest

from relay.clock import ManualClock, SystemClock
from relay.faults import CrashPoints, UnknownCrashPoint


def test_a_manual_clock_moves_when_told_and_both_its_faces_together() -> None:
    clock = ManualClock(unix_ms=1000, seconds=5.0)
    clock.advance(1.5)
    assert (clock.now_ms(), clock.now()) == (2500, 6.5)


def test_the_system_clock_never_goes_backwards() -> None:
    clock = SystemClock()
    assert clock.now() <= clock.now()
    assert clock.now_ms() > 1_700_000_000_000


def test_a_crash_point_that_is_not_armed_does_nothing() -> None:
    CrashPoints({}).point("after_hold")
    CrashPoints({"CRASH_AT": "mid_settle"}).point("after_hold")


def test_a_crash_point_can_wait_for_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[int] = []
    monkeypatch.setattr("os.kill", lambda *_: killed.append(len(passed)))
    passed: list[int] = []
    points = CrashPoints({"CRASH_AT": "mid_settle@3"})
    for number in range(3):
        points.point("mid_settle")
        passed.append(number)
    assert killed == [2]


@pytest.mark.parametrize("value", ["mid-settle", "mid_settle@", "mid_settle@soon", "@2"])
def test_a_crash_point_nobody_knows_is_an_error_with_the_names(value: str) -> None:
    with pytest.raises(UnknownCrashPoint) as caught:
        CrashPoints({"CRASH_AT": value})
    assert "mid_settle" in caught.value.remedy
