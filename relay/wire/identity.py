"""Who is who on a link: Ed25519 keys, the strings they sign, and the link secret that betrays a copied key.

Every use of a key signs a text with its own prefix, so that no signature can be shown for another purpose. Randomness
is the caller's: a key is made from 32 bytes it gives.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from typing_extensions import override

SEED_BYTES: Final = 32
NONCE_BYTES: Final = 32
LINK_SECRET_BYTES: Final = 32

_CHALLENGE: Final = b"nightjar challenge v1\0"
_HELLO: Final = b"nightjar hello v1\0"
_LINK: Final = b"nightjar link v1\0"
_ENROL: Final = b"nightjar enrol v1\0"
_ROTATE: Final = b"nightjar rotate v1\0"
_OWNER: Final = b"nightjar owner v1\0"
_CATALOGUE: Final = b"nightjar catalogue v1\0"


# The encodings of the eight points of small order, sign bit aside. As a public key such a point has "signed" what
# nobody signed (under the first, an all-zero signature holds for any text), so it could name a node that everybody is.
_SMALL_ORDER: Final = frozenset(
    bytes.fromhex(encoding)
    for encoding in (
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
    )
)


class SigningKey:
    """A private key, which never shows itself."""

    __slots__ = ("_private", "public")

    def __init__(self, seed: bytes) -> None:
        """`seed` is the private key: 32 random bytes, kept in the operating system's keystore."""
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public: Final = self._private.public_key().public_bytes_raw()

    @property
    def seed(self) -> bytes:
        return self._private.private_bytes_raw()

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.public)

    def sign(self, text: bytes) -> bytes:
        return self._private.sign(text)

    @override
    def __repr__(self) -> str:
        return f"SigningKey({self.fingerprint[:8]}, ***)"


def fingerprint(public_key: bytes) -> str:
    """SHA-256 of a public key in hexadecimal: a node's `key_id`, a relay's `relay_id`."""
    return hashlib.sha256(public_key).hexdigest()


def is_signed(text: bytes, signature: bytes, *, by: bytes) -> bool:
    """Whether `signature` over `text` is of the public key `by`. A malformed or degenerate key has signed nothing."""
    if len(by) != 32 or by[:31] + bytes([by[31] & 0x7F]) in _SMALL_ORDER:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(by).verify(signature, text)
    except (InvalidSignature, ValueError):
        return False
    return True


def challenge_text(*, nonce: bytes, time: int, node_nonce: bytes) -> bytes:
    """What the relay signs to prove itself: its nonce, its clock, and the nonce the node sent in the request header."""
    return _CHALLENGE + nonce + struct.pack("<Q", time) + node_nonce


def hello_text(*, host: str, challenge: bytes, body: bytes) -> bytes:
    """What a node signs: the host:port it dialled, the challenge as received, its hello body as sent."""
    return _HELLO + _bound(host, challenge, body)


def link_mac(secret: bytes, *, host: str, challenge: bytes, body: bytes) -> bytes:
    """Proof of having been in the last session: HMAC-SHA256, or nothing where there was none."""
    if not secret:
        return b""
    return hmac.digest(secret, _LINK + _bound(host, challenge, body), "sha256")


def enrol_text(*, host: str, nonce: bytes, facts: bytes) -> bytes:
    """What a new key signs to be enrolled: the host it was sent to, the relay's nonce, the node's facts as sent."""
    return _ENROL + _bound(host, nonce, facts)


def rotate_text(*, host: str, nonce: bytes, public_key: bytes) -> bytes:
    """What old and new key both sign when the new one takes over."""
    return _ROTATE + _bound(host, nonce, public_key)


def owner_text(*, host: str, nonce: bytes, question: bytes) -> bytes:
    """What a node signs to learn what its owner may know: the host it asks, the relay's nonce, its question as sent."""
    return _OWNER + _bound(host, nonce, question)


def catalogue_text(body: bytes) -> bytes:
    """What the relay signs of its catalogue of models."""
    return _CATALOGUE + hashlib.sha256(body).digest()


def _bound(host: str, first: bytes, second: bytes) -> bytes:
    return host.lower().encode() + b"\0" + hashlib.sha256(first).digest() + hashlib.sha256(second).digest()


@dataclass(frozen=True, slots=True)
class LinkSecrets:
    """The two link secrets a relay remembers of a node, empty where there was none yet.

    `newest` went out with the last welcome, which may never have arrived; so `previous` counts until `newest` has been
    seen. Whoever shows neither holds a copy of the key from before: the key has two holders.
    """

    newest: bytes = field(default=b"", repr=False)
    previous: bytes = field(default=b"", repr=False)

    def shown(self, link: bytes, *, host: str, challenge: bytes, body: bytes) -> bytes | None:
        """Which secret made `link`; `None` if neither did."""
        for secret in (self.newest, self.previous):
            expected = link_mac(secret, host=host, challenge=challenge, body=body)
            if hmac.compare_digest(expected, link):
                return secret
        return None

    @staticmethod
    def after(shown: bytes, *, fresh: bytes) -> LinkSecrets:
        """What to remember once `shown` was seen and `fresh` is about to go out."""
        return LinkSecrets(newest=fresh, previous=shown)
