"""An answer is the same whether it was read from a stream or from a plain body, and whichever way it is given again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.completions.repeats.answer import Answer, NotUnderstood, merged, read_plain, read_stream

TOKENS = {"prompt_tokens": 17, "completion_tokens": 7}
CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"at": "Paris"}'}}
ENTRY = {"token": "Par", "logprob": -0.5, "bytes": None, "top_logprobs": []}


def a_plain(**message: Any) -> bytes:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": "The capital of France is Paris.", "refusal": None} | message,
        "logprobs": None,
        "finish_reason": "tool_calls" if "tool_calls" in message else "stop",
    }
    return json.dumps(
        {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    ).encode()


def events_of(stream: bytes) -> list[dict[str, Any]]:
    lines = [line[6:] for line in stream.split(b"\n") if line.startswith(b"data: ")]
    assert lines.pop() == b"[DONE]"
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"content": ""},
        {"content": "  two \n\n lines\t"},
        {"content": None, "tool_calls": [CALL, CALL | {"id": "call_2"}]},
        {"content": "Let me look.", "tool_calls": [CALL]},
        {"reasoning_content": "Hmm, the capital."},
        {"content": None, "refusal": "I must not say."},
    ],
)
def test_a_plain_answer_comes_back_from_its_own_stream(message: dict[str, Any]) -> None:
    answer = read_plain(a_plain(**message), **TOKENS)

    again = read_stream(answer.stream("new", 5, usage=True), **TOKENS)

    assert _filled(again.choices) == _filled(answer.choices)
    assert again.facts == answer.facts | {"created": 5}


def _filled(choices: list[dict[str, Any]]) -> list[Any]:
    """Without what is as good as not there."""
    return [
        choice | {"message": {name: value for name, value in choice["message"].items() if value}} for choice in choices
    ]


@given(st.text(max_size=200))
def test_no_text_is_lost_or_changed_in_pieces(text: str) -> None:
    answer = read_plain(a_plain(content=text), **TOKENS)

    deltas = [each["choices"][0]["delta"] for each in events_of(answer.stream("new", 5, usage=False))]

    assert "".join(delta.get("content", "") for delta in deltas) == text


def test_a_stream_given_again_has_the_parts_of_a_live_one() -> None:
    events = events_of(read_plain(a_plain(), **TOKENS).stream("chatcmpl-new", 5, usage=True))

    assert {(each["id"], each["object"], each["created"], each["model"]) for each in events} == {
        ("chatcmpl-new", "chat.completion.chunk", 5, "m")
    }
    assert events[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert [each["choices"][0]["delta"].get("content") for each in events[1:-2]] == [
        "The capital of France ",
        "is Paris.",
    ]
    assert (events[-2]["choices"][0]["delta"], events[-2]["choices"][0]["finish_reason"]) == ({}, "stop")
    assert events[-1]["choices"] == []
    assert events[-1]["usage"] == {
        "prompt_tokens": 17,
        "completion_tokens": 7,
        "total_tokens": 24,
        "prompt_tokens_details": {"cached_tokens": 17},
        "cost": 0,
    }


def chunk(delta: dict[str, Any], *, index: int = 0, finish: str | None = None, **fields: Any) -> bytes:
    choice = {"index": index, "delta": delta, "finish_reason": finish, **fields}
    return b"data: " + json.dumps({"id": "up", "created": 1, "model": "m", "choices": [choice]}).encode() + b"\n\n"


STREAM = [
    chunk({"role": "assistant", "content": ""}),
    chunk({"content": "Par"}, logprobs={"content": [ENTRY]}),
    chunk({"content": "is", "refusal": None}, logprobs={"content": [ENTRY], "refusal": None}),
    chunk({"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": {"name": "look"}}]}),
    chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"at": '}}]}),
    chunk({"content": "Rome"}, index=1),
    chunk({"tool_calls": [{"index": 0, "function": {"arguments": '"Paris"}'}}]}),
    chunk({}, finish="tool_calls"),
    chunk({}, index=1, finish="stop"),
]


def test_a_stream_is_read_as_the_plain_answer_it_stands_for() -> None:
    answer = read_stream(b": ping\n\n" + b"".join(STREAM) + b"data: [DONE]\n\n", **TOKENS)

    first, second = answer.choices
    assert first["message"]["content"] == "Paris"
    assert first["message"]["tool_calls"] == [CALL]
    assert first["logprobs"]["content"] == [ENTRY, ENTRY]
    assert (first["finish_reason"], second["finish_reason"]) == ("tool_calls", "stop")
    assert second["message"]["content"] == "Rome"
    assert json.loads(answer.plain("new", 5))["choices"] == answer.choices


@pytest.mark.parametrize("cut", range(1, len(STREAM) + 1))
def test_what_was_said_so_far_and_the_rest_are_together_the_whole(cut: int) -> None:
    so_far = merged(b"".join(STREAM[:cut]))

    assert so_far.count(b"\n\n") == 1
    whole = read_stream(so_far + b"".join(STREAM[cut:]), **TOKENS)
    assert whole == read_stream(b"".join(STREAM), **TOKENS)


@pytest.mark.parametrize(
    "events",
    [
        b"data: {\n\n",
        b"data: []\n\n",
        chunk({"content": "x"}),
        chunk({"content": ["x"]}, finish="stop"),
        chunk({"audio": {"id": "1"}}, finish="stop"),
        chunk({"tool_calls": [{"function": {}}]}, finish="stop"),
        b'data: {"error":{"message":"x"}}\n\n',
    ],
)
def test_what_is_not_understood_is_not_given_again(events: bytes) -> None:
    with pytest.raises(NotUnderstood):
        read_stream(events, **TOKENS)


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"{}", b'{"choices":[{}]}', b'{"choices":[{"index":0,"message":"x","finish_reason":"stop"}]}']
)
def test_a_plain_body_that_is_no_chat_answer_is_not_given_again(body: bytes) -> None:
    with pytest.raises(NotUnderstood):
        read_plain(body, **TOKENS)


def test_an_answer_is_a_value() -> None:
    assert read_plain(a_plain(), **TOKENS) == read_plain(a_plain(), **TOKENS)
    assert isinstance(read_plain(a_plain(), **TOKENS), Answer)
