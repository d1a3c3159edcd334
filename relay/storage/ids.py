"""The ids of rows, below every package that speaks of those rows, so that siblings need not know each other.

Pure: this module imports nothing but `typing`.
"""

from __future__ import annotations

from typing import NewType

PersonId = NewType("PersonId", int)
OrganisationId = NewType("OrganisationId", int)
ProjectId = NewType("ProjectId", int)
KeyId = NewType("KeyId", int)
"""An API key of a caller. The key of a node is named by a string of its own, `key_id`."""

ProviderId = NewType("ProviderId", int)

NodeId = NewType("NodeId", str)
