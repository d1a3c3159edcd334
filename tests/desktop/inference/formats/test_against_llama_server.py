"""The same tokens taken apart by llama-server and by our own worker, for the chat templates of the real models.

A model that recites stands in for each. Skipped where llama-server is not there; `./dev bench engine` builds it.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from desktop.inference.worker_settings import WorkerSettings
from tests.benchmarks.engine import llama_server
from tests.benchmarks.processes import free_port
from tests.desktop.inference.formats.reciting import FIELDS, Recited, recite
from tests.desktop.inference.reciter import write_reciter

SERVER = llama_server.find()
TEMPLATES = Path("llama_cpp_python-0.3.36/vendor/llama.cpp/models/templates")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.xdist_group("llama-server"),
    pytest.mark.skipif(SERVER is None, reason="llama-server is not built"),
]

ARGUMENTS = '{"city": "Paris \\u00e9 }", "days": 3}'
MORE = '{"city": "Rome", "days": -17}'
TAGGED = (
    "<tool_call>\n<function=get_weather>\n<parameter=city>\nParis \u00e9 </p>\n</parameter>\n<parameter=days>\n3\n"
    "</parameter>\n</function>\n</tool_call>"
)
TAGGED_MORE = TAGGED.replace("Paris", "Rome").replace("3", "-17")
BAR = "\uff5c"
R1 = "deepseek-ai-DeepSeek-R1-Distill-Qwen-32B"


@dataclass(frozen=True)
class Case:
    """A chat template of llama.cpp's own tests, and what its model writes."""

    template: str
    text: str
    fields: dict[str, Any] = field(default_factory=dict)


CASES = {
    "Qwen 2.5, text": Case("Qwen-Qwen2.5-7B-Instruct", "Hello, world!\nWhat's up? \u00e9\U0001f600"),
    "Qwen 2.5, a call": Case(
        "Qwen-Qwen2.5-7B-Instruct", f'<tool_call>\n{{"name": "get_weather", "arguments": {ARGUMENTS}}}\n</tool_call>'
    ),
    "Qwen 2.5, text and two calls": Case(
        "Qwen-Qwen2.5-7B-Instruct",
        f'I look.\n<tool_call>\n{{"name": "get_weather", "arguments": {ARGUMENTS}}}\n</tool_call>\n'
        f'<tool_call>\n{{"name": "get_weather", "arguments": {MORE}}}\n</tool_call>',
    ),
    "Qwen 3, reasoning": Case("Qwen-Qwen3-0.6B", "<think>\nThe user\nsays hello < 3.\n</think>\n\nHello! Good day."),
    "Qwen 3, reasoning and a call": Case(
        "Qwen-Qwen3-0.6B",
        f'<think>\nWeather.\n</think>\n\n<tool_call>\n{{"name": "get_weather", "arguments": {MORE}}}\n</tool_call>',
    ),
    "Qwen 3 Coder, text and two calls": Case("Qwen3-Coder", f"I look.\n{TAGGED}\n{TAGGED_MORE}"),
    "Qwen 3.5, reasoning and a call": Case("Qwen3.5-4B", f"Weather, I see.\n</think>\n\n{TAGGED}\n"),
    "QwQ, inside its reasoning": Case("Qwen-QwQ-32B", "Let me think about it ...\n</think>\n\nThe answer is 42."),
    "Hermes 3, a call": Case(
        "NousResearch-Hermes-3-Llama-3.1-8B-tool_use",
        f'<tool_call>\n{{"name": "get_weather", "arguments": {ARGUMENTS}}}\n</tool_call>',
    ),
    "Llama 3.1, text": Case("meta-llama-Llama-3.1-8B-Instruct", "It is sunny today (I think)."),
    "Llama 3.1, a call": Case(
        "meta-llama-Llama-3.1-8B-Instruct", f'{{"name": "get_weather", "parameters": {ARGUMENTS}}}'
    ),
    "Llama 3.3, a call": Case("meta-llama-Llama-3.3-70B-Instruct", f'{{"name": "get_weather", "parameters": {MORE}}}'),
    "Mistral Nemo, a call": Case(
        "mistralai-Mistral-Nemo-Instruct-2407",
        f'[TOOL_CALLS][{{"name": "get_weather", "arguments": {ARGUMENTS}, "id": "abcdef123"}}]',
    ),
    "Mistral Nemo, text": Case("mistralai-Mistral-Nemo-Instruct-2407", "Hello [TOOL] world."),
    "Ministral 3, reasoning and two calls": Case(
        "mistralai-Ministral-3-14B-Reasoning-2512",
        f"[THINK]Two cities.[/THINK][TOOL_CALLS]get_weather[ARGS]{ARGUMENTS}[TOOL_CALLS]get_weather[ARGS]{MORE}",
    ),
    "DeepSeek R1, a call": Case(
        R1,
        f"Weather, then.\n</think>\n\n<{BAR}tool▁calls▁begin{BAR}><{BAR}tool▁call▁begin{BAR}>function"
        f"<{BAR}tool▁sep{BAR}>get_weather\n```json\n{ARGUMENTS}\n```<{BAR}tool▁call▁end{BAR}><{BAR}tool▁calls▁end{BAR}>",
    ),
    "DeepSeek R1, text": Case(R1, "Short thoughts.\n</think>\n\nA longer answer."),
    "DeepSeek V3.1, two calls": Case(
        "deepseek-ai-DeepSeek-V3.1",
        f"<{BAR}tool▁calls▁begin{BAR}><{BAR}tool▁call▁begin{BAR}>get_weather<{BAR}tool▁sep{BAR}>{ARGUMENTS}"
        f"<{BAR}tool▁call▁end{BAR}><{BAR}tool▁call▁begin{BAR}>get_weather<{BAR}tool▁sep{BAR}>{MORE}"
        f"<{BAR}tool▁call▁end{BAR}><{BAR}tool▁calls▁end{BAR}>",
        {"chat_template_kwargs": {"enable_thinking": False}},
    ),
    "gpt-oss, reasoning and text": Case(
        "openai-gpt-oss-120b",
        "<|channel|>analysis<|message|>Simple question.<|end|><|start|>assistant<|channel|>final<|message|>It is so.",
    ),
    "gpt-oss, reasoning and a call": Case(
        "openai-gpt-oss-120b",
        "<|channel|>analysis<|message|>Need weather.<|end|><|start|>assistant<|channel|>commentary "
        f"to=functions.get_weather <|constrain|>json<|message|>{ARGUMENTS}",
    ),
    "gpt-oss, the recipient in the role": Case(
        "openai-gpt-oss-120b", f" to=functions.get_weather<|channel|>commentary json<|message|>{MORE}"
    ),
}


