"""Windows: games and presentations by shell and foreground window, microphone and camera by their consent."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from desktop.errors import SourceSilent
from desktop.system.uses.port import Kind

_STATES = {2: "a program", 3: "a game", 4: "a presentation"}
"""QUERY_USER_NOTIFICATION_STATE: busy, Direct3D full screen, presentation mode."""

_NEAREST_MONITOR = 2
_DESKTOPS = frozenset({"Progman", "WorkerW", "Shell_TrayWnd"})
"""Classes of the windows that are the desktop itself."""

_CLASS_NAME = 64

CONSENTS = r"Software\Microsoft\Windows\CurrentVersion\CapabilityAccessManager\ConsentStore"
"""Below it one key a device, below that one a program; `LastUsedTimeStop` is 0 while it is in use."""


class Rect(ctypes.Structure):
    """RECT of windef.h."""

    _fields_ = tuple((name, ctypes.c_int32) for name in ("left", "top", "right", "bottom"))


class MonitorInfo(ctypes.Structure):
    """MONITORINFO of winuser.h."""

    _fields_ = (("size", ctypes.c_uint32), ("monitor", Rect), ("work", Rect), ("flags", ctypes.c_uint32))


class NotificationState:
    """SHQueryUserNotificationState: when Windows itself would not disturb. Borderless games it does not notice."""

    name = "games and presentations (shell)"
    kind: Kind = "full_screen"

    def __init__(self, shell32: Any) -> None:
        self._shell32 = shell32

    async def look(self) -> str:
        state = ctypes.c_int32()
        if self._shell32.SHQueryUserNotificationState(ctypes.byref(state)):
            raise SourceSilent(self.name, "the shell does not answer")
        return _STATES.get(state.value, "")


class ForegroundWindow:
    """A foreground window as large as its monitor, which is how borderless games look. Ours do not count."""

    name = "full screen (foreground window)"
    kind: Kind = "full_screen"

    def __init__(self, user32: Any, is_ours: Callable[[int], bool]) -> None:
        self._user32 = user32
        self._is_ours = is_ours

    async def look(self) -> str:
        window = self._user32.GetForegroundWindow()
        if not window or self._class(window) in _DESKTOPS or self._is_ours(self._pid(window)):
            return ""
        rect, monitor = Rect(), MonitorInfo(size=ctypes.sizeof(MonitorInfo))
        handle = self._user32.MonitorFromWindow(window, _NEAREST_MONITOR)
        if not self._user32.GetWindowRect(window, ctypes.byref(rect)):
            return ""
        if not self._user32.GetMonitorInfoW(handle, ctypes.byref(monitor)):
            return ""
        whole = monitor.monitor
        covers = (
            rect.left <= whole.left
            and rect.top <= whole.top
            and rect.right >= whole.right
            and rect.bottom >= whole.bottom
        )
        return "a program" if covers else ""

    def _class(self, window: int) -> str:
        name = ctypes.create_unicode_buffer(_CLASS_NAME)
        self._user32.GetClassNameW(window, name, _CLASS_NAME)
        return name.value

    def _pid(self, window: int) -> int:
        pid = ctypes.c_uint32()
        self._user32.GetWindowThreadProcessId(window, ctypes.byref(pid))
        return pid.value


class ConsentStore:
    """Which programs hold the microphone or the camera, as Windows shows in its own settings. Not documented."""

    kind: Kind = "call_or_video"

    def __init__(self, device: str, words: str, stops: Callable[[str], Iterable[int]]) -> None:
        """`device` is `microphone` or `webcam`; `stops` gives the `LastUsedTimeStop` of every program below a key."""
        self.name = f"{device} (consent store)"
        self._device = device
        self._words = words
        self._stops = stops

    async def look(self) -> str:
        try:
            stops = await asyncio.to_thread(lambda: list(self._stops(rf"{CONSENTS}\{self._device}")))
        except OSError as error:
            raise SourceSilent(self.name, error.strerror or str(error)) from error
        return self._words if 0 in stops else ""


def last_used_stops(registry: Any, key: str) -> Iterator[int]:
    """Of every program below `key` of the current user, packaged or not. `registry` is the module winreg."""
    with registry.OpenKey(registry.HKEY_CURRENT_USER, key) as opened:
        names = [registry.EnumKey(opened, index) for index in range(registry.QueryInfoKey(opened)[0])]
        with contextlib.suppress(FileNotFoundError):
            yield int(registry.QueryValueEx(opened, "LastUsedTimeStop")[0])
    for name in names:
        yield from last_used_stops(registry, rf"{key}\{name}")
