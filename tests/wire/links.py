"""Both ends of a link without a socket: what one says, the other hears at once. And valid values to say."""

from __future__ import annotations

import hashlib
from typing import Any

from relay.wire.frames import AdvertisedModel, Call, CallHeader, LegId, StepKind, Usage
from relay.wire.handshake import Enrolled, NodeIdentity, Proven
from relay.wire.identity import LinkSecrets, SigningKey
from relay.wire.node_session import NodeSession
from relay.wire.relay_session import RelaySession
from relay.wire.session import NodeEvent, RelayEvent
from relay.wire.steps import StepRecord

HOST = "relay.example:443"
RELAY_KEY = SigningKey(b"r" * 32)
NODE_KEY = SigningKey(b"n" * 32)
STRANGER_KEY = SigningKey(b"s" * 32)
RELAY_NONCE = b"1" * 32
NODE_NONCE = b"2" * 32
UNIX_TIME = 1_760_000_000
DIGEST = hashlib.sha256(b"prompt").digest()
USAGE = Usage(prompt_tokens=7, completion_tokens=2)


def an_identity(**changed: Any) -> NodeIdentity:
    values: dict[str, Any] = {"node_id": "node-1", "key": NODE_KEY, "host": HOST, "relay_key": RELAY_KEY.public}
    return NodeIdentity(**values | changed)


def a_call(**changed: Any) -> CallHeader:
    values: dict[str, Any] = {
        "created": UNIX_TIME,
        "model": "nightjar-demo",
        "kind": "chat",
        "n": 1,
        "deadline_s": 600.0,
        "seed": 42,
        "tenant": "tenant-1",
        "max_tokens": 100,
    }
    return CallHeader(**values | changed)


def an_offer(leg: int, **changed: Any) -> Call:
    """A call as it stands on the wire."""
    header = a_call()
    values = {name: getattr(header, name) for name in header.__struct_fields__}
    return Call(**values | {"id": LegId(leg), "body_len": 0} | changed)


def a_model(**changed: Any) -> AdvertisedModel:
    values: dict[str, Any] = {"model": "nightjar-demo", "digest": "sha256:abc", "context": 2048, "slots": 8}
    return AdvertisedModel(**values | changed)


def text(leg: int, data: str, *, ids: bytes = b"\1\0\0\0", choice: int = 0, kind: int = StepKind.TEXT) -> StepRecord:
    return StepRecord(LegId(leg), choice, int(kind), ids, data.encode())


def end(leg: int, reason: str = "stop", *, choice: int = 0) -> StepRecord:
    return text(leg, reason, ids=b"", choice=choice, kind=StepKind.END)


class Link:
    """A relay and a node that hear each other without delay, at a time the test owns."""

    def __init__(self, *, secrets: LinkSecrets | None = None, fresh_secret: bytes = b"S" * 32, **identity: Any) -> None:
        self.now = 1000.0
        self.enrolled = Enrolled(NODE_KEY.public, secrets or LinkSecrets())
        self.fresh_secret = fresh_secret
        self.relay = RelaySession(key=RELAY_KEY, hosts=["other.example:443", HOST], nonce=RELAY_NONCE)
        self.node = NodeSession(an_identity(**identity), nonce=NODE_NONCE)

    def relay_says(self, message: bytes) -> list[NodeEvent]:
        """What the node makes of it."""
        return list(self.node.receive(message, self.now))

    def node_says(self, message: bytes) -> list[RelayEvent]:
        """What the relay makes of it."""
        return list(self.relay.receive(message, self.now))

    def relay_challenges(self) -> list[NodeEvent]:
        return self.relay_says(self.relay.challenge(node_nonce=NODE_NONCE, time=UNIX_TIME))

    def judge(self) -> Any:
        return self.relay.judge(self.enrolled, fresh_secret=self.fresh_secret)

    def relay_offers(self, body: bytes = b'{"messages":[]}', **header: Any) -> LegId:
        leg, message = self.relay.offer(a_call(**header), body)
        self.relay_says(message)
        return leg

    def node_accepts(self, leg: LegId) -> LegId:
        self.node_says(self.node.accept(leg, prompt_tokens=7, prompt_digest=DIGEST))
        return leg


def a_ready_link(**values: Any) -> Link:
    link = Link(**values)
    link.relay_challenges()
    link.node_says(link.node.hello())
    assert isinstance(link.judge(), Proven)
    link.relay_says(link.relay.welcome(session="session-1", epoch=1))
    return link
