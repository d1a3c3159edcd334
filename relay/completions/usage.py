"""OpenAI's usage with what the call costs: written anew for nodes, put into the bytes of providers. Pure.

A provider's bytes are not decoded for it: what is looked for cannot stand inside a JSON string, where quotes are
escaped.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

NANO: Final = 10**9
_USAGE: Final = b'"usage"'


def usage_object(prompt: int, completion: int, cost: int) -> dict[str, Any]:
    """Tokens, and `cost` in nano-dollars, told in dollars as OpenRouter does."""
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "cost": cost / NANO,
        "is_byok": False,
    }


def cost_header(cost: int) -> bytes:
    """The header line of a cost in nano-dollars."""
    return b"x-nightjar-cost: %d.%09d\r\n" % divmod(cost, NANO)


def with_cost(body: bytes, cost: int) -> bytes:
    """A provider's JSON with the call's cost in its usage; as it was where there is no usage, or it cannot be read."""
    inside = _inside(body)
    if not inside:
        return body
    if b'"cost' in body[inside:] or b'"is_byok"' in body[inside:]:  # a provider that tells one of its own
        return _written_anew(body, cost)
    more = b"" if body[inside:].lstrip()[:1] == b"}" else b","
    told = b'"cost":%b,"is_byok":false' % msgspec.json.encode(cost / NANO)
    return b"".join((body[:inside], told, more, body[inside:]))


def _inside(body: bytes) -> int:
    """Where the last usage that is an object begins, behind its brace; 0 if there is none."""
    at = body.rfind(_USAGE)
    while at >= 0:
        brace = body.find(b"{", at)
        if brace >= 0 and body[at + len(_USAGE) : brace].strip() == b":":
            return brace + 1
        at = body.rfind(_USAGE, 0, at)
    return 0


def _written_anew(body: bytes, cost: int) -> bytes:
    """What the provider takes of us is told apart from what the caller pays."""
    prefix = b"data:" if body.startswith(b"data:") else b""
    try:
        fields = msgspec.json.decode(body[len(prefix) :], type=dict[str, msgspec.Raw])
        usage = msgspec.json.decode(fields["usage"], type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError):
        return body
    theirs = usage.pop("cost", None)
    details = usage.get("cost_details")
    usage |= {"cost": cost / NANO, "is_byok": False}
    if theirs is not None and not details:
        usage["cost_details"] = {"upstream_inference_cost": theirs}
    return (prefix and b"data: ") + msgspec.json.encode({**fields, "usage": usage})
