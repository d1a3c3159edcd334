"""What answers a caller, as the caller's edge sees it: what happens on the connection is told to it.

As a rule that is the call itself; one caller of several who share a call has a place in it instead.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from mypy_extensions import mypyc_attr

from relay.completions.phase import CONNECTING


@mypyc_attr(allow_interpreted_subclasses=True)
class Running(ABC):
    """One caller's answer on its way. `phase` is one of `phase`: at CLOSED nothing more comes of it."""

    phase: int = CONNECTING

    @abstractmethod
    def caller_gone(self, *, reset: bool = False) -> None:
        """The caller hung up. After a `reset` what waited to be sent is lost."""

    @abstractmethod
    def flushed(self) -> None:
        """Some of what was written may have left."""

    @abstractmethod
    def pause(self) -> None:
        """The caller reads slowly."""

    @abstractmethod
    def resume(self) -> None:
        """The caller reads again."""
