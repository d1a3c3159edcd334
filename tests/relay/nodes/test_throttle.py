from __future__ import annotations

from relay.nodes import throttle
from relay.nodes.throttle import Throttle


def test_a_key_may_take_so_often_in_a_period_and_then_waits_for_its_end() -> None:
    limit = Throttle(2, 60.0)
    assert [limit.take("a", now) for now in (0.0, 10.0, 20.0)] == [None, None, 40.0]
    assert limit.take("a", 60.0) is None


def test_a_refused_take_does_not_prolong_the_wait() -> None:
    limit = Throttle(1, 60.0)
    limit.take("a", 0.0)
    assert [limit.take("a", now) for now in (10.0, 59.0)] == [50.0, 1.0]


def test_keys_do_not_count_for_each_other() -> None:
    limit = Throttle(1, 60.0)
    assert limit.take("a", 0.0) is None
    assert limit.take("b", 0.0) is None


def test_looking_takes_nothing() -> None:
    limit = Throttle(1, 60.0)
    assert limit.wait("a", 0.0) is None
    assert limit.take("a", 0.0) is None
    assert limit.wait("a", 15.0) == 45.0


def test_many_keys_cannot_fill_the_memory() -> None:
    limit = Throttle(1, 60.0)
    for number in range(throttle.MAX_KEYS + 100):
        limit.take(str(number), 0.0)
    assert len(limit._windows) == throttle.MAX_KEYS
    assert limit.take(str(throttle.MAX_KEYS), 1.0) is not None
