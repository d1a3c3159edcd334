"""Who asks a rare route, and how its answers write money, moments and query values."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from fastapi import Request

from relay.accounts.errors import AuthenticationFault, NotAuthenticated
from relay.accounts.identity import Identity
from relay.accounts.keys import Keyring
from relay.completions.refusal import Refusal, bad_request, not_authenticated

_NANO: Final = 1_000_000_000


def caller(keyring: Keyring, request: Request) -> Identity:
    """Who is asking.

    Raises:
        Refusal: 401.
    """
    header = request.headers.get("authorization")
    try:
        return keyring.authenticate(header.encode() if header is not None else None)
    except NotAuthenticated as error:
        missing = error.reason is AuthenticationFault.MISSING
        text = "You didn't provide an API key." if missing else "Incorrect API key provided."
        raise not_authenticated(text) from error


def dollars(nano: int) -> float:
    """Nano-dollars as the number of dollars that JSON clients read."""
    return nano / _NANO


def moment(at_ms: int) -> str:
    """Unix milliseconds in ISO 8601, UTC."""
    return dt.datetime.fromtimestamp(at_ms / 1000, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def whole(query: Any, name: str, default: int, *, least: int = 0, most: int = 2**31) -> int:
    """A query value that is a whole number. Raises Refusal."""
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and least <= int(text) <= most):
        raise bad_request(f"{name!r} must be a whole number from {least} to {most}.", param=name)
    return int(text)


def no_such(what: str, name: str, *, param: str | None, code: str) -> Refusal:
    """404."""
    return Refusal(404, f"There is no {what} {name!r}.", kind="invalid_request_error", param=param, code=code)
