"""What a model's name says beside the model: `:nitro` and `:floor`, and `@` with the name of a target. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from relay.completions.request import CallRequest
from relay.routing.preferences import Preferences, Sort

_SORTS: Final[dict[str, Sort]] = {"nitro": "throughput", "floor": "price"}


def resolved(request: CallRequest, is_known: Callable[[str], bool]) -> CallRequest:
    """The call as it is meant. A model that has the whole name comes first: names may have such characters in them."""
    name, wishes = request.model, request.preferences
    if is_known(name):
        return request
    base, mark, suffix = name.rpartition(":")
    if mark and suffix in _SORTS:
        name = base
        if wishes.sort is None:
            wishes = msgspec.structs.replace(wishes, sort=_SORTS[suffix])
    if not is_known(name):
        name, wishes = _without_target(name, wishes)
    return request if name == request.model else request.meaning(name, wishes)


def _without_target(name: str, wishes: Preferences) -> tuple[str, Preferences]:
    """A target named in both places must be the same: each can only restrict."""
    base, mark, target = name.rpartition("@")
    if not mark or not base or not target:
        return name, wishes
    if not wishes.only:
        return base, msgspec.structs.replace(wishes, only=(target,))
    named = [each for each in wishes.only if each.lower() == target.lower()]
    return base, msgspec.structs.replace(wishes, only=(target,), ignore=wishes.ignore if named else (target,))
