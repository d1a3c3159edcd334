from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.inference import logprobs
from desktop.inference.logprobs import Measured
from desktop.inference.sampling import Logits
from tests.desktop.inference.answers import PARIS, PARIS_ANSWER, STORY
from tests.desktop.inference.bench import Bench
from tests.desktop.inference.test_resume import HELLO


def a_row(values: list[float]) -> Logits:
    return np.array(values, np.float32)


@given(st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=40), st.data())
def test_a_log_probability_is_that_of_the_softmax(values: list[float], data: st.DataObject) -> None:
    token = data.draw(st.integers(0, len(values) - 1))
    top = data.draw(st.integers(0, 20))
    weights = [math.exp(value - max(values)) for value in values]
    measured = logprobs.measure(a_row(values), token, top)
    order = sorted(range(len(values)), key=lambda at: (-values[at], at))[:top]

    assert measured.logprob == pytest.approx(values[token] - max(values) - math.log(sum(weights)), abs=1e-4)
    assert [each for each, _ in measured.top] == order
    assert all(told == pytest.approx(logprobs.measure(a_row(values), at, 0).logprob) for at, told in measured.top)


def test_an_impossible_token_has_a_number_that_json_can_write() -> None:
    measured = logprobs.measure(a_row([0.0, -math.inf, math.nan]), 1, 3)

    assert measured.logprob == logprobs.LEAST
    assert all(math.isfinite(value) for _, value in measured.top)


def told(content: dict[str, str], entries: list[Measured], labels: list[bytes]) -> list[dict[str, Any]]:
    return [msgspec.json.decode(event) for event in logprobs.events(content, entries, labels.__getitem__)]


def test_bytes_are_told_where_they_are_not_those_of_the_text() -> None:
    labels = [b"a", "é".encode()[:1]]
    (event,) = told({"content": "a"}, [Measured(0, -0.5, ((1, -1.0),))], labels)

    assert event == {
        "content": "a",
        "logprobs": [
            {
                "token": "a",
                "logprob": -0.5,
                "top_logprobs": [{"token": "\ufffd", "logprob": -1.0, "bytes": [0xC3]}],
            }
        ],
    }


def test_many_entries_make_several_events_of_bounded_size_and_the_text_comes_once() -> None:
    entries = [Measured(0, -1.0, tuple((0, -1.0) for _ in range(20))) for _ in range(300)]
    events = list(logprobs.events({"content": "x"}, entries, lambda _: b"token" * 20))

    assert len(events) > 1
    assert all(len(event) <= logprobs.MOST_BYTES + 4096 for event in events)
    decoded = [msgspec.json.decode(event) for event in events]
    assert [event.get("content") for event in decoded] == ["x"] + [None] * (len(events) - 1)
    assert sum(len(event["logprobs"]) for event in decoded) == 300


# --- with the demo model ---


def raw(entries: list[dict[str, Any]]) -> bytes:
    return b"".join(bytes(entry["bytes"]) if "bytes" in entry else entry["token"].encode() for entry in entries)


@pytest.mark.parametrize("question", [PARIS, HELLO])
def test_the_tokens_of_the_log_probabilities_are_the_text(bench: Bench, question: str) -> None:
    plain = bench.ask(question)
    heard = bench.ask(question, logprobs=True, top_logprobs=4)

    assert (heard.text(), heard.ids(), heard.end()) == (plain.text(), plain.ids(), plain.end())
    assert raw(heard.logprobs()) == heard.text().encode()
    assert len(heard.logprobs()) == len(heard.ids())
    for entry in heard.logprobs():
        best = entry["top_logprobs"]
        assert len(best) == 4
        assert entry["logprob"] <= best[0]["logprob"] <= 0
        assert [other["logprob"] for other in best] == sorted((other["logprob"] for other in best), reverse=True)
        assert best[0]["token"] == entry["token"], "the answer is greedy"


def test_temperature_bias_and_penalties_do_not_change_what_is_told(bench: Bench) -> None:
    plain = bench.ask(PARIS, logprobs=True)
    warm = bench.ask(PARIS, logprobs=True, temperature=0.1, top_k=1, presence_penalty=0.01, logit_bias={"1": 1})

    assert warm.text() == PARIS_ANSWER
    for one, other in zip(plain.logprobs(), warm.logprobs(), strict=True):
        assert one["logprob"] == pytest.approx(other["logprob"], abs=1e-5)


def test_tokens_of_a_stop_string_are_not_told_but_those_that_only_began_like_one_are(bench: Bench) -> None:
    found = bench.ask(PARIS, logprobs=True, stop=["France is"])
    begun = bench.ask(PARIS, logprobs=True, stop=["France isn't"])

    assert raw(found.logprobs()).decode().startswith(found.text())
    assert len(raw(found.logprobs())) < len(PARIS_ANSWER)
    assert raw(begun.logprobs()).decode() == PARIS_ANSWER


def test_each_of_several_choices_has_its_own(bench: Bench) -> None:
    heard = bench.ask(STORY, temperature=1.2, n=3, limit=20, logprobs=True)

    for choice in range(3):
        assert raw(heard.logprobs(choice)).decode(errors="ignore").startswith(heard.text(choice))
        assert len(heard.logprobs(choice)) == len(heard.ids(choice))
