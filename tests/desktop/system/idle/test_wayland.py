"""`ext_idle_notify_v1`, against a compositor of a few lines that speaks the wire on a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.errors import SourceSilent
from desktop.system.idle import wayland_wire as wire
from desktop.system.idle.wayland import IDLE_MS, WaylandIdle
from desktop.system.idle.wayland_wire import Event
from tests.builders import NOON

GLOBALS = ("wl_compositor", "wl_seat", "ext_idle_notifier_v1")


class Compositor:
    """Announces `GLOBALS`, and keeps what it was asked."""

    def __init__(self, globals_: tuple[str, ...] = GLOBALS) -> None:
        self._globals = globals_
        self._writer: asyncio.StreamWriter | None = None
        self.asked: list[Event] = []
        self.subscribed = asyncio.Event()
        self.silent = False
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.writers.append(writer)
        rest = b""
        while data := await reader.read(4096):
            events, rest = wire.split(rest + data)
            for event in events:
                self.asked.append(event)
                self._answer(event)

    def _answer(self, event: Event) -> None:
        if self.silent:
            return
        if (event.object, event.opcode) == (wire.DISPLAY, wire.GET_REGISTRY):
            registry, _ = wire.number(event.body)
            for name, interface in enumerate(self._globals, start=10):
                self.say(registry, wire.GLOBAL, name, interface, 2)
        elif (event.object, event.opcode) == (wire.DISPLAY, wire.SYNC):
            callback, _ = wire.number(event.body)
            self.say(callback, wire.DONE, 0)
        elif event.opcode == wire.GET_IDLE_NOTIFICATION and event.object > 3:
            self.subscribed.set()

    def say(self, target: int, opcode: int, *arguments: int | str) -> None:
        assert self._writer is not None
        self._writer.write(wire.request(target, opcode, *arguments))

    @property
    def notification(self) -> tuple[int, int]:
        """The id the client chose for it, and its timeout in milliseconds."""
        identity, rest = wire.number(self.asked[-1].body)
        return identity, wire.number(rest)[0]

    def hang_up(self) -> None:
        assert self._writer is not None
        self._writer.close()


@pytest.fixture
async def compositor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Compositor]:
    compositor = Compositor()
    async with await asyncio.start_unix_server(compositor.serve, tmp_path / "wayland-7") as server:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
        monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-7")
        yield compositor
        server.close()
        for writer in compositor.writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


@pytest.fixture
async def source() -> AsyncIterator[WaylandIdle]:
    source = WaylandIdle()
    yield source
    await source.close()


async def becomes(source: WaylandIdle, fact: Callable[[float], bool]) -> float:
    async with asyncio.timeout(20):
        while not fact(moment := await source.input_at(NOON)):  # noqa: ASYNC110 -- the socket's own pace
            await asyncio.sleep(0)
    return moment


async def test_idle_since_the_compositor_says_so_and_in_use_again_at_once(
    compositor: Compositor, source: WaylandIdle
) -> None:
    await source.open()
    await compositor.subscribed.wait()
    identity, timeout_ms = compositor.notification
    assert timeout_ms == IDLE_MS
    assert await source.input_at(NOON) == NOON
    compositor.say(identity, wire.IDLED)
    assert NOON - 60 < await becomes(source, lambda moment: moment < NOON) <= NOON - IDLE_MS / 1000
    compositor.say(identity, wire.RESUMED)
    assert await becomes(source, lambda moment: moment == NOON) == NOON


async def falls_silent(source: WaylandIdle) -> None:
    """Raises SourceSilent, in the end."""
    async with asyncio.timeout(20):
        await becomes(source, lambda _moment: False)


async def test_what_is_bound_was_announced(compositor: Compositor, source: WaylandIdle) -> None:
    await source.open()
    await compositor.subscribed.wait()
    bound = [event.body for event in compositor.asked if (event.object, event.opcode) == (2, wire.BIND)]
    assert [(wire.number(body)[0], wire.text(wire.number(body)[1])[0]) for body in bound] == [
        (12, "ext_idle_notifier_v1"),
        (11, "wl_seat"),
    ]


async def test_a_compositor_without_the_protocol_says_so(compositor: Compositor, source: WaylandIdle) -> None:
    compositor._globals = ("wl_seat",)
    with pytest.raises(SourceSilent, match="does not offer it"):
        await source.open()


async def test_a_compositor_that_hangs_is_given_up(
    compositor: Compositor, source: WaylandIdle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desktop.system.idle.wayland._PATIENCE_S", 0.2)
    compositor.silent = True
    with pytest.raises(SourceSilent, match="does not answer"):
        await source.open()


async def test_a_compositor_that_ends_falls_silent_and_a_new_one_is_asked_anew(
    compositor: Compositor, source: WaylandIdle
) -> None:
    await source.open()
    await compositor.subscribed.wait()
    compositor.hang_up()
    with pytest.raises(SourceSilent, match="hung up"):
        await falls_silent(source)
    await source.open()
    assert await source.input_at(NOON) == NOON


async def test_an_error_of_the_compositor_is_told_in_its_words(compositor: Compositor, source: WaylandIdle) -> None:
    await source.open()
    compositor.say(wire.DISPLAY, wire.ERROR, 4, 1, "invalid seat")
    with pytest.raises(SourceSilent, match="invalid seat"):
        await falls_silent(source)


async def test_without_a_session_there_is_none(source: WaylandIdle) -> None:
    with pytest.raises(SourceSilent, match="no Wayland compositor"):
        await source.open()


@given(st.binary(max_size=200))
def test_no_bytes_make_the_reader_do_more_than_complain(data: bytes) -> None:
    try:
        events, rest = wire.split(data)
    except ValueError:
        return
    assert sum(8 + len(event.body) for event in events) + len(rest) == len(data)


@given(st.text(max_size=40).filter(lambda text: "\0" not in text), st.integers(0, 2**32 - 1))
def test_what_is_packed_is_read_back(word: str, number: int) -> None:
    (event,), rest = wire.split(wire.request(3, 1, word, number))
    assert rest == b""
    read, after = wire.text(event.body)
    assert (read, wire.number(after)[0]) == (word, number)


def test_a_request_looks_as_the_protocol_says() -> None:
    expected = struct.pack("=IIII", 1, 12 << 16 | wire.GET_REGISTRY, 2, 0)[:12]
    assert wire.request(wire.DISPLAY, wire.GET_REGISTRY, 2) == expected
