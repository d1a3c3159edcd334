"""What a desktop is told when something about its node is not done."""

from __future__ import annotations

import enum

from relay.errors import RelayError


class Refused(RelayError):
    """A sentence for people, and a fault whose value is the code of the error. `retry_after` is in seconds."""

    def __init__(self, fault: enum.Enum, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(fault, message)
        self.fault = fault
        self.message = message
        self.retry_after = retry_after

    def __str__(self) -> str:
        return self.message
