"""`nightjar-relay serve`."""

from __future__ import annotations

import argparse
import dataclasses
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING

from relay.cli.errors import UsageError
from relay.cli.logs import write_logs
from relay.settings import RelaySettings

if TYPE_CHECKING:
    from relay.server import Announcement


class _Stop:
    """What Ctrl-C and SIGTERM do while the server itself does not listen to them.

    Until the relay is ready they end its start. Afterwards the server obeys them and, once it has stopped, raises them
    again: by then the books are being closed, which must neither be interrupted nor end in a traceback. Asked to stop
    and stopped in order is success.
    """

    def __init__(self) -> None:
        self.is_ready = False
        self._obeyed: set[int] = set()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._heard)

    def _heard(self, number: int, _frame: FrameType | None) -> None:
        if self.is_ready and number not in self._obeyed:
            self._obeyed.add(number)
            return
        raise KeyboardInterrupt


def run(parsed: argparse.Namespace, settings: RelaySettings) -> None:
    from relay.server import serve

    given = {name: value for name in ("host", "port", "edge") if (value := getattr(parsed, name)) is not None}
    server = dataclasses.replace(settings.server, **given)
    if not 0 <= server.port <= 65535:
        raise UsageError(f"--port must be between 0 and 65535, not {server.port}")
    settings = dataclasses.replace(settings, server=server, demo=parsed.demo or settings.demo)
    write_logs(settings.log)
    stop = _Stop()

    def show(announcement: Announcement) -> None:
        stop.is_ready = True
        _show_ready(announcement)

    serve(settings, announce=parsed.announce, until_parent_ends=parsed.parent_pipe, show=show)


def _show_ready(announcement: Announcement) -> None:
    lines = [
        "Nightjar Relay is ready.",
        f"  API       {announcement.endpoint}",
        f"  Console   {announcement.console}",
    ]
    if announcement.api_key:
        lines.append(f"  API key   {announcement.api_key}   (shown this once)")
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
