"""Where a call stands. Plain numbers in rising order, because they are compared for every chunk."""

from __future__ import annotations

from typing import Final

CONNECTING: Final = 0
"""Nothing has gone out yet."""
WAITING: Final = 1
"""The request is with the target."""
ACCEPTED: Final = 2
"""The target has taken it on; no content yet."""
COMMITTED: Final = 3
"""The caller has seen content."""
ENDING: Final = 4
"""The answer is whole; its last bytes are leaving."""
CLOSED: Final = 5
"""Settled."""
