from __future__ import annotations

from typing import Any

from relay.ledger.calls import Closed, Outcome
from relay.ledger.settlement import settle
from relay.ledger.tally import MOST_MODELS, NOBODY, NODES, OTHER, Spread, Tally
from tests.relay.ledger.values import an_admission, an_outcome, node_leg


def closed(outcome: Outcome | None = None, *, legs: int = 1, **admission: Any) -> Closed:
    made = an_admission(**admission)
    tried = {number: node_leg(number) for number in range(1, legs + 1)}
    outcome = outcome or an_outcome()
    return Closed(made, tried, outcome, settle(tried, outcome.delivered, made.bound), 1, 1)


def test_names_beyond_the_most_are_counted_as_others() -> None:
    tally = Tally()
    tally.add(closed(model=f"model-{number}") for number in range(MOST_MODELS + 5))

    models = tally.read().models

    assert len(models) == MOST_MODELS + 1
    assert models[OTHER].calls == {(NODES, "completed"): 5}


def test_what_was_read_changes_no_more() -> None:
    tally = Tally()
    tally.add([closed()])
    before = tally.read()
    tally.add([closed()])

    assert before.models["nightjar-demo"].duration.counts[1] == 1
    assert tally.read().models["nightjar-demo"].duration.counts[1] == 2


def test_a_call_that_reached_nobody_is_counted_all_the_same() -> None:
    tally = Tally()
    tally.add([closed(an_outcome(state="failed", delivered=(), error="no_target", ttft_ms=None), legs=0)])

    sums = tally.read()
    assert sums.models["nightjar-demo"].calls == {(NOBODY, "failed"): 1}
    assert sums.models["nightjar-demo"].first_token.counts == [0] * len(sums.models["nightjar-demo"].first_token.counts)
    assert sums.errors == {"no_target": 1}


def test_a_value_falls_under_the_first_bound_that_holds_it() -> None:
    spread = Spread((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 9.0):
        spread.add(value)

    assert (spread.counts, spread.total) == ([2, 1, 1], 12.0)
