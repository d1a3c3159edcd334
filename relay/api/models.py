"""The rare routes of the OpenAI-format API: models, and what became of a call. Ordinary FastAPI."""

from __future__ import annotations

import re
from typing import Protocol

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from relay.accounts.errors import AuthenticationFault, NotAuthenticated
from relay.accounts.identity import Identity
from relay.accounts.keys import Keyring
from relay.completions.refusal import Refusal, bad_request, not_authenticated, unknown_model
from relay.completions.targets import ListedModel, Targets
from relay.ledger.service import Ledger
from relay.storage.engine import Database
from relay.usage import reports

_HEX = re.compile(r"[0-7][0-9a-f]{15}")
"""A positive int63, as the database holds it."""


class ModelServices(Protocol):
    """What these routes need of the relay."""

    @property
    def keyring(self) -> Keyring: ...
    @property
    def targets(self) -> Targets: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def database(self) -> Database: ...


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


def router(services: ModelServices) -> APIRouter:
    """`GET /v1/models`, `GET /v1/models/{id}`."""
    routes = APIRouter()

    @routes.get("/v1/models")
    async def list_models(request: Request) -> JSONResponse:
        identity = caller(services.keyring, request)
        found = services.targets.models(identity)
        return JSONResponse({"object": "list", "data": [_model(each) for each in found]})

    @routes.get("/v1/models/{name:path}")
    async def get_model(name: str, request: Request) -> JSONResponse:
        identity = caller(services.keyring, request)
        for each in services.targets.models(identity):
            if each.name == name:
                return JSONResponse(_model(each))
        raise unknown_model(name)

    @routes.get("/v1/generation")
    async def get_generation(request: Request, id: str = "") -> JSONResponse:  # noqa: A002 - the parameter's public name
        identity = caller(services.keyring, request)
        number = _call_number(id)
        await services.ledger.flush()
        found = await services.database.read(lambda connection: reports.call(connection, identity.organisation, number))
        if found is None:
            message = f"There is no finished call {id!r}. A running one appears here when it has ended."
            raise Refusal(404, message, kind="invalid_request_error", param="id", code="generation_not_found")
        return JSONResponse({"data": _generation(id, found)})

    return routes


def _call_number(text: str) -> int:
    """The call an id stands for: the value of `x-generation-id`, or of `id` in the answer."""
    prefix, _, digits = text.rpartition("-")
    if prefix not in ("gen", "chatcmpl", "req") or not _HEX.fullmatch(digits):
        raise bad_request("'id' must be the x-generation-id of an answer.", param="id")
    return int(digits, 16)


def _generation(identifier: str, call: reports.CallUsage) -> dict[str, object]:
    """What became of a call; money in nano-dollars, times in Unix milliseconds."""
    return {
        "id": identifier,
        "model": call.model,
        "target": call.target,
        "state": call.state,
        "finish_reason": call.finish_reason,
        "error": call.error,
        "streamed": call.streamed,
        "attempts": call.attempts,
        "tokens_prompt": call.prompt_tokens,
        "tokens_completion": call.completion_tokens,
        "token_source": call.token_source,
        "created_ms": call.started_ms,
        "ttft_ms": call.ttft_ms,
        "duration_ms": call.duration_ms,
        "cost_nano_usd": call.cost_nano,
        "shares": {"node": call.owner_nano, "operator": call.operator_nano, "provider": call.provider_nano},
    }


def _model(model: ListedModel) -> dict[str, object]:
    return {
        "id": model.name,
        "object": "model",
        "created": 0,
        "owned_by": model.owned_by,
        "context_length": model.context,
    }
