"""Keeps what a running relay has in memory in line with its database, which the command line changes beside it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from pathlib import Path

from relay.accounts import directory
from relay.accounts.keys import Keyring
from relay.catalogue import store as catalogue_store
from relay.completions.presets import Presets, list_presets
from relay.completions.rules import Rules, list_rules
from relay.configuration import BadSettings
from relay.ledger.pricing import Price
from relay.ledger.service import Ledger
from relay.nodes.reception import Reception
from relay.nodes.registry import Registry
from relay.settings import ProviderSettings
from relay.storage import revision
from relay.storage.engine import Database
from relay.storage.ids import ProviderId
from relay.storage.secret import Secret
from relay.upstreams.providers import Catalogue, OfferedModel, ProviderRecord, list_providers
from relay.upstreams.traits import Traits
from relay.wire.frames import PicoDollars

RELOAD_S = 0.2
"""How often a relay looks whether another process changed keys, nodes, providers or credit.

Shorter than it takes to copy a new key from one window to another. A look is one row read off the loop's thread,
0.35 ms of CPU: 0.2 % of a core.
"""

_log = logging.getLogger(__name__)


class Reload:
    """Keeps the snapshots in memory in line with the database."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        *,
        reception: Reception,
        registry: Registry,
        keyring: Keyring,
        catalogue: Catalogue,
        rules: Rules,
        presets: Presets,
        providers: Collection[ProviderSettings],
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._reception = reception
        self._registry = registry
        self._keyring = keyring
        self._catalogue = catalogue
        self._rules = rules
        self._presets = presets
        self._configured = [_configured(each) for each in providers]
        self._seen = -1

    async def forever(self) -> None:
        """Look again and again. A database that is away for a while is looked for again."""
        while True:
            await asyncio.sleep(RELOAD_S)
            try:
                if await self._database.read(revision.current) != self._seen:
                    await self.now()
            except Exception:  # noqa: BLE001 - the supervisor of the snapshots
                _log.exception("the control plane could not be reloaded; trying again")

    async def now(self) -> None:
        """Take in rules, keys, providers, nodes and deposits: a key works no earlier than its rule."""
        self._seen = await self._database.read(revision.current)
        self._rules.load(await self._database.read(list_rules))
        self._keyring.load(await self._database.read(directory.key_records))
        self._presets.load(await self._database.read(list_presets))
        self._catalogue.load([*self._configured, *await self._database.read(list_providers)])
        self._registry.vouch(await self._database.read(catalogue_store.vouched))
        await self._reception.reload()
        await self._ledger.refresh()


def _configured(provider: ProviderSettings) -> ProviderRecord:
    key = provider.api_key
    if provider.api_key_file:
        key = secret_in(Path(provider.api_key_file), f"the key of provider {provider.name!r}")
    models_ = tuple(
        OfferedModel(
            name=model.name,
            upstream=model.upstream or model.name,
            context=model.context,
            price=Price(PicoDollars(model.prompt_price), PicoDollars(model.completion_price)),
            traits=Traits(
                quantisation=model.quantisation,
                parameters=model.parameters,
                region=model.region,
                collects_data=model.collects_data,
                keeps_nothing=model.keeps_nothing,
                continues=model.continues,
            ),
        )
        for model in provider.models
    )
    return ProviderRecord(ProviderId(0), provider.name, provider.base_url, Secret(key), models_)


def secret_in(file: Path, what: str) -> str:
    """Raises BadSettings."""
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettings(file, f"{what} cannot be read: {error}") from error
