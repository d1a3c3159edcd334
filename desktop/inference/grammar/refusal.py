"""What is wrong with a schema, and where."""

from __future__ import annotations

from collections.abc import Callable

from desktop.errors import DesktopError

Path = tuple[str, ...]
"""Keys from the root of a schema."""


class SchemaRefused(DesktopError):
    """This schema is not valid, or cannot be kept; the message is the rest of a sentence about `path`."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(problem)
        self.path = path


Leave = Callable[[Path, str], None]
"""Says that a keyword would be left to the model; raises SchemaRefused where it must be kept."""
