"""The journal's records as bytes: MessagePack arrays, so that a later version may append fields.

They are structs only when read: written, they are tuples of the same fields, made in a third of the time.
"""

from __future__ import annotations

from typing import Final

import msgspec

from relay.ledger.calls import Admission, LegTerms, Outcome
from relay.ledger.entries import CallId


class Begun(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """`ADMIT`: a call begins, as a rule with its first leg; without one if it ended before it had any."""

    admission: Admission
    terms: LegTerms | None


class LegBegun(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """`LEG`: another leg begins. `before` is what the leg before it delivered: the board only knows the newest."""

    call: CallId
    before: int
    terms: LegTerms


class Settled(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """`SETTLE`: a call ended; `at_ms` is the date that goes into the books."""

    call: CallId
    at_ms: int
    outcome: Outcome


encode: Final = msgspec.msgpack.Encoder().encode
decode_admit: Final = msgspec.msgpack.Decoder(Begun).decode
decode_leg: Final = msgspec.msgpack.Decoder(LegBegun).decode
decode_settle: Final = msgspec.msgpack.Decoder(Settled).decode
