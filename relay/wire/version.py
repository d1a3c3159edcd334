"""Which versions of the language this program speaks, and how the WebSocket under it is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

SUPPORTED: Final = (1,)
PATH: Final = "/v1/node"
SUBPROTOCOL: Final = "nightjar.1"
NONCE_HEADER: Final = "x-nightjar-nonce"
"""Request header with the node's own nonce, 32 bytes in hexadecimal; the relay signs it in its challenge."""


def choose(offered: Iterable[int]) -> int | None:
    """The highest version both sides speak, if there is one."""
    return max(set(offered).intersection(SUPPORTED), default=None)
