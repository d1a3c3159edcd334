"""The code a person reads from one screen and types on another. Pure.

Eight letters without vowels and look-alikes: 20^8 codes, no words, easy to say on the phone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

ALPHABET: Final = "BCDFGHJKLMNPQRSTVWXZ"
LENGTH: Final = 8


def new_user_code(below: Callable[[int], int]) -> str:
    """A code; `below(n)` draws a number under n, as `secrets.randbelow` does."""
    return "".join(ALPHABET[below(len(ALPHABET))] for _ in range(LENGTH))


def as_typed(text: str) -> str | None:
    """The code in what a person typed, however it was spaced; None if it can be none."""
    letters = "".join(char for char in text.upper() if not (char.isspace() or char in "-‐‑–—._"))  # noqa: RUF001
    return letters if len(letters) == LENGTH and all(char in ALPHABET for char in letters) else None


def digest(purpose: str, secret: str) -> bytes:
    """What is kept of a code or token instead of itself."""
    return hashlib.sha256(f"nightjar {purpose}\0{secret}".encode()).digest()
