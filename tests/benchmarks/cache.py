"""Where benchmarks keep what is costly to make: compiled tools, a large model. All of it can be deleted at any time."""

import hashlib
import os
from pathlib import Path


def folder(name: str) -> Path:
    """A folder of this name under the user's cache, made if absent."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    path = Path(base) / "nightjar" / "benchmarks" / name
    path.mkdir(parents=True, exist_ok=True)
    return path


def wheels() -> Path:
    """Where `./dev` keeps the wheels it compiled."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "nightjar" / "wheels"


def fingerprint(*parts: bytes) -> str:
    """A short name for exactly this content."""
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]
