"""The journal's records as bytes: MessagePack arrays, so that a later version may append fields.

`ADMIT` is an `Admission`. The two others are structs only when read: written, they are tuples of the same fields, which
are made in a third of the time.
"""

from __future__ import annotations

from typing import Final

import msgspec

from relay.ledger.calls import Admission, LegTerms, Outcome
from relay.ledger.entries import CallId


class LegBegun(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A leg begins. `before` is what the leg before it had delivered in tokens: the board only knows the newest leg."""

    call: CallId
    before: int
    terms: LegTerms


class Settled(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A call ended; `at_ms` is the date that goes into the books."""

    call: CallId
    at_ms: int
    outcome: Outcome


encode: Final = msgspec.msgpack.Encoder().encode
decode_admit: Final = msgspec.msgpack.Decoder(Admission).decode
decode_leg: Final = msgspec.msgpack.Decoder(LegBegun).decode
decode_settle: Final = msgspec.msgpack.Decoder(Settled).decode
