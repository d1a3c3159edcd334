"""What the relay reads of a request's headers: the key, and the few that ask for something. Everything else is skipped.

Made once for each head: a connection that sends the same head with every call shares one of these among them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

IDEMPOTENCY_KEY: Final = b"idempotency-key"
CACHE: Final = b"x-openrouter-cache"
CACHE_TTL: Final = b"x-openrouter-cache-ttl"
METADATA: Final = b"x-openrouter-metadata"
TRACE_PARENT: Final = b"traceparent"

READ: Final = frozenset({IDEMPOTENCY_KEY, CACHE, CACHE_TTL, METADATA, TRACE_PARENT})
"""Headers that ask for something, in lower case; a module that reads another adds its name here."""

_ONCE: Final = frozenset({IDEMPOTENCY_KEY, TRACE_PARENT})
_AUTHORIZATION: Final = b"authorization"


class CallHeaders:
    """`authorization` as it came, None if it did not. `asked` has the headers of `READ` that came; None if none did.

    Never changed once made.
    """

    def __init__(self, authorization: bytes | None, asked: Mapping[bytes, bytes] | None = None) -> None:
        self.authorization = authorization
        self.asked = asked

    @property
    def repeats(self) -> bool:
        """Whether the next call may well come with the same head: one that names its very request does not."""
        return self.asked is None or _ONCE.isdisjoint(self.asked)


def read_headers(pairs: Iterable[tuple[bytes, bytes]]) -> CallHeaders:
    """`pairs` are names in lower case and values. The first `authorization` counts; others that repeat are a list."""
    authorization: bytes | None = None
    asked: dict[bytes, bytes] | None = None
    for name, value in pairs:
        if name == _AUTHORIZATION:
            if authorization is None:
                authorization = value
        elif name in READ:
            if asked is None:
                asked = {name: value}
            elif name in asked:
                asked[name] += b", " + value  # RFC 9110, section 5.3
            else:
                asked[name] = value
    return CallHeaders(authorization, asked)
