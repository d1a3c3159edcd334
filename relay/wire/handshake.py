"""How a link opens: the relay proves itself, then the node does, and a copied key gives itself away.

A nonce belongs to one socket and its first hello. So there is no table of nonces and nothing to replay, and the clocks
of both sides may be wrong.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from relay.wire import codec, version
from relay.wire.errors import ProtocolViolation, RelayNotProven
from relay.wire.frames import Challenge, CloseCode, Hello, HelloBody
from relay.wire.identity import (
    LinkSecrets,
    SigningKey,
    challenge_text,
    fingerprint,
    hello_text,
    is_signed,
    link_mac,
)


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What the relay knows of a node from before: its key, the secrets of its last sessions, the last epoch."""

    public_key: bytes
    secrets: LinkSecrets = field(default_factory=LinkSecrets)
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Proven:
    """It is the node. Its `secrets` must be durable before the welcome goes out, or next time it looks like a copy."""

    body: HelloBody
    secrets: LinkSecrets = field(repr=False)
    epoch: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """It is not, or not in a language we speak. `code` and `message` are those of the refusal.

    `cloned`: the key has two holders. Then this socket and the node's other one close, and the key is suspended.
    """

    code: CloseCode
    message: str
    cloned: bool = False


class RelayHandshake:
    """The relay's side, for one socket."""

    def __init__(self, *, key: SigningKey, hosts: Collection[str], nonce: bytes) -> None:
        self._key = key
        self._hosts = tuple(hosts)
        self._nonce = nonce
        self._challenge = b""
        self._hello: Hello | None = None
        self.body: HelloBody | None = None

    def challenge(self, *, node_nonce: bytes, time: int) -> bytes:
        signature = self._key.sign(challenge_text(nonce=self._nonce, time=time, node_nonce=node_nonce))
        self._challenge = codec.encode(
            Challenge(
                nonce=self._nonce,
                relay_id=self._key.fingerprint,
                relay_signature=signature,
                versions=list(version.SUPPORTED),
                time=time,
            ),
        )
        return self._challenge

    @property
    def is_challenged(self) -> bool:
        return bool(self._challenge)

    def hear(self, hello: Hello) -> HelloBody:
        """The one hello of this socket, its claims not yet proven."""
        if not self._challenge or self._hello is not None:
            raise ProtocolViolation("a hello nobody asked for")
        self._hello = hello
        self.body = codec.decode_hello_body(hello.body)
        return self.body

    def judge(self, enrolled: Enrolled | None, *, fresh_secret: bytes) -> Proven | Rejected:
        """Whether the hello was made by the key we know, at one of our names, by its only holder."""
        hello, body = self._hello, self.body
        if hello is None or body is None or enrolled is None:
            return Rejected(CloseCode.NOT_AUTHENTICATED, "this node is not enrolled here")
        host = self._signed_host(hello, enrolled.public_key)
        if host is None or body.key_id != fingerprint(enrolled.public_key):
            return Rejected(CloseCode.NOT_AUTHENTICATED, "the hello is not signed by this node's key for this relay")
        shown = enrolled.secrets.shown(hello.link, host=host, challenge=self._challenge, body=hello.body)
        if shown is None:
            return Rejected(CloseCode.REVOKED, "cloned: this node's key is in use on two computers", cloned=True)
        if body.version not in version.SUPPORTED:
            return Rejected(CloseCode.VIOLATION, "this relay does not speak that version: update Nightjar")
        return Proven(body, LinkSecrets.after(shown, fresh=fresh_secret), enrolled.epoch)

    def _signed_host(self, hello: Hello, public_key: bytes) -> str | None:
        for host in self._hosts:
            text = hello_text(host=host, challenge=self._challenge, body=hello.body)
            if is_signed(text, hello.signature, by=public_key):
                return host
        return None


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """What a node needs to open a link: who it is, and who the relay must be.

    `host` is the host:port it dials and was enrolled at; `relay_key` the relay's public key pinned then; `link_secret`
    came with the last welcome, empty before the first.
    """

    node_id: str
    key: SigningKey
    host: str
    relay_key: bytes
    link_secret: bytes = field(default=b"", repr=False)


class NodeHandshake:
    """The node's side, for one socket."""

    def __init__(self, identity: NodeIdentity, *, nonce: bytes) -> None:
        self._identity = identity
        self.nonce: Final = nonce
        self._challenge = b""
        self._version = 0

    def hear(self, challenge: Challenge, message: bytes) -> None:
        """Check the relay's proof. `message` is the challenge as received."""
        if self._challenge:
            raise ProtocolViolation("a second challenge")
        pinned = self._identity.relay_key
        text = challenge_text(nonce=challenge.nonce, time=challenge.time, node_nonce=self.nonce)
        if challenge.relay_id != fingerprint(pinned) or not is_signed(text, challenge.relay_signature, by=pinned):
            raise RelayNotProven("this is not the relay this computer was enrolled with")
        chosen = version.choose(challenge.versions)
        if chosen is None:
            raise ProtocolViolation("the relay speaks no version this program knows: update Nightjar")
        self._challenge, self._version = message, chosen

    @property
    def is_challenged(self) -> bool:
        return bool(self._challenge)

    @property
    def version(self) -> int:
        """Of the language, as chosen from the relay's challenge."""
        return self._version

    def hello(self, body: HelloBody) -> bytes:
        identity, signed = self._identity, codec.encode_hello_body(body)
        text = hello_text(host=identity.host, challenge=self._challenge, body=signed)
        link = link_mac(identity.link_secret, host=identity.host, challenge=self._challenge, body=signed)
        return codec.encode(Hello(body=signed, signature=identity.key.sign(text), link=link))
