"""`nightjar-relay serve`."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from typing import TYPE_CHECKING

from relay.cli.errors import UsageError
from relay.settings import RelaySettings

if TYPE_CHECKING:
    from relay.server import Announcement


def run(parsed: argparse.Namespace, settings: RelaySettings) -> None:
    from relay.server import serve

    given = {name: value for name in ("host", "port", "edge") if (value := getattr(parsed, name)) is not None}
    server = dataclasses.replace(settings.server, **given)
    if not 0 <= server.port <= 65535:
        raise UsageError(f"--port must be between 0 and 65535, not {server.port}")
    settings = dataclasses.replace(settings, server=server, demo=parsed.demo or settings.demo)
    serve(settings, announce=parsed.announce, until_parent_ends=parsed.parent_pipe, show=_show_ready)


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
