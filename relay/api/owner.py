"""What a node's owner may know, over HTTP: POST /v1/node/owner/{nonce, ask}. Thin routes over `owner_answers`."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from relay.api.owner_answers import OwnerDesk, OwnerServices
from relay.nodes.access import NONCE_S, AccessFault, AccessRefused
from relay.wire import owner as wire

MAX_BODY: Final = 8 * 1024
_STATUS: Final = {
    AccessFault.STALE_NONCE: 401,
    AccessFault.UNKNOWN_NODE: 404,
    AccessFault.BARRED: 403,
    AccessFault.BAD_SIGNATURE: 403,
    AccessFault.TOO_MANY: 429,
}


class _BadQuestion(Exception):
    """The body or the question in it is not what it should be."""


def router(services: OwnerServices) -> APIRouter:
    """Both routes; errors in the form of the other ones."""
    routes = APIRouter()
    desk = OwnerDesk(services)

    @routes.post(wire.NONCE_PATH)
    async def nonce(request: Request) -> Response:
        try:
            return _json(200, wire.Fresh(services.owners.nonce(_address(request)), NONCE_S))
        except AccessRefused as refused:
            return _refused(refused)

    @routes.post(wire.ASK_PATH)
    async def ask(request: Request) -> Response:
        try:
            asked = await _read(request)
            question = _decoded(asked.question, wire.Question)
            node = await services.owners.asker(asked, _address(request))
        except AccessRefused as refused:
            return _refused(refused)
        except _BadQuestion as error:
            return _error(400, f"The question cannot be read: {error}.", "invalid_request")
        return _json(200, await desk.answer(node, question))

    return routes


async def _read(request: Request) -> wire.Asked:
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_BODY:
            raise _BadQuestion("it is larger than any question")
    asked: wire.Asked = _decoded(bytes(data), wire.Asked)
    return asked


def _decoded(data: bytes, kind: Any) -> Any:  # a union is no type a checker could follow here
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _BadQuestion(str(error) if isinstance(error, msgspec.ValidationError) else "not JSON") from error


def _refused(refused: AccessRefused) -> Response:
    response = _error(_STATUS[refused.fault], refused.message, refused.fault.value)
    if refused.retry_after is not None:
        response.headers["retry-after"] = str(max(1, round(refused.retry_after)))
    return response


def _error(status: int, message: str, code: str) -> Response:
    return _json(status, {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}})


def _json(status: int, body: object) -> Response:
    return Response(msgspec.json.encode(body), status, {"cache-control": "no-store"}, media_type="application/json")


def _address(request: Request) -> str:
    return request.client.host if request.client else "local"
