"""The form of one model's answers: what a conversation looks like to it, and what reads and binds what it writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from desktop.inference.conversation import spoken
from desktop.inference.engine import GrammarUnusable, LlamaModel
from desktop.inference.fields import ParameterRefused
from desktop.inference.formats.answer import AnswerParser
from desktop.inference.formats.detection import detect
from desktop.inference.parameters import ChatRequest
from desktop.inference.pipeline import Grammar, Parser
from desktop.inference.structure import Structure
from desktop.inference.templates import ChatTemplate, MessagesRefused

_UNUSABLE: Final = "Invalid 'response_format' or 'tools': this model's engine cannot follow their schemas."


class AnswerForm(NamedTuple):
    """Makes what each choice of an answer has for itself."""

    grammar: Callable[[], Grammar | None]
    parser: Callable[[], Parser | None]


FREE: Final = AnswerForm(lambda: None, lambda: None)
"""Any text, as it comes."""


class Forms:
    """Of a loaded model. Everything it needs to know stands in the chat template."""

    def __init__(self, model: LlamaModel, template: ChatTemplate) -> None:
        self._model = model
        self._template = template
        self._format = detect(model.template)
        found = (model.marker(text) for text in self._format.tokens)
        self._markers = frozenset(token for token in found if token is not None)

    def prompt(self, request: ChatRequest, created: int) -> str:
        """Raises TemplateRefused. Some templates want the arguments of earlier calls as text instead of objects."""
        try:
            return self._rendered(request, created, packed=False)
        except MessagesRefused:
            if not any(message.calls for message in request.messages):
                raise
            return self._rendered(request, created, packed=True)

    def _rendered(self, request: ChatRequest, created: int, *, packed: bool) -> str:
        given = spoken(request.messages, request.structure, self._format, packed=packed)
        values = request.thinking.values()
        return self._template.render(given.messages, tools=given.tools, created=created, values=values)

    def answer(self, structure: Structure, prompt: str, *, tenant: str) -> AnswerForm:
        """Of answers to a rendered prompt. Raises ParameterRefused if the structure cannot be kept."""
        text = structure.grammar(self._format, prompt, tenant=tenant)
        form = AnswerForm(
            lambda: None if text is None else self._model.grammar(text, self._markers),
            lambda: self._parser(structure, prompt),
        )
        try:
            form.grammar()
        except GrammarUnusable as error:
            raise ParameterRefused(_UNUSABLE, "response_format") from error
        return form

    def _parser(self, structure: Structure, prompt: str) -> Parser | None:
        parser = self._format.parser(structure.callable, prompt, structure.kinds(self._format))
        return None if parser is None else AnswerParser(parser, self._markers)
