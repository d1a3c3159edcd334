"""Why the ledger refuses."""

from __future__ import annotations

from pathlib import Path

from relay.errors import RelayError
from relay.ledger.entries import CallId, NanoDollars


class InsufficientCredit(RelayError):
    """The organisation cannot cover the most this call may cost."""

    def __init__(self, needed: NanoDollars, available: NanoDollars) -> None:
        super().__init__(needed, available)
        self.needed = needed
        self.available = available

    def __str__(self) -> str:
        return f"the call may cost {self.needed / 1e9:.6f} USD, {self.available / 1e9:.6f} USD are available"


class LedgerUnavailable(RelayError):
    """No new call can be accepted: there would be no room to write down how it ends."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    @property
    def remedy(self) -> str:
        return "Free some space on the disk of the data folder, and check that its database answers."

    def __str__(self) -> str:
        return f"the ledger cannot accept calls: {self.reason}"


class LedgerInUse(RelayError):
    """Another relay is running on this data folder."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.directory = directory

    @property
    def remedy(self) -> str:
        return "Stop the other relay, or give this one a data folder of its own with --data."

    def __str__(self) -> str:
        return f"another relay is using {self.directory}"


class AlreadySettled(RelayError):
    """A call is settled once; whoever asked again has lost track of it."""

    def __init__(self, call: CallId) -> None:
        super().__init__(call)
        self.call = call

    def __str__(self) -> str:
        return f"call {self.call} is settled already"
