from __future__ import annotations

from typing import Any

import msgspec
import pytest

from desktop.inference.fields import ParameterRefused
from desktop.inference.generation import GenerateCall, RecordKind
from desktop.inference.local_server.translation import AnswerReader, server_body


def told(reader: AnswerReader, **choice: Any) -> list[tuple[int, int, bytes]]:
    event = msgspec.json.encode({"choices": [{"index": 0} | choice]})
    return [(record.choice, record.kind, record.data) for record in reader.feed(event)]


def test_reasoning_is_kept_apart_under_either_of_its_names() -> None:
    reader = AnswerReader(1)

    assert told(reader, delta={"reasoning_content": "hm"}) == [(0, RecordKind.REASONING, b"hm")]
    assert told(reader, delta={"reasoning": "so", "content": "é"}) == [
        (0, RecordKind.REASONING, b"so"),
        (0, RecordKind.TEXT, "é".encode()),
    ]


def test_pieces_of_tool_calls_keep_their_index_and_lose_what_we_do_not_know() -> None:
    call = {"index": 1, "id": "call_1", "type": "function", "extra": 1, "function": {"name": "f", "arguments": '{"a'}}
    ((_, kind, data),) = told(AnswerReader(1), delta={"tool_calls": [call]})

    assert kind == RecordKind.DELTA
    assert msgspec.json.decode(data) == {"tool_calls": [{"index": 1, "id": "call_1", "name": "f", "arguments": '{"a'}]}


def test_log_probabilities_come_with_their_text() -> None:
    token = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": [{"token": "b", "logprob": -2.0, "x": 1}]}
    ((_, kind, data),) = told(AnswerReader(1), delta={"content": "a"}, logprobs={"content": [token]})

    assert kind == RecordKind.DELTA
    assert msgspec.json.decode(data) == {
        "content": "a",
        "logprobs": [
            {
                "token": "a",
                "logprob": -0.5,
                "bytes": [97],
                "top_logprobs": [{"token": "b", "logprob": -2.0}],
            }
        ],
    }


def test_nothing_of_a_choice_follows_its_end() -> None:
    reader = AnswerReader(1)

    assert told(reader, delta={}, finish_reason="tool_calls") == [(0, RecordKind.END, b"tool_calls")]
    assert told(reader, delta={"content": "more"}, finish_reason="stop") == []
    assert reader.complete
    assert reader.reasons == {0: "tool_calls"}


def test_an_end_that_we_have_no_word_for_is_a_stop() -> None:
    reader = AnswerReader(1)
    told(reader, delta={}, finish_reason="content_filter")

    assert reader.reasons == {0: "stop"}


def shown(url: str) -> GenerateCall:
    content = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}]
    body = msgspec.json.encode({"messages": [{"role": "user", "content": content}]})
    return GenerateCall(id=1, body=body, created=0, seed=1, max_tokens=9, tenant="t")


def test_an_image_is_passed_on_to_a_server_that_takes_some_and_an_address_to_none() -> None:
    inside = shown("data:image/png;base64,aGk=")
    sent = msgspec.json.decode(server_body(inside, "m", pictures=True))
    assert sent["messages"] == msgspec.json.decode(inside.body)["messages"]

    with pytest.raises(ParameterRefused, match="only content parts of type 'text'"):
        server_body(inside, "m")
    with pytest.raises(ParameterRefused, match="only images inside the request"):
        server_body(shown("http://192.168.0.1/camera"), "m", pictures=True)
