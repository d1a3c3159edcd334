"""What is read of a request's headers, and what is not."""

from __future__ import annotations

from relay.completions.headers import CACHE, IDEMPOTENCY_KEY, read_headers


def test_most_calls_ask_for_nothing() -> None:
    headers = read_headers([(b"host", b"x"), (b"authorization", b"Bearer k"), (b"x-stainless-lang", b"python")])

    assert headers.authorization == b"Bearer k"
    assert headers.asked is None
    assert headers.repeats


def test_the_first_key_counts() -> None:
    assert read_headers([(b"authorization", b"one"), (b"authorization", b"two")]).authorization == b"one"
    assert read_headers([]).authorization is None


def test_what_is_asked_for_is_kept_and_a_repeated_header_is_a_list() -> None:
    headers = read_headers([(CACHE, b"true"), (IDEMPOTENCY_KEY, b"a"), (IDEMPOTENCY_KEY, b"b")])

    assert headers.asked == {CACHE: b"true", IDEMPOTENCY_KEY: b"a, b"}
    assert not headers.repeats
