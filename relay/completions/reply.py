"""The caller's side of one call, as an edge offers it to the core.

The core writes whole answers or streams through this port and never sees which edge stands behind it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from mypy_extensions import mypyc_attr

from relay.ledger.books import CallBooks
from relay.ledger.calls import Outcome


@mypyc_attr(allow_interpreted_subclasses=True)
class Reply(ABC):
    """Where one call's answer goes. Synchronous; nothing may follow `respond`, `end` or `abort`.

    `headers` is a ready block of header lines, each with its CR LF, without the empty line; names in lower case.
    """

    call_id: int = 0
    """The id that the call must have; 0: a new one. A reply that names one is also asked for the call's books."""

    @abstractmethod
    def respond(self, status: int, headers: bytes, body: bytes) -> None:
        """A whole answer at once; adds `content-length`."""

    @abstractmethod
    def begin(self, status: int, headers: bytes) -> None:
        """The head of a stream. It leaves together with the first `send`."""

    @abstractmethod
    def send(self, data: bytes) -> None:
        """A piece of the stream."""

    @abstractmethod
    def end(self) -> None:
        """The stream is whole."""

    @abstractmethod
    def abort(self) -> None:
        """The caller cannot be served any further: the connection closes without an end."""

    @abstractmethod
    def unsent(self) -> int:
        """Bytes accepted by `send` that still lie in this process."""

    def may_lag(self) -> int:
        """Bytes that may be unsent beyond what makes a caller too slow: who comes late has much to read at once."""
        return 0

    def booked(self, books: CallBooks) -> CallBooks:
        """The call is admitted: the books it shall be kept in."""
        return books

    def settled(self, outcome: Outcome) -> None:  # noqa: B027 - only those who keep answers need to know
        """The books are closed, with what had left by then. A stream's last bytes, and any error, come after this."""
