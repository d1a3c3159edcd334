"""Which family a model belongs to, told by the chat template that came with it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from desktop.inference.formats import families
from desktop.inference.formats.families import Family
from desktop.inference.formats.harmony import CHANNEL, CONSTRAIN, END, MESSAGE, START, harmony
from desktop.inference.formats.llama3 import PYTHON_TAG, llama3
from desktop.inference.formats.parser import OutputParser

_INSIDE: Final = re.compile(r"(<think>|\[THINK\])\s*\Z")
"""A prompt that ends so has begun the model's reasoning for it."""

_DEEPSEEK: Final = (
    families.SECTION_BEGINS,
    families.SECTION_ENDS,
    families.CALL_BEGINS,
    families.CALL_ENDS,
    families.SEPARATOR,
)


@dataclass(frozen=True, slots=True)
class Format:
    """How a model writes.

    `tokens` are the marks that are control tokens in such a model: the parser needs their text, which is otherwise
    not written. `native` is whether the template tells the model of its tools. `thinks` is whether it may reason.
    """

    name: str
    family: Family
    tokens: tuple[str, ...] = ()
    native: bool = True
    thinks: bool = False

    def parser(self, names: frozenset[str], prompt: str) -> OutputParser | None:
        """For one answer to a rendered prompt; None if all it can hold is text."""
        if names or self.thinks:
            family = self.family if names or self.family is harmony else _REASONING.get(self.family, families.thinking)
            return OutputParser(family, names, inside=leaves_inside(prompt))
        return None


def leaves_inside(prompt: str) -> bool:
    """Whether the answer starts in the middle of the model's reasoning."""
    return _INSIDE.search(prompt[-64:]) is not None


def detect(template: str) -> Format:
    """The format of a model with this chat template; what is not known is written as Hermes does."""
    thinks = "<think>" in template or "</think>" in template
    if CHANNEL in template:
        return Format("harmony", harmony, (CHANNEL, MESSAGE, START, END, CONSTRAIN), thinks=True)
    if "[TOOL_CALLS]" in template:
        tokens = ("[TOOL_CALLS]", "[ARGS]", "[CALL_ID]", "[THINK]", "[/THINK]")
        return Format("mistral", families.mistral, tokens, thinks="[THINK]" in template)
    if families.CALL_BEGINS in template:
        return Format("deepseek", families.deepseek, (*_DEEPSEEK, "<think>", "</think>"), thinks=thinks)
    if PYTHON_TAG in template or _ANSWERS_BY_PARAMETERS in template:
        return Format("llama3", llama3, (PYTHON_TAG,), thinks=thinks)
    boxes = ("<tool_call>", "</tool_call>", "<think>", "</think>")
    native = "<tool_call>" in template and not any(other in template for other in _OTHER_BOXES)
    return Format("hermes", families.hermes, boxes, native=native, thinks=thinks)


_ANSWERS_BY_PARAMETERS: Final = '{"name": function name, "parameters": dictionary'
"""From the instruction that templates of Llama 3.x give their model."""

_OTHER_BOXES: Final = ("<function=", "<arg_key>", "<invoke")
"""What families with something else than JSON inside their `<tool_call>` write there."""

_REASONING: Final[dict[Family, Family]] = {families.mistral: families.bracketed}
"""What is left of a family where no tools can be called."""
