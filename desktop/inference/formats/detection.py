"""Which family a model belongs to, told by the chat template that came with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from desktop.inference.formats import families, writing
from desktop.inference.formats.families import Family
from desktop.inference.formats.harmony import CHANNEL, CONSTRAIN, END, MESSAGE, START, harmony
from desktop.inference.formats.llama3 import PYTHON_TAG, llama3
from desktop.inference.formats.parser import OutputParser
from desktop.inference.formats.tagged import tagged
from desktop.inference.formats.writing import Writing
from desktop.inference.grammar.tagged import Kinds

_DEEPSEEK: Final = (
    families.SECTION_BEGINS,
    families.SECTION_ENDS,
    families.CALL_BEGINS,
    families.CALL_ENDS,
    families.SEPARATOR,
)


@dataclass(frozen=True, slots=True)
class Format:
    """How a model writes: `family` reads it, `writing` says it as rules.

    `tokens` are the marks that are control tokens in such a model: the parser needs their text, which is otherwise
    not written. `native` is whether the template tells the model of its tools; `single`, whether it can tell of only
    one call in an answer; `tagged`, whether arguments stand between tags. `thoughts` are the marks around reasoning,
    if the model may reason.
    """

    name: str
    family: Family
    writing: Writing
    tokens: tuple[str, ...] = ()
    native: bool = True
    single: bool = False
    tagged: bool = False
    thoughts: tuple[str, str] | None = None

    def parser(
        self, names: frozenset[str], prompt: str, kinds: Mapping[str, Kinds] | None = None
    ) -> OutputParser | None:
        """For one answer to a rendered prompt; None if all it can hold is text."""
        if names or self.family is harmony:
            family = self.family
        elif self.thoughts:
            family = families.bracketed if self.thoughts == _BRACKETED else families.thinking
        else:
            return None
        return OutputParser(family, names, inside=self.begins_inside(prompt), kinds=kinds)

    def begins_inside(self, prompt: str) -> bool:
        """Whether an answer starts in the middle of the model's reasoning."""
        return self.thoughts is not None and prompt[-64:].rstrip().endswith(self.thoughts[0])


def detect(template: str) -> Format:
    """The format of a model with this chat template; what is not known is written as Hermes does."""
    thoughts = _ANGLED if "<think>" in template or "</think>" in template else None
    if CHANNEL in template:
        return Format("harmony", harmony, writing.harmony, (CHANNEL, MESSAGE, START, END, CONSTRAIN), single=True)
    if "[TOOL_CALLS]" in template:
        tokens = ("[TOOL_CALLS]", "[ARGS]", "[CALL_ID]", *_BRACKETED)
        write = writing.mistral_named if "[ARGS]" in template else writing.mistral_array
        brackets = _BRACKETED if _BRACKETED[0] in template else None
        return Format("mistral", families.mistral, write, tokens, thoughts=brackets)
    if families.CALL_BEGINS in template:
        write = writing.deepseek_fenced if "```json" in template else writing.deepseek_plain
        return Format("deepseek", families.deepseek, write, (*_DEEPSEEK, *_ANGLED), thoughts=thoughts)
    if PYTHON_TAG in template or _ANSWERS_BY_PARAMETERS in template:
        return Format("llama3", llama3, writing.llama3, (PYTHON_TAG,), single=True, thoughts=thoughts)
    if "<function=" in template and "<parameter=" in template and "<tool_call>" in template:
        return Format("tagged", tagged, writing.tagged, _BOXES, tagged=True, thoughts=thoughts)
    native = "<tool_call>" in template and not any(other in template for other in _OTHER_BOXES)
    return Format("hermes", families.hermes, writing.hermes, _BOXES, native=native, thoughts=thoughts)


_ANGLED: Final = ("<think>", "</think>")
_BRACKETED: Final = ("[THINK]", "[/THINK]")
_BOXES: Final = ("<tool_call>", "</tool_call>", *_ANGLED)

_ANSWERS_BY_PARAMETERS: Final = '{"name": function name, "parameters": dictionary'
"""From the instruction that templates of Llama 3.x give their model."""

_OTHER_BOXES: Final = ("<function=", "<arg_key>", "<invoke")
"""What families with something else than JSON inside their `<tool_call>` write there."""
