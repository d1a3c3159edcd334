"""What a key may know of itself and its organisation: `/v1/key`, `/v1/credits`, `/v1/activity`, `/v1/generation`.

Names and types are OpenRouter's, so that its clients work; what it has no name for is ours. What is not known is null.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, Final, Protocol

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from relay.accounts import directory
from relay.accounts.identity import Identity
from relay.accounts.keys import Keyring
from relay.api.callers import caller, dollars, moment
from relay.clock import Clock
from relay.completions.refusal import Refusal, bad_request
from relay.ledger.service import Ledger
from relay.ledger.statement import statement
from relay.storage.engine import Database
from relay.usage import activity, reports

ACTIVITY_DAYS: Final = 30
"""Before today, which is told too as far as it went."""

_HEX: Final = re.compile(r"[0-7][0-9a-f]{15}")
"""A positive int63, as the database holds it."""

_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")


class AccountServices(Protocol):
    """What these routes need of the relay."""

    @property
    def clock(self) -> Clock: ...
    @property
    def keyring(self) -> Keyring: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def database(self) -> Database: ...


def router(services: AccountServices) -> APIRouter:
    """All four routes."""
    routes = APIRouter()
    books = _Books(services)

    @routes.get("/v1/generation")
    async def get_generation(request: Request) -> JSONResponse:
        identity = caller(services.keyring, request)
        return JSONResponse({"data": await books.generation(identity, request.query_params.get("id", ""))})

    @routes.get("/v1/key")
    @routes.get("/v1/auth/key")
    async def get_key(request: Request) -> JSONResponse:
        return JSONResponse({"data": await books.key(caller(services.keyring, request))})

    @routes.get("/v1/credits")
    async def get_credits(request: Request) -> JSONResponse:
        return JSONResponse({"data": await books.credits(caller(services.keyring, request))})

    @routes.get("/v1/activity")
    async def get_activity(request: Request) -> JSONResponse:
        identity = caller(services.keyring, request)
        return JSONResponse({"data": await books.activity(identity, request.query_params.get("date"))})

    return routes


class _Books:
    def __init__(self, services: AccountServices) -> None:
        self._services = services

    async def generation(self, identity: Identity, identifier: str) -> dict[str, Any]:
        """Raises Refusal."""
        number = _call_number(identifier)
        database = self._services.database
        await self._services.ledger.flush()
        found = await database.read(lambda connection: reports.call(connection, identity.organisation, number))
        if found is None:
            message = f"There is no finished call {identifier!r}. A running one appears here when it has ended."
            raise Refusal(404, message, kind="invalid_request_error", param="id", code="generation_not_found")
        legs = await database.read(lambda connection: activity.legs(connection, number))
        return _generation(identifier, found) | {"legs": [_leg(each) for each in legs] or _only_leg(found)}

    async def key(self, identity: Identity) -> dict[str, Any]:
        now = dt.datetime.fromtimestamp(self._services.clock.now_ms() / 1000, dt.UTC)
        today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        monday, first = today - dt.timedelta(days=today.weekday()), today.replace(day=1)
        since = [0, *(round(each.timestamp() * 1000) for each in (today, monday, first))]
        database = self._services.database
        await self._services.ledger.flush()
        spent = await database.read(
            lambda connection: activity.spent_by_key(connection, identity.organisation, identity.key, since)
        )
        keys = await database.read(
            lambda connection: directory.list_keys(connection, organisation=identity.organisation)
        )
        credit = await database.read(lambda connection: statement(connection, identity.organisation))
        return _key(next(each for each in keys if each.id == identity.key), *map(dollars, spent)) | {
            "is_free_tier": credit.deposited == 0
        }

    async def credits(self, identity: Identity) -> dict[str, Any]:
        await self._services.ledger.flush()
        found = await self._services.database.read(lambda connection: statement(connection, identity.organisation))
        return {"total_credits": dollars(found.deposited), "total_usage": dollars(found.spent)}

    async def activity(self, identity: Identity, date: str | None) -> list[dict[str, Any]]:
        """Raises Refusal."""
        since_ms, until_ms = _period(date, self._services.clock.now_ms())
        await self._services.ledger.flush()
        found = await self._services.database.read(
            lambda connection: activity.by_day(connection, identity.organisation, since_ms=since_ms, until_ms=until_ms)
        )
        return [_activity(each) for each in found]


def _call_number(text: str) -> int:
    """The call an id stands for: the value of `x-generation-id`, or of `id` in the answer."""
    prefix, _, digits = text.rpartition("-")
    if prefix not in ("gen", "chatcmpl", "req") or not _HEX.fullmatch(digits):
        raise bad_request("'id' must be the x-generation-id of an answer.", param="id")
    return int(digits, 16)


def _period(date: str | None, now_ms: int) -> tuple[int, int]:
    """From when to when, in Unix milliseconds: one UTC day, or the last `ACTIVITY_DAYS` and today."""
    day = now_ms // activity.DAY_MS
    if date is None:
        return (day - ACTIVITY_DAYS) * activity.DAY_MS, (day + 1) * activity.DAY_MS
    try:
        if not _DATE.fullmatch(date):
            raise ValueError(date)
        asked = dt.date.fromisoformat(date).toordinal() - dt.date(1970, 1, 1).toordinal()
    except ValueError as error:
        raise bad_request("'date' must be a day as 2026-01-31, in UTC.", param="date") from error
    if not day - ACTIVITY_DAYS <= asked <= day:
        raise bad_request(f"'date' must be today or one of the {ACTIVITY_DAYS} days before it, in UTC.", param="date")
    return asked * activity.DAY_MS, (asked + 1) * activity.DAY_MS


def _generation(identifier: str, call: reports.CallUsage) -> dict[str, Any]:
    """What became of a call; times of a day in Unix milliseconds, money also in nano-dollars."""
    cost = dollars(call.cost_nano)
    answering = None if call.ttft_ms is None else call.duration_ms - call.ttft_ms
    return {
        "id": identifier,
        "upstream_id": None,
        "model": call.model,
        "provider_name": call.provider or call.target,
        "created_at": moment(call.started_ms),
        "streamed": call.streamed,
        "cancelled": call.state == "cancelled",
        "latency": call.ttft_ms,
        "generation_time": answering,
        "moderation_latency": None,
        "tokens_prompt": call.prompt_tokens,
        "tokens_completion": call.completion_tokens,
        "native_tokens_prompt": call.prompt_tokens,
        "native_tokens_completion": call.completion_tokens,
        "native_tokens_cached": call.cached_tokens,
        "native_tokens_reasoning": None,
        "finish_reason": call.finish_reason,
        "native_finish_reason": None,
        "total_cost": cost,
        "usage": cost,
        "is_byok": False,
        "cache_discount": None,
        "target": call.target,
        "state": call.state,
        "error": call.error,
        "attempts": call.attempts,
        "token_source": call.token_source,
        "created_ms": call.started_ms,
        "ttft_ms": call.ttft_ms,
        "duration_ms": call.duration_ms,
        "cost_nano_usd": call.cost_nano,
        "shares": {"node": call.owner_nano, "operator": call.operator_nano, "provider": call.provider_nano},
    }


def _only_leg(call: reports.CallUsage) -> list[dict[str, Any]]:
    """The one target that delivered the call, if any did."""
    if call.target is None or not (call.prompt_tokens or call.completion_tokens):
        return []
    spent = (call.prompt_tokens, call.completion_tokens, call.cost_nano)
    return [_leg(activity.Leg(call.target, call.provider, *spent))]


def _leg(leg: activity.Leg) -> dict[str, Any]:
    return {
        "target": leg.target,
        "provider_name": leg.provider or leg.target,
        "tokens_prompt": leg.prompt_tokens,
        "tokens_completion": leg.completion_tokens,
        "cost": dollars(leg.cost_nano),
        "cost_nano_usd": leg.cost_nano,
    }


def _key(key: directory.ListedKey, total: float, day: float, week: float, month: float) -> dict[str, Any]:
    """No key has a limit of its own yet, and nobody brings keys of their own."""
    return {
        "label": f"{key.shown}...",
        "name": key.name,
        "limit": None,
        "limit_remaining": None,
        "limit_reset": None,
        "include_byok_in_limit": False,
        "usage": total,
        "usage_daily": day,
        "usage_weekly": week,
        "usage_monthly": month,
        "byok_usage": 0,
        "byok_usage_daily": 0,
        "byok_usage_weekly": 0,
        "byok_usage_monthly": 0,
        "is_management_key": False,
        "is_provisioning_key": False,
        "expires_at": None if key.expires_ms is None else moment(key.expires_ms),
    }


def _activity(found: activity.Activity) -> dict[str, Any]:
    return {
        "date": found.date,
        "model": found.model,
        "model_permaslug": found.model,
        "endpoint_id": f"{found.target}:{found.model}",
        "provider_name": found.provider or found.target,
        "usage": dollars(found.cost_nano),
        "byok_usage_inference": 0,
        "requests": found.calls,
        "prompt_tokens": found.prompt_tokens,
        "completion_tokens": found.completion_tokens,
    }
