"""The API key of a private relay, which itself keeps only a hash: kept here, and made anew where it opens nothing.

A file may be damaged, a key revoked.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx

from desktop.errors import LocalRelayFailed
from desktop.local.relay_process import Announcement, RelayProcess
from desktop.system.secrets import FileStore, Secret

_NAME = "api-key"
_SHAPE = re.compile(rb"sk-nj-[A-Za-z0-9_-]+")
_PATIENCE_S = 15.0
_LOOK_S = 0.1


async def api_key(folder: Path, relay: RelayProcess, announcement: Announcement) -> str:
    """Of the relay that runs over `folder`. Raises DesktopError."""
    store = FileStore(folder / "secrets")
    key = announcement.api_key
    if not key:
        kept = store.load(_NAME)
        if kept is not None and await is_accepted(kept, announcement.endpoint):
            return kept.reveal().decode("ascii")
        key = str((await relay.ask("key", "create", "local"))["key"])
        await until_accepted(Secret(key.encode()), announcement.endpoint)
    store.save(_NAME, Secret(key.encode()))
    return key


async def is_accepted(key: Secret, endpoint: str) -> bool:
    """Asks the relay, unless it is no key at all. Raises LocalRelayFailed."""
    value = key.reveal()
    if not _SHAPE.fullmatch(value):
        return False
    headers = {"Authorization": f"Bearer {value.decode('ascii')}"}
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=_PATIENCE_S) as http:
            answer = await http.get(f"{endpoint}/models", headers=headers)
    except httpx.HTTPError as error:
        raise LocalRelayFailed("it does not answer") from error
    return answer.status_code != httpx.codes.UNAUTHORIZED


async def until_accepted(key: Secret, endpoint: str) -> None:
    """Waits until the relay knows a key that was just made. Raises LocalRelayFailed if it never does."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            while not await is_accepted(key, endpoint):  # noqa: ASYNC110 - another process, which cannot wake us
                await asyncio.sleep(_LOOK_S)
    except TimeoutError as error:
        raise LocalRelayFailed("it does not accept the key it made") from error
