"""What can go wrong with model files, as facts.

DesktopError
├── NoSuchModel         no model of that name on this PC, in the catalogue or in the queue
├── ModelUnusable       a file that cannot be taken in as a model
├── LibraryBusy         another process does not let go of the library
└── DownloadStopped     a download that trying again by itself does not mend
    ├── SourceRefused   an address that must not be asked, or a server that does not give the file
    ├── SourceChanged   what the server has is not the file the catalogue names
    ├── DiskFull        no room, before or while writing
    ├── FileInUse       another process writes this file
    └── Interrupted     the app is closing, or the owner paused it

A passing trouble (no network, a busy server) is a `Passing`, which never leaves `desktop.models`: it ends in a pause.
"""

from __future__ import annotations

from pathlib import Path

from desktop.errors import DesktopError

_GB = 1_000_000_000


class NoSuchModel(DesktopError):
    """`name` stands for nothing here."""

    def __init__(self, name: str, remedy: str = "See `nightjar models list` and `nightjar models search`.") -> None:
        super().__init__(f"There is no model {name!r} here.")
        self.name = name
        self.remedy = remedy


class ModelUnusable(DesktopError):
    """The file at `path` cannot be used as a model."""

    def __init__(self, path: Path, why: str, remedy: str = "") -> None:
        super().__init__(f"{path} cannot be used: {why}.")
        self.path = path
        self.why = why
        self.remedy = remedy


class LibraryBusy(DesktopError):
    """Another Nightjar process changes the library and does not end."""

    remedy = "Try again in a moment."

    def __init__(self, path: Path) -> None:
        super().__init__(f"Another Nightjar process holds {path}.")
        self.path = path


class DownloadStopped(DesktopError):
    """`why` is a clause for people; what was received so far stays unless the text says otherwise."""

    def __init__(self, why: str, remedy: str = "") -> None:
        super().__init__(f"The download stopped: {why}.")
        self.why = why
        self.remedy = remedy


class SourceRefused(DownloadStopped):
    """The address or the server's answer rules the file out."""


class SourceChanged(DownloadStopped):
    """The server has another file than the one the catalogue names."""


class DiskFull(DownloadStopped):
    """`needed` and `free` in bytes; `free` is None where only a write failed."""

    def __init__(self, folder: Path, needed: int, free: int | None = None) -> None:
        why = f"there is no room left in {folder}"
        if free is not None:
            why = f"{gigabytes(needed)} are needed and {gigabytes(free)} free in {folder}"
        super().__init__(why, "Make room, or move the model folder to another disk; then resume.")
        self.folder = folder
        self.needed = needed
        self.free = free


class FileInUse(DownloadStopped):
    """Another process downloads into `path`."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"another Nightjar process is downloading {path.name}")
        self.path = path


class Interrupted(DownloadStopped):
    """Somebody asked for the end of it."""

    def __init__(self) -> None:
        super().__init__("it was interrupted")


class Passing(Exception):
    """A trouble that may be over at the next try: no network, a busy server. `wait_s` is what the server asked for."""

    def __init__(self, why: str, wait_s: float | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.wait_s = wait_s


def gigabytes(size: int) -> str:
    """`4.7 GB`, `310 MB`, `5 kB`: decimal, as disks are sold and systems show them."""
    if size >= _GB:
        return f"{size / _GB:.1f} GB"
    if 0 < size < 1_000_000:
        return f"{-(-size // 1_000)} kB"
    return f"{size / 1_000_000:.0f} MB" if size >= 10_000_000 or not size else f"{size / 1_000_000:.1f} MB"
