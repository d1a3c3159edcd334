"""The models a key can name, and who offers them: `/v1/models`, their endpoints, `/v1/providers`.

Names and types are OpenRouter's; OpenAI's clients find theirs among them. What is not known is null or left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from relay.accounts.identity import Identity
from relay.accounts.keys import Keyring
from relay.api.callers import caller
from relay.api.model_filters import chosen
from relay.catalogue import store as catalogue_store
from relay.clock import Clock
from relay.completions.refusal import unknown_model
from relay.completions.targets import Offer, Targets
from relay.routing.health import Health
from relay.routing.windows import Spread
from relay.storage.engine import Database

_Entries = Mapping[str, catalogue_store.Listed]


class ModelServices(Protocol):
    """What these routes need of the relay."""

    @property
    def keyring(self) -> Keyring: ...
    @property
    def targets(self) -> Targets: ...
    @property
    def database(self) -> Database: ...
    @property
    def clock(self) -> Clock: ...


def router(services: ModelServices) -> APIRouter:
    """`GET /v1/models`, `/v1/models/{id}`, `/v1/models/{id}/endpoints`, `/v1/providers`."""
    routes = APIRouter()

    async def catalogue() -> _Entries:
        return {each.entry.id: each for each in await services.database.read(catalogue_store.listed)}

    @routes.get("/v1/models")
    async def list_models(request: Request) -> JSONResponse:
        offers = services.targets.offers(caller(services.keyring, request))
        entries = await catalogue()
        models = [_model(name, found, entries.get(name)) for name, found in offers.items()]
        total, kept = chosen(models, offers, request.query_params)
        return JSONResponse({"object": "list", "data": kept, "total_count": total})

    @routes.get("/v1/models/{name:path}/endpoints")
    async def list_endpoints(name: str, request: Request) -> JSONResponse:
        found = _found(services.targets, name, caller(services.keyring, request))
        entry = (await catalogue()).get(name)
        model = _model(name, found, entry)
        told = ("id", "name", "created", "description", "architecture")
        now = services.clock.now()
        endpoints = [_endpoint(name, each, now) for each in found]
        return JSONResponse({"data": {key: model[key] for key in told} | {"endpoints": endpoints}})

    @routes.get("/v1/models/{name:path}")
    async def get_model(name: str, request: Request) -> JSONResponse:
        found = _found(services.targets, name, caller(services.keyring, request))
        return JSONResponse(_model(name, found, (await catalogue()).get(name)))

    @routes.get("/v1/providers")
    async def list_providers(request: Request) -> JSONResponse:
        offers = services.targets.offers(caller(services.keyring, request))
        names = sorted({each.name for found in offers.values() for each in found if each.pool == "cloud"})
        return JSONResponse({"data": [_provider(name) for name in names]})

    return routes


def _found(targets: Targets, name: str, identity: Identity) -> Sequence[Offer]:
    found = targets.offers(identity).get(name)
    if found is None:
        raise unknown_model(name)
    return found


def _model(name: str, offers: Sequence[Offer], listed: catalogue_store.Listed | None) -> dict[str, Any]:
    """One model, at the price of the cheapest who offers it; `offers` has at least one."""
    cheapest = min(offers, key=lambda each: each.price.prompt + each.price.completion)
    context = max(each.context for each in offers)
    cloud = next((each for each in offers if each.pool == "cloud"), None)
    model: dict[str, Any] = {
        "id": name,
        "canonical_slug": name,
        "object": "model",
        "name": name if listed is None else listed.entry.title,
        "created": 0 if listed is None else listed.created_ms // 1000,
        "owned_by": "nightjar" if cloud is None else cloud.name,
        "description": "" if listed is None else listed.entry.summary,
        "context_length": context,
        "architecture": _architecture(images=any(each.images for each in offers)),
        "pricing": pricing(cheapest),
        "top_provider": {"context_length": cheapest.context, "max_completion_tokens": None, "is_moderated": False},
        "per_request_limits": None,
    }
    parameters = sorted({each for offer in offers for each in offer.parameters})
    return model | {"supported_parameters": parameters} if parameters else model


def _architecture(*, images: bool) -> dict[str, Any]:
    """Every model here answers in text. Of providers nobody says whether they take images."""
    return {
        "modality": "text+image->text" if images else "text->text",
        "input_modalities": ["text", "image"] if images else ["text"],
        "output_modalities": ["text"],
        "tokenizer": None,
        "instruct_type": None,
    }


def pricing(offer: Offer) -> dict[str, str]:
    """Dollars a token, as decimal strings."""
    return {"prompt": _dollars(offer.price.prompt), "completion": _dollars(offer.price.completion), "request": "0"}


def _dollars(pico: int) -> str:
    """Pico-dollars as a plain decimal number of dollars, without an exponent."""
    whole, rest = divmod(pico, 10**12)
    return f"{whole}.{rest:012d}".rstrip("0").rstrip(".")


def _endpoint(model: str, offer: Offer, now: float) -> dict[str, Any]:
    """One target. `status` is OpenRouter's: 0 takes calls, below does not just now."""
    resting = offer.health.breaker.rests_s(now) > 0
    endpoint: dict[str, Any] = {
        "name": f"{offer.name} | {model}",
        "model_id": model,
        "model_name": model,
        "provider_name": offer.name,
        "tag": offer.name,
        "pool": offer.pool,
        "context_length": offer.context,
        "max_completion_tokens": None,
        "max_prompt_tokens": None,
        "pricing": pricing(offer),
        "quantization": offer.quantisation or "unknown",
        "status": -1 if not offer.takes_calls else -2 if resting else 0,
        "supports_implicit_caching": False,
        **_health(offer.health, now),
    }
    return endpoint | {"supported_parameters": list(offer.parameters)} if offer.parameters else endpoint


def _health(health: Health, now: float) -> dict[str, Any]:
    """How it did of late: per cent, milliseconds, tokens a second; and whether it is left alone, why, and for how long.

    What nobody has observed is null.
    """
    uptime = [None if share is None else round(100 * share, 2) for share in health.uptime(now)]
    breaker = health.breaker
    return {
        **dict(zip(("uptime_last_5m", "uptime_last_30m", "uptime_last_1d"), uptime, strict=True)),
        "latency_last_30m": _percentiles(health.first_token_s, 1000),
        "throughput_last_30m": _percentiles(health.tokens_per_s, 1),
        "breaker": {
            "state": breaker.state(now),
            "reason": breaker.reason or None,
            "rests_s": round(breaker.rests_s(now)),
            "count": breaker.count,
        },
    }


def _percentiles(spread: Spread, factor: int) -> dict[str, float] | None:
    found = {f"p{share}": spread.percentile(share / 100) for share in (50, 75, 90, 99)}
    return {name: round(value * factor, 1) for name, value in found.items() if value is not None} or None


def _provider(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "slug": name,
        "privacy_policy_url": None,
        "terms_of_service_url": None,
        "status_page_url": None,
    }
