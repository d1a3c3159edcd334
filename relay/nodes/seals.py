"""Short-lived facts that travel through somebody else's hands and come back unchanged: nonces, proofs, sign-ins.

Sealed instead of stored, so that any process of the relay can check what another one gave out.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Final

import msgspec

_MAC_BYTES: Final = 16
_NONCE_BYTES: Final = 32


class _Sealed(msgspec.Struct, array_like=True):
    expires_ms: int
    facts: dict[str, str]


_decode = msgspec.json.Decoder(_Sealed).decode


class Seals:
    """Seals with one secret of the relay. Each `purpose` is a world of its own: a seal for one opens no other."""

    def __init__(self, secret: bytes) -> None:
        self._secret = hashlib.blake2b(secret, digest_size=32, person=b"nightjar seals").digest()

    def seal(self, purpose: str, facts: dict[str, str], *, expires_ms: int) -> str:
        """Text for a URL, a form or a cookie. The facts can be read by whoever holds it, but not changed."""
        payload = msgspec.json.encode(_Sealed(expires_ms, facts))
        return base64.urlsafe_b64encode(self._mac(purpose, payload) + payload).rstrip(b"=").decode()

    def open(self, purpose: str, text: str, *, now_ms: int) -> dict[str, str] | None:
        """The facts, or None if this relay did not seal them for this purpose, or their time is over."""
        try:
            data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        payload = data[_MAC_BYTES:]
        if not hmac.compare_digest(self._mac(purpose, payload), data[:_MAC_BYTES]):
            return None
        sealed = _decode(payload)
        return sealed.facts if now_ms < sealed.expires_ms else None

    def nonce(self, purpose: str, chance: bytes, *, expires_ms: int) -> bytes:
        """32 bytes to be signed by somebody; `chance` is 8 random bytes."""
        head = expires_ms.to_bytes(8, "big") + chance
        return head + self._mac(purpose, head)

    def is_fresh(self, purpose: str, nonce: bytes, *, now_ms: int) -> bool:
        """Whether this is a nonce of ours whose time is not over."""
        head, mac = nonce[:-_MAC_BYTES], nonce[-_MAC_BYTES:]
        if len(nonce) != _NONCE_BYTES or not hmac.compare_digest(self._mac(purpose, head), mac):
            return False
        return now_ms < int.from_bytes(head[:8], "big")

    def _mac(self, purpose: str, payload: bytes) -> bytes:
        message = purpose.encode() + b"\0" + payload
        return hmac.digest(self._secret, message, "sha256")[:_MAC_BYTES]
