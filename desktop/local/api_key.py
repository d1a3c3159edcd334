"""Whether the API key that was kept still opens the private relay: a file may be damaged, a key revoked."""

from __future__ import annotations

import re

import httpx

from desktop.errors import LocalRelayFailed
from desktop.system.secrets import Secret

_SHAPE = re.compile(rb"sk-nj-[A-Za-z0-9_-]+")
_PATIENCE_S = 15.0


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
