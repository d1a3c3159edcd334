"""The socket of one node, as uvicorn hands it over after an upgrade request (`Config(ws=…)`).

Bytes to messages and back, timers, limits and the goodbye; what a message means is the session's and the link's
business. Known seams of uvicorn 0.54, pinned by a contract test: it calls `connection_made` and `data_received(head)`
before it sets this protocol on the transport, so this object must stay the transport's protocol for good; only what is
in `server_state.connections` hears of a shutdown.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable
from typing import Any, Final, Protocol, cast

from typing_extensions import override

from relay.nodes import handshake
from relay.nodes.link import NodeLink
from relay.nodes.websocket import FrameError, FrameReader, Opcode, RfcCode, decode_close, encode, encode_close
from relay.settings import NodeSettings
from relay.wire.errors import ProtocolViolation
from relay.wire.frames import CloseCode, HelloBody
from relay.wire.rates import Pause, RateGate
from relay.wire.relay_session import RelaySession
from relay.wire.session import State

HIGH_WATER: Final = 96 * 1024
LOW_WATER: Final = 66 * 1024
"""Two parts of a body (64 KiB) fill the buffer; when one has left, there is room for the next."""
WEIGH_FRAMES: Final = 16
WEIGH_BYTES: Final = 32 * 1024
"""The rates are looked at after so many frames or bytes, not at each read: it costs as much as reading a frame."""
_HEAD_END: Final = b"\r\n\r\n"
_BINARY: Final = int(Opcode.BINARY)


class Host(Protocol):
    """Who receives the sockets."""

    @property
    def settings(self) -> NodeSettings: ...

    def arrived(self, socket: NodeSocket) -> handshake.Refused | None:
        """A well-formed upgrade has come. An answer refuses it."""

    def new_session(self) -> RelaySession:
        """For a socket that was let in."""

    def challenge(self, socket: NodeSocket, node_nonce: bytes) -> bytes:
        """The first message of its session."""

    def greeted(self, socket: NodeSocket, hello: HelloBody) -> None:
        """The node has said who it is. Answered later, by `welcome` or `refuse`."""

    def left(self, socket: NodeSocket) -> None:
        """The socket is gone, or takes no further part."""


class Phase(enum.IntEnum):
    """Of a socket's life."""

    HEAD = 0
    OPENING = 1
    READY = 2
    CLOSING = 3
    GONE = 4


