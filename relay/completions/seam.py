"""Where another provider's text joins an answer that was cut off: what it is asked, and what of its words is new.

A provider gives no token ids, so an answer is only *continued* there, by its text. Whether the two fit together cannot
be proved; these rules see the known ways in which they do not. Pure: no I/O, no clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

CHECKED: Final = 64
"""Characters of a continuation that are looked at before any of it is written."""
OVERLAP: Final = 16
"""Characters said twice that are no accident any more."""


class Method(StrEnum):
    """How a model is told to go on with the last message instead of answering it; declared per model, never guessed."""

    PREFIX = "prefix"
    """The message carries `prefix: true`."""
    CONTINUE_FINAL_MESSAGE = "continue_final_message"
    """The request carries `continue_final_message`, and that no new turn is to be opened."""
    PREFILL = "prefill"
    """Nothing but the message: that it stands last says it all."""


@dataclass(frozen=True, slots=True)
class Cut:
    """An answer so far: the `text` its caller has, and what text alone cannot carry over."""

    text: str
    in_reasoning: bool = False
    tool_calls: bool = False
    constrained: bool = False
    """By a grammar, a schema or a JSON mode."""
    logprobs: bool = False
    choices: int = 1


def continuable(cut: Cut) -> bool:
    """Whether its text says all there is to know of the answer, and says something."""
    bound_to_ids = cut.in_reasoning or cut.tool_calls or cut.constrained or cut.logprobs or cut.choices > 1
    return not bound_to_ids and bool(prefill_of(cut.text))


def prefill_of(delivered: str) -> str:
    """What another is given to go on from: white space at the end misleads models, and some providers refuse it."""
    return delivered.rstrip()


def last_message(method: Method, delivered: str) -> dict[str, object]:
    """The message to put after the caller's own."""
    message: dict[str, object] = {"role": "assistant", "content": prefill_of(delivered)}
    if method is Method.PREFIX:
        message["prefix"] = True
    return message


def further_fields(method: Method) -> dict[str, object]:
    """What the request itself says besides."""
    if method is Method.CONTINUE_FINAL_MESSAGE:
        return {"continue_final_message": True, "add_generation_prompt": False}
    return {}


class Seam:
    """The start of one continuation of `delivered`, held back until it is known to be one.

    Holds `CHECKED` characters, white space at their start not counted, and more only while all of them repeat a passage
    of `delivered`, which may yet turn out to be its end. In what pieces the text comes does not change what it decides.
    """

    def __init__(self, delivered: str) -> None:
        self._prefill = prefill_of(delivered)
        self._withheld = delivered[len(self._prefill) :]
        self._held = ""
        self._joined = False

    def feed(self, text: str) -> str | None:
        """What may be written now; None if the answer was begun anew, after which the leg is over."""
        if self._joined:
            return text
        self._held += text
        said = self._held.lstrip()
        if len(said) < CHECKED:
            return ""
        if not _begun_anew(said, self._prefill) and not self._beyond(said):
            return ""
        return self.end()

    def end(self) -> str | None:
        """As `feed`, when no more will come: what was held back is looked at as it is."""
        if self._joined:
            return ""
        held, said = self._held, self._held.lstrip()
        if _begun_anew(said, self._prefill):
            return None
        overlap = _overlap(self._prefill, said)
        self._held, self._joined = "", True
        return _without(self._withheld, said[overlap:] if overlap else held)

    def _beyond(self, said: str) -> bool:
        """Whether it says something new, and if that follows on a repetition, more than white space."""
        if said in self._prefill:
            return False
        overlap = _overlap(self._prefill, said)
        return not overlap or bool(said[overlap:].strip())


def _overlap(before: str, after: str) -> int:
    """The most characters, at least `OVERLAP`, that end `before` and begin `after`; else 0."""
    longest = min(len(before), len(after))
    return next((size for size in range(longest, OVERLAP - 1, -1) if before.endswith(after[:size])), 0)


def _begun_anew(said: str, prefill: str) -> bool:
    """Of an answer shorter than `OVERLAP` all of it is needed: its first letters may well come again."""
    beginning = prefill.lstrip()[:OVERLAP]
    return said.startswith(beginning)


def _without(withheld: str, text: str) -> str:
    """The white space the caller has already is not said again; where it came out differently, theirs stands."""
    if not withheld:
        return text
    return text.removeprefix(withheld) if text.startswith(withheld) else text.lstrip()
