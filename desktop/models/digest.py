"""What a model is, in 32 bytes: two nodes whose digests are equal can continue each other's answers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

_READ: Final = 1 << 20


def model_digest(file_sha256: str, template_sha256: str, parser: int, projector_sha256: str = "") -> str:
    """Stands for weights, template, the version of our pipeline from tokens to text, and a picture part; all hex."""
    facts = [file_sha256, template_sha256, str(parser), *([projector_sha256] if projector_sha256 else [])]
    return hashlib.sha256("\0".join(["nightjar model v1", *facts]).encode()).hexdigest()


def file_sha256(path: Path, *, read: Callable[[int], None] = lambda _size: None) -> str:
    """Reads the whole file; `read` hears how many bytes of it are done."""
    with path.open("rb") as file:
        hasher, done = hashlib.sha256(), 0
        while block := file.read(_READ):
            hasher.update(block)
            read(done := done + len(block))
    return hasher.hexdigest()


@dataclass(frozen=True, slots=True)
class DigestCache:
    """Remembers the hashes of large files by size and time of change, in one JSON file.

    A cache that cannot be read or written costs time and nothing else.
    """

    path: Path

    def sha256(self, model: Path) -> str:
        facts = model.stat()
        key = f"{model.resolve()}|{facts.st_size}|{facts.st_mtime_ns}"
        if (known := self._load().get(key)) is not None:
            return known
        sha256 = file_sha256(model)
        self.remember(model, sha256)
        return sha256

    def remember(self, model: Path, sha256: str) -> None:
        """What is known already: a verified file need not be read again before its first load."""
        facts = model.stat()
        key, before = f"{model.resolve()}|{facts.st_size}|{facts.st_mtime_ns}", self._load()
        if before.get(key) != sha256:
            known = {name: value for name, value in before.items() if not name.startswith(f"{model.resolve()}|")}
            self._save(known | {key: sha256})

    def _load(self) -> dict[str, str]:
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=dict[str, str])
        except (OSError, msgspec.DecodeError):
            return {}

    def _save(self, known: dict[str, str]) -> None:
        partial = self.path.with_suffix(".partial")
        try:
            partial.write_bytes(msgspec.json.encode(known))
            partial.replace(self.path)
        except OSError:
            return