class NodeSocket(asyncio.Protocol):
    """Promises the host exactly one `left` for each socket it let in, and the link one `lost`."""

    __slots__ = (
        "_bytes",
        "_connections",
        "_deadline",
        "_frames",
        "_gate",
        "_heard",
        "_host",
        "_loop",
        "_out",
        "_phase",
        "_probes",
        "_reader",
        "_reading_again",
        "_tick_handle",
        "_transport",
        "_write_paused",
        "address",
        "link",
        "session",
    )

    session: RelaySession
    _transport: asyncio.Transport
    _gate: RateGate

    def __init__(self, host: Host, connections: set[Any]) -> None:
        self.address = ""
        self.link: NodeLink | None = None
        self._host: Final = host
        self._connections: Final = connections
        self._loop: Final = asyncio.get_running_loop()
        self._phase = Phase.HEAD
        self._reader: Final = FrameReader(0)
        self._heard = self._loop.time()
        self._frames = 0
        self._bytes = 0
        self._out: list[bytes] = []
        self._write_paused = False
        self._probes: dict[bytes, asyncio.Future[bool]] = {}
        self._deadline: asyncio.TimerHandle | None = None
        self._tick_handle: asyncio.TimerHandle | None = None
        self._reading_again: asyncio.TimerHandle | None = None

    # --- what uvicorn and the transport call ------------------------------------------------------------------------

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if isinstance(peer, tuple) else "local"

    @override
    def data_received(self, data: bytes) -> None:
        phase = self._phase
        if phase is Phase.READY or phase is Phase.OPENING:
            self._read(data)
        elif phase is Phase.HEAD:
            self._read_head(data)
        elif phase is Phase.CLOSING and any(opcode == Opcode.CLOSE for opcode, _ in self._reader.feed(data)):
            self._end()

    @override
    def pause_writing(self) -> None:
        self._write_paused = True

    @override
    def resume_writing(self) -> None:
        self._write_paused = False
        self._send_parts()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        self._leave("the connection was lost" if exc is None else f"the connection broke: {exc}", Phase.GONE)
        self._cancel_timers()

    def shutdown(self) -> None:
        """The server is stopping: no new calls, running ones may finish, within limits."""
        if self.link is not None and self._phase is Phase.READY:
            self._deadline = self._loop.call_later(
                self._host.settings.drain_s, self.close, CloseCode.GOING_AWAY, "the relay is going away"
            )
            self.link.goodbye(CloseCode.GOING_AWAY, retry_after=self._host.settings.return_s)
        elif self._phase is Phase.OPENING:
            self.close(CloseCode.GOING_AWAY, "the relay is going away")
        elif self._phase is Phase.HEAD:
            self._end()

    # --- reading ----------------------------------------------------------------------------------------------------

    def _read_head(self, data: bytes) -> None:
        head, end, rest = data.partition(_HEAD_END)
        answer: handshake.Accepted | handshake.Refused = handshake.answer(head + end)
        if isinstance(answer, handshake.Accepted):
            refused = self._host.arrived(self)
            if refused is None:
                self._begin(answer)
                if rest:
                    self.data_received(rest)
                return
            answer = refused
        self._transport.write(answer.response)
        self._end()

    def _begin(self, accepted: handshake.Accepted) -> None:
        self._phase = Phase.OPENING
        self.session = self._host.new_session()
        self._reader.max_size = self.session.message_limit
        self._heard = self._loop.time()
        self._gate = RateGate(self.session.limits, now=self._heard)
        self._transport.set_write_buffer_limits(high=HIGH_WATER, low=LOW_WATER)
        self._transport.write(accepted.response)
        self.send(self._host.challenge(self, accepted.nonce))
        settings = self._host.settings
        self._deadline = self._loop.call_later(
            settings.hello_s, self.close, CloseCode.NOT_AUTHENTICATED, f"no valid hello in {settings.hello_s:g} s"
        )

    def _read(self, data: bytes) -> None:
        """What one socket read brought. The only loop of the hot path: no task, no queue."""
        self._heard = now = self._loop.time()
        messages = self._reader.feed(data)
        try:
            for opcode, payload in messages:
                link = self.link
                if opcode != _BINARY:
                    self._control(opcode, payload)
                elif link is not None:
                    link.hear(payload, now)
                else:
                    self._hear_opening(payload, now)
                if self._phase is Phase.CLOSING or self._phase is Phase.GONE:
                    return
            if self._reader.error is not None:
                raise self._reader.error
        except ProtocolViolation as violation:
            self.close(violation.code, violation.message)
        except FrameError as error:
            self.close(error.code, error.reason)
        else:
            if self.link is not None:
                self.link.flush()
            self._frames += len(messages)
            self._bytes += len(data)
            if self._frames >= WEIGH_FRAMES or self._bytes >= WEIGH_BYTES:
                self._weigh(now)

    def _hear_opening(self, payload: bytes, now: float) -> None:
        for event in self.session.receive(payload, now):
            if isinstance(event, HelloBody):
                self._host.greeted(self, event)

    def _control(self, opcode: int, payload: bytes) -> None:
        if opcode == Opcode.PING:
            self._queue(encode(Opcode.PONG, payload))
        elif opcode == Opcode.PONG:
            probe = self._probes.get(payload)
            if probe is not None and not probe.done():
                probe.set_result(True)
        else:
            decode_close(payload)
            self.close(RfcCode.NORMAL, "")
            self._end()

    def _weigh(self, now: float) -> None:
        """Slows a node down that sends too fast, and closes it only when that does not help."""
        verdict = self._gate.admit(frames=self._frames, size=self._bytes, now=now)
        self._frames = self._bytes = 0
        if verdict is None or self._phase >= Phase.CLOSING:
            return
        if not isinstance(verdict, Pause):
            self.close(verdict.code, verdict.message)
        elif self._reading_again is None:
            self._transport.pause_reading()
            self._reading_again = self._loop.call_later(verdict.seconds, self._read_again)

    def _read_again(self) -> None:
        self._reading_again = None
        self._heard = self._loop.time()
        self._transport.resume_reading()

    # --- for the host -----------------------------------------------------------------------------------------------

    def waits(self) -> bool:
        """Whether a welcome or a refusal can still reach it."""
        return self._phase is Phase.OPENING and self.session.state is State.OPEN

    def welcome(self, message: bytes, link: NodeLink) -> None:
        """The session is ready."""
        self._phase = Phase.READY
        self.link = link
        self._reader.max_size = self.session.message_limit
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self.send(message)
        self._tick_handle = self._loop.call_later(self._host.settings.ping_s, self._tick)

    def refuse(self, code: CloseCode, message: str, *, retry_after: float | None = None) -> None:
        """No session for this socket."""
        if self.waits():
            self.send(self.session.refuse(code, message, retry_after=retry_after))
            self.close(code, message)

    async def answers(self, within_s: float) -> bool:
        """Whether the other end answers a ping in time."""
        if self._phase >= Phase.CLOSING:
            return False
        probe: asyncio.Future[bool] = self._loop.create_future()
        payload = b"alive? %d" % id(probe)
        self._probes[payload] = probe
        self._queue(encode(Opcode.PING, payload))
        try:
            async with asyncio.timeout(within_s):
                return await probe
        except TimeoutError:
            return False
        finally:
            self._probes.pop(payload, None)

    # --- Line, for the link -----------------------------------------------------------------------------------------

    def send(self, message: bytes) -> None:
        self._queue(encode(Opcode.BINARY, message))

    def pump(self) -> None:
        if not self._out:
            self._loop.call_soon(self._flush)

    def now(self) -> float:
        return self._loop.time()

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> object:
        return self._loop.call_later(delay_s, self._if_standing, callback)

    def close(self, code: int, reason: str) -> None:
        if self._phase >= Phase.CLOSING:
            return
        self._leave(reason or "the node hung up", Phase.CLOSING)
        self._out.append(encode_close(code, reason))
        self._flush()
        self._cancel_timers()
        self._transport.resume_reading()
        self._deadline = self._loop.call_later(self._host.settings.close_s, self._end)

    # --- writing ----------------------------------------------------------------------------------------------------

    def _queue(self, frame: bytes) -> None:
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(frame)

    def _flush(self) -> None:
        """Once per turn of the loop: control frames in one write, then as many parts of bodies as there is room for."""
        out = self._out
        if out:
            self._out = []
            if self._phase is not Phase.GONE:
                self._transport.write(out[0] if len(out) == 1 else b"".join(out))
        self._send_parts()
        if self._phase is Phase.READY and self._transport.get_write_buffer_size() > self._host.settings.backlog_bytes:
            self.close(CloseCode.TOO_SLOW, "the node reads too slowly")

    def _send_parts(self) -> None:
        while self._phase is Phase.READY and not self._write_paused:
            part = self.session.next_part()
            if part is None:
                return
            self._transport.write(encode(Opcode.BINARY, part.message))

    # --- time and the end -------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        settings = self._host.settings
        silent = self._loop.time() - self._heard
        # Nothing can be heard while we ourselves do not read.
        if silent >= settings.silent_s and self._reading_again is None:
            self._leave(f"silent for {silent:.0f} s", Phase.GONE)
            self._transport.abort()
            return
        self._queue(encode(Opcode.PING, b""))
        self._tick_handle = self._loop.call_later(settings.ping_s, self._tick)

    def _if_standing(self, callback: Callable[[], None]) -> None:
        if self._phase is Phase.READY:
            callback()

    def _leave(self, reason: str, phase: Phase) -> None:
        """Enters a phase of the end; the first time, everyone is told."""
        before, self._phase = self._phase, max(self._phase, phase)
        if before not in (Phase.OPENING, Phase.READY):
            return
        link, self.link = self.link, None
        self._host.left(self)
        for probe in self._probes.values():
            if not probe.done():
                probe.set_result(False)
        if link is not None:
            link.lost(reason)
        else:
            self.session.close()

    def _end(self) -> None:
        self._phase = Phase.GONE
        self._cancel_timers()
        self._transport.close()

    def _cancel_timers(self) -> None:
        for handle in (self._deadline, self._tick_handle, self._reading_again):
            if handle is not None:
                handle.cancel()
        self._deadline = self._tick_handle = self._reading_again = None
