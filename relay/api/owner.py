"""What a node's owner may know, over HTTP: POST /v1/node/owner/{nonce, ask}. Thin routes over `owner_answers`."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from relay.api.desktop_json import UnreadableBody, address, answer, decoded, error, read, refusal
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


def router(services: OwnerServices) -> APIRouter:
    """Both routes; errors in the form of the other ones."""
    routes = APIRouter()
    desk = OwnerDesk(services)

    @routes.post(wire.NONCE_PATH)
    async def nonce(request: Request) -> Response:
        try:
            return answer(wire.Fresh(services.owners.nonce(address(request)), NONCE_S))
        except AccessRefused as refused:
            return refusal(refused, _STATUS)

    @routes.post(wire.ASK_PATH)
    async def ask(request: Request) -> Response:
        try:
            asked: wire.Asked = await read(request, wire.Asked, limit=MAX_BODY)
            question = decoded(asked.question, wire.Question)
            node = await services.owners.asker(asked, address(request))
        except AccessRefused as refused:
            return refusal(refused, _STATUS)
        except UnreadableBody as unreadable:
            return error(400, f"The question cannot be read: {unreadable}.", "invalid_request")
        return answer(await desk.answer(node, question))

    return routes
