from __future__ import annotations

from typing import Any

import msgspec
import pytest

from desktop.inference.fields import ParameterRefused
from desktop.inference.messages import Message
from desktop.inference.parameters import (
    ChatRequest,
    CompletionRequest,
    EmbeddingRequest,
    parse_chat,
    parse_completion,
    parse_embedding,
)

AN_IMAGE = {"role": "user", "content": [{"type": "image_url"}]}


def parse(**fields: Any) -> ChatRequest:
    return parse_chat(msgspec.json.encode({"messages": [{"role": "user", "content": "hi"}]} | fields))


def refusal(**fields: Any) -> ParameterRefused:
    with pytest.raises(ParameterRefused) as caught:
        parse(**fields)
    return caught.value


def test_a_bare_request_has_openais_defaults() -> None:
    request = parse()

    assert request.messages == (Message("user", "hi"),)
    assert (request.sampling.temperature, request.sampling.top_p, request.n) == (1.0, 1.0, 1)
    assert request.max_tokens is None
    assert request.stop == ()


def test_content_parts_of_text_are_joined() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]

    assert parse(messages=[{"role": "user", "content": parts}]).messages[0].content == "ab"


def test_a_developer_message_is_a_system_message_to_the_template() -> None:
    assert parse(messages=[{"role": "developer", "content": "x"}]).messages[0].role == "system"


def test_null_and_values_that_ask_for_nothing_are_as_good_as_absent() -> None:
    assert parse(temperature=None, stop=None, tools=[], logprobs=False, response_format={"type": "text"}) == parse()


def test_fields_that_do_not_concern_the_model_are_taken() -> None:
    assert (
        parse(model="m", stream=True, stream_options={"include_usage": True}, user="u", seed=3, metadata={}) == parse()
    )


def test_max_completion_tokens_wins_over_its_older_name() -> None:
    assert parse(max_tokens=5).max_tokens == 5
    assert parse(max_tokens=5, max_completion_tokens=7).max_tokens == 7


def test_stop_may_be_one_string_or_several() -> None:
    assert parse(stop="a").stop == ("a",)
    assert parse(stop=["a", "b", "a"]).stop == ("a", "b")


def test_a_bias_is_read_by_token_id() -> None:
    assert parse(logit_bias={"5": -100, "7": 0.5}).sampling.bias == {5: -100.0, 7: 0.5}


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"tools": [{}]}, "tools[0].type", "invalid_value"),
        ({"logprobs": 1}, "logprobs", "invalid_type"),
        ({"top_logprobs": 2}, "top_logprobs", "invalid_value"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", "integer_above_max_value"),
        ({"typical_p": 2}, "typical_p", "decimal_above_max_value"),
        ({"repeat_penalty": 11}, "repeat_penalty", "decimal_above_max_value"),
        ({"stop_token_ids": 5}, "stop_token_ids", "invalid_type"),
        ({"stop_token_ids": [-5]}, "stop_token_ids", "integer_below_min_value"),
        ({"stop_token_ids": [1.5]}, "stop_token_ids", "invalid_type"),
        ({"stop_token_ids": list(range(129))}, "stop_token_ids", "invalid_value"),
        ({"response_format": {"type": "json"}}, "response_format.type", "invalid_value"),
        ({"audio": {}}, "audio", "unsupported_parameter"),
        ({"temperature": 2.1}, "temperature", "decimal_above_max_value"),
        ({"temperature": -1}, "temperature", "decimal_below_min_value"),
        ({"temperature": "hot"}, "temperature", "invalid_type"),
        ({"temperature": True}, "temperature", "invalid_type"),
        ({"temperature": 10**400}, "temperature", "decimal_above_max_value"),
        ({"top_p": 1.5}, "top_p", "decimal_above_max_value"),
        ({"min_p": -0.1}, "min_p", "decimal_below_min_value"),
        ({"top_k": 1.5}, "top_k", "invalid_type"),
        ({"presence_penalty": 3}, "presence_penalty", "decimal_above_max_value"),
        ({"frequency_penalty": -3}, "frequency_penalty", "decimal_below_min_value"),
        ({"repetition_penalty": 0}, "repetition_penalty", "decimal_below_min_value"),
        ({"n": 0}, "n", "integer_below_min_value"),
        ({"n": 10**30}, "n", "integer_above_max_value"),
        ({"max_tokens": 0}, "max_tokens", "integer_below_min_value"),
        ({"max_completion_tokens": "many"}, "max_completion_tokens", "invalid_type"),
        ({"stop": [""]}, "stop", "invalid_value"),
        ({"stop": ["x"] * 9}, "stop", "invalid_value"),
        ({"stop": [1]}, "stop", "invalid_type"),
        ({"logit_bias": []}, "logit_bias", "invalid_type"),
        ({"logit_bias": {"-1": 1}}, "logit_bias", "invalid_value"),
        ({"logit_bias": {"99999999": 1}}, "logit_bias", "invalid_value"),
        ({"logit_bias": {"1": 101}}, "logit_bias.1", "decimal_above_max_value"),
        ({"messages": None}, "messages", "missing_required_parameter"),
        ({"messages": []}, "messages", "invalid_value"),
        ({"messages": "hi"}, "messages", "invalid_type"),
        ({"messages": ["hi"]}, "messages[0]", "invalid_type"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id", "missing_required_parameter"),
        ({"messages": [{"role": "user"}]}, "messages[0].content", "invalid_type"),
        ({"messages": [AN_IMAGE]}, "messages[0].content[0].type", "unsupported_parameter"),
        ({"messages": [{"role": "user", "content": "", "audio": [1]}]}, "messages[0].audio", "unsupported_parameter"),
    ],
)  # fmt: skip
def test_a_refusal_names_the_field(fields: dict[str, Any], param: str, code: str) -> None:
    refused = refusal(**fields)

    assert (refused.param, refused.code) == (param, code)
    assert param.partition(".")[0] in str(refused)


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b'{"a":NaN}', b"\xff", b"[" * 100_000, b'{"messages":[{"role":"user","content":"\\ud800"}]}'],
)
def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(ParameterRefused) as caught:
        parse_chat(body)

    assert caught.value.param == "body"


