"""One download, from wherever it was left to a verified file: one try, and what a server's answer means.

The size and SHA-256 are known beforehand, so nothing a server says is believed: it only decides whether the bytes that
are here can be added to (RFC 9110: Range, If-Range, ETag). Whether to try again is `downloads`' part.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final, Protocol, TypeVar

import certifi
import httpx

from desktop.models import addresses
from desktop.models.digest import file_sha256
from desktop.models.disk import Disk
from desktop.models.errors import DiskFull, Passing, SourceChanged, SourceRefused
from desktop.models.limiter import SpeedLimit
from desktop.models.partial import PIECE, Head, PartFile, set_aside

T = TypeVar("T")

KEEP_FREE: Final = 2_000_000_000
"""Bytes of the owner's disk that downloads leave alone: a system without room fails in ways nobody connects with us."""

_FLUSH_S: Final = 2.0
"""On a slow line a kill costs what came in this time, not a whole piece."""

_BUSY: Final = frozenset({408, 425, 429})
_GONE: Final = frozenset({404, 410})
_CLOSED: Final = frozenset({401, 402, 403, 451})
_RANGE: Final = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


@dataclass(frozen=True, slots=True)
class Patience:
    """Times in seconds."""

    connect_s: float = 15.0
    """Slow mobile links need several round trips."""

    stall_s: float = 30.0
    """Nothing received for so long: the network has changed under us, which TCP alone would not notice for minutes."""


@dataclass(frozen=True, slots=True)
class Order:
    """Which file, from where to where. `size` in bytes, `sha256` in hexadecimal."""

    url: str
    target: Path
    size: int
    sha256: str
    redirect_hosts: tuple[str, ...] = ()


class Report(Protocol):
    """Hears how it goes, on the loop's thread."""

    def received(self, size: int) -> None:
        """`size` bytes of the file are here now; less than before when it has to begin anew."""
        ...

    def note(self, sentence: str) -> None:
        """Something that people should know and that stops nothing."""
        ...


def client(patience: Patience) -> httpx.AsyncClient:
    """For files of any host: no cookies, no credentials, certificates of certifi, redirects ours to judge."""
    timeout = httpx.Timeout(patience.stall_s, connect=patience.connect_s)
    context = ssl.create_default_context(cafile=certifi.where())
    here = httpx.AsyncHTTPTransport(verify=context)  # a proxy of the environment is not for this PC itself
    return httpx.AsyncClient(
        verify=context,
        timeout=timeout,
        follow_redirects=False,
        headers={"accept-encoding": "identity", "accept": "*/*"},
        mounts={f"all://{host}": here for host in ("127.0.0.1", "localhost", "[::1]")},
    )


