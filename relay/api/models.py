"""The rare routes of the OpenAI-format API: models, and what became of a call. Ordinary FastAPI."""

from __future__ import annotations

from typing import Protocol

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from relay.accounts.errors import AuthenticationFault, NotAuthenticated
from relay.accounts.identity import Identity
from relay.accounts.keys import Keyring
from relay.completions.refusal import not_authenticated, unknown_model
from relay.completions.targets import ListedModel, Targets
from relay.ledger.service import Ledger
from relay.storage.engine import Database


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

    return routes


def _model(model: ListedModel) -> dict[str, object]:
    return {
        "id": model.name,
        "object": "model",
        "created": 0,
        "owned_by": model.owned_by,
        "context_length": model.context,
    }