def test_what_nobody_knows_is_ignored() -> None:
    assert parse(no_such_field=1, mirostat=2, n_predict=10**9) == parse()


def test_what_nobody_knows_is_refused_if_the_caller_requires_its_parameters() -> None:
    assert refusal(no_such_field=1, provider={"require_parameters": True}).param == "no_such_field"
    assert parse(no_such_field=1, provider={"require_parameters": False}) == parse()


def test_logprobs_are_wanted_with_as_many_alternatives_as_are_named() -> None:
    assert parse(logprobs=True).logprobs == 0
    assert parse(logprobs=True, top_logprobs=20).logprobs == 20
    assert parse(logprobs=False, top_logprobs=0).logprobs is None


def test_the_repetition_penalty_is_known_under_both_its_names() -> None:
    assert parse(repeat_penalty=1.3) == parse(repetition_penalty=1.3)


def complete(**fields: Any) -> CompletionRequest:
    return parse_completion(msgspec.json.encode({"prompt": "Once"} | fields))


def test_a_completion_takes_text_or_ids_and_has_openais_limit() -> None:
    assert (complete().prompt, complete().max_tokens) == ("Once", 16)
    assert complete(prompt=[1, 2]).prompt == (1, 2)
    assert complete(prompt=["Once"]).prompt == "Once"
    assert complete(prompt=[[1, 2]]).prompt == (1, 2)
    assert complete(max_tokens=0).max_tokens == 0
    assert complete(logprobs=0).logprobs == 0


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": None}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": ["a", "b"]}, "prompt"),
        ({"prompt": [1, "b"]}, "prompt"),
        ({"prompt": [-1]}, "prompt"),
        ({"prompt": {}}, "prompt"),
        ({"best_of": 2}, "best_of"),
        ({"logprobs": 6}, "logprobs"),
        ({"suffix": 1}, "suffix"),
        ({"echo": 1}, "echo"),
        ({"echo": True, "logprobs": 1}, "echo"),
    ],
)
def test_a_completion_is_refused_by_field(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(ParameterRefused) as caught:
        complete(**fields)

    assert caught.value.param == param


def embed(value: Any, **fields: Any) -> EmbeddingRequest:
    return parse_embedding(msgspec.json.encode({"input": value} | fields))


def test_texts_to_embed_come_as_one_or_several_and_as_text_or_ids() -> None:
    assert embed("a").inputs == ("a",)
    assert embed(["a", "b"]).inputs == ("a", "b")
    assert embed([1, 2]).inputs == ((1, 2),)
    assert embed([[1], [2, 3]], encoding_format="base64").inputs == ((1,), (2, 3))


@pytest.mark.parametrize(
    ("value", "fields", "param"),
    [
        ("a", {"dimensions": 8}, "dimensions"),
        (None, {}, "input"),
        ("", {}, "input"),
        (["a", ""], {}, "input[1]"),
        (["a"] * 300, {}, "input"),
        ({}, {}, "input"),
        ([[1], ["a"]], {}, "input[1]"),
    ],
)
def test_a_text_to_embed_is_refused_by_field(value: Any, fields: dict[str, Any], param: str) -> None:
    with pytest.raises(ParameterRefused) as caught:
        embed(value, **fields)

    assert caught.value.param == param
