"""How much a node may send: slowed first, closed only when it does not heed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from relay.wire.frames import CloseCode, Limits
from relay.wire.rates import PATIENCE_S, Close, Pause, RateGate

MIB = 1024 * 1024


def a_gate() -> RateGate:
    return RateGate(Limits(), now=0.0)


def test_a_burst_of_a_thousand_frames_passes_and_one_more_pauses_the_socket() -> None:
    gate = a_gate()
    assert gate.admit(frames=1000, size=100_000, now=0.0) is None
    assert gate.admit(frames=1, size=100, now=0.0) == Pause(1 / 500)


def test_five_hundred_frames_a_second_pass_for_ever() -> None:
    gate = a_gate()
    assert {gate.admit(frames=50, size=5000, now=tick / 10) for tick in range(10_000)} == {None}


def test_four_mebibytes_a_second_pass_for_ever_and_more_is_slowed() -> None:
    gate = a_gate()
    assert {gate.admit(frames=1, size=MIB, now=tick / 4) for tick in range(1000)} == {None}
    gate = a_gate()
    assert gate.admit(frames=1, size=8 * MIB, now=0.0) is None
    assert gate.admit(frames=1, size=4 * MIB, now=0.0) == Pause(1.0)


def test_after_the_pause_the_node_goes_on() -> None:
    gate = a_gate()
    paused = gate.admit(frames=1500, size=0, now=0.0)
    assert paused == Pause(1.0)
    assert gate.admit(frames=0, size=0, now=1.0) is None


def test_what_a_stalled_network_held_back_for_40_seconds_is_no_flood() -> None:
    gate = a_gate()
    assert gate.admit(frames=250 * 40, size=250 * 40 * 100, now=0.0) == Pause(18.0)


def test_a_flood_is_closed() -> None:
    verdict = a_gate().admit(frames=12_000, size=12_000 * 7, now=0.0)
    assert isinstance(verdict, Close)
    assert verdict.code is CloseCode.TOO_MANY


def test_a_node_that_keeps_its_bucket_empty_is_closed_after_a_while() -> None:
    gate, now = a_gate(), 0.0
    while isinstance(verdict := gate.admit(frames=600, size=0, now=now), Pause) or verdict is None:
        now += 1.0
    assert isinstance(verdict, Close)
    assert now > PATIENCE_S


def test_a_node_that_was_slowed_once_and_then_behaved_starts_afresh() -> None:
    gate = a_gate()
    assert isinstance(gate.admit(frames=1001, size=0, now=0.0), Pause)
    assert isinstance(gate.admit(frames=1001, size=0, now=10 * PATIENCE_S), Pause)


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 300)), max_size=200))
def test_who_heeds_the_pauses_is_let_through_at_its_limit(reads: list[tuple[float, int]]) -> None:
    gate, now, frames = a_gate(), 0.0, 0
    for passed, count in reads:
        now += passed
        frames += count
        verdict = gate.admit(frames=count, size=0, now=now)
        if isinstance(verdict, Close):
            assert now > PATIENCE_S
            return
        if isinstance(verdict, Pause):
            now += verdict.seconds
    assert frames <= 1000 + 500 * now + 1e-6
