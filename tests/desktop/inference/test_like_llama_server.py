"""The same requests to llama-server, built from the same sources, and to our host: the same answers.

Skipped where the server is not there; `./dev bench engine` builds it. It counts the end of a turn as a token of the
answer, which nobody sees; here it is none, as on the wire.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import numpy as np
import pytest

from desktop.inference.engine import LlamaModel
from tests.benchmarks.engine import llama_server
from tests.benchmarks.processes import free_port
from tests.desktop.inference.answers import STORY
from tests.desktop.inference.bench import QUESTIONS, Bench, Heard
from tests.desktop.inference.test_completions import PROMPT, complete, embed, vectors
from tests.desktop.inference.test_resume import HELLO, JSON, OBJECT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.xdist_group("llama-server")]


@contextmanager
def running(model: Path, folder: Path, *flags: str) -> Iterator[httpx.Client]:
    program = llama_server.find()
    if program is None:
        pytest.skip("llama-server is not built")
    port, log = free_port(), folder / "log"
    fixed = ["-t", "1", "-tb", "1", "--cache-ram", "0", "--no-warmup", "--host", "127.0.0.1", "--port", str(port)]
    with log.open("wb") as said:
        process = subprocess.Popen([str(program), "-m", str(model), *fixed, *flags], stdout=said, stderr=said)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:
            while not _healthy(client):
                assert process.poll() is None, log.read_text(errors="replace")[-2000:]
            yield client
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def server(model_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with running(model_path, tmp_path_factory.mktemp("llama-server"), "-np", "2", "-c", "1024") as client:
        yield client


def _healthy(client: httpx.Client) -> bool:
    try:
        return client.get("/health").status_code == 200
    except httpx.TransportError:
        time.sleep(0.05)  # another process cannot wake a test
        return False


def ask(server: httpx.Client, path: str, **body: Any) -> dict[str, Any]:
    answer: dict[str, Any] = server.post(path, json={"cache_prompt": False} | body).raise_for_status().json()
    return answer


def both(server: httpx.Client, bench: Bench, question: str, **body: Any) -> tuple[dict[str, Any], Heard]:
    messages = [{"role": "user", "content": question}]
    fields = {"temperature": 0, "max_tokens": 120} | body
    return ask(server, "/v1/chat/completions", messages=messages, **fields), bench.ask(question, **fields)


@pytest.fixture
def ours(load: Callable[..., LlamaModel]) -> Bench:
    return Bench(load(context=512, slots=2))


CASES: list[tuple[str, dict[str, Any]]] = [
    *((question, {}) for question in [*QUESTIONS, HELLO, JSON]),
    (STORY, {"max_tokens": 10}),
    (STORY, {"stop": ["there was", "zzz"]}),
    (STORY, {"stop": ["upon a timer"], "max_tokens": 30}),
    (QUESTIONS[0], {"stop": "Paris"}),
    (QUESTIONS[0], {"logit_bias": {"44": -100}}),
    (QUESTIONS[0], {"max_tokens": 1}),
    (STORY, {"top_k": 1, "temperature": 1.5, "max_tokens": 60}),
]


@pytest.mark.parametrize(("question", "body"), CASES, ids=[f"{question} {body}" for question, body in CASES])
def test_text_end_and_counts_are_llama_servers(
    server: httpx.Client, ours: Bench, question: str, body: dict[str, Any]
) -> None:
    theirs, heard = both(server, ours, question, **body)
    [choice] = theirs["choices"]
    assert heard.accept is not None
    ended_by_itself = heard.end() == "stop" and "stop" not in body

    assert heard.text() == choice["message"]["content"]
    assert heard.end() == choice["finish_reason"]
    assert heard.accept.prompt_tokens == theirs["usage"]["prompt_tokens"]
    assert len(heard.ids()) + ended_by_itself == theirs["usage"]["completion_tokens"]


@pytest.mark.parametrize("question", [*QUESTIONS, JSON])
def test_log_probabilities_are_llama_servers(server: httpx.Client, ours: Bench, question: str) -> None:
    """It tells one entry for the tokens of a character, where we tell one each; so no such question is asked."""
    theirs, heard = both(server, ours, question, logprobs=True, top_logprobs=5)
    expected = theirs["choices"][0]["logprobs"]["content"]
    told = heard.logprobs()

    assert [entry["token"] for entry in told] == [entry["token"] for entry in expected[: len(told)]]
    for one, other in zip(told, expected, strict=False):
        assert one["logprob"] == pytest.approx(other["logprob"], abs=1e-3)
        assert [entry["logprob"] for entry in one["top_logprobs"]] == pytest.approx(
            [entry["logprob"] for entry in other["top_logprobs"]], abs=1e-3
        )


SCHEMAS: list[dict[str, Any]] = [
    OBJECT,
    {"type": "array", "items": {"enum": ["dog", "cat", "cow"]}, "minItems": 1, "maxItems": 3},
    {"type": "object", "properties": {"sound": {"type": "string", "maxLength": 12}}, "required": ["sound"]},
    {"anyOf": [{"type": "boolean"}, {"type": "integer", "minimum": 0, "maximum": 99}]},
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: str(schema)[:40])
def test_both_keep_to_the_same_schemas(server: httpx.Client, ours: Bench, schema: dict[str, Any]) -> None:
    """What stands in the JSON may differ: which white space is allowed is each one's own choice."""
    form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}
    theirs, heard = both(server, ours, JSON, response_format=form)
    [choice] = theirs["choices"]

    assert heard.end() == choice["finish_reason"] == "stop"
    for text in (heard.text(), choice["message"]["content"]):
        jsonschema.validate(json.loads(text), schema)


@pytest.mark.parametrize(
    ("prompt", "body"),
    [
        (PROMPT, {}),
        ("Once upon a time", {"max_tokens": 20}),
        ("Once upon a time", {"max_tokens": 40, "stop": [" was"]}),
        ([40, 41, 42, 43], {"max_tokens": 8}),
    ],
)
def test_plain_completions_are_llama_servers(
    server: httpx.Client, ours: Bench, prompt: Any, body: dict[str, Any]
) -> None:
    theirs = ask(server, "/v1/completions", prompt=prompt, temperature=0, **body)
    heard = complete(ours, prompt, **body)
    assert heard.accept is not None

    assert heard.text() == theirs["choices"][0]["text"]
    assert heard.end() == theirs["choices"][0]["finish_reason"]
    assert heard.accept.prompt_tokens == theirs["usage"]["prompt_tokens"]


def test_embeddings_are_llama_servers(model_path: Path, tmp_path: Path, ours: Bench) -> None:
    texts = [*QUESTIONS, "lamp sea door " * 60]
    with running(model_path, tmp_path, "--embeddings", "--pooling", "mean", "-c", "512") as server:
        theirs = ask(server, "/v1/embeddings", input=texts)
    serial = embed(ours, texts)
    ours.run()

    finish = ours.calls[serial].finish
    assert finish is not None
    assert finish.prompt_tokens == theirs["usage"]["prompt_tokens"]
    for vector, expected in zip(vectors(ours.calls[serial]), theirs["data"], strict=True):
        assert np.allclose(vector, expected["embedding"], atol=1e-3)
