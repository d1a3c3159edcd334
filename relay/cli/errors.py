"""What a person asked for that cannot be."""

from __future__ import annotations

from pathlib import Path

from relay.errors import RelayError


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
