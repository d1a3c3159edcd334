"""A process of its own that asks the X server, since that may hang: one question a line in, one answer a line out.

Asked `?` it answers `{"idle_ms": …, "full_screen_pid": …}`, the second 0 if no window fills the screen (1 if one does
that does not say whose it is). It ends with its standard input. Whoever asks gives it a time limit, and kills it.
"""

from __future__ import annotations

import ctypes
import json
import sys
from typing import Any

_MAX_WORDS = 64
_SUCCESS = 0
_ANY_TYPE = 0


class _Info(ctypes.Structure):
    """XScreenSaverInfo, of X11/extensions/scrnsaver.h."""

    _fields_ = (
        ("window", ctypes.c_ulong),
        ("state", ctypes.c_int),
        ("kind", ctypes.c_int),
        ("til_or_since", ctypes.c_ulong),
        ("idle", ctypes.c_ulong),
        ("event_mask", ctypes.c_ulong),
    )


class Server:
    """One connection. Raises OSError where there are no libraries or no server."""

    def __init__(self) -> None:
        self._x11, self._saver = _library("libX11.so.6"), _library("libXss.so.1")
        self._declare()
        # A window may close between two questions about it; by default Xlib would end the process for that.
        self._calm = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(lambda _display, _error: 0)
        self._x11.XSetErrorHandler(self._calm)
        self._display = self._x11.XOpenDisplay(None)
        if not self._display:
            raise OSError("the X server does not answer")
        self._root = self._x11.XDefaultRootWindow(self._display)
        self._info = self._saver.XScreenSaverAllocInfo()

    def idle_ms(self) -> int:
        if not self._saver.XScreenSaverQueryInfo(self._display, self._root, self._info):
            raise OSError("the X server has no screen saver extension")
        return int(self._info.contents.idle)

    def full_screen_pid(self) -> int:
        """By EWMH: the active window's state. What a window manager without it shows cannot be told."""
        (window, *_) = self._property(self._root, "_NET_ACTIVE_WINDOW") or (0,)
        if not window or self._atom("_NET_WM_STATE_FULLSCREEN") not in self._property(window, "_NET_WM_STATE"):
            return 0
        (pid, *_) = self._property(window, "_NET_WM_PID") or (1,)
        return pid

    def _property(self, window: int, name: str) -> list[int]:
        kind, size, count, left = ctypes.c_ulong(), ctypes.c_int(), ctypes.c_ulong(), ctypes.c_ulong()
        data = ctypes.c_void_p()
        status = self._x11.XGetWindowProperty(
            self._display,
            ctypes.c_ulong(window),
            self._atom(name),
            0,
            _MAX_WORDS,
            0,
            _ANY_TYPE,
            *(ctypes.byref(each) for each in (kind, size, count, left, data)),
        )
        if status != _SUCCESS or not data.value:
            return []
        # Xlib gives 32-bit properties as C longs, whatever their size.
        longs = ctypes.cast(data, ctypes.POINTER(ctypes.c_ulong))
        values = [int(longs[index]) for index in range(count.value)] if size.value == 32 else []
        self._x11.XFree(data)
        return values

    def _atom(self, name: str) -> int:
        return int(self._x11.XInternAtom(self._display, name.encode(), 0))

    def _declare(self) -> None:
        handle, number = ctypes.c_void_p, ctypes.c_ulong
        self._x11.XOpenDisplay.restype = handle
        self._x11.XOpenDisplay.argtypes = (ctypes.c_char_p,)
        self._x11.XDefaultRootWindow.restype = number
        self._x11.XDefaultRootWindow.argtypes = (handle,)
        self._x11.XInternAtom.restype = number
        self._x11.XInternAtom.argtypes = (handle, ctypes.c_char_p, ctypes.c_int)
        self._x11.XGetWindowProperty.argtypes = (
            handle,
            number,
            number,
            ctypes.c_long,
            ctypes.c_long,
            ctypes.c_int,
            number,
        ) + (ctypes.c_void_p,) * 5
        self._x11.XFree.argtypes = (ctypes.c_void_p,)
        self._saver.XScreenSaverAllocInfo.restype = ctypes.POINTER(_Info)
        self._saver.XScreenSaverQueryInfo.argtypes = (handle, number, ctypes.POINTER(_Info))


def _library(name: str) -> Any:
    try:
        return ctypes.CDLL(name)
    except OSError as error:
        raise OSError(f"{name} is not installed") from error


def main() -> int:
    """Until standard input ends. The exit status."""
    try:
        server = Server()
        for _line in sys.stdin:
            answer = {"idle_ms": server.idle_ms(), "full_screen_pid": server.full_screen_pid()}
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except (BrokenPipeError, KeyboardInterrupt):
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
