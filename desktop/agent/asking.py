"""The other end of the control socket: questions to the running agent, without an event loop."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Generator, Iterator
from pathlib import Path

import msgspec

from desktop.agent.control import Reply, Request
from desktop.errors import AgentNotRunning, CommandRefused

_PATIENCE_S = 10.0
"""For one answer; the agent's loop answers in milliseconds unless the PC is out of memory or asleep."""


def ask(control: Path, request: Request) -> Reply:
    """The agent's answer. Raises AgentNotRunning, CommandRefused."""
    with contextlib.closing(_replies(control, request)) as replies:
        for reply in replies:
            return reply
    raise AgentNotRunning


def follow(control: Path) -> Iterator[Reply]:
    """One reply per change, from now until the agent ends."""
    return _replies(control, Request(verb="follow"))


def _replies(control: Path, request: Request) -> Generator[Reply]:
    with _connected(control) as connection:
        connection.sendall(msgspec.json.encode(request) + b"\n")
        if request.verb == "follow":
            connection.settimeout(None)
        with connection.makefile("rb") as lines:
            for line in lines:
                yield _checked(line)


@contextlib.contextmanager
def _connected(control: Path) -> Iterator[socket.socket]:
    if not hasattr(socket, "AF_UNIX"):
        raise AgentNotRunning
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_PATIENCE_S)
        try:
            connection.connect(str(control))
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError) as error:
            raise AgentNotRunning from error
        except OSError as error:
            raise CommandRefused(f"Nightjar cannot be reached: {error.strerror or error}.") from error
        try:
            yield connection
        except TimeoutError as error:
            raise CommandRefused("Nightjar is running but does not answer.", "Quit it and start it again.") from error
        except ConnectionError as error:
            raise AgentNotRunning from error


def _checked(line: bytes) -> Reply:
    try:
        reply = msgspec.json.decode(line, type=Reply)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CommandRefused("The running Nightjar speaks another version.", "Quit it and start it again.") from error
    if not reply.ok:
        raise CommandRefused(reply.error, reply.remedy)
    return reply
