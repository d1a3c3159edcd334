"""Looks after keys that were refused: the provider is asked for its list of models, at no cost, until it says yes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Final

from relay.upstreams.keys import ProviderKey
from relay.upstreams.port import ResponseSink
from relay.upstreams.provider import Provider

PATIENCE_S: Final = 10.0

_log = logging.getLogger(__name__)


class Prober:
    """One at a time, every `every_s` seconds; nobody who is well is ever asked."""

    def __init__(self, providers: Callable[[], Iterable[Provider]], every_s: float) -> None:
        self._providers = providers
        self._every_s = every_s

    async def forever(self) -> None:
        while self._every_s:
            await asyncio.sleep(self._every_s)
            try:
                await self.look()
            except Exception:  # noqa: BLE001 - the supervisor of the probes
                _log.exception("a provider could not be probed; trying again")

    async def look(self) -> None:
        """Ask for each refused key whether it is taken now."""
        for provider in list(self._providers()):
            for key in provider.keys:
                if key.refused and await _status(provider, key) == 200:
                    key.worked()
                    _log.warning("provider %s takes a key again that it had refused", provider.name)


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
