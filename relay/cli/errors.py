"""What a person asked for that cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from relay.errors import RelayError

INTERRUPTED: Final = 130
"""What shells expect of a program that Ctrl-C ended before it was done."""


def complaint(error: RelayError) -> str:
    """What went wrong and what to do about it, in one line."""
    remedy = f" {error.remedy}" if error.remedy else ""
    return f"nightjar-relay: {error}.{remedy}\n".replace("..", ".")


class UsageError(RelayError):
    """The command line asks for something that cannot be."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return self.problem


class NoRelay(RelayError):
    """The folder holds no relay's data."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder

    def __str__(self) -> str:
        return (
            f"there is no relay in {self.folder}; start one with nightjar-relay serve, or name its folder with --data"
        )
