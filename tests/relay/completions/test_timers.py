from __future__ import annotations

from relay.completions.timers import BODY_BYTES_PER_S, PROMPT_TOKENS_PER_S, Patience


def test_a_large_body_has_the_time_its_way_to_a_node_takes() -> None:
    node = Patience(connect=3, header=3, first_content=30, gap=20, per_byte=1 / BODY_BYTES_PER_S)

    assert node.until_taken(0) == 3
    assert node.until_taken(4 * BODY_BYTES_PER_S) == 7


def test_a_long_prompt_has_the_time_that_reading_it_takes() -> None:
    node = Patience(connect=3, header=3, first_content=30, gap=20, per_token=1 / PROMPT_TOKENS_PER_S)

    assert node.until_content(10 * PROMPT_TOKENS_PER_S) == 40


def test_a_provider_is_waited_for_alike_whatever_the_size() -> None:
    provider = Patience(connect=5, header=60, first_content=60, gap=60)

    assert (provider.until_taken(2**22), provider.until_content(10_000)) == (5, 60)
