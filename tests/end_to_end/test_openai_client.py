"""The unmodified `openai` client against a real relay, a real node and the demo model."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any

import httpx
import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from tests.end_to_end.books import read_books, settled_books
from tests.end_to_end.conftest import ENDLESS, MODEL, Stack
from tests.end_to_end.processes import eventually

pytestmark = [pytest.mark.xdist_group("end_to_end"), pytest.mark.timeout(120)]

FRANCE = "What is the capital of France?"
PARIS = "The capital of France is Paris."


def user(text: str) -> Any:
    return [{"role": "user", "content": text}]


def ask(client: openai.OpenAI, question: str = FRANCE, **parameters: Any) -> ChatCompletion:
    fields: dict[str, Any] = {"model": MODEL, "messages": user(question), "temperature": 0} | parameters
    answer: ChatCompletion = client.chat.completions.create(**fields)
    return answer


def stream(client: openai.OpenAI, question: str = FRANCE, **parameters: Any) -> list[ChatCompletionChunk]:
    return list(ask(client, question, stream=True, **parameters))  # type: ignore[arg-type]


def text_of(chunks: Iterable[ChatCompletionChunk], choice: int = 0) -> str:
    return "".join(each.delta.content or "" for chunk in chunks for each in chunk.choices if each.index == choice)


def reasons_of(chunks: Iterable[ChatCompletionChunk]) -> list[str]:
    return [each.finish_reason for chunk in chunks for each in chunk.choices if each.finish_reason]


def said(answer: ChatCompletion, choice: int = 0) -> str:
    return answer.choices[choice].message.content or ""


# --- answers ----------------------------------------------------------------------------------------------------------


def test_the_models_are_listed_with_the_demo_model_among_them(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [MODEL]
    assert client.models.retrieve(MODEL).id == MODEL


@pytest.mark.parametrize("streamed", [False, True])
def test_a_text_is_gone_on_with(client: openai.OpenAI, streamed: bool) -> None:
    asked: dict[str, Any] = {"model": MODEL, "prompt": "The capital of France is", "temperature": 0, "max_tokens": 8}
    if streamed:
        chunks = list(client.completions.create(**asked, stream=True))
        text = "".join(choice.text for chunk in chunks for choice in chunk.choices)
    else:
        answer = client.completions.create(**asked)
        text = answer.choices[0].text
        assert answer.usage is not None
        assert 0 < answer.usage.completion_tokens <= 8
    assert text == client.completions.create(**asked, logprobs=2).choices[0].text
    assert text


def test_a_text_may_be_given_as_ids_and_log_probabilities_come_with_it(client: openai.OpenAI) -> None:
    choice = client.completions.create(model=MODEL, prompt=[5, 6, 7], logprobs=2, max_tokens=4).choices[0]
    assert choice.logprobs is not None
    assert "".join(choice.logprobs.tokens or ()) == choice.text
    assert len(choice.logprobs.token_logprobs or ()) == len(choice.logprobs.text_offset or ()) > 0
    assert all(value <= 0 for value in choice.logprobs.token_logprobs or ())


def test_texts_become_vectors_of_length_one(client: openai.OpenAI) -> None:
    """Equal for equal texts, and in the order of the texts; the client asks for base64 and decodes it."""
    texts = ["The capital of France is Paris.", "A cat sat on the mat.", "The capital of France is Paris."]
    found = client.embeddings.create(model=MODEL, input=texts)
    first, other, again = (each.embedding for each in found.data)
    assert first == pytest.approx(again, abs=1e-5)
    assert first != pytest.approx(other, abs=1e-2)
    assert sum(value * value for value in first) == pytest.approx(1.0, abs=1e-4)
    assert found.usage.prompt_tokens > 10
    plain = client.embeddings.create(model=MODEL, input=texts[1], encoding_format="float")
    assert plain.data[0].embedding == pytest.approx(other, abs=1e-5)


@pytest.mark.parametrize("streamed", [False, True])
def test_log_probabilities_come_with_their_tokens(client: openai.OpenAI, streamed: bool) -> None:
    if streamed:
        chunks = stream(client, logprobs=True, top_logprobs=3)
        told = [
            entry
            for chunk in chunks
            for each in chunk.choices
            if each.logprobs
            for entry in each.logprobs.content or ()
        ]
    else:
        measured = ask(client, logprobs=True, top_logprobs=3).choices[0].logprobs
        assert measured is not None
        told = list(measured.content or ())

    assert b"".join(bytes(entry.bytes or ()) for entry in told).decode() == PARIS
    assert all(len(entry.top_logprobs) == 3 and entry.logprob <= 0 for entry in told)
    assert all(entry.top_logprobs[0].token == entry.token for entry in told), "the answer is greedy"


def test_a_plain_answer_is_right_and_counted(client: openai.OpenAI) -> None:
    answer = ask(client)
    assert said(answer) == PARIS
    assert answer.choices[0].finish_reason == "stop"
    assert answer.choices[0].message.role == "assistant"
    usage = answer.usage
    assert usage is not None
    assert usage.prompt_tokens > 0
    assert usage.completion_tokens > 0
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_a_streamed_answer_has_the_same_text_as_the_plain_one(client: openai.OpenAI) -> None:
    chunks = stream(client)
    assert text_of(chunks) == PARIS
    assert reasons_of(chunks) == ["stop"]
    assert len({chunk.id for chunk in chunks}) == 1
    assert [chunk.choices[0].delta.role for chunk in chunks if chunk.choices[0].delta.role] == ["assistant"]


def test_usage_comes_in_a_last_chunk_of_its_own_when_asked_for(client: openai.OpenAI) -> None:
    chunks = stream(client, stream_options={"include_usage": True})
    assert [chunk.usage is not None for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert chunks[-1].choices == []
    assert chunks[-1].usage == ask(client).usage


@pytest.mark.parametrize("options", [{}, {"stream_options": {"include_usage": False}}, {"stream_options": None}])
def test_no_usage_reaches_a_stream_that_did_not_ask(client: openai.OpenAI, options: dict[str, Any]) -> None:
    chunks = stream(client, **options)
    assert text_of(chunks) == PARIS
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)


@pytest.mark.parametrize(
    ("stop", "left"),
    [
        (" Paris", "The capital of France is"),
        ("France", "The capital of "),
        (["of nowhere", "ital of Fra"], "The cap"),
        (["zebra"], PARIS),
        ("The", ""),
    ],
)
def test_a_stop_text_ends_the_answer_and_is_never_written(
    client: openai.OpenAI, stop: str | list[str], left: str
) -> None:
    plain, chunks = ask(client, stop=stop), stream(client, stop=stop)
    assert said(plain) == text_of(chunks) == left
    assert plain.choices[0].finish_reason == "stop"
    assert reasons_of(chunks) == ["stop"]


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_max_tokens_cuts_the_answer_to_the_token(client: openai.OpenAI, field: str) -> None:
    plain = ask(client, ENDLESS, **{field: 12})
    chunks = stream(client, ENDLESS, **{field: 12}, stream_options={"include_usage": True})
    assert plain.choices[0].finish_reason == "length"
    assert reasons_of(chunks) == ["length"]
    assert plain.usage is not None
    assert chunks[-1].usage is not None
    assert plain.usage.completion_tokens == chunks[-1].usage.completion_tokens == 12
    assert said(plain) == text_of(chunks)


def test_a_seed_draws_the_same_answer_again_and_another_seed_another(client: openai.OpenAI) -> None:
    def drawn(seed: int) -> str:
        return said(ask(client, ENDLESS, temperature=1, seed=seed, max_tokens=60))

    first = drawn(7)
    assert drawn(7) == first
    assert text_of(stream(client, ENDLESS, temperature=1, seed=7, max_tokens=60)) == first
    assert len({drawn(seed) for seed in (7, 8, 9)}) == 3


def test_two_choices_are_two_whole_answers(client: openai.OpenAI) -> None:
    plain = ask(client, ENDLESS, n=2, temperature=1, seed=3, max_tokens=40)
    chunks = stream(client, ENDLESS, n=2, temperature=1, seed=3, max_tokens=40, stream_options={"include_usage": True})
    assert [choice.index for choice in plain.choices] == [0, 1]
    assert said(plain, 0) != said(plain, 1)
    assert [text_of(chunks, 0), text_of(chunks, 1)] == [said(plain, 0), said(plain, 1)]
    assert reasons_of(chunks) == ["length", "length"]
    assert plain.usage is not None
    assert plain.usage.completion_tokens == 80
    assert chunks[-1].usage == plain.usage


def test_a_call_is_found_again_with_its_cost_and_who_got_it(stack: Stack, client: openai.OpenAI) -> None:
    response = client.chat.completions.with_raw_response.create(model=MODEL, messages=user(FRANCE), temperature=0)
    answer = response.parse()
    data: dict[str, Any] = stack.generation(response.headers["x-generation-id"])
    assert data["state"] == "completed"
    assert data["target"] == response.headers["x-nightjar-target"]
    assert answer.usage is not None
    assert data["tokens_prompt"] == answer.usage.prompt_tokens
    assert data["tokens_completion"] == answer.usage.completion_tokens
    assert data["cost_nano_usd"] > 0
    assert sum(data["shares"].values()) == data["cost_nano_usd"]
    assert data["shares"]["node"] == data["cost_nano_usd"] * 70 // 100
    assert data["shares"]["provider"] == 0


@pytest.mark.parametrize("streamed", [False, True])
def test_an_answer_to_a_connection_that_closes_after_it_is_a_completed_call(
    stack: Stack, client: openai.OpenAI, streamed: bool
) -> None:
    closing = client.with_options(default_headers={"connection": "close"})
    fields: dict[str, Any] = {"model": MODEL, "messages": user(FRANCE), "temperature": 0, "stream": streamed}
    with closing.chat.completions.with_streaming_response.create(**fields) as response:
        assert response.headers["connection"] == "close"
        assert ("[DONE]" if streamed else PARIS) in response.read().decode()
    data: dict[str, Any] = stack.generation(response.headers["x-generation-id"])
    assert (data["state"], data["finish_reason"]) == ("completed", "stop")


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_a_wrong_key_is_the_clients_own_authentication_error(stack: Stack, client: openai.OpenAI) -> None:
    stranger = client.with_options(api_key="sk-nj-this-is-no-key-of-this-relay")
    with pytest.raises(openai.AuthenticationError) as refused:
        ask(stranger)
    assert refused.value.status_code == 401
    assert refused.value.code == "invalid_api_key"
    with pytest.raises(openai.AuthenticationError):
        stranger.models.list()


@pytest.mark.parametrize("streamed", [False, True])
def test_a_model_that_is_not_there_is_a_not_found_error(client: openai.OpenAI, streamed: bool) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        ask(client, model="gpt-nowhere", stream=streamed)
    assert refused.value.code == "model_not_found"
    assert refused.value.param == "model"
    assert "gpt-nowhere" in refused.value.message


@pytest.mark.parametrize("body", [b'{"model": "nightjar-demo", "messages": [', b"", b"[]", b'"text"', b"\xff\xfe{}"])
def test_a_body_that_is_no_json_object_is_a_bad_request(client: openai.OpenAI, body: bytes) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.post(
            "/chat/completions",
            cast_to=ChatCompletion,
            content=body,
            options={"headers": {"content-type": "application/json"}},
        )
    assert refused.value.type == "invalid_request_error"
    assert refused.value.message


def test_a_body_of_five_mebibytes_is_too_large_and_the_connection_lives_on(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIStatusError) as refused:
        ask(client, "x" * (5 * 2**20))
    assert refused.value.status_code == 413
    assert refused.value.code == "request_too_large"
    assert said(ask(client)) == PARIS


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"temperature": 3}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_p": -0.1}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"n": 0}, "n"),
        ({"stop": [""]}, "stop"),
        ({"seed": "seven"}, "seed"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "wizard", "content": "Hello"}]}, "messages[0].role"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"extra_body": {"no_such_field": 1, "provider": {"require_parameters": True}}}, "no_such_field"),
        ({"extra_body": {"stop_token_ids": ["x"]}}, "stop_token_ids"),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_a_parameter_that_cannot_be_is_refused_by_its_name(
    client: openai.OpenAI, parameters: dict[str, Any], field: str, streamed: bool
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        ask(client, **parameters, stream=streamed)
    assert refused.value.param == field
    assert field in refused.value.message


def test_a_prompt_longer_than_the_context_is_refused_as_such(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        ask(client, "why " * 20_000)
    assert "context" in refused.value.message
    assert refused.value.type == "invalid_request_error"


# --- callers that leave -----------------------------------------------------------------------------------------------


def test_a_caller_who_hangs_up_frees_the_node_within_a_second_and_pays_for_what_was_written(
    stack: Stack, client: openai.OpenAI
) -> None:
    response = client.chat.completions.with_raw_response.create(
        model=MODEL, messages=user(ENDLESS), stream=True, max_tokens=1500, temperature=1, seed=1
    )
    chunks = response.parse()
    seen = [chunk.choices[0].delta.content for chunk, _ in zip(chunks, range(30), strict=False)]
    assert stack.node.snapshot().running == 1
    chunks.close()
    left = time.monotonic()
    stack.node.idle_within(1)
    assert time.monotonic() - left < 1
    data: dict[str, Any] = stack.generation(response.headers["x-generation-id"])
    assert data["state"] == "cancelled"
    assert sum(map(bool, seen)) <= data["tokens_completion"] < 1500
    assert data["cost_nano_usd"] > 0
    assert sum(data["shares"].values()) == data["cost_nano_usd"]
    eventually(lambda: settled_books(stack.relay.data), "settled books").assert_in_order()


def test_a_caller_who_hangs_up_before_a_plain_answer_frees_the_node_and_pays_nothing(
    stack: Stack, client: openai.OpenAI
) -> None:
    before = set(read_books(stack.relay.data).calls)
    with pytest.raises(openai.APITimeoutError):
        ask(client.with_options(timeout=0.4), ENDLESS, max_tokens=1500, temperature=1)
    stack.node.idle_within(1)
    assert said(ask(client)) == PARIS
    stack.generation(
        client.chat.completions.with_raw_response.create(model=MODEL, messages=user(FRANCE)).headers["x-generation-id"]
    )
    books = eventually(lambda: settled_books(stack.relay.data), "settled books")
    books.assert_in_order()
    (left,) = [call for number, call in books.calls.items() if number not in before and call.state == "cancelled"]
    assert left.cost_nano == 0
    assert left.error == "caller_gone"


# --- many, and long ---------------------------------------------------------------------------------------------------

QUESTIONS = [
    FRANCE,
    "What is the capital of Japan?",
    "Who are you?",
    "How do I bake bread?",
    "Tell me a story about a frog.",
    "Tell me a long story about a fox.",
    "Tell me a story that never ends.",
    "Hello!",
]


async def test_eight_streams_at_once_each_say_what_they_say_alone(stack: Stack, client: openai.OpenAI) -> None:
    alone = [text_of(stream(client, question, max_tokens=120)) for question in QUESTIONS]

    async def one(together: openai.AsyncOpenAI, question: str) -> str:
        chunks = await together.chat.completions.create(
            model=MODEL, messages=user(question), temperature=0, max_tokens=120, stream=True
        )
        return text_of([chunk async for chunk in chunks])

    async with openai.AsyncOpenAI(
        base_url=stack.relay.endpoint, api_key=stack.key, max_retries=0, timeout=60
    ) as together:
        assert await asyncio.gather(*(one(together, question) for question in QUESTIONS)) == alone


def test_a_lone_stream_flat_out_is_never_closed_for_its_rate(stack: Stack, client: openai.OpenAI) -> None:
    before = stack.node.snapshot().link
    chunks = stream(client, ENDLESS, max_tokens=900, temperature=0, stream_options={"include_usage": True})
    assert reasons_of(chunks) == ["length"]
    usage = chunks[-1].usage
    assert usage is not None
    assert usage.completion_tokens == 900
    after = stack.node.snapshot().link
    assert (after.kind, after.since) == ("ready", before.since)


def test_every_error_of_a_caller_costs_nothing(stack: Stack, client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError):
        ask(client, temperature=3)
    answered = httpx.get(f"{stack.relay.endpoint}/nowhere", trust_env=False)
    assert answered.status_code == 404
    books = eventually(lambda: settled_books(stack.relay.data), "books without an open hold", within_s=5)
    books.assert_in_order()
    assert all(call.cost_nano == 0 for call in books.calls.values() if call.state == "failed")
