"""A real node for tests: `websockets` for the socket, `wire.NodeSession` for the language; and a recording sink."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from relay.wire import version
from relay.wire.frames import AdvertisedModel, CallHeader, Challenge, Fail, Finish, Refuse, Welcome, Yield
from relay.wire.handshake import NodeIdentity
from relay.wire.node_session import NodeSession
from relay.wire.session import NodeEvent
from relay.wire.steps import StepRecord

E = TypeVar("E")
NONCE = bytes(range(32))


def a_model(**changed: Any) -> AdvertisedModel:
    values: dict[str, Any] = {"model": "demo", "digest": "0" * 64, "context": 4096, "slots": 4}
    return AdvertisedModel(**values | changed)


def a_header(**changed: Any) -> CallHeader:
    values: dict[str, Any] = {
        "created": 1_760_000_000,
        "model": "demo",
        "kind": "chat",
        "n": 1,
        "deadline_s": 600.0,
        "seed": 7,
        "tenant": "t",
        "max_tokens": 100,
    }
    return CallHeader(**values | changed)


class Desk:
    """One node's end of one link."""

    def __init__(self, url: str, identity: NodeIdentity, **dial: Any) -> None:
        self.identity = identity
        self.session = NodeSession(identity, nonce=NONCE)
        self.welcome: Welcome | None = None
        self._url = url
        self._dial: dict[str, Any] = {
            "subprotocols": [Subprotocol(version.SUBPROTOCOL)],
            "additional_headers": {version.NONCE_HEADER: NONCE.hex()},
            "compression": None,
            "ping_interval": None,
            "max_size": 256 * 1024,
            "proxy": None,
        } | dial
        self._heard: list[NodeEvent] = []
        self.socket: ClientConnection

    async def __aenter__(self) -> Self:
        self.socket = await connect(self._url, **self._dial)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.socket.close()

    async def hear(self, kind: type[E]) -> E:
        """The next event of this kind; those before it are dropped. Raises ConnectionClosed."""
        while True:
            while self._heard:
                event = self._heard.pop(0)
                if isinstance(event, kind):
                    return event
            message = await self.socket.recv()
            assert isinstance(message, bytes)
            self._heard += self.session.receive(message, time.monotonic())

    async def say(self, message: bytes) -> None:
        assert message
        await self.socket.send(message)

    async def open(self) -> Welcome:
        """Challenge, hello, welcome. Raises Refused when there is none."""
        await self.greet()
        answer = await self.hear(object)
        if isinstance(answer, Refuse):
            raise Refused(answer)
        assert isinstance(answer, Welcome)
        self.welcome = answer
        return answer

    async def greet(self) -> None:
        await self.hear(Challenge)
        await self.say(self.session.hello(app_version="1.0", os="test"))

    async def share(self, *models: AdvertisedModel, free_slots: int = 4) -> None:
        await self.say(self.session.advertise(models or [a_model()]))
        await self.say(self.session.status(sharing=True, reason="ready", free_slots=free_slots))

    async def step(self, *records: StepRecord) -> None:
        await self.say(self.session.step(records))

    async def closed(self) -> int:
        """Waits for the relay to close; the code."""
        try:
            while True:
                await self.socket.recv()
        except ConnectionClosed:
            assert self.socket.close_code is not None
            return self.socket.close_code


class Refused(Exception):
    def __init__(self, refuse: Refuse) -> None:
        self.refuse = refuse
        super().__init__(refuse)


def text(leg: int, data: str, ids: Sequence[int] = (), *, choice: int = 0, kind: int = 0) -> StepRecord:
    packed = b"".join(number.to_bytes(4, "little") for number in ids)
    return StepRecord(leg, choice, kind, packed, data.encode())  # type: ignore[arg-type]


class Recorder:
    """A LegSink that keeps what it hears, in order."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []
        self._changed = asyncio.Event()

    def accepted(self, prompt_tokens: int, prompt_digest: bytes) -> None:
        self._note("accepted", prompt_tokens, prompt_digest)

    def declined(self, reason: str, message: str, retry_after: float | None) -> None:
        self._note("declined", reason, message, retry_after)

    def step(self, choice: int, kind: int, n_ids: int, ids: bytes, data: bytes) -> None:
        self._note("step", choice, kind, n_ids, data)

    def flush(self) -> None:
        self._note("flush")

    def finished(self, finish: Finish) -> None:
        self._note("finished", finish.reason)

    def failed(self, fail: Fail) -> None:
        self._note("failed", fail.code)

    def yielded(self, yielded: Yield) -> None:
        self._note("yielded", yielded.delivered_tokens)

    def lost(self, reason: str) -> None:
        self._note("lost", reason)

    def _note(self, *what: Any) -> None:
        self.heard.append(what)
        self._changed.set()

    def words(self) -> list[str]:
        return [what[0] for what in self.heard]

    async def until(self, word: str) -> tuple[Any, ...]:
        """Waits for the first note of this word."""
        while True:
            for what in self.heard:
                if what[0] == word:
                    return what
            self._changed.clear()
            await self._changed.wait()
