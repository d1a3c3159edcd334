"""What a call asks of an upstream, and what it hears back.

An attempt is one try at one target. The upstream speaks to a *sink* given by the call; every method of a sink is called
synchronously from the socket's read callback, and none after `failed` or `lost` or after `Attempt.cancel` or `finish`.
This module knows no transport.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from dataclasses import dataclass

from mypy_extensions import mypyc_attr


class Fault(enum.Enum):
    """Whose fault a failed attempt was, which decides what happens next."""

    REQUEST = "request"
    CONTEXT = "context"
    POLICY = "policy"
    KEY_DEAD = "key_dead"
    KEY_BUSY = "key_busy"
    ILL = "ill"
    GONE = "gone"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt ended without an answer.

    `status` is what the upstream said (0 when it said nothing), `fast` that it failed within a second, so that the same
    target may be tried once more. `retry_after` is in seconds. `announced` says that the target told of its going.
    """

    fault: Fault
    message: str
    code: str
    status: int = 0
    param: str | None = None
    retry_after: float | None = None
    fast: bool = False
    announced: bool = False


@mypyc_attr(allow_interpreted_subclasses=True)
class Attempt(ABC):
    """The call's handle on a running attempt."""

    @abstractmethod
    def cancel(self) -> None:
        """Stop the work upstream, within a second. The sink hears nothing more."""

    @abstractmethod
    def pause(self) -> None:
        """The caller reads slowly: stop reading, if that harms nobody else."""

    @abstractmethod
    def resume(self) -> None:
        """The caller reads again."""

    @abstractmethod
    def finish(self) -> None:
        """The answer is whole, though its response may not be: let that end soon. Of it the sink hears nothing."""


@mypyc_attr(allow_interpreted_subclasses=True)
class ResponseSink(ABC):
    """Hears an HTTP provider: the head, the body as it comes, the end."""

    @abstractmethod
    def connected(self) -> None:
        """The socket is open and the request is on its way."""

    @abstractmethod
    def head(self, status: int, content_type: bytes, retry_after: float | None) -> None:
        """The response header has arrived."""

    @abstractmethod
    def body(self, data: bytes) -> None:
        """What one socket read brought, joined."""

    @abstractmethod
    def end(self) -> None:
        """The response is complete."""

    @abstractmethod
    def lost(self, reason: str, *, fast: bool) -> None:
        """The connection failed before the response was complete."""
