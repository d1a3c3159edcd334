from __future__ import annotations

from math import inf

from relay.upstreams.keys import ProviderKey, ProviderKeys


def _keys(count: int) -> ProviderKeys:
    return ProviderKeys([ProviderKey(b"key-%d" % at) for at in range(count)])


def test_keys_are_taken_in_turn() -> None:
    keys = _keys(3)

    taken = [key.prefix for _ in range(4) if (key := keys.take(0.0))]
    assert taken == [b"key-0", b"key-1", b"key-2", b"key-0"]


def test_a_key_that_was_asked_to_wait_rests_for_so_long_and_the_others_are_used() -> None:
    keys = _keys(2)
    one, other = keys
    one.rest(0.0, retry_after=7)

    assert {keys.take(6.9), keys.take(6.9)} == {other}
    assert keys.rests_s(6.9) == 0
    other.rest(0.0, retry_after=9)
    assert keys.take(6.9) is None
    assert keys.rests_s(5.0) == 2
    assert keys.take(7.0) is one


def test_a_wait_of_unknown_length_doubles_up_to_a_minute_and_begins_anew_after_an_answer() -> None:
    (key,) = _keys(1)
    rests = []
    for _ in range(8):
        key.rest(0.0, None, lambda: 1.0)
        rests.append(key.rests_until)
    key.worked()
    key.rest(0.0, None, lambda: 1.0)

    assert rests == [1, 2, 4, 8, 16, 32, 60, 60]
    assert key.rests_until == 1


def test_nobody_is_kept_waiting_for_more_than_an_hour() -> None:
    (key,) = _keys(1)
    key.rest(0.0, retry_after=10**9)

    assert key.rests_until == 3600


def test_a_refused_key_is_not_used_until_it_works_again() -> None:
    keys = _keys(1)
    (key,) = keys
    key.refuse()
    assert keys.take(10**6) is None
    assert keys.rests_s(0.0) == inf

    key.worked()
    assert keys.take(0.0) is key


def test_keys_that_stay_keep_their_state_when_the_provider_is_read_anew() -> None:
    before, after = _keys(2), _keys(3)
    next(iter(before)).refuse()
    after.remember(before)

    assert [key.refused for key in after] == [True, False, False]
