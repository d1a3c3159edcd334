"""The cost is put into a provider's bytes without reading them, whatever stands in them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.completions.usage import cost_header, usage_object, with_cost

TRICKY = st.text(alphabet='"usage:{}\\ cost,\n') | st.text()
USAGES = st.dictionaries(st.sampled_from(["prompt_tokens", "completion_tokens", "details", "cost"]), st.integers(0, 9))


@given(TRICKY, USAGES, st.integers(0, 10**15), st.sampled_from([None, 1]), st.booleans())
def test_everything_else_stays_as_it_was(
    text: str, usage: dict[str, Any], cost: int, indent: int | None, last: bool
) -> None:
    parts: list[tuple[str, Any]] = [("choices", [{"message": {"content": text}}]), ("usage", usage)]
    before = dict(parts if last else reversed(parts))
    after = json.loads(with_cost(json.dumps(before, indent=indent).encode(), cost))

    assert after["choices"] == before["choices"]
    told = after["usage"]
    assert (told.pop("cost"), told.pop("is_byok")) == (cost / 1e9, False)
    theirs = usage.pop("cost", None)
    assert told.pop("cost_details", {}).get("upstream_inference_cost") == theirs
    assert told == usage


@pytest.mark.parametrize(
    "body",
    [
        b'{"choices":[]}',
        b'{"usage":null}',
        b'{"usage":3,"x":{}}',
        b'{"usage"',
        b"not JSON",
        b'{"a":"\\"usage\\":{"}',
        b"",
    ],
)
def test_a_body_without_a_usage_is_not_touched(body: bytes) -> None:
    assert with_cost(body, 7) == body


def test_an_event_stays_an_event() -> None:
    assert with_cost(b'data: {"usage":{}}', 1000) == b'data: {"usage":{"cost":1e-6,"is_byok":false}}'
    told = with_cost(b'data: {"usage":{"cost":2}}', 1000)
    assert told.startswith(b"data: {")
    assert json.loads(told[6:])["usage"]["cost_details"] == {"upstream_inference_cost": 2}


def test_dollars_are_told_to_the_nano_dollar() -> None:
    assert cost_header(2_550) == b"x-nightjar-cost: 0.000002550\r\n"
    assert cost_header(3_000_000_001) == b"x-nightjar-cost: 3.000000001\r\n"
    assert usage_object(1, 2, 2_550)["cost"] == 2.55e-06
