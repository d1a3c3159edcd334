"""An answer as it is kept: what left for its caller, to the byte."""

from __future__ import annotations

from typing import Final

import msgspec

from relay.completions.reply import Reply


class KeptAnswer(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A whole answer. `head` are its header lines; a stream's `body` are all its events, with `[DONE]`."""

    plain: bool
    head: bytes
    body: bytes

    def tell(self, reply: Reply, extra: bytes) -> None:
        """Give it again, with some header lines more."""
        if self.plain:
            reply.respond(200, self.head + extra, self.body)
        else:
            reply.begin(200, self.head + extra)
            reply.send(self.body)
            reply.end()


encode: Final = msgspec.msgpack.Encoder().encode
decode: Final = msgspec.msgpack.Decoder(KeptAnswer).decode
