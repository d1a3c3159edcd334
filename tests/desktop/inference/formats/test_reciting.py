"""Whole answers of each family through a real worker, their marks being control tokens as in the real models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from desktop.inference.worker_settings import WorkerSettings
from tests.desktop.inference.formats.reciting import Recited, recite
from tests.desktop.inference.reciter import write_reciter

TURN = "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}<assistant>\n"
PARIS = '{"city": "Paris \u00e9", "days": 3}'
CALL = ("get_weather", {"city": "Paris \u00e9", "days": 3})
OBJECT = f'{{"name": "get_weather", "arguments": {PARIS}}}'
TO_WEATHER = "<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>"
BAR = "\uff5c"
DEEPSEEK = tuple(f"<{BAR}tool▁{name}{BAR}>" for name in ("calls▁begin", "calls▁end", "call▁begin", "call▁end", "sep"))

CASES: dict[str, tuple[str, tuple[str, ...], str, Recited]] = {
    "hermes": (
        "{# <tool_call> </think> #}" + TURN,
        ("<think>", "</think>", "<tool_call>", "</tool_call>"),
        f"<think>\nHm \U0001f600.\n</think>\n\nI look.\n<tool_call>\n{OBJECT}\n</tool_call>",
        Recited("I look.", "Hm \U0001f600.", [CALL], "tool_calls"),
    ),
    "llama3": (
        "{# <|python_tag|> #}" + TURN,
        ("<|python_tag|>",),
        f'<|python_tag|>{{"name": "get_weather", "parameters": {PARIS}}}',
        Recited("", "", [CALL], "tool_calls"),
    ),
    "mistral": (
        "{# [TOOL_CALLS] #}" + TURN,
        ("[TOOL_CALLS]",),
        f'[TOOL_CALLS] [{{"name": "get_weather", "arguments": {PARIS}}}]',
        Recited("", "", [CALL], "tool_calls"),
    ),
    "mistral, named": (
        "{# [TOOL_CALLS][ARGS][THINK] #}" + TURN,
        ("[TOOL_CALLS]", "[ARGS]", "[THINK]", "[/THINK]"),
        f"[THINK]Hm.[/THINK]Look: [TOOL_CALLS]get_weather[ARGS]{PARIS}",
        Recited("Look:", "Hm.", [CALL], "tool_calls"),
    ),
    "deepseek": (
        f"{{# {DEEPSEEK[2]} ```json #}}" + TURN + "<think>\n",
        (*DEEPSEEK, "</think>"),
        f"Hm.</think>\n\n{DEEPSEEK[0]}{DEEPSEEK[2]}function{DEEPSEEK[4]}get_weather\n```json\n{PARIS}\n```{DEEPSEEK[3]}{DEEPSEEK[1]}",
        Recited("", "Hm.", [CALL], "tool_calls"),
    ),
    "harmony": (
        "{# <|channel|> #}" + TURN,
        ("<|end|>", "<|start|>", "<|constrain|>", "<|return|>", "<|call|>"),
        "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant" + TO_WEATHER + PARIS,
        Recited("", "Hm.", [CALL], "tool_calls"),
    ),
}


@pytest.mark.parametrize("name", CASES)
async def test_an_answer_comes_in_its_channels(
    name: str, tmp_path: Path, settings: Callable[..., WorkerSettings]
) -> None:
    template, marks, text, expected = CASES[name]
    model = write_reciter(tmp_path / "model.gguf", text, template, control=marks)
    assert await recite(settings(model=model)) == expected


async def test_a_stop_string_is_looked_for_in_text_only(
    tmp_path: Path, settings: Callable[..., WorkerSettings]
) -> None:
    template, marks, text, expected = CASES["hermes"]
    model = write_reciter(tmp_path / "model.gguf", text, template, control=marks)
    assert await recite(settings(model=model), stop=["Hm", "Paris"]) == expected
    stopped = await recite(settings(model=model), stop=["look"])
    assert stopped == Recited("I ", expected.reasoning, [], "stop")


@pytest.mark.parametrize("fields", [{"tools": []}, {"tool_choice": "none"}])
async def test_without_tools_a_call_is_text_and_reasoning_still_apart(
    fields: dict[str, Any], tmp_path: Path, settings: Callable[..., WorkerSettings]
) -> None:
    template, _, text, expected = CASES["hermes"]
    model = write_reciter(tmp_path / "model.gguf", text, template)
    answer = await recite(settings(model=model), **fields)
    assert answer == Recited(text.partition("</think>\n\n")[2], expected.reasoning, [], "stop")


async def test_an_answer_that_is_cut_in_a_call_says_so(tmp_path: Path, settings: Callable[..., WorkerSettings]) -> None:
    template, marks, text, _ = CASES["hermes"]
    model = write_reciter(tmp_path / "model.gguf", text, template, control=marks)
    answer = await recite(settings(model=model), max_tokens=6)
    assert (answer.calls, answer.reason) == ([], "length")
