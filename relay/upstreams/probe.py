"""Looks after providers that are not used just now: those that refused a key, and those that kept failing.

They are asked for their list of models, which costs nothing.
"""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import Final

from relay.clock import Clock
from relay.upstreams.keys import ProviderKey
from relay.upstreams.port import ResponseSink
from relay.upstreams.provider import Provider
from relay.upstreams.providers import Catalogue

PATIENCE_S: Final = 10.0

_log = logging.getLogger(__name__)


class Prober:
    """Asks each of them at once, one question after the other, every `every_s` seconds; nobody who is well is asked."""

    def __init__(self, catalogue: Catalogue, clock: Clock, every_s: float) -> None:
        self._catalogue = catalogue
        self._clock = clock
        self._every_s = every_s

    async def forever(self) -> None:
        while self._every_s:
            await asyncio.sleep(self._every_s)
            try:
                await self.look()
            except Exception:  # noqa: BLE001 - the supervisor of the probes
                _log.exception("a provider could not be probed; trying again")

    async def look(self) -> None:
        """Ask for each refused key whether it is taken now, and each provider that keeps failing whether it is up."""
        await asyncio.gather(*map(self._look_at, self._catalogue.providers))

    async def _look_at(self, provider: Provider) -> None:
        for key in provider.keys:
            if key.refused and await _status(provider, key) == HTTPStatus.OK:
                key.worked()
                _log.warning("provider %s takes a key again that it had refused", provider.name)
        await self._look_at_failing(provider)

    async def _look_at_failing(self, provider: Provider) -> None:
        now = self._clock.now()
        breakers = [each.health.breaker for each in self._catalogue.targets_of(provider)]
        failing = [each for each in breakers if each.state(now) == "open"]
        key = next((key for key in provider.keys if not key.refused), None)
        if failing and key is not None:
            up = 0 < await _status(provider, key) < HTTPStatus.INTERNAL_SERVER_ERROR
            for breaker in failing:
                breaker.looked(self._clock.now(), up=up)


async def _status(provider: Provider, key: ProviderKey) -> int:
    """What the provider answers; 0 if it does not."""
    sink = _Head()
    attempt = provider.list_models(sink, key)
    try:
        return await asyncio.wait_for(sink.status, PATIENCE_S)
    except TimeoutError:
        return 0
    finally:
        attempt.cancel()


class _Head(ResponseSink):
    """All that is of interest is the status."""

    def __init__(self) -> None:
        self.status: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def connected(self) -> None: ...

    def head(self, status: int, content_type: bytes, retry_after: float | None) -> None:  # noqa: ARG002 - the port's
        self._tell(status)

    def body(self, data: bytes) -> None: ...

    def end(self) -> None:
        self._tell(0)

    def lost(self, reason: str, *, fast: bool) -> None:  # noqa: ARG002 - the port's
        self._tell(0)

    def _tell(self, status: int) -> None:
        if not self.status.done():
            self.status.set_result(status)
