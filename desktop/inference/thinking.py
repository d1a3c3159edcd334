"""How much a model is to think aloud before it answers, as its template is told. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from desktop.inference.fields import ParameterRefused, wrong_type

_EFFORTS: Final = {"none": "", "minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high"}
"""OpenAI's words and those that templates know."""


@dataclass(frozen=True, slots=True)
class Thinking:
    """`wanted` is None where the caller leaves it to the model; `effort` is a word of its template, or empty."""

    wanted: bool | None = None
    effort: str = ""

    def values(self) -> dict[str, Any]:
        """What templates ask for, by the names they ask by. Thinking is what a model that can does by itself."""
        values: dict[str, Any] = {"enable_thinking": self.wanted is not False}
        if self.wanted is not None:
            values["thinking"] = self.wanted
        if self.effort:
            values["reasoning_effort"] = self.effort
        return values


def thinking(fields: Mapping[str, Any]) -> Thinking:
    """From `reasoning_effort`, and from what other engines take in `chat_template_kwargs`. Raises ParameterRefused."""
    effort = fields.get("reasoning_effort", "")
    if effort != "" and (not isinstance(effort, str) or effort not in _EFFORTS):
        supported = ", ".join(f"'{word}'" for word in _EFFORTS)
        raise ParameterRefused(
            f"Invalid value for 'reasoning_effort'. Supported values are: {supported}.", "reasoning_effort"
        )
    wanted = None if not effort else effort != "none"
    given = fields.get("chat_template_kwargs", {})
    if not isinstance(given, dict):
        raise wrong_type("chat_template_kwargs", "an object", given)
    for name in ("enable_thinking", "thinking"):
        if given.get(name) is not None:
            wanted = given[name]
            if not isinstance(wanted, bool):
                raise wrong_type(f"chat_template_kwargs.{name}", "a boolean", wanted)
    return Thinking(wanted, _EFFORTS.get(effort, ""))
