"""`nightjar-relay serve`."""

from __future__ import annotations

import argparse
import dataclasses
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING

from relay.cli.errors import INTERRUPTED, UsageError, complaint
from relay.cli.logs import write_logs
from relay.errors import RelayError
from relay.settings import MOST_WORKERS, RelaySettings

if TYPE_CHECKING:
    from relay.server import Announcement
    from relay.supervisor import ServeOne


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

    given = {
        name: value for name in ("host", "port", "edge", "workers") if (value := getattr(parsed, name)) is not None
    }
    server = dataclasses.replace(settings.server, **given)
    if not 1 <= server.workers <= MOST_WORKERS:
        raise UsageError(f"--workers must be between 1 and {MOST_WORKERS}, not {server.workers}")
    if server.workers > 1 and sys.platform != "linux":
        raise UsageError("--workers needs Linux, whose kernel divides connections among processes")
    if not 0 <= server.port <= 65535:
        raise UsageError(f"--port must be between 0 and 65535, not {server.port}")
    settings = dataclasses.replace(settings, server=server, demo=parsed.demo or settings.demo)
    write_logs(settings.log)
    if server.workers > 1:
        from relay.supervisor import supervise

        supervise(
            settings,
            workers=server.workers,
            announce=parsed.announce,
            until_parent_ends=parsed.parent_pipe,
            show=_show_ready,
            in_worker=_in_worker,
        )
        return
    stop = _Stop()

    def show(announcement: Announcement) -> None:
        stop.is_ready = True
        _show_ready(announcement)

    serve(settings, announce=parsed.announce, until_parent_ends=parsed.parent_pipe, show=show)


def _in_worker(serve_one: ServeOne) -> int:
    stop = _Stop()

    def is_ready() -> None:
        stop.is_ready = True

    try:
        serve_one(is_ready)
    except RelayError as error:
        sys.stderr.write(complaint(error))
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


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
