"""Linux: inhibitors of each desktop and of logind, GameMode, full screen, microphone and camera."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from desktop.errors import SourceSilent
from desktop.system.bus import Bus
from desktop.system.idle.x11 import XServer
from desktop.system.login1 import Login1
from desktop.system.uses.port import Kind

_PATIENCE_S = 2.0
_GNOME_INHIBITS_IDLE = 8
"""Flag of org.gnome.SessionManager: the session must not become idle."""

_KDE_POLICIES = 1 | 4
"""Of PowerDevil's PolicyAgent: the session must not be interrupted, the screen must not change."""


class GnomeInhibitor:
    """GNOME's session manager: films and calls in browsers and players ask it not to become idle."""

    name = "inhibitors (GNOME)"
    kind: Kind = "call_or_video"

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def look(self) -> str:
        manager = "org.gnome.SessionManager"
        if not await self._bus.has(manager):
            raise SourceSilent(self.name, "this desktop is not GNOME")
        path = "/org/gnome/SessionManager"
        (held,) = await self._bus.call(manager, path, manager, "IsInhibited", "u", _GNOME_INHIBITS_IDLE)
        return "a program plays or presents something" if held else ""


class KdeInhibitor:
    """PowerDevil of KDE Plasma."""

    name = "inhibitors (KDE)"
    kind: Kind = "call_or_video"

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def look(self) -> str:
        agent = "org.kde.Solid.PowerManagement.PolicyAgent"
        if not await self._bus.has(agent):
            raise SourceSilent(self.name, "this desktop is not KDE Plasma")
        path = "/org/kde/Solid/PowerManagement/PolicyAgent"
        (held,) = await self._bus.call(agent, path, agent, "HasInhibition", "u", _KDE_POLICIES)
        return "a program plays or presents something" if held else ""


class PowerInhibitor:
    """The older freedesktop interface, which Xfce, MATE, LXQt and Cinnamon offer."""

    name = "inhibitors (freedesktop)"
    kind: Kind = "call_or_video"

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def look(self) -> str:
        service = "org.freedesktop.PowerManagement"
        if not await self._bus.has(service):
            raise SourceSilent(self.name, "this desktop has none")
        path, interface = "/org/freedesktop/PowerManagement/Inhibit", "org.freedesktop.PowerManagement.Inhibit"
        (held,) = await self._bus.call(service, path, interface, "HasInhibit")
        return "a program plays or presents something" if held else ""


class LoginInhibitor:
    """Inhibitors of logind, which programs take where there is no desktop to ask."""

    name = "inhibitors (logind)"
    kind: Kind = "call_or_video"

    def __init__(self, login: Login1) -> None:
        self._login = login

    async def look(self) -> str:
        names = await self._login.idle_inhibitors()
        return f"{names[0]} plays or presents something" if names else ""


class GameMode:
    """Feral's GameMode: games register with it, also those played with a gamepad."""

    name = "games (GameMode)"
    kind: Kind = "full_screen"

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def look(self) -> str:
        service = "com.feralinteractive.GameMode"
        if not await self._bus.has(service):
            raise SourceSilent(self.name, "it is not running")
        clients = await self._bus.get(service, "/com/feralinteractive/GameMode", service, "ClientCount")
        return "a game" if clients else ""


class FullScreen:
    """The active window of an X server, by EWMH. Windows of our own do not count."""

    name = "full screen (X11)"
    kind: Kind = "full_screen"

    def __init__(self, server: XServer, is_ours: Callable[[int], bool]) -> None:
        self._server = server
        self._is_ours = is_ours

    async def look(self) -> str:
        pid = (await self._server.screen()).full_screen_pid
        return "a program" if pid and not self._is_ours(pid) else ""


class AlsaCapture:
    """A sound card that records: PulseAudio and PipeWire let go of it when nobody listens."""

    name = "microphone (ALSA)"
    kind: Kind = "call_or_video"

    def __init__(self, cards: Path = Path("/proc/asound")) -> None:
        self._cards = cards

    async def look(self) -> str:
        if not self._cards.is_dir():
            raise SourceSilent(self.name, "there is no sound card")
        for status in self._cards.glob("card*/pcm*c/sub*/status"):
            try:
                running = "RUNNING" in status.read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            if running:
                return "the microphone is in use"
        return ""


class PulseCapture:
    """PulseAudio, or PipeWire in its place: headsets on Bluetooth are no sound cards, but their streams are listed."""

    name = "microphone (PulseAudio or PipeWire)"
    kind: Kind = "call_or_video"

    def __init__(self, command: tuple[str, ...] = ("pactl", "list", "short", "source-outputs")) -> None:
        self._command = command

    async def look(self) -> str:
        if shutil.which(self._command[0]) is None:
            raise SourceSilent(self.name, f"the program {self._command[0]} is not installed")
        pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(
            *self._command, stdin=nothing, stdout=pipe, stderr=nothing, env=os.environ | {"LC_ALL": "C"}
        )
        try:
            async with asyncio.timeout(_PATIENCE_S):
                output, _ = await process.communicate()
        except TimeoutError as error:
            process.kill()
            await process.wait()
            raise SourceSilent(self.name, "the sound server does not answer") from error
        if process.returncode:
            raise SourceSilent(self.name, "there is no sound server")
        return "the microphone is in use" if output.strip() else ""


class Camera:
    """A program of this user that holds a video device open. Those of other users are theirs to say."""

    name = "camera"
    kind: Kind = "call_or_video"

    def __init__(self, devices: Path = Path("/dev"), processes: Path = Path("/proc")) -> None:
        self._devices = devices
        self._processes = processes

    async def look(self) -> str:
        devices = {str(device) for device in self._devices.glob("video[0-9]*")}
        if not devices:
            raise SourceSilent(self.name, "there is none")
        held = await asyncio.to_thread(_holds, self._processes, devices)
        return "the camera is in use" if held else ""


def _holds(processes: Path, devices: Iterable[str]) -> bool:
    """Whether any process whose files we may see has one of `devices` open."""
    return any(
        target in devices
        for process in processes.iterdir()
        if process.name.isdigit()
        for target in _open_files(process / "fd")
    )


def _open_files(folder: Path) -> Iterator[str]:
    try:
        files = list(folder.iterdir())
    except OSError:  # Another user's, or ended meanwhile.
        return
    for file in files:
        with contextlib.suppress(OSError):
            yield str(file.readlink())
