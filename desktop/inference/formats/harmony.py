"""gpt-oss: an answer is a row of messages, each with a channel, perhaps a recipient, and a type.

The prompt ends with the head of the first (`<|start|>assistant`). The analysis channel is the model's reasoning; a
message to `functions.NAME` is a call; all else is for the caller.
"""

from __future__ import annotations

import re
from typing import Final

from desktop.inference.formats.outlet import Outlet
from desktop.inference.formats.reader import Reader, Steps

MESSAGE: Final = "<|message|>"
CHANNEL: Final = "<|channel|>"
START: Final = "<|start|>"
END: Final = "<|end|>"
CONSTRAIN: Final = "<|constrain|>"

_BODY_ENDS: Final = (END, START, CHANNEL, "<|call|>", "<|return|>")
_RECIPIENT: Final = re.compile(r"to=functions\.([^\s<]+)")
_ANALYSIS: Final = re.compile(r"<\|channel\|>\s*analysis")


def harmony(reader: Reader, outlet: Outlet, *, inside: bool) -> Steps[None]:  # noqa: ARG001 - heads tell it all
    """Text without a head is content."""
    head = yield from reader.literal(CHANNEL, START, " to=")
    while head:
        parts = [head]
        if not (yield from reader.until((MESSAGE,), parts.append)):
            return  # the answer was cut inside a head, which is no text
        outlet.markup()
        head = yield from _message(reader, outlet, "".join(parts))
        if head:
            outlet.markup()
        if head == END:
            yield from reader.space()
            head = yield from reader.literal(START, CHANNEL)
    yield from reader.rest(outlet.content)


def _message(reader: Reader, outlet: Outlet, head: str) -> Steps[str]:
    """One message's body; what ended it."""
    recipient = _RECIPIENT.search(head)
    if recipient and recipient[1] in outlet.names:
        outlet.open_call(recipient[1])
        yield from reader.space()
        if not (yield from reader.value(outlet.arguments)):
            return ""
        return (yield from reader.until(_BODY_ENDS, outlet.content))
    analysis = not recipient and _ANALYSIS.search(head)
    return (yield from reader.until(_BODY_ENDS, outlet.reasoning if analysis else outlet.content))
