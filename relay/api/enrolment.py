"""The desktop's side of enrolment over HTTP: thin JSON routes over `nodes.enrolment`.

Nobody here is authenticated; every step is bounded, signed or a secret of its own. Bodies are a few KiB at most.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, TypeVar

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response
from msgspec import Meta

from relay.api import desktop_json
from relay.api.desktop_json import address
from relay.nodes.enrolment import Enrolment, EnrolmentRefused, Fault, Loopback, Statement

MAX_BODY: Final = 16 * 1024
_STATUS: Final = {
    Fault.UNKNOWN_CODE: 404,
    Fault.EXPIRED: 410,
    Fault.DECIDED: 409,
    Fault.KEY_TAKEN: 409,
    Fault.BAD_SIGNATURE: 403,
    Fault.BAD_PROOF: 403,
    Fault.BAD_TOKEN: 403,
    Fault.TOO_MANY: 429,
}
"""Anything else is the request's fault, 400."""

_Word = Annotated[str, Meta(max_length=256)]
_Sealed = Annotated[str, Meta(max_length=1024)]


class _Signed(msgspec.Struct, frozen=True):
    nonce: Annotated[bytes, Meta(min_length=32, max_length=32)]
    facts: Annotated[bytes, Meta(max_length=8192)]
    signature: Annotated[bytes, Meta(min_length=64, max_length=64)]

    @property
    def statement(self) -> Statement:
        return Statement(self.nonce, self.facts, self.signature)


class _Start(_Signed, frozen=True):
    redirect_port: Annotated[int, Meta(ge=1, le=65535)] | None = None
    code_challenge: Annotated[str, Meta(pattern=r"^([A-Za-z0-9_-]{43})?$")] = ""
    state: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{0,64}$")] = ""

    @property
    def loopback(self) -> Loopback | None:
        if self.redirect_port is None or not self.code_challenge:
            return None
        return Loopback(self.redirect_port, self.code_challenge, self.state)


class _ByToken(_Signed, frozen=True, kw_only=True):
    token: _Word


class _Poll(msgspec.Struct, frozen=True):
    device_code: _Word


class _Proof(msgspec.Struct, frozen=True):
    device_code: _Word
    code: _Sealed
    verifier: _Word


S = TypeVar("S", bound=msgspec.Struct)
Answer = dict[str, Any]


def router(enrolment: Enrolment) -> APIRouter:
    """POST /v1/node/enrol/{challenge, start, poll, proof, token}."""
    routes = APIRouter(prefix="/v1/node/enrol")

    @routes.post("/challenge")
    async def challenge(request: Request) -> Response:
        async def answer() -> Answer:
            nonce = enrolment.challenge(address(request))
            return {"nonce": nonce, "relay_id": enrolment.relay_id, "relay_key": enrolment.relay_key}

        return await _answered(answer)

    @routes.post("/start")
    async def start(request: Request) -> Response:
        return await _answered(lambda: _start(enrolment, request))

    @routes.post("/poll")
    async def poll(request: Request) -> Response:
        return await _answered(lambda: _poll(enrolment, request))

    @routes.post("/proof")
    async def proof(request: Request) -> Response:
        async def answer() -> Answer:
            body = await _read(request, _Proof)
            url = await enrolment.prove(body.device_code, body.code, body.verifier, address=address(request))
            return {"continue_url": url}

        return await _answered(answer)

    @routes.post("/token")
    async def token(request: Request) -> Response:
        async def answer() -> Answer:
            body = await _read(request, _ByToken)
            node = await enrolment.by_token(body.statement, body.token, address(request))
            return {"node_id": node.id, "key_id": node.key_id}

        return await _answered(answer)

    return routes


async def _start(enrolment: Enrolment, request: Request) -> Answer:
    body = await _read(request, _Start)
    started = await enrolment.start(body.statement, address(request), scheme=request.url.scheme, loopback=body.loopback)
    return {
        "device_code": started.issued.device_code.reveal(),
        "user_code": started.issued.user_code,
        "approve_url": started.approve_url,
        "open_url": started.open_url,
        "expires_in": started.expires_in,
        "interval": started.interval,
    }


async def _poll(enrolment: Enrolment, request: Request) -> Answer:
    body = await _read(request, _Poll)
    found = await enrolment.poll(body.device_code, address(request))
    state = enrolment.outcome(found)
    answer: Answer = {"state": state}
    if state == "approved":
        answer |= {"node_id": found.node, "key_id": found.key_id}
    return answer


async def _read(request: Request, struct: type[S]) -> S:
    body: S = await desktop_json.read(request, struct, limit=MAX_BODY)
    return body


async def _answered(answer: Callable[[], Awaitable[Answer]]) -> Response:
    try:
        return desktop_json.answer(await answer())
    except desktop_json.UnreadableBody as error:
        return desktop_json.error(400, f"The request cannot be read: {error}.", Fault.BAD_REQUEST.value)
    except EnrolmentRefused as refused:
        return desktop_json.refusal(refused, _STATUS)
