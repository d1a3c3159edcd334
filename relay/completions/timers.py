"""The five timers of an attempt, by phase and kind of target. Pure."""

from __future__ import annotations

from relay.settings import TimerSettings
from relay.upstreams.target import NodeTarget, Target

PROMPT_TOKENS_PER_S = 1000
"""A slow PC reads a prompt at this rate; a node's first content may take that much longer."""


class Timers:
    """Seconds each phase of a call may last."""

    __slots__ = ("_settings",)

    def __init__(self, settings: TimerSettings) -> None:
        self._settings = settings

    @property
    def settings(self) -> TimerSettings:
        return self._settings

    def header(self, target: Target) -> float:
        """Until the target says that it took the call on."""
        return self._settings.accept_s if isinstance(target, NodeTarget) else self._settings.header_s

    def first_content(self, target: Target, prompt_tokens: int) -> float:
        """From there to the first content."""
        if isinstance(target, NodeTarget):
            return self._settings.node_first_content_s + prompt_tokens / PROMPT_TOKENS_PER_S
        return self._settings.first_content_s

    def gap(self, target: Target) -> float:
        """Between two events."""
        return self._settings.node_gap_s if isinstance(target, NodeTarget) else self._settings.gap_s
