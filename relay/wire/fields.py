"""How large anything on the wire may be: the bounds of fields, enforced while a frame is decoded.

Whatever `codec` lets through is never larger than what is written here, so nobody behind it needs to check again.
"""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

MAX_LEG_ID: Final = 2**32 - 1
MAX_CHOICES: Final = 128
"""OpenAI's own bound of `n`; a record's `choice` is a u8."""

INLINE_BODY: Final = 32 * 1024
"""A call's payload up to this size travels inside its `CALL`; a larger one in parts, once its header is accepted."""
BODY_PART: Final = 64 * 1024
MAX_PAYLOAD: Final = 32 * 1024 * 1024
"""The hard limit of a caller's body, with whatever else goes to a node beside it."""
FRAME_BYTES: Final = 256 * 1024
"""The longest message of all, either way."""
MAX_WORD: Final = 64
"""Characters of a word meant for programs."""
MAX_TEXT: Final = 1000
"""Characters of a sentence meant for people."""

Wide = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Unsigned = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Positive = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Choice = Annotated[int, Meta(ge=0, lt=MAX_CHOICES)]
Version = Annotated[int, Meta(ge=0, le=255)]
Seconds = Annotated[float, Meta(ge=0, le=1e6)]
Moment = Annotated[float, Meta(ge=0, le=1e12)]
Rate = Annotated[float, Meta(ge=0, le=1e9)]
Milliseconds = Annotated[float, Meta(ge=0, le=1e9)]
Word = Annotated[str, Meta(max_length=MAX_WORD)]
Name = Annotated[str, Meta(max_length=256)]
Text = Annotated[str, Meta(max_length=MAX_TEXT)]
Words = Annotated[list[Word], Meta(max_length=64)]
Digest = Annotated[bytes, Meta(max_length=32)]
"""SHA-256, HMAC-SHA256 or nothing."""
Nonce = Annotated[bytes, Meta(min_length=32, max_length=32)]
Signature = Annotated[bytes, Meta(min_length=64, max_length=64)]
Secret = Annotated[bytes, Meta(min_length=32, max_length=32)]
