"""What a failed attempt means: one table, as pure functions.

`classify` reads an HTTP provider's refusal, `decide` says what happens next, `refusal` what the caller is told when
nothing is left. Pure: no I/O, no clock.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from relay.completions.refusal import Refusal
from relay.upstreams.port import Failure, Fault

CONTEXT_CODES = frozenset({"context_length_exceeded", "string_above_max_length", "context"})
CONTEXT_TEXTS = ("maximum context length", "context window", "context length", "too many tokens", "prompt is too long")
POLICY_CODES = frozenset({"content_policy_violation", "content_filter", "moderation_blocked"})


class Verdict(enum.Enum):
    """What to do after a failed attempt."""

    STOP = "stop"
    NEXT = "next"
    SAME = "same"
    KEY = "key"
    """The same target at once, with another key."""


class _Error(msgspec.Struct):
    message: str | None = None
    code: str | int | None = None
    type: str | None = None
    param: str | None = None


class _ErrorBody(msgspec.Struct):
    error: _Error | str | None = None
    message: str | None = None


_decode = msgspec.json.Decoder(_ErrorBody | Annotated[list[_ErrorBody], Meta(min_length=1)]).decode
"""Some send their error as a list of one."""


def classify(status: int, body: bytes, *, retry_after: float | None, fast: bool) -> Failure:
    """Read a provider's error answer. Anything that is not JSON counts as an ill target, whatever its status."""
    try:
        error = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found, is_json = _Error(), False
    else:
        found, is_json = _named(error[0] if isinstance(error, list) else error), True
    message = found.message or f"the upstream answered {status} without saying why"
    code = str(found.code or found.type or f"http_{status}")
    fault = _fault(status, code, message, is_json=is_json)
    if fault is Fault.KEY_DEAD:
        # What it says is about the operator's account, and some quote the key itself: that is for no caller's eyes.
        message, code = f"it did not accept this relay's key ({status})", "key_refused"
    return Failure(fault, message[:2000], code[:100], status, found.param, retry_after, fast)


def _named(body: _ErrorBody) -> _Error:
    if isinstance(body.error, _Error):
        return body.error
    return _Error(message=body.error if isinstance(body.error, str) else body.message)


def _fault(status: int, code: str, message: str, *, is_json: bool) -> Fault:
    lowered = message.lower()
    if code in POLICY_CODES:
        return Fault.POLICY
    if status in (400, 413, 422) and (code in CONTEXT_CODES or any(text in lowered for text in CONTEXT_TEXTS)):
        return Fault.CONTEXT
    if status in (401, 402, 403):
        return Fault.KEY_DEAD
    if status == 429:
        return Fault.KEY_BUSY
    if status == 404:
        return Fault.GONE if not is_json or "model" in lowered or "model" in code else Fault.REQUEST
    if status in (400, 413, 422) and is_json:
        return Fault.REQUEST
    return Fault.ILL


def decide(
    failure: Failure, *, attempts: int, limit: int, untried: int, repeated: bool, other_key: bool = False
) -> Verdict:
    """What happens after `failure`, before the commit point.

    `attempts` have been made of `limit`; `untried` targets are left; `repeated` says that this target was already tried
    twice; `other_key` that it has one more key that may work. A target that was only busy did not count as an attempt,
    nor did one that only the key kept from answering, so these never use up the limit.
    """
    match failure.fault:
        case Fault.REQUEST | Fault.POLICY:
            return Verdict.STOP
        case Fault.KEY_DEAD | Fault.KEY_BUSY if other_key:
            return Verdict.KEY
        case Fault.BUSY:
            return Verdict.NEXT if untried else Verdict.STOP
        case Fault.ILL if failure.fast and not repeated and attempts < limit:
            return Verdict.SAME
        case _:
            return Verdict.NEXT if untried and attempts < limit else Verdict.STOP


_STATUS = {
    Fault.CONTEXT: (400, "invalid_request_error"),
    Fault.POLICY: (400, "invalid_request_error"),
    Fault.KEY_DEAD: (502, "upstream_error"),
    Fault.KEY_BUSY: (429, "rate_limit_error"),
    Fault.ILL: (502, "upstream_error"),
    Fault.GONE: (503, "upstream_error"),
    Fault.BUSY: (503, "server_error"),
}

BUSY_RETRY_S = 2.0


def refusal(chain: Sequence[tuple[str, Failure]]) -> Refusal:
    """The caller's error after a chain of (target, failure): the first cause, with the whole chain in its metadata."""
    target, first = chain[0]
    attempts: list[dict[str, object]] = [
        {"target": name, "fault": failure.fault.value, "code": failure.code, "message": failure.message}
        for name, failure in chain
    ]
    if first.fault is Fault.REQUEST:
        status, kind = first.status or 400, "invalid_request_error"
    else:
        status, kind = _STATUS[first.fault]
    message = first.message if first.fault in _CALLERS else f"{target} could not answer: {first.message}"
    waits = first.fault in (Fault.KEY_BUSY, Fault.BUSY)
    retry_after = first.retry_after or (BUSY_RETRY_S if waits else None)
    return Refusal(
        status,
        message,
        kind=kind,
        code=first.code,
        param=first.param,
        retry_after=retry_after,
        metadata={"attempts": attempts},
    )


_CALLERS = (Fault.REQUEST, Fault.CONTEXT, Fault.POLICY)
