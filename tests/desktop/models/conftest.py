"""A file to download, a server that has it, and a disk that can be full."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import httpx
import pytest

from desktop.models.catalogue import Entry
from desktop.models.disk import Disk, RealDisk
from desktop.models.download import Download, Order, Patience, client
from desktop.models.limiter import SpeedLimit
from desktop.models.partial import part_paths
from tests.desktop.models.file_server import FileServer

CONTENT = random.Random(7).randbytes(3_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class SmallDisk(RealDisk):
    """A disk with `room` bytes: what is reserved or written beyond fails as the system says it."""

    def __init__(self, room: int, *, told: int | None = None) -> None:
        self.room = room
        self.told = told

    def free(self, folder: Path) -> int:
        return self.room + 10**12 if self.told is None else self.told

    def reserve(self, file: BinaryIO, size: int) -> None:
        """Thinks it can: another program may take the room between here and the writing."""

    def write(self, file: BinaryIO, at: int, data: bytes | memoryview) -> None:
        if at + len(data) > self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().write(file, at, data)


class Heard:
    """What a download reported."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.notes: list[str] = []
        self._thread = threading.get_ident()

    def received(self, size: int) -> None:
        assert threading.get_ident() == self._thread
        self.sizes.append(size)

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)


@dataclass
class Scene:
    """A server with a file, and a PC that wants it at `target`."""

    server: FileServer
    http: httpx.AsyncClient
    target: Path
    heard: Heard

    def download(self, *, disk: Disk | None = None, limit: SpeedLimit | None = None, **changed: Any) -> Download:
        wanted: dict[str, Any] = {"url": self.server.url, "size": len(CONTENT), "sha256": self.server.sha256}
        order = Order(target=self.target, **wanted | changed)
        return Download(order, disk or RealDisk(), limit=limit or SpeedLimit(), report=self.heard)

    async def attempt(self, **changed: Any) -> None:
        await self.download(**changed).attempt(self.http)


@pytest.fixture
async def scene(target: Path) -> AsyncIterator[Scene]:
    async with FileServer(CONTENT).serving() as server, client(Patience(connect_s=5, stall_s=0.5)) as http:
        yield Scene(server, http, target, Heard())


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "models" / "model.gguf"


def content(path: Path) -> bytes | None:
    """What the file holds; None if there is none."""
    return path.read_bytes() if path.exists() else None


def leftovers(target: Path) -> list[Path]:
    """What there is of an unfinished download."""
    return [path for path in part_paths(target) if path.exists()]


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def an_offer(**changed: Any) -> Entry:
    """A catalogue entry of `CONTENT`."""
    values: dict[str, Any] = {
        "id": "tiny",
        "title": "Tiny",
        "file": "tiny.gguf",
        "size": len(CONTENT),
        "sha256": SHA256,
        "url": "https://models.example/tiny.gguf",
    }
    return Entry(**values | changed)


def an_entry(server: FileServer, **changed: Any) -> Entry:
    """The server's file in the catalogue."""
    return an_offer(**{"sha256": server.sha256, "url": server.url} | changed)
