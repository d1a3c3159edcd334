"""Whether there is a screen to draw on. Qt cannot be asked: without one it ends the whole process."""

from __future__ import annotations

import os
import re
import socket
import sys
from pathlib import Path

_PATIENCE_S = 2.0


def has_display() -> bool:
    """Something answers at the display this session names."""
    if sys.platform in ("win32", "darwin"):
        return True
    return _wayland_answers() or _x11_answers()


def _wayland_answers() -> bool:
    name = os.environ.get("WAYLAND_DISPLAY", "")
    if not name:
        return False
    # An absolute name stands for itself; Path's division does exactly that.
    return _unix_answers(str(Path(os.environ.get("XDG_RUNTIME_DIR", "/run")) / name))


def _x11_answers() -> bool:
    match = re.fullmatch(r"(?:unix|)([^:/]*):(\d+)(?:\.\d+)?", os.environ.get("DISPLAY", ""))
    if match is None:
        return False
    host, number = match[1], int(match[2])
    if host:
        return _tcp_answers(host, 6000 + number)
    local = f"/tmp/.X11-unix/X{number}"  # noqa: S108 -- fixed by X11, not ours
    # Linux servers also listen in the abstract namespace, some containers only there.
    return _unix_answers(local) or (sys.platform == "linux" and _unix_answers(f"\0{local}"))


def _unix_answers(address: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PATIENCE_S)
        try:
            probe.connect(address)
        except OSError:
            return False
        return True


def _tcp_answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=_PATIENCE_S):
            return True
    except OSError:
        return False
