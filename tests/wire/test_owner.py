"""What an owner is told is bounded where it is decoded, so that no page has to expect a day that is none."""

from __future__ import annotations

import msgspec
import pytest

from relay.wire.owner import EarnedDay, Earnings, Reason

DAY = {"day": "2026-01-31", "model": "tiny", "earned": -5, "answers": 1}
SUMS = dict.fromkeys(("hour", "today", "week", "month", "lifetime", "pending", "answers_today"), 0)
TOLD = {"at_ms": 1_790_000_000_000, "days": [DAY], "models": [], **SUMS}


def test_what_a_relay_says_is_understood() -> None:
    told = msgspec.json.decode(msgspec.json.encode(TOLD), type=Earnings)
    assert told.days == [EarnedDay("2026-01-31", "tiny", -5, 1)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"at_ms": 10**18},
        {"at_ms": -1},
        {"lifetime": 10**400},
        {"answers_today": 2**31},
        {"days": [DAY | {"day": "2026-02-30"}]},
    ],
    ids=[
        "a moment in no calendar",
        "before all",
        "more money than there is",
        "too many for Qt",
        "a day that never comes",
    ],
)
def test_what_no_page_could_show_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(TOLD | wrong), type=Earnings)


def test_a_sentence_has_the_length_of_one() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"code": "in_demand", "sentence": "so " * 1_000}, Reason)
