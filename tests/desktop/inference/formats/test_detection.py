"""Which format a chat template stands for; the pieces are from the templates of the models named."""

from __future__ import annotations

import pytest

from desktop.inference.formats import families
from desktop.inference.formats.detection import detect
from desktop.inference.formats.events import Content, Reasoning

TEMPLATES = {
    "Qwen 2.5": ('{{- \'\\n<tool_call>\\n{"name": "\' }}', "hermes", True, False),
    "Qwen 3": ("{%- if '</think>' in content %}{{- '\\n<tool_call>\\n{\"name\": \"' }}", "hermes", True, True),
    "Qwen 3 Coder": ("{{- '\\n<tool_call>\\n<function=' + name + '>' }}<parameter=", "tagged", True, False),
    "Hermes 3": ("{{- '<tool_call>\\n{\"name\": <function-name>' }}", "hermes", True, False),
    "Llama 3.1": ('{{- "<|python_tag|>" + tool_call.name + ".call(" }}', "llama3", True, False),
    "Llama 3.2": (
        '{{- \'Respond in the format {"name": function name, "parameters": dictionary of argument name\' }}',
        "llama3",
        True,
        False,
    ),
    "Mistral Nemo": ('{{- "[TOOL_CALLS][" }}', "mistral", True, False),
    "Ministral 3": ("{{- '[THINK]' }}{{- '[TOOL_CALLS]' + name + '[ARGS]' }}", "mistral", True, True),
    "gpt-oss": ('{{- "<|start|>assistant<|channel|>analysis<|message|>" }}', "harmony", True, False),
    "DeepSeek R1": (f"{{{{'<think>' + '{families.CALL_BEGINS}' + tool['type']}}}}", "deepseek", True, True),
    "ChatML": ("{{'<|im_start|>' + message['role'] + '\\n' + message['content']}}", "hermes", False, False),
}


@pytest.mark.parametrize("model", TEMPLATES)
def test_a_template_tells_its_format(model: str) -> None:
    template, name, native, thinks = TEMPLATES[model]
    found = detect(template)
    assert (found.name, found.native, found.thoughts is not None) == (name, native, thinks)


@pytest.mark.parametrize("model", TEMPLATES)
def test_an_answer_of_text_alone_needs_no_parser(model: str) -> None:
    template, _, _, thinks = TEMPLATES[model]
    assert (detect(template).parser(frozenset(), "prompt") is not None) is (thinks or model == "gpt-oss")


@pytest.mark.parametrize("model", TEMPLATES)
def test_without_tools_their_marks_are_text(model: str) -> None:
    parser = detect(TEMPLATES[model][0]).parser(frozenset(), "prompt")
    text = '<tool_call>{"name": "a"}</tool_call>[TOOL_CALLS]a{}'
    assert parser is None or parser.feed(text) + parser.finish() == [Content(text)]


@pytest.mark.parametrize(
    ("model", "prompt", "inside"),
    [
        ("DeepSeek R1", "<|Assistant|><think>\n", True),
        ("Qwen 3", "<|im_start|>assistant\n<think>", True),
        ("Ministral 3", "[/INST][THINK]", True),
        ("Qwen 3", "<|im_start|>assistant\n<think>\n\n</think>\n\n", False),
        ("Qwen 3", "a <think> b", False),
        ("Qwen 2.5", "say <think>", False),
        ("Qwen 3", "", False),
    ],
)
def test_a_prompt_can_leave_the_model_inside_its_reasoning(model: str, prompt: str, inside: bool) -> None:
    assert detect(TEMPLATES[model][0]).begins_inside(prompt) is inside


def test_an_answer_that_starts_inside_is_reasoning_until_its_end() -> None:
    parser = detect(TEMPLATES["Qwen 3"][0]).parser(frozenset(), "<think>\n")
    assert parser is not None
    assert parser.feed("Hm.\n</think>\n\nYes.") + parser.finish() == [Reasoning("Hm."), Content("Yes.")]
