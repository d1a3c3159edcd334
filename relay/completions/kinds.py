"""The kinds of calls that go through one core: where each is asked for, and what tells it from the others. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from relay.upstreams.provider import CHAT_PATH


@dataclass(frozen=True, slots=True)
class Kind:
    """`word` is the protocol's, `path` stands behind a provider's base URL, `default_tokens` is the limit of an answer
    whose caller gave none; None is the relay's own.
    """

    word: Literal["chat", "completion", "embedding"]
    path: str
    default_tokens: int | None = None

    @property
    def route(self) -> str:
        """The relay's own path."""
        return f"/v1{self.path}"


CHAT: Final = Kind("chat", CHAT_PATH)
COMPLETION: Final = Kind("completion", "/completions", default_tokens=16)
"""OpenAI's older form: a text that is gone on with. 16 tokens are its default everywhere."""
EMBEDDING: Final = Kind("embedding", "/embeddings", default_tokens=0)
"""Texts as vectors; nothing is written."""
