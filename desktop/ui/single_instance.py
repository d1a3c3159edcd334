"""One window per account: a second start raises the window that is there, and ends.

The agent's lock says who is first. The first listens on a local socket in the runtime folder, which only its owner may
enter; the second, having failed to get the lock, says there in one line what it was started with.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec
from PySide6.QtCore import QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

_TIMEOUT_MS = 2000
_LONGEST = 16_384
"""Bytes of a line; links are shorter, and what is longer is none."""


class _Start(msgspec.Struct, frozen=True):
    """`token` lets the window come to the front, where the desktop gave one to the second start."""

    link: str = ""
    token: str = ""


class SingleInstance(QObject):
    """The first instance's ear. `raised` asks for the window: with a link or nothing, and a token or nothing."""

    raised = Signal(str, str)

    def __init__(self, runtime: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._answer)
        self._address = address_in(runtime)
        self._connections: list[QLocalSocket] = []

    def listen(self) -> bool:
        """False if the socket cannot be made; Nightjar works without. Called by the holder of the lock only: it removes
        what a killed instance left.
        """
        QLocalServer.removeServer(self._address)
        return self._server.listen(self._address)

    def close(self) -> None:
        self._server.close()

    def _answer(self) -> None:
        while self._server.hasPendingConnections():
            connection = self._server.nextPendingConnection()
            self._connections.append(connection)
            connection.readyRead.connect(self._hear)
            connection.disconnected.connect(self._forget)
        self._hear()

    def _hear(self) -> None:
        """One line each; anything else is ignored."""
        for connection in tuple(self._connections):
            if connection.canReadLine() or connection.bytesAvailable() >= _LONGEST:
                line = bytes(connection.readLine(_LONGEST).data())
                connection.disconnectFromServer()
                self._understand(line)

    def _understand(self, line: bytes) -> None:
        if not line.endswith(b"\n"):
            return
        try:
            start = msgspec.json.decode(line, type=_Start)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        self.raised.emit(start.link, start.token)

    def _forget(self) -> None:
        gone = [one for one in self._connections if one.state() is QLocalSocket.LocalSocketState.UnconnectedState]
        for connection in gone:
            self._connections.remove(connection)
            connection.deleteLater()


def raise_running(runtime: Path, link: str = "") -> bool:
    """Hands the running instance a link, if any, and asks for its window; False if none listens. Needs no loop."""
    socket = QLocalSocket()
    socket.connectToServer(address_in(runtime))
    if not socket.waitForConnected(_TIMEOUT_MS):
        return False
    start = _Start(link, os.environ.get("XDG_ACTIVATION_TOKEN", ""))
    socket.write(msgspec.json.encode(start) + b"\n")
    sent = socket.waitForBytesWritten(_TIMEOUT_MS)
    socket.disconnectFromServer()
    return sent


def address_in(runtime: Path) -> str:
    """A path beside the control socket; on Windows, where it is a pipe, a name made from the path."""
    if sys.platform == "win32":
        return "nightjar-" + "".join(letter if letter.isalnum() else "-" for letter in str(runtime))
    return str(runtime / "window.sock")
