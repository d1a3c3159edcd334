from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from relay.completions.metering import Delivery, billable


def test_what_has_left_counts_and_what_waits_does_not() -> None:
    delivery = Delivery()
    delivery.written(100, 1)
    delivery.written(100, 2)
    delivery.written(100, 3)

    assert delivery.settle(unsent=150) == 1
    assert delivery.settle(unsent=100) == 2
    assert delivery.settle(unsent=0) == 3


@given(st.lists(st.integers(1, 500), min_size=1, max_size=40), st.data())
def test_no_token_counts_before_its_last_byte_has_left(sizes: list[int], data: st.DataObject) -> None:
    delivery, ends, total = Delivery(), [], 0
    for tokens, size in enumerate(sizes, start=1):
        delivery.written(size, tokens)
        total += size
        ends.append(total)
        unsent = data.draw(st.integers(0, total))
        sent = max(total - unsent, delivery.bytes_out)

        counted = delivery.settle(total - sent)

        assert counted == sum(end <= sent for end in ends)


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 1000))
def test_a_node_is_never_paid_for_more_than_any_bound(ids: int, text: int, limit: int) -> None:
    counted = billable(ids, text, limit)

    assert counted in (ids, text, limit)
    assert counted <= min(ids, text, limit)