@contextmanager
def serving(model: Path, folder: Path) -> Iterator[httpx.Client]:
    port, log = free_port(), folder / "log"
    flags = ["-np", "1", "-c", "4096", "-t", "1", "--jinja", "--no-warmup", "--port", str(port)]
    with (
        log.open("wb") as said,
        subprocess.Popen([str(SERVER), "-m", str(model), *flags], stdout=said, stderr=said) as it,
    ):
        try:
            transport = httpx.HTTPTransport(retries=8)  # which back off
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, transport=transport) as client:
                while client.get("/health").status_code != 200:
                    assert it.poll() is None, log.read_text(errors="replace")[-2000:]
                yield client
        finally:
            it.kill()


def theirs(client: httpx.Client, fields: dict[str, Any]) -> Recited:
    [choice] = client.post("/v1/chat/completions", json=fields).raise_for_status().json()["choices"]
    message = choice["message"]
    calls = [
        (call["function"]["name"], json.loads(call["function"]["arguments"])) for call in message.get("tool_calls", [])
    ]
    return Recited(message.get("content") or "", message.get("reasoning_content") or "", calls, choice["finish_reason"])


def without_layout(answer: Recited) -> Recited:
    """llama-server leaves white space before a mark and behind one in its texts, where it is layout."""
    return answer._replace(content=answer.content.strip(), reasoning=answer.reasoning.strip())


PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 12},
        "age": {"type": "integer", "minimum": 0, "maximum": 130},
        "email": {"type": ["string", "null"], "maxLength": 20},
        "pets": {"type": "array", "items": {"enum": ["cat", "dog"]}, "minItems": 1, "maxItems": 3},
    },
    "required": ["name", "age", "pets"],
    "additionalProperties": False,
}
SCHEMAS: list[Any] = [
    PERSON,
    {"anyOf": [{"type": "integer", "minimum": 10, "maximum": 99}, {"type": "boolean"}]},
    {"type": "array", "prefixItems": [{"type": "boolean"}, {"const": "x"}], "minItems": 2},
    {"type": "string", "pattern": "^[a-f0-9]{4}(-[a-f0-9]{4})?$"},
    {"$defs": {"n": {"enum": [1, 2]}}, "type": "object", "properties": {"a": {"$ref": "#/$defs/n"}}, "required": ["a"]},
]


async def test_both_keep_the_same_schemas(
    model_path: Path, tmp_path: Path, settings: Callable[..., WorkerSettings]
) -> None:
    with serving(model_path, tmp_path) as client:
        for schema in SCHEMAS:
            named = {"name": "answer", "schema": schema, "strict": True}
            fields = {"response_format": {"type": "json_schema", "json_schema": named}, "tools": []}
            asked = FIELDS | fields | {"temperature": 1, "seed": 3}
            for answer in (theirs(client, asked), await recite(settings(), **asked)):
                assert answer.reason == "stop"
                jsonschema.validate(json.loads(answer.content), schema)


@pytest.mark.parametrize("name", CASES)
async def test_the_same_tokens_are_taken_apart_alike(
    name: str, tmp_path: Path, settings: Callable[..., WorkerSettings]
) -> None:
    assert SERVER is not None
    case = CASES[name]
    template = (SERVER.parent / TEMPLATES / f"{case.template}.jinja").read_text()
    model = write_reciter(tmp_path / "model.gguf", case.text, template)
    with serving(model, tmp_path) as client:
        expected = theirs(client, FIELDS | case.fields)
    assert without_layout(await recite(settings(model=model, context=4096), **case.fields)) == without_layout(expected)
