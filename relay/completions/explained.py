"""What became of a call, told in its answer where its caller asks for it: OpenRouter's `openrouter_metadata`.

Who could have answered, in the order of the decision; who was left out, and why; what was tried. It says of targets
what the caller may know of them anyway: nodes of other people go by a pseudonym.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from relay.completions.headers import METADATA
from relay.completions.refusal import bad_request, left_out_told
from relay.upstreams.target import ProviderTarget

if TYPE_CHECKING:
    from relay.completions.call import Call

FIELD: Final = "openrouter_metadata"


def wants_explanation(asked: Mapping[bytes, bytes]) -> bool:
    """Whether the headers of a call ask for it. Raises Refusal for a value that means nothing."""
    says = asked.get(METADATA)
    if says is None or says.lower() in (b"disabled", b"false"):
        return False
    if says.lower() not in (b"enabled", b"true"):
        raise bad_request("X-OpenRouter-Metadata is either enabled or disabled.", param="X-OpenRouter-Metadata")
    return True


def explanation(call: Call) -> dict[str, Any]:
    """Of a call that has its answer. Fields of OpenRouter's, and `left_out`, which is ours."""
    request, target = call.request, call.target
    able = call.targets if target in call.targets else (*call.targets, target)  # one that came later may have gone on
    failed = [{"provider": name, "status": each.status, "error": each.code} for name, each in call.chain]
    answered = {"provider": target.name, "model": target.known_as, "status": 200}
    available = [{"provider": each.name, "model": each.known_as, "selected": each == target} for each in able]
    return {
        "requested": request.said_model,
        "strategy": "fallback" if request.fallbacks else "direct",
        "region": target.traits.region if isinstance(target, ProviderTarget) else "",
        "summary": f"{len(available)} available, {len(failed)} failed, answered by {target.name}",
        "attempt": call.attempts,
        "attempts": [*failed, answered],
        "is_byok": False,
        "endpoints": {"total": len(available) + len(call.left_out), "available": available},
        **left_out_told(call.left_out),
    }


def explained_answer(call: Call, body: bytes) -> bytes:
    """A plain answer with what became of its call. `body` is an object with fields; it keeps its very bytes."""
    told = msgspec.json.encode({FIELD: explanation(call)})
    return body[: body.rindex(b"}")] + b"," + told[1:]


def explained_end(call: Call) -> bytes:
    """The event of a stream that tells it: the last before `[DONE]`."""
    output = call.output
    envelope = call.envelope if output is None else output.envelope()
    return envelope.more(msgspec.json.encode({FIELD: explanation(call)}))
