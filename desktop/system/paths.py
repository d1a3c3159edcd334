"""Where this PC keeps Nightjar's things, by the rules of its operating system.

`NIGHTJAR_HOME` puts everything under one folder instead: for several nodes on one PC, and for tests.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import platformdirs

from desktop.errors import FolderUnusable

HOME_VARIABLE = "NIGHTJAR_HOME"
_APP = "nightjar"
_LONGEST_SOCKET = 100
"""Bytes in a Unix socket's address: 104 on macOS, 108 on Linux, less the closing zero and some room."""


@dataclass(frozen=True, slots=True)
class Paths:
    """The folders of one agent. `runtime` holds the control socket and nothing that must survive a restart."""

    config: Path
    data: Path
    logs: Path
    runtime: Path

    @property
    def settings(self) -> Path:
        return self.config / "settings.toml"

    @property
    def record(self) -> Path:
        return self.data / "agent.json"

    @property
    def control(self) -> Path:
        return self.runtime / "control.sock"

    @property
    def lock(self) -> Path:
        return self.data / "agent.lock"

    @property
    def local(self) -> Path:
        """All of `nightjar local`: its relay's data, its key, its node."""
        return self.data / "local"

    @property
    def served_relay(self) -> Path:
        """Where `nightjar-relay serve` keeps its books, without NIGHTJAR_HOME: within our folder, and not ours."""
        return self.data / "relay"

    @property
    def local_node(self) -> Paths:
        """The folders of the node of `nightjar local`, an agent of its own with the settings of the app."""
        return replace(Paths.under(self.local / "node"), config=self.config)

    @property
    def keystore_service(self) -> str:
        """The name of our entries in a keystore, which all data folders of a user share."""
        return f"nightjar {_mark(self.data)}"

    @classmethod
    def for_user(cls) -> Paths:
        """The user's own folders, or those under `NIGHTJAR_HOME`."""
        if home := os.environ.get(HOME_VARIABLE):
            return cls.under(Path(home).expanduser().absolute())
        dirs = platformdirs.PlatformDirs(_APP, appauthor=False)
        data = Path(dirs.user_data_dir)
        return cls(Path(dirs.user_config_dir), data, Path(dirs.user_log_dir), _runtime_for(data))

    @classmethod
    def under(cls, home: Path) -> Paths:
        """Everything below `home`, but the control socket where its address would be too long."""
        return cls(home / "config", home / "data", home / "logs", _runtime_for(home / "data"))

    def make(self) -> None:
        """Makes all folders, readable by their owner only. Raises FolderUnusable."""
        for folder in (self.config, self.data, self.logs, self.runtime):
            make_private(folder)


def _runtime_for(data: Path) -> Path:
    """Beside the data where that makes a short enough address, else a folder of its own in the temporary one.

    Bound to the data folder, not to the login session: a verb in an SSH session finds the agent of the desktop.
    """
    beside = data / "run"
    if len(os.fsencode(beside / "control.sock")) <= _LONGEST_SOCKET:
        return beside
    return Path(tempfile.gettempdir()) / f"nightjar-{_user()}-{_mark(data)}"


def _mark(data: Path) -> str:
    """Tells one data folder from another, without spelling it out."""
    return hashlib.sha256(os.fsencode(data)).hexdigest()[:16]


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")


def make_private(folder: Path) -> None:
    """Makes `folder`, or closes it to others where it is open to them. Raises FolderUnusable."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except OSError as error:
        raise FolderUnusable(folder, (error.strerror or str(error)).lower()) from error
    if hasattr(os, "getuid") and status.st_uid != os.getuid():
        raise FolderUnusable(folder, "it belongs to another user")
    if hasattr(os, "getuid") and status.st_mode & 0o077:
        folder.chmod(0o700)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise FolderUnusable(folder, "it is not writable")
