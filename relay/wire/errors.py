"""What can go wrong on a link.

    WireError
    ├── ProtocolViolation        the other side broke the protocol: close the socket with `code`
    │   └── RelayNotProven       the relay could not prove that it holds the pinned key (raised on a node only)
    └── SessionMisuse            our own side asked for what the state of the session does not allow

Whatever bytes arrive, only a `ProtocolViolation` escapes from `codec` and `session`.
"""

from __future__ import annotations

from typing_extensions import override

from relay.wire.frames import CloseCode


class WireError(Exception):
    """Base of everything this package raises."""


class ProtocolViolation(WireError):
    """The other side sent what it may not. `code` is the WebSocket close code, `message` the fact, without its data."""

    def __init__(self, message: str, code: CloseCode = CloseCode.VIOLATION) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @override
    def __str__(self) -> str:
        return f"{self.message} ({self.code.value})"


class RelayNotProven(ProtocolViolation):
    """Whoever answered does not hold the key this node was enrolled with."""

    def __init__(self, message: str) -> None:
        super().__init__(message, CloseCode.NOT_AUTHENTICATED)


class SessionMisuse(WireError):
    """A mistake of the program that holds the session: a call after draining, a terminal before the accept."""
