"""Server-sent events as OpenAI-format servers stream them: from bytes, cut anywhere, to whole events. Pure."""

from __future__ import annotations

from typing import Final

from desktop.errors import DesktopError

MAX_EVENT_BYTES: Final = 1024 * 1024


class StreamBroken(DesktopError):
    """What a server sends is no stream of events, or one of them is far too large."""


class EventReader:
    """One stream. `done` after the last event, which says `[DONE]`; nothing that follows it is read."""

    def __init__(self) -> None:
        self.done = False
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, received: bytes) -> list[bytes]:
        """The data of each event that is whole now. Raises StreamBroken."""
        *lines, self._rest = (self._rest + received).split(b"\n")
        events = []
        for line in lines:
            event = self._line(line.removesuffix(b"\r"))
            if event == b"[DONE]":
                self.done = True
                break
            if event:
                events.append(event)
        if len(self._rest) + sum(map(len, self._data)) > MAX_EVENT_BYTES:
            raise StreamBroken("The local server sent an event that is too large.")
        return events

    def _line(self, line: bytes) -> bytes | None:
        """The data of the event that this line ends, if it ends one. Comments and other fields mean nothing here."""
        if line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))
        if line:
            return None
        data, self._data = b"\n".join(self._data), []
        return data
