"""Why a relay was not reached, in a few words for people. Pure; what libraries and the system say goes no further."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import httpx


def why_unreached(error: BaseException) -> str:
    """A short fact without a full stop: `no answer in time`."""
    for cause in _causes(error):
        match cause:
            case TimeoutError() | httpx.TimeoutException():
                return "no answer in time"
            case ssl.SSLCertVerificationError():
                return f"its certificate is not to be trusted: {cause.verify_message}"
            case ssl.SSLError():
                return "what answers there does not speak HTTPS"
            case socket.gaierror():
                return "nobody knows this name"
            case ConnectionRefusedError():
                return "nothing answers there"
            case OSError(strerror=str(why)):
                return why.lower()
    return str(error).rstrip(".").lower() or type(error).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it was made of, the last being the system's own."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