class Download:
    """One order. Promises that nothing is at `order.target` before it is all of the file and its hash is right."""

    def __init__(self, order: Order, disk: Disk, *, limit: SpeedLimit, report: Report) -> None:
        self._order = order
        self._disk = disk
        self._limit = limit
        self._report = report

    async def attempt(self, http: httpx.AsyncClient) -> None:
        """Until the file is there. What has come by then stays, however it ends.

        Raises Passing where another try may do, else DownloadStopped.
        """
        order, stop = self._order, threading.Event()
        addresses.checked(order.url)
        part = PartFile(order.target, Head(url=order.url, size=order.size, sha256=order.sha256), self._disk)
        try:
            if await _in_thread(lambda: self._open(part, stop), on_cancel=stop.set):
                return
            self._report.received(part.proven)
            if not part.complete:
                await self._fetch(http, part)
            if not part.complete:
                raise Passing(f"{addresses.host_of(order.url)} ended the connection early")
            await _in_thread(part.finish)
        finally:
            part.close()

    def _open(self, part: PartFile, stop: threading.Event) -> bool:
        """True if the file is there already, as after an end between its last step and its entry in the library."""
        part.acquire()
        target = self._order.target
        if target.exists() and target.stat().st_size == self._order.size and file_sha256(target) == self._order.sha256:
            return True
        self._check_room()
        part.open(stop.is_set)
        return False

    def _check_room(self) -> None:
        """Before anything is asked of anybody. What is set aside for this file already counts as there."""
        folder = self._order.target.parent
        free, need = self._disk.free(folder) - KEEP_FREE, self._order.size - set_aside(self._order.target)
        if free < need:
            raise DiskFull(folder, need, max(free, 0))

    async def _fetch(self, http: httpx.AsyncClient, part: PartFile) -> None:
        url = self._order.url
        for _ in range(addresses.MAX_REDIRECTS + 1):
            request = http.build_request("GET", url, headers=_headers(part))
            try:
                response = await http.send(request, stream=True)
                try:
                    if not response.has_redirect_location:
                        await self._receive(response, part)
                        return
                    url = addresses.redirected(
                        self._order.url, url, response.headers["location"], allowed=self._order.redirect_hosts
                    )
                finally:
                    await response.aclose()
            except httpx.TransportError as error:
                raise Passing(_trouble(error, addresses.host_of(url))) from error
            except httpx.InvalidURL as error:
                raise SourceRefused(f"{addresses.host_of(url)} sends us to an address that is none") from error
        raise SourceRefused(f"{addresses.host_of(self._order.url)} sends us on and on")

    async def _receive(self, response: httpx.Response, part: PartFile) -> None:
        await self._prepare(response, part)
        loop = asyncio.get_running_loop()
        waiting, since = bytearray(), loop.time()
        try:
            async for chunk in response.aiter_raw():
                await self._limit.spend(len(chunk))
                waiting += chunk
                if len(waiting) >= PIECE or loop.time() - since >= _FLUSH_S:
                    await self._keep(part, waiting)
                    since = loop.time()
        finally:
            # Also what came before a cut or a pause counts. Less than a piece, so it may be written from here.
            if waiting:
                _write(part, waiting)
                self._report.received(part.proven)

    async def _keep(self, part: PartFile, waiting: bytearray) -> None:
        data, waiting[:] = bytes(waiting), b""
        await _in_thread(lambda: _write(part, data))
        self._report.received(part.proven)

    async def _prepare(self, response: httpx.Response, part: PartFile) -> None:
        """Judges the answer's head, and has `part` expect what comes. Raises Passing, SourceRefused, SourceChanged."""
        host = response.url.host
        if response.headers.get("content-encoding", "identity") != "identity":
            raise SourceRefused(f"{host} sends the file encoded, which we asked it not to do")
        match response.status_code:
            case HTTPStatus.OK:
                await self._from_start(response, part)
            case HTTPStatus.PARTIAL_CONTENT:
                await self._from_middle(response, part)
            case HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise SourceChanged(f"the file at {host} has become shorter than what was already received of it")
            case _:
                raise _refusal(response)

    async def _from_start(self, response: httpx.Response, part: PartFile) -> None:
        length = response.headers.get("content-length", "")
        if length.isdigit() and int(length) != part.head.size:
            raise _other_size(response.url.host, int(length), part.head.size)
        etag = _strong_etag(response)
        if part.proven:
            changed = bool(part.head.etag) and etag != part.head.etag
            why = "the file was changed there" if changed else "this server cannot continue a download"
            self._report.note(f"Starting from the beginning: {why}.")
        if part.proven or etag != part.head.etag:
            await _in_thread(lambda: part.restart(etag=etag))
            self._report.received(0)

    async def _from_middle(self, response: httpx.Response, part: PartFile) -> None:
        host = response.url.host
        found = _RANGE.fullmatch(response.headers.get("content-range", ""))
        if found is None or int(found[1]) != part.proven:
            raise SourceRefused(f"{host} answers with another part of the file than was asked for")
        if found[2] not in ("*", str(part.head.size)):
            raise _other_size(host, int(found[2]), part.head.size)
        etag = _strong_etag(response)
        if part.head.etag and etag and etag != part.head.etag:
            # It has not read If-Range. What is here belongs to another file than what would come.
            await _in_thread(lambda: part.restart(etag=""))
            raise Passing(f"the file at {host} was changed; starting from the beginning", 0.0)


def _write(part: PartFile, data: bytes | bytearray) -> None:
    for start in range(0, len(data), PIECE):
        part.write(memoryview(data)[start : start + PIECE])


def _headers(part: PartFile) -> dict[str, str]:
    if not part.proven:
        return {}
    wanted = {"range": f"bytes={part.proven}-"}
    return wanted | {"if-range": part.head.etag} if part.head.etag else wanted


def _strong_etag(response: httpx.Response) -> str:
    """The server's name for exactly these bytes; empty if it gives only a weak one, or none."""
    etag: str = response.headers.get("etag", "")
    return etag if etag.startswith('"') and len(etag) <= 512 else ""


def _refusal(response: httpx.Response) -> Passing | SourceRefused:
    status, host = response.status_code, response.url.host
    if status in _BUSY or status >= 500:
        wait = response.headers.get("retry-after", "")
        return Passing(f"{host} is busy (it answered {status})", float(wait) if wait.isdigit() else None)
    if status in _GONE:
        return SourceRefused(f"the file is no longer at {host}")
    if status in _CLOSED:
        return SourceRefused(f"{host} does not give the file to everybody (it answered {status})")
    return SourceRefused(f"{host} answered {status} instead of the file")


def _other_size(host: str, found: int, wanted: int) -> SourceChanged:
    return SourceChanged(f"the file at {host} has {found:,} bytes and should have {wanted:,}: it was changed there")


def _trouble(error: httpx.TransportError, host: str) -> str:
    match error:
        case httpx.ConnectTimeout() | httpx.PoolTimeout():
            return f"{host} does not answer"
        case httpx.TimeoutException():
            return f"nothing more came from {host}"
        case httpx.ConnectError():
            return f"{host} cannot be reached"
        case _:
            return f"the connection to {host} broke"


async def _in_thread(work: Callable[[], T], *, on_cancel: Callable[[], None] = lambda: None) -> T:
    """`work` on a thread. A cancelled caller waits for its end: nobody may use the file from two threads."""
    running = asyncio.get_running_loop().run_in_executor(None, work)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        on_cancel()
        await asyncio.wait([running])
        if not running.cancelled():
            running.exception()  # has been seen
        raise
