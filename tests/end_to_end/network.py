"""A network between node and relay that a test can take away: every connection breaks, and new ones are refused."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator

_PIECE = 65_536


class Network:
    """Leads from a port that stays to a relay's port, which may change. Methods are for any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.port = 0
        self.relay_port = 0
        self.source = "127.0.0.1"
        """The address that the relay sees, which allows each only so many questions a minute."""
        self._loop = loop
        self._up = True
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def address(self) -> str:
        """host:port, as nodes dial it."""
        return f"127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Break everything."""
        asyncio.run_coroutine_threadsafe(self._set(up=False), self._loop).result(10)

    def mend(self) -> None:
        """Let new connections through."""
        asyncio.run_coroutine_threadsafe(self._set(up=True), self._loop).result(10)

    async def _set(self, *, up: bool) -> None:
        self._up = up
        if not up:
            for writer in self._open:
                writer.transport.abort()

    async def serve(self, ready: threading.Event) -> None:
        """Until it is cancelled."""
        async with await asyncio.start_server(self._lead, "127.0.0.1", 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            ready.set()
            await server.serve_forever()

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            if self._up:
                there, back = await asyncio.open_connection("127.0.0.1", self.relay_port, local_addr=(self.source, 0))
                await asyncio.gather(self._carry(reader, back), self._carry(there, writer))
        writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            with contextlib.suppress(OSError):
                while piece := await reader.read(_PIECE):
                    writer.write(piece)
                    await writer.drain()
        finally:
            self._open.discard(writer)
            writer.close()


@contextlib.contextmanager
def running_network() -> Iterator[Network]:
    """On a thread of its own."""
    loop, ready = asyncio.new_event_loop(), threading.Event()
    network = Network(loop)
    serving = loop.create_task(network.serve(ready))

    def run() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(serving)
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    thread = threading.Thread(target=run, name="network")
    thread.start()
    try:
        assert ready.wait(10)
        yield network
    finally:
        network.cut()
        loop.call_soon_threadsafe(serving.cancel)
        thread.join(10)
