"""One window per account: a second start raises the window that is there, and ends.

The agent's lock says who is first. The first listens on a local socket in the runtime folder, which only its owner may
enter; the second, having failed to get the lock, says "show" there.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

_SHOW = b"show\n"
_TIMEOUT_MS = 2000


class SingleInstance(QObject):
    """The first instance's ear. `raised` asks for the window."""

    raised = Signal()

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
        """Anything but the one word is ignored."""
        for connection in tuple(self._connections):
            if connection.bytesAvailable():
                if bytes(connection.readAll().data()).startswith(_SHOW):
                    self.raised.emit()
                connection.disconnectFromServer()

    def _forget(self) -> None:
        gone = [one for one in self._connections if one.state() is QLocalSocket.LocalSocketState.UnconnectedState]
        for connection in gone:
            self._connections.remove(connection)
            connection.deleteLater()


def raise_running(runtime: Path) -> bool:
    """Asks the running instance to show its window; False if none listens. Needs no event loop."""
    socket = QLocalSocket()
    socket.connectToServer(address_in(runtime))
    if not socket.waitForConnected(_TIMEOUT_MS):
        return False
    socket.write(_SHOW)
    sent = socket.waitForBytesWritten(_TIMEOUT_MS)
    socket.disconnectFromServer()
    return sent


def address_in(runtime: Path) -> str:
    """A path beside the control socket; on Windows, where it is a pipe, a name made from the path."""
    if sys.platform == "win32":
        return "nightjar-" + "".join(letter if letter.isalnum() else "-" for letter in str(runtime))
    return str(runtime / "window.sock")
