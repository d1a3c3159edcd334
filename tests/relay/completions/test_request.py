from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.completions.body import MAX_MESSAGES
from relay.completions.refusal import Refusal
from relay.completions.request import IMAGE_TOKENS, CallRequest, parse, patched

MESSAGES = [{"role": "user", "content": "hi"}]


def _status(raw: bytes) -> int:
    try:
        parse(raw)
    except Refusal as refusal:
        return refusal.status
    return 200


def _parsed(**fields: object) -> object:
    return parse(json.dumps({"model": "m", "messages": MESSAGES, **fields}).encode())


def test_null_means_not_given() -> None:
    request = parse(
        json.dumps(
            {"model": "m", "messages": MESSAGES, "stream": None, "max_tokens": None, "n": None, "seed": None}
        ).encode()
    )

    assert (request.stream, request.max_tokens, request.n, request.seed) == (False, None, 1, None)


def test_the_newer_name_of_the_limit_wins() -> None:
    request = parse(
        json.dumps({"model": "m", "messages": MESSAGES, "max_tokens": 5, "max_completion_tokens": 7}).encode()
    )

    assert request.max_tokens == 7


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": ""}, "model"),
        ({"model": 3}, "model"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [{}] * (MAX_MESSAGES + 1)}, "messages"),
        ({"stream": "yes"}, "stream"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_completion_tokens": 1.5}, "max_completion_tokens"),
        ({"n": 0}, "n"),
        ({"seed": 2**64}, "seed"),
        ({"tools": [{}] * 129}, "tools"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"stream": True, "stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
    ],
)
def test_a_bad_field_is_named(fields: dict[str, object], param: str) -> None:
    with pytest.raises(Refusal) as caught:
        _parsed(**fields)

    assert (caught.value.status, caught.value.param) == (400, param)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_a_refusal(raw: bytes) -> None:
    assert _status(raw) in (200, 400)


@given(st.text(alphabet='[]{}":,\\ a1', max_size=300))
def test_any_nesting_is_a_request_or_a_refusal(text: str) -> None:
    assert _status(('{"model":"m","messages":[' + text).encode()) in (200, 400)


def test_a_string_of_a_million_escaped_quotes_without_an_end_is_refused_at_once() -> None:
    """One pass over it takes milliseconds; a pass for each quote would take hours."""
    raw = b'{"model":"m","messages":[' + b"{}," * 40 + b'"' + b'\\"' * 1_000_000

    assert _status(raw) == 400


@pytest.mark.parametrize("field", [b'"\xff":1', b'"user":"\xff"', b'"messages":[{"role":"\xff"}]'])
def test_what_is_not_utf_8_is_refused_wherever_it_stands(field: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        parse(b'{"model":"m","messages":[{"role":"user","content":"Hi"}],' + field + b"}")
    assert (refused.value.status, refused.value.code) == (400, "invalid_json")


@pytest.mark.parametrize("name", ["Model", "MAX_TOKENS", "max_to\u212aens", "\u017ftream"])
def test_a_field_that_a_server_may_take_for_one_of_the_relays_is_refused(name: str) -> None:
    with pytest.raises(Refusal) as refused:
        _parsed(**{name: "dear"})
    assert (refused.value.status, refused.value.param) == (400, name)


def test_brackets_inside_strings_are_not_depth() -> None:
    assert _parsed(user="[" * 100)


def test_patching_keeps_the_bytes_of_every_other_field() -> None:
    raw = b'{"model":"m", "messages":[ {"role" :"user"} ],"temperature":0.70, "x":"\\u00e9"}'

    changed = patched(raw, {"model": "upstream", "stream_options": {"include_usage": True}})

    assert b'[ {"role" :"user"} ]' in changed
    assert b"0.70" in changed
    assert b'"\\u00e9"' in changed
    assert json.loads(changed)["model"] == "upstream"


def test_a_request_that_needs_no_patch_is_forwarded_as_it_came() -> None:
    raw = b'{ "model" : "m" }'

    assert patched(raw, {}) is raw


def test_an_image_is_held_for_by_what_models_make_of_it_and_not_by_its_bytes() -> None:
    def bound(*urls: str) -> int:
        parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
        body = {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}, *parts]}]}
        return parse(json.dumps(body).encode()).prompt_bound

    image = "data:image/png;base64," + "A" * 1_000_000
    assert bound(image) < 2 * IMAGE_TOKENS
    assert bound(image, image) - bound(image) >= IMAGE_TOKENS
    assert bound("https://example.com/cat.png") > IMAGE_TOKENS
    assert bound("data:text/plain;base64," + "A" * 1_000_000) > 1_000_000


def chat_of(content: object, **fields: object) -> CallRequest:
    return parse(json.dumps({"model": "m", "messages": [{"role": "user", "content": content}], **fields}).encode())


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


def test_escapes_hide_no_image() -> None:
    raw = json.dumps({"model": "m", "messages": [{"role": "user", "content": [IMAGE] * 3}]})
    hidden = raw.replace("image_url", "image\\u005furl").replace("data:", "DATA:").replace("image/", "image\\/")
    assert parse(hidden.encode()).images == 3
    assert parse(hidden.encode()).prompt_bound >= 3 * IMAGE_TOKENS


def test_what_only_names_an_image_shows_none() -> None:
    tool = {
        "type": "function",
        "function": {"name": "f", "parameters": {"properties": {"image_url": {"type": "string"}}}},
    }
    assert chat_of("hi", tools=[tool]).images == 0
    assert chat_of("hi", user="image_url").images == 0


@pytest.mark.parametrize(
    "text", ["data:image/png;base64," + "A" * 50_000, '"url": "data:image/png;base64,' + "A" * 50_000]
)
def test_a_text_that_looks_like_an_image_is_held_for_as_text(text: str) -> None:
    assert chat_of([{"type": "text", "text": text}, IMAGE]).prompt_bound > 50_000
    assert chat_of(text, user="image_url").prompt_bound > 50_000
