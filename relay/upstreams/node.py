"""A node as an upstream: how a call is offered to it, and what it may know of the caller.

A node never learns key, account or address. What it gets instead is a *tenant*, so that prompt caches are shared only
within one organisation on one node, and nodes cannot compare notes.
"""

from __future__ import annotations

import hashlib
from typing import Literal

from relay.nodes.link import Leg, LegSink, NodeLink
from relay.storage.ids import NodeId, OrganisationId
from relay.upstreams.port import Attempt
from relay.wire.frames import CallHeader, Resume

_REMEMBERED = 65_536


class Tenants:
    """Keyed hashes of (organisation, node), with one secret of the relay."""

    def __init__(self, secret: bytes) -> None:
        self._secret = hashlib.blake2b(secret, digest_size=32, person=b"nightjar tenant").digest()
        self._known: dict[tuple[OrganisationId, NodeId], str] = {}

    def of(self, organisation: OrganisationId, node: NodeId) -> str:
        """The name an organisation has on one node, 128 bits as hex."""
        pair = (organisation, node)
        known = self._known.get(pair)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            text = f"{organisation}\0{node}".encode()
            known = self._known[pair] = hashlib.blake2b(text, digest_size=16, key=self._secret).hexdigest()
        return known


class NodeAttempt(Attempt):
    """The call's handle on its leg at a node."""

    def __init__(self, leg: Leg) -> None:
        self._leg = leg

    def cancel(self) -> None:
        self._leg.cancel()

    def pause(self) -> None:
        """Nothing: the socket is shared, and a slow caller must not hold up the others. The core cancels it instead."""

    def resume(self) -> None:
        """Nothing, as for `pause`."""

    def finish(self) -> None:
        """Nothing: a node's own terminal is what ends a leg."""


def offer_chat(
    link: NodeLink,
    body: bytes,
    sink: LegSink,
    *,
    kind: Literal["chat", "completion", "embedding"],
    created: int,
    model: str,
    n: int,
    deadline_s: float,
    seed: int,
    tenant: str,
    max_tokens: int,
    resume: Resume | None = None,
    ids: bytes = b"",
) -> Attempt:
    """Offer a call; with `resume` one that another node began, of which `ids` are the delivered tokens.

    Raises:
        LinkUnavailable: the link takes no call any more.
    """
    header = CallHeader(
        created=created,
        model=model,
        kind=kind,
        n=n,
        deadline_s=deadline_s,
        seed=seed,
        tenant=tenant,
        max_tokens=max_tokens,
        resume=resume,
    )
    return NodeAttempt(link.open(header, body, sink, ids=ids))
