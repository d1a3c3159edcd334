"""A caller: what reaches it and when, how fast it reads, when it hangs up."""

from __future__ import annotations

import json
import random
import re
from typing import Any, Protocol

from relay.completions.reply import Reply
from tests.relay.simulation.loop import VirtualLoop

HEARTBEAT_S = 15.0
TICKS_S = 0.25
"""The relay looks at a call ten times a second."""


class Hears(Protocol):
    """What a caller's connection tells whatever answers it."""

    def caller_gone(self, *, reset: bool = False) -> None: ...


class Caller(Reply):
    """Records what it gets. Everything written lies in the relay's buffer until this caller's line has taken it."""

    def __init__(self, loop: VirtualLoop, rng: random.Random, *, words: int, stream: bool) -> None:
        self.words = words
        self.stream = stream
        self.call: Hears | None = None
        self.status = 0
        self.body = b""
        self.received = 0
        """Bytes that left the relay."""
        self.ended = False
        self.aborted = False
        self.gone_at: float | None = None
        self.closed_at: float | None = None
        self.quiet_s = 0.0
        """The longest time without a byte of an answer that goes on."""
        self._loop = loop
        self._asked_at = self._heard_at = loop.time()
        self._lag_s = rng.choice((0.0, 0.0, 0.0, 0.01, 0.5, 5.0))

    # --- Reply ----------------------------------------------------------------------------------------------------

    def respond(self, status: int, headers: bytes, body: bytes) -> None:
        assert not self.status, "an answer after an answer"
        assert b"x-request-id: " in headers
        self.status, self.body = status, body
        self._close()
        self._take(len(body))

    def begin(self, status: int, headers: bytes) -> None:
        assert not self.status, "a head after a head"
        assert b"text/event-stream" in headers
        self.status = status

    def send(self, data: bytes) -> None:
        assert self.status, "a body without a head"
        assert self.closed_at is None, "something after the end"
        self._hear()
        self.body += data
        self._loop.call_later(self._lag_s, lambda: self._take(len(data)))

    def end(self) -> None:
        self.ended = True
        self._close()

    def abort(self) -> None:
        self.aborted = True
        self._close()

    def unsent(self) -> int:
        return len(self.body) - self.received

    def _take(self, size: int) -> None:
        if self.gone_at is None:
            self.received += size

    def _hear(self) -> None:
        now = self._loop.time()
        self.quiet_s = max(self.quiet_s, now - self._heard_at)
        self._heard_at = now

    def _close(self) -> None:
        assert self.closed_at is None, "an end after the end"
        self._hear()
        self.closed_at = self._loop.time()

    # --- the caller's own will ------------------------------------------------------------------------------------

    def hang_up(self, *, reset: bool) -> None:
        if self.closed_at is None and self.gone_at is None and self.call is not None:
            if not reset:
                self.received = len(self.body)  # what was written is on its way, whatever becomes of it
            self.gone_at = self._loop.time()
            self.call.caller_gone(reset=reset)

    # --- what it makes of it --------------------------------------------------------------------------------------

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events of a stream, without heartbeats and the `[DONE]`."""
        lines = [line.removeprefix("data: ") for line in self.body.decode().split("\n\n") if line.startswith("data: ")]
        return [json.loads(line) for line in lines if line != "[DONE]"]

    @property
    def text(self) -> str:
        if not self.stream:
            return str(json.loads(self.body)["choices"][0]["message"]["content"]) if self.status == 200 else ""
        choices = [choice for event in self.events for choice in event.get("choices", ())]
        return "".join(choice["delta"].get("content") or "" for choice in choices)

    @property
    def finish_reason(self) -> str | None:
        """Of an answer that claims to be whole."""
        if not self.stream:
            return str(json.loads(self.body)["choices"][0]["finish_reason"]) if self.status == 200 else None
        reasons = [choice["finish_reason"] for event in self.events for choice in event.get("choices", ())]
        return next((reason for reason in reasons if reason not in (None, "error")), None)

    @property
    def failed(self) -> bool:
        """It was told of an error."""
        return b'"error":{' in self.body.replace(b" ", b"")

    @property
    def words_received(self) -> int:
        """Words in what left the relay."""
        return len(re.findall(rb"w\d+ ", self.body[: self.received]))
