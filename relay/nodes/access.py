"""Who asks for a node's owner: the node itself, by a signature of the key it was enrolled with.

As in enrolment, the desktop signs a nonce of ours together with the host it dialled, so a question to one relay is
worth nothing at another; the question itself is signed with them. A nonce serves for a while and is stored nowhere. A
node that is revoked or suspended is told nothing: of a suspended key there may be two holders.
"""

from __future__ import annotations

import enum
import secrets
from collections.abc import Collection
from typing import Final

from relay.clock import Clock
from relay.nodes import store
from relay.nodes.refused import Refused
from relay.nodes.seals import Seals
from relay.nodes.store import NodeRecord
from relay.nodes.throttle import Throttle
from relay.storage.engine import Database
from relay.storage.ids import NodeId
from relay.wire.identity import SigningKey, is_signed, owner_text
from relay.wire.owner import Asked

NONCE_S: Final = 300.0
QUESTIONS_PER_MIN: Final = 120
STRANGERS_PER_MIN: Final = 30
_NONCE: Final = "owner nonce"
_MINUTE_S: Final = 60.0


class AccessFault(enum.Enum):
    """Why nothing is told, as the code of the error a desktop gets."""

    STALE_NONCE = "stale_nonce"
    UNKNOWN_NODE = "unknown_node"
    BARRED = "node_barred"
    BAD_SIGNATURE = "bad_signature"
    TOO_MANY = "too_many_requests"


class AccessRefused(Refused):
    """Nothing is told."""


class OwnerAccess:
    """Promises that a question is answered to the node it names and to nobody else."""

    def __init__(self, database: Database, *, key: SigningKey, hosts: Collection[str], clock: Clock) -> None:
        """`hosts` are the relay's names as host:port."""
        self._database = database
        self._key = key
        self._hosts = tuple(hosts)
        self._clock = clock
        self._seals = Seals(key.seed)
        self._strangers = Throttle(STRANGERS_PER_MIN, _MINUTE_S)
        self._questions = Throttle(QUESTIONS_PER_MIN, _MINUTE_S)

    @property
    def key(self) -> SigningKey:
        """Signs what desktops check with the key they pinned."""
        return self._key

    def nonce(self, address: str) -> bytes:
        """Raises AccessRefused."""
        self._take(self._strangers, address)
        expires_ms = self._clock.now_ms() + round(NONCE_S * 1000)
        return self._seals.nonce(_NONCE, secrets.token_bytes(8), expires_ms=expires_ms)

    async def asker(self, asked: Asked, address: str) -> NodeRecord:
        """The node that signed the question. Raises AccessRefused."""
        if not self._seals.is_fresh(_NONCE, asked.nonce, now_ms=self._clock.now_ms()):
            raise AccessRefused(AccessFault.STALE_NONCE, "This took too long. Ask again with a new nonce.")
        node = await self._database.read(lambda connection: store.known(connection, NodeId(asked.node_id)))
        if node is None or not self._is_signed(asked, node.record.public_key):
            self._take(self._strangers, address)
            if node is None:
                raise AccessRefused(AccessFault.UNKNOWN_NODE, "This relay knows no such node.")
            known = ", ".join(self._hosts)
            message = f"The signature is not that of the node, or not for this relay, which is known as {known}."
            raise AccessRefused(AccessFault.BAD_SIGNATURE, message)
        if node.record.barred is not None:
            raise AccessRefused(AccessFault.BARRED, f"This relay has barred this PC ({node.record.barred}).")
        self._take(self._questions, node.record.id)
        return node.record

    def _is_signed(self, asked: Asked, public_key: bytes) -> bool:
        return any(
            is_signed(owner_text(host=host, nonce=asked.nonce, question=asked.question), asked.signature, by=public_key)
            for host in self._hosts
        )

    def _take(self, throttle: Throttle, who: str) -> None:
        wait = throttle.take(who, self._clock.now())
        if wait is not None:
            raise AccessRefused(AccessFault.TOO_MANY, "Too many questions. Wait a minute.", retry_after=wait)
