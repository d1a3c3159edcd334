"""The JSON routes that desktops speak to: bodies of bounded size in, structs or one form of error out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from fastapi import Request
from fastapi.responses import Response

from relay.nodes.refused import Refused


class UnreadableBody(Exception):
    """A request that cannot be read; the text says why, to go into a sentence."""


async def read(request: Request, kind: Any, *, limit: int) -> Any:
    """The body, never more of it in memory than `limit` bytes. Raises UnreadableBody."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > limit:
            raise UnreadableBody(f"it is larger than {limit // 1024} KiB")
    return decoded(bytes(data), kind)


def decoded(data: bytes, kind: Any) -> Any:
    """`data` as a struct, or as one of a union, which is no type a checker could follow. Raises UnreadableBody."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableBody(str(error) if isinstance(error, msgspec.ValidationError) else "not JSON") from error


def answer(body: object, status: int = 200) -> Response:
    """`body` as JSON that nobody may keep."""
    return Response(msgspec.json.encode(body), status, {"cache-control": "no-store"}, media_type="application/json")


def error(status: int, message: str, code: str) -> Response:
    """An error object in OpenAI's form."""
    told = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return answer({"error": told}, status)


def refusal(refused: Refused, statuses: Mapping[Any, int]) -> Response:
    """As `error`; a fault without a status of its own is a 400."""
    response = error(statuses.get(refused.fault, 400), refused.message, refused.fault.value)
    if refused.retry_after is not None:
        response.headers["retry-after"] = str(max(1, round(refused.retry_after)))
    return response


def address(request: Request) -> str:
    """Who asks, as uvicorn sees it: a trusted forwarder's word included, nobody else's."""
    return request.client.host if request.client else "local"
