"""Who types at a console or over SSH: the kernel notes when a terminal was last read from."""

from __future__ import annotations

from pathlib import Path

from desktop.errors import SourceSilent

_DEVICES = Path("/dev")


class TerminalIdle:
    """Steps of eight seconds (the kernel's, so that nobody can measure key strokes). What programs print is no input.

    Alone it tells about servers only: who sits at a graphical desktop need not touch a terminal.
    """

    name = "terminals"

    def __init__(self, devices: Path = _DEVICES) -> None:
        self._devices = devices

    async def open(self) -> None:
        if not any(self._devices.glob("tty[0-9]*")):
            raise SourceSilent(self.name, "there is no console here")

    async def input_at(self, now: float) -> float:
        read = [_read_at(device) for pattern in ("tty[0-9]*", "pts/[0-9]*") for device in self._devices.glob(pattern)]
        if not read:
            raise SourceSilent(self.name, "there is no console here")
        return min(max(read), now)

    async def close(self) -> None:
        """Nothing is held open."""


def _read_at(device: Path) -> float:
    try:
        return device.stat().st_atime
    except OSError:  # Closed meanwhile, or not ours to see.
        return 0.0
