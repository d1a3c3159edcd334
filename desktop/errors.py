"""What can go wrong on this PC, as facts; one edge (`__main__`, the window) turns them into a line for people.

DesktopError
├── SettingsUnreadable      a settings or record file that cannot be used
├── FolderUnusable          a folder of ours that cannot be made or written
├── SecretUnavailable       the keystore that holds this node's key does not give it
│   └── SecretUnusable      it gives something else, or something damaged
├── AgentNotRunning         a verb needs the agent, and there is none
├── AgentAlreadyRunning     a second agent for the same data folder
├── CommandRefused          the running agent would not do it
├── SourceSilent            something that tells about this PC (idle time, battery, …) gives no answer
├── EnrolmentFailed         the relay did not make this PC a node
├── RelayUntrusted          whoever answers is not the relay this PC was enrolled at
├── LocalRelayFailed        the private relay did not start or ended
└── LocalNodeFailed         the node of the private relay cannot serve, and waiting does not help
"""

from __future__ import annotations

from pathlib import Path


class DesktopError(Exception):
    """A fact about a failure. `remedy` is what the person can do, empty if nothing."""

    remedy: str = ""

    def line(self) -> str:
        """Fact and remedy in one line."""
        return f"{self} {self.remedy}".strip()


class SettingsUnreadable(DesktopError):
    """`path` exists, but what it says cannot be used."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"Cannot read {path}: {why}.")
        self.path = path
        self.why = why
        self.remedy = "Correct the file, or move it away to start with the defaults."


class FolderUnusable(DesktopError):
    """A folder Nightjar needs cannot be made or written (no space, no right)."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"Cannot use the folder {path}: {why}.")
        self.path = path
        self.why = why
        self.remedy = "Make room or give yourself write permission there, or set NIGHTJAR_HOME to another folder."


class SecretUnavailable(DesktopError):
    """The keystore named by `where` is there in principle but gives nothing now."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"This PC's key cannot be read from {where}: {why}.")
        self.where = where
        self.why = why
        self.remedy = "Unlock it and start Nightjar again, or enrol this PC anew."


class SecretUnusable(SecretUnavailable):
    """The keystore gives something, but not the secret of the node that this PC is at `relay`."""

    def __init__(self, where: str, why: str, relay: str) -> None:
        super().__init__(where, why)
        self.remedy = f"Enrol again: nightjar enroll --relay {relay}"


class AgentNotRunning(DesktopError):
    """A verb needs the agent, and there is none."""

    remedy = "Start it with `nightjar` (or `nightjar --headless`)."

    def __init__(self) -> None:
        super().__init__("Nightjar is not running.")


class AgentAlreadyRunning(DesktopError):
    """Another process is the agent of this data folder."""

    remedy = "Use `nightjar status` to see it; quit it first to start another."

    def __init__(self) -> None:
        super().__init__("Nightjar is already running for this account.")


class CommandRefused(DesktopError):
    """The agent's own words."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


class SourceSilent(DesktopError):
    """A source of the operating system cannot be asked, or does not answer; `why` ends a sentence."""

    def __init__(self, source: str, why: str) -> None:
        super().__init__(f"{source}: {why}.")
        self.source = source
        self.why = why


class EnrolmentFailed(DesktopError):
    """The relay at `relay` did not make this PC a node."""

    def __init__(self, relay: str, why: str, remedy: str = "") -> None:
        super().__init__(f"Enrolment at {relay} failed: {why}.")
        self.relay = relay
        self.why = why
        self.remedy = remedy


class RelayUntrusted(DesktopError):
    """The key pinned at enrolment is not the one that answered: a wrong address, or someone in between."""

    remedy = "If the relay was set up anew, enrol this PC again; otherwise ask its operator."

    def __init__(self, relay: str) -> None:
        super().__init__(f"The server at {relay} is not the relay this PC was enrolled at.")
        self.relay = relay


class LocalRelayFailed(DesktopError):
    """The private relay did not start, or ended by itself."""

    def __init__(self, why: str, remedy: str = "") -> None:
        super().__init__(f"The local relay is not running: {why}.")
        self.why = why
        self.remedy = remedy


class LocalNodeFailed(DesktopError):
    """The node of the private relay cannot serve, and it will not go away by itself."""

    def __init__(self, sentence: str, remedy: str = "") -> None:
        super().__init__(sentence)
        self.remedy = remedy


class InterfaceUnavailable(DesktopError):
    """Tray and window cannot be shown."""

    remedy = "Start without them: nightjar --headless"

    def __init__(self, why: str) -> None:
        super().__init__(f"The window cannot be shown: {why}.")
        self.why = why
