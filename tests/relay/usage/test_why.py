from __future__ import annotations

from typing import Any

import pytest

from relay.usage.why import ModelStanding, Standing, why


def a_standing(**changed: Any) -> Standing:
    values: dict[str, Any] = {
        "connected": True,
        "pool": "community",
        "sharing": True,
        "reason": "ready",
        "models": (a_model(),),
    }
    return Standing(**values | changed)


def a_model(**changed: Any) -> ModelStanding:
    values: dict[str, Any] = {"model": "tiny", "asked": 10, "served": 10, "rivals": 0, "cheaper": 0}
    return ModelStanding(**values | changed)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"pool": "none", "connected": False}, "no_pool"),
        ({"connected": False, "models": ()}, "not_connected"),
        ({"models": (), "sharing": False}, "no_model"),
        ({"sharing": False, "reason": "on_battery"}, "not_sharing"),
    ],
)
def test_what_keeps_every_call_away_is_said_first_and_alone(changed: dict[str, Any], code: str) -> None:
    (finding,) = why(a_standing(**changed))
    assert (finding.code, finding.hinders) == (code, True)


def test_a_node_that_does_not_share_hears_its_own_reason() -> None:
    (finding,) = why(a_standing(sharing=False, reason="on_battery"))
    assert finding.sentence == "This PC takes no calls just now: it runs on its battery."
    assert "it said so" in why(a_standing(sharing=False, reason="a word of a later version"))[0].sentence


@pytest.mark.parametrize(
    ("changed", "code", "hinders", "sentence"),
    [
        ({"asked": 0, "served": 0}, "no_demand", True, "Nobody asked for tiny in the last 24 hours."),
        ({"served": 2, "cheaper": 1, "rivals": 3}, "cheaper_elsewhere", True, "1 other PC can answer for less"),
        ({"served": 1, "rivals": 2}, "others_chosen", True, "1 of 10 calls for tiny"),
        ({"served": 4, "rivals": 2}, "in_demand", False, "4 of 10 calls for tiny"),
        ({"vouched": False}, "wrong_file", True, "not the file that the relay's catalogue stands for"),
        ({"asked": 1, "served": 1}, "in_demand", False, "1 of 1 call for tiny"),
    ],
)
def test_each_model_has_the_one_sentence_that_tells_most(
    changed: dict[str, Any], code: str, hinders: bool, sentence: str
) -> None:
    (finding,) = why(a_standing(models=(a_model(**changed),)))
    assert (finding.code, finding.hinders, finding.model) == (code, hinders, "tiny")
    assert sentence in finding.sentence


def test_a_private_node_is_told_who_can_reach_it() -> None:
    *_, last = why(a_standing(pool="own"))
    assert (last.code, last.hinders) == ("private_pool", False)
