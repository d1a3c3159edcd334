from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from relay.completions.metering import Backlog, billable


def test_what_has_left_counts_and_what_waits_does_not() -> None:
    backlog = Backlog(0, 0)
    backlog.look(100, 1, unsent=100)
    backlog.look(200, 2, unsent=200)
    assert backlog.tokens_out == 0

    backlog.look(300, 3, unsent=150)
    assert (backlog.bytes_out, backlog.tokens_out) == (100, 1)

    backlog.look(300, 3, unsent=0)
    assert (backlog.bytes_out, backlog.tokens_out) == (300, 3)


@given(st.lists(st.integers(1, 500), min_size=1, max_size=40), st.data())
def test_no_token_counts_before_its_last_byte_has_left(sizes: list[int], data: st.DataObject) -> None:
    backlog, ends, total = Backlog(0, 0), [], 0
    for tokens, size in enumerate(sizes, start=1):
        total += size
        ends.append(total)
        sent = data.draw(st.integers(backlog.bytes_out, total))

        backlog.look(total, tokens, unsent=total - sent)

        assert backlog.tokens_out == sum(end <= sent for end in ends)


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 1000))
def test_a_node_is_never_paid_for_more_than_any_bound(ids: int, text: int, limit: int) -> None:
    counted = billable(ids, text, limit)

    assert counted in (ids, text, limit)
    assert counted <= min(ids, text, limit)
