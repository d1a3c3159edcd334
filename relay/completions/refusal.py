"""A call that is answered with an error: what happened, as a fact that an edge turns into an OpenAI error object.

Every refusal names what the caller can do. `envelope` writes the bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from relay.errors import RelayError
from relay.ledger.errors import LedgerUnavailable
from relay.routing.policy import LeftOut


class Refusal(RelayError):
    """An answer with an error status. `retry_after` is in seconds."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
        metadata: dict[str, object] | None = None,
    ) -> None:
        self.status = status
        self.message = message
        self.kind = kind
        self.code = code
        self.param = param
        self.retry_after = retry_after
        self.metadata = metadata
        super().__init__(message)

    def __str__(self) -> str:
        return f"{self.status} {self.code or self.kind}: {self.message}"


def bad_request(message: str, *, param: str | None = None, code: str | None = None) -> Refusal:
    """The request itself is at fault (400)."""
    return Refusal(400, message, kind="invalid_request_error", param=param, code=code)


def misspelt(name: str, meant: str) -> Refusal:
    """A field that some servers take for another one (400)."""
    message = (
        f"Unrecognized request argument: '{name}'. Some servers take it for '{meant}': write '{meant}', or leave it."
    )
    return bad_request(message, param=name, code="unknown_parameter")


def not_authenticated(message: str) -> Refusal:
    """No key, or not a good one (401)."""
    return Refusal(401, message, kind="invalid_request_error", code="invalid_api_key")


def unknown_model(model: str) -> Refusal:
    """No target of this relay has such a model, or this key may not reach one (404)."""
    message = f"The model '{model}' does not exist or this key has no access to it. GET /v1/models lists what there is."
    return Refusal(404, message, kind="invalid_request_error", param="model", code="model_not_found")


def wrong_method(method: str, path: str) -> Refusal:
    """The path takes POST only (405)."""
    return Refusal(405, f"{path} takes POST, not {method}.", kind="invalid_request_error", code="method_not_allowed")


def too_large(limit: int) -> Refusal:
    """The body is over the limit (413)."""
    message = f"The request body is larger than {limit // 2**20} MiB. Shorten the messages, or send fewer images."
    return Refusal(413, message, kind="invalid_request_error", code="request_too_large")


def no_credit(needed: int, available: int) -> Refusal:
    """The organisation cannot pay for this call (402). Amounts in nano-dollars."""
    message = (
        f"This call may cost up to ${needed / 1e9:.6f}, but only ${max(available, 0) / 1e9:.6f} of credit is free. "
        "Lower max_tokens, or add credit: whoever runs this relay does it with `nightjar-relay credit add 5` ($5)."
    )
    return Refusal(402, message, kind="insufficient_quota", code="insufficient_credit")


def unknown_preset(slug: str) -> Refusal:
    """The organisation has no preset of that name (404)."""
    message = f"There is no preset '{slug}'. Whoever runs this relay lists them with `nightjar-relay preset list`."
    return Refusal(404, message, kind="invalid_request_error", param="model", code="preset_not_found")


def not_allowed(model: str) -> Refusal:
    """A rule of the relay keeps this key from a model (403)."""
    message = f"This key may not use '{model}'. GET /v1/models lists what it may use."
    return Refusal(403, message, kind="permission_error", param="model", code="model_not_allowed")


def all_busy(model: str, retry_after: float) -> Refusal:
    """Every target is at work or resting (503)."""
    message = f"Everything that can answer for '{model}' is busy. Try again in {retry_after:.0f} s."
    return Refusal(503, message, kind="server_error", code="all_targets_busy", retry_after=retry_after)


def no_node_shares(model: str, retry_after: float) -> Refusal:
    """Nodes have the model, but the owner of each has paused it or needs the PC (503)."""
    message = (
        f"The PCs that have '{model}' are connected, but none of them is sharing just now: paused, or in use by its "
        f"owner. Try again in {retry_after:.0f} s."
    )
    return Refusal(503, message, kind="server_error", code="no_node_shares", retry_after=retry_after)


def shutting_down() -> Refusal:
    """The relay is going (503)."""
    message = "This relay is shutting down. Try again in a few seconds."
    return Refusal(503, message, kind="server_error", code="shutting_down", retry_after=5.0)


def unexpected() -> Refusal:
    """A fault of the relay's own (500)."""
    message = "The relay met a fault that it did not expect, and has logged it. Nothing was charged for this call."
    return Refusal(500, message, kind="server_error", code="internal_error")


def no_ledger(error: LedgerUnavailable) -> Refusal:
    """Nothing can be booked just now, so nothing is admitted (503)."""
    return Refusal(503, str(error), kind="server_error", code="ledger_unavailable", retry_after=5)


def all_resting(model: str, left_out: Sequence[LeftOut], rests_s: float) -> Refusal:
    """Every target failed or was refused of late, and is left alone for a while (503), or needs the operator (502)."""
    resting = [each for each in left_out if each.reason == "resting"]
    why = "; ".join(f"{name}: {detail}" for name, detail in sorted({(e.candidate.name, e.detail) for e in resting}))
    if rests_s == inf:
        message = f"Nothing can answer for '{model}' before whoever runs this relay has looked after it. {why}."
        return Refusal(502, message, kind="upstream_error", code="key_refused", metadata=left_out_told(left_out))
    message = f"Everything that can answer for '{model}' is at rest. Try again in {rests_s:.0f} s. {why}."
    return Refusal(
        503,
        message,
        kind="server_error",
        code="all_targets_resting",
        retry_after=rests_s,
        metadata=left_out_told(left_out),
    )


def none_fits(model: str, left_out: Sequence[LeftOut], only: Sequence[str] = ()) -> Refusal:
    """The call itself rules out whoever could answer it (404, as OpenRouter has it).

    `only` are the names that it gave, behind the model's or in `provider.only`: where they are nobody's, it says so.
    """
    kind = "invalid_request_error"
    if only and not any(each.candidate.is_called(name) for each in left_out for name in only):
        named = " or ".join(f"'{name}'" for name in only)
        there = ", ".join(sorted({f"{each.candidate.name} (pool {each.candidate.pool})" for each in left_out}))
        message = f"There is no pool or target {named} that offers '{model}'. There are: {there}. Ask for one of these."
        return Refusal(
            404, message, kind=kind, param="provider", code="no_target_fits", metadata=left_out_told(left_out)
        )
    why = "; ".join(f"{name}: {detail}" for name, detail in sorted({(e.candidate.name, e.detail) for e in left_out}))
    param = "max_cost" if all(each.reason == "max_cost" for each in left_out) else "provider"
    message = f"No target of '{model}' meets what this call asks for. {why}. Ask for less, or for another model."
    return Refusal(404, message, kind=kind, param=param, code="no_target_fits", metadata=left_out_told(left_out))


def left_out_told(left_out: Sequence[LeftOut]) -> dict[str, object]:
    """What the decision says of each target, for programs."""
    told = [{"target": e.candidate.name, "reason": e.reason, "detail": e.detail} for e in left_out]
    return {"left_out": told}
