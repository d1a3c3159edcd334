"""Who a call is made for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from relay.storage.ids import KeyId, OrganisationId, ProjectId

POOLS: Final = frozenset({"own", "organisation", "trusted", "community", "cloud"})
"""Every pool a key can reach."""

DEFAULT_EXPOSURE: Final = frozenset({"own", "organisation", "cloud"})
"""What a new key reaches: strangers' machines only after a person has read what that means."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a valid key says about its caller. `name` is the key's, for people; `exposure` the pools it may reach."""

    organisation: OrganisationId
    project: ProjectId
    key: KeyId
    name: str
    exposure: frozenset[str] = DEFAULT_EXPOSURE
