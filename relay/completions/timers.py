"""The five timers of an attempt, by phase and kind of target. Pure."""

from __future__ import annotations

from typing import Final

from relay.settings import TimerSettings
from relay.upstreams.target import NodeTarget, Target

PROMPT_TOKENS_PER_S: Final = 1000
"""A slow PC reads a prompt at this rate; a node's first content may take that much longer."""
BODY_BYTES_PER_S: Final = 256 * 1024
"""A slow home line brings a large body to a node at this rate; only then can the node accept."""


class Patience:
    """Seconds of silence one kind of target is granted in each phase."""

    __slots__ = ("_per_byte", "_per_token", "connect", "first_content", "gap", "header")

    def __init__(
        self,
        *,
        connect: float,
        header: float,
        first_content: float,
        gap: float,
        per_token: float = 0.0,
        per_byte: float = 0.0,
    ) -> None:
        self.connect = connect
        self.header = header
        self.first_content = first_content
        self.gap = gap
        self._per_token = per_token
        self._per_byte = per_byte

    def until_taken(self, body_bytes: int) -> float:
        """From the dispatch until the connection is open, or the node has the call."""
        return self.connect + body_bytes * self._per_byte

    def until_content(self, prompt_tokens: int) -> float:
        """From the target's acceptance to the first content."""
        return self.first_content + prompt_tokens * self._per_token


class Timers:
    """The patience with each kind of target, and the limits of a whole call."""

    __slots__ = ("_node", "_plain_provider", "_provider", "settings")

    def __init__(self, settings: TimerSettings) -> None:
        self.settings = settings
        self._provider = Patience(
            connect=settings.connect_s,
            header=settings.header_s,
            first_content=settings.first_content_s,
            gap=settings.gap_s,
        )
        self._plain_provider = Patience(
            connect=settings.connect_s,
            header=settings.plain_s,
            first_content=settings.plain_s,
            gap=settings.plain_s,
        )
        self._node = self._node_patience(images=0)

    def _node_patience(self, *, images: int) -> Patience:
        settings = self.settings
        return Patience(
            connect=settings.accept_s + images * settings.image_accept_s,
            header=settings.accept_s,
            first_content=settings.node_first_content_s + images * settings.image_content_s,
            gap=settings.node_gap_s,
            per_token=1 / PROMPT_TOKENS_PER_S,
            per_byte=1 / BODY_BYTES_PER_S,
        )

    def of(self, target: Target, *, stream: bool, images: int) -> Patience:
        """The patience with one target. A provider says nothing of a plain answer before it has written all of it."""
        if isinstance(target, NodeTarget):
            return self._node_patience(images=images) if images else self._node
        return self._provider if stream else self._plain_provider
