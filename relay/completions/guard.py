"""A target that begins and then crawls is left, early and once, if somebody else can go on with its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from relay.completions.seam import continuable
from relay.upstreams.port import Failure, Fault
from relay.upstreams.target import NodeTarget

if TYPE_CHECKING:
    from relay.completions.call import Call
    from relay.completions.services import CallServices

TOO_SLOW: Final = Failure(Fault.ILL, "the answer came too slowly", "too_slow")


def can_be_left(call: Call, services: CallServices) -> bool:
    """Whether the answer could go on elsewhere at this moment."""
    target, answer = call.target, call.answer_at_node
    if isinstance(target, NodeTarget) and answer is not None and answer.may_go_on:
        free, _ = services.continuations(call, target, [target.link])
        if free:
            return True
    if not call.may_move or call.output is None or not services.continuations_by_text(call, [target]):
        return False
    cut = call.output.cut()
    return cut is not None and continuable(cut)
