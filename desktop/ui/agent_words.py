"""What the agent says, in the language of the window. Pure.

The agent speaks English: its command line prints its sentences, its journal keeps them and its control socket sends
them, so they reach the window finished. Here each is known again by its template, and said anew in the other language,
with the same facts. A sentence that no template knows passes through: better said in English than left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from desktop.agent.sharing.words import ENGLISH, countdown_at, sentence_at
from desktop.agent.state import Sharing
from desktop.ui.agent_texts import ELSEWHERE, NUMBERS, OF_THE_SYSTEM, SIZES, TEXTS
from desktop.ui.figures import Formats
from desktop.ui.views import Translate

CONTEXT: Final = "Agent"
"""Where translators find them."""

_FIGURES = r"[\d.,]+"

_ADDED = r"(?: \(.*?\)|: .*?)?"
"""A reason that stands right behind a word: ` (why)`, `: why`, or nothing."""

_SAYING = re.compile(r"( \(|: |)(.*?)(\)|)", re.DOTALL)
"""What it says, between its marks."""

_SENTENCES = re.compile(r"(?<=\.) (?=[A-Z])")
"""Where one sentence ends and the next begins, as fact and remedy do."""


class AgentWords:
    """Says what the agent said. With a translator that knows nothing, word for word."""

    def __init__(self, translate: Translate, formats: Formats) -> None:
        self._translate = translate
        self._formats = formats

    def said(self, text: str) -> str:
        """Sentences without their opening words, or a fact of one."""
        return " ".join(map(self._sentence, _SENTENCES.split(text)))

    def _sentence(self, text: str) -> str:
        for pattern, template in _PATTERNS:
            if found := pattern.fullmatch(text):
                facts = {name: self._fact(name, value) for name, value in found.groupdict().items()}
                said = self._translate(CONTEXT, template, "", -1).format(**facts)
                return said if text.endswith(".") or not template.endswith(".") else said.removesuffix(".")
        return text

    def _fact(self, name: str, value: str) -> str:
        if name in SIZES:
            return value.replace(".", self._formats.point)
        if name not in TEXTS:
            return value
        opening, inner, closing = _SAYING.fullmatch(value).groups()  # type: ignore[union-attr] # matches everything
        return f"{opening}{self.said(inner)}{closing}" if inner else value

    def why(self, sharing: Sharing, now: float) -> str:
        """The sentence of `sharing` with its countdown, without the opening words that a headline has said already."""
        said = self.said(unopened(sentence_at(sharing, now)))
        if coming := countdown_at(sharing, now):
            said = f"{said.removesuffix('.')}; {self.said(coming)}."
        return said[:1].upper() + said[1:]


def agent_texts() -> tuple[str, ...]:
    """The templates, as translators get to see them."""
    return tuple(template for _, template in _PATTERNS)


def unopened(said: str) -> str:
    """The agent's sentence without its opening words, where something beside it says them."""
    for opening in ("Not sharing for a moment: ", "Not sharing: ", "Waiting: ", "Starting: ", "Sharing: "):
        said = said.removeprefix(opening)
    return said


def sentence(fact: str) -> str:
    """`the connection was lost` as a sentence."""
    return f"{fact[:1].upper()}{fact[1:].rstrip('.')}." if fact else ""


def _pattern(template: str) -> re.Pattern[str]:
    pattern, end = "", 0
    for fact in re.finditer(r"\{(\w+)\}", template):
        pattern += re.escape(template[end : fact.start()])
        added = re.search(r"[\w}]$", template[: fact.start()])
        pattern += f"(?P<{fact[1]}>{_ADDED if added else _FIGURES if fact[1] in NUMBERS else '.*?'})"
        end = fact.end()
    stop = "?" if _may_lose_its_stop(template) else ""
    return re.compile(pattern + re.escape(template[end:]) + stop, re.DOTALL)


def _may_lose_its_stop(template: str) -> bool:
    """As a sentence within another does. One without words of its own would know everything then."""
    own = re.sub(r"\{\w+\}", "", template)
    return template.endswith(".") and own != "." and template[:-1] not in _TEMPLATES


def _most_telling_first(templates: Iterable[str]) -> list[str]:
    """What begins with words of its own, and has most of them: `{problem}` alone would know every sentence."""

    def telling(template: str) -> tuple[bool, int, str]:
        return template.startswith("{"), -len(re.sub(r"\{\w+\}", "", template)), template

    return sorted(set(templates), key=telling)


_TEMPLATES: Final = {*map(unopened, ENGLISH.values()), *ELSEWHERE, *OF_THE_SYSTEM} - {"{problem}"}
_PATTERNS: Final = tuple((_pattern(template), template) for template in _most_telling_first(_TEMPLATES))
