"""Windows at the border of its libraries: each answers as its documentation says, none has met a real Windows."""

from __future__ import annotations

import asyncio
import ctypes
import os
from typing import Any

import pytest

from desktop.errors import SourceSilent
from desktop.system.conditions import Power
from desktop.system.contention import OwnProcesses
from desktop.system.gpu_windows import CounterItem, WindowsCards
from desktop.system.idle.windows import LastInputInfo, WindowsIdle
from desktop.system.power import SystemPowerStatus, WindowsPower
from desktop.system.uses.windows import (
    CONSENTS,
    ConsentStore,
    ForegroundWindow,
    MonitorInfo,
    NotificationState,
    Rect,
    last_used_stops,
)
from desktop.system.watch.senses import Seats
from desktop.system.watch.windows import windows_senses
from desktop.system.windows_sessions import SessionInfo, SessionInfoEx, SubscribeParameters, WindowsSessions
from tests.builders import NOON


def at(pointer: Any, kind: Any) -> Any:
    """What a `byref` points to."""
    return ctypes.cast(pointer, ctypes.POINTER(kind)).contents


class User32:
    def __init__(self) -> None:
        self.tick: int | None = 0
        self.window, self.pid, self.name = 7, 4711, "Game"
        self.rect, self.monitor = (0, 0, 1920, 1080), (0, 0, 1920, 1080)

    def GetLastInputInfo(self, info: Any) -> int:  # noqa: N802
        assert at(info, LastInputInfo).size == 8
        if self.tick is None:
            return 0
        at(info, LastInputInfo).tick = self.tick
        return 1

    def GetForegroundWindow(self) -> int:  # noqa: N802
        return self.window

    def GetClassNameW(self, _window: int, buffer: Any, size: int) -> int:  # noqa: N802
        assert size == 64
        buffer.value = self.name
        return len(self.name)

    def GetWindowThreadProcessId(self, _window: int, pid: Any) -> int:  # noqa: N802
        at(pid, ctypes.c_uint32).value = self.pid
        return 1

    def MonitorFromWindow(self, _window: int, flags: int) -> int:  # noqa: N802
        assert flags == 2
        return 99

    def GetWindowRect(self, _window: int, rect: Any) -> int:  # noqa: N802
        found = at(rect, Rect)
        found.left, found.top, found.right, found.bottom = self.rect
        return 1

    def GetMonitorInfoW(self, monitor: int, info: Any) -> int:  # noqa: N802
        assert monitor == 99
        assert at(info, MonitorInfo).size == 40
        whole = at(info, MonitorInfo).monitor
        whole.left, whole.top, whole.right, whole.bottom = self.monitor
        return 1


class Kernel32:
    def __init__(self) -> None:
        self.ticks = 0
        self.power: tuple[int, int, int, int] | None = (1, 128, 255, 0)

    def GetTickCount(self) -> int:  # noqa: N802
        return ctypes.c_int32(self.ticks).value  # Without a declared type, ctypes gives a signed number.

    def ProcessIdToSessionId(self, pid: int, session: Any) -> int:  # noqa: N802
        assert pid == os.getpid()
        at(session, ctypes.c_uint32).value = 2
        return 1

    def GetSystemPowerStatus(self, status: Any) -> int:  # noqa: N802
        if self.power is None:
            return 0
        found = at(status, SystemPowerStatus)
        found.mains, found.battery, found.percent, found.saver = self.power
        return 1


@pytest.mark.parametrize(
    ("ticks", "tick", "idle_s"), [(90_000, 30_000, 60), (5_000, 2**32 - 5_000, 10), (2**31 + 500, 2**31 - 500, 1)]
)
async def test_idle_time_is_right_also_where_the_tick_count_starts_anew(ticks: int, tick: int, idle_s: float) -> None:
    user32, kernel32 = User32(), Kernel32()
    kernel32.ticks, user32.tick = ticks, tick
    source = WindowsIdle(user32, kernel32)
    await source.open()
    assert await source.input_at(NOON) == NOON - idle_s


async def test_a_session_without_input_says_so() -> None:
    user32 = User32()
    user32.tick = None
    with pytest.raises(SourceSilent):
        await WindowsIdle(user32, Kernel32()).open()


class Shell32:
    def __init__(self, state: int, status: int = 0) -> None:
        self._state, self._status = state, status

    def SHQueryUserNotificationState(self, state: Any) -> int:  # noqa: N802
        at(state, ctypes.c_int32).value = self._state
        return self._status


@pytest.mark.parametrize(
    ("state", "words"), [(1, ""), (2, "a program"), (3, "a game"), (4, "a presentation"), (5, ""), (6, ""), (7, "")]
)
async def test_what_the_shell_would_not_disturb_is_a_use(state: int, words: str) -> None:
    assert await NotificationState(Shell32(state)).look() == words


async def test_a_shell_that_fails_says_nothing_about_the_owner() -> None:
    with pytest.raises(SourceSilent):
        await NotificationState(Shell32(5, status=-2147467259)).look()


async def test_a_borderless_window_over_the_whole_monitor_is_a_use() -> None:
    assert await ForegroundWindow(User32(), lambda _pid: False).look() == "a program"


@pytest.mark.parametrize(
    "change", [{"window": 0}, {"name": "WorkerW"}, {"rect": (0, 0, 1920, 1040)}, {"rect": (1920, 0, 3000, 800)}]
)
async def test_the_desktop_a_window_with_borders_or_none_is_no_use(change: dict[str, Any]) -> None:
    user32 = User32()
    for name, value in change.items():
        setattr(user32, name, value)
    assert not await ForegroundWindow(user32, lambda _pid: False).look()


async def test_our_own_window_is_no_use() -> None:
    """Its own window counted as the owner's: nicehash/NiceHashMiner-Archived#991."""
    assert not await ForegroundWindow(User32(), lambda pid: pid == 4711).look()


class Registry:
    """winreg over a tree of keys; a key is (values, subkeys)."""

    HKEY_CURRENT_USER = 1

    class Key(str):
        __slots__ = ()

        def __enter__(self) -> str:
            return self

        def __exit__(self, *_: object) -> None:
            return None

    def __init__(self, tree: dict[str, int | None]) -> None:
        self._tree = tree

    def OpenKey(self, root: int, key: str) -> Registry.Key:  # noqa: N802
        assert root == self.HKEY_CURRENT_USER
        if key not in self._tree:
            raise FileNotFoundError(2, "The system cannot find the file specified")
        return self.Key(key)

    def _below(self, key: str) -> list[str]:
        return [
            name[len(key) + 1 :]
            for name in self._tree
            if name.startswith(f"{key}\\") and "\\" not in name[len(key) + 1 :]
        ]

    def QueryInfoKey(self, key: str) -> tuple[int, int, int]:  # noqa: N802
        return len(self._below(key)), 0, 0

    def EnumKey(self, key: str, index: int) -> str:  # noqa: N802
        return self._below(key)[index]

    def QueryValueEx(self, key: str, name: str) -> tuple[int, int]:  # noqa: N802
        value = self._tree[key]
        if value is None:
            raise FileNotFoundError(2, name)
        return value, 11


@pytest.mark.parametrize(("stop", "words"), [(0, "the microphone is in use"), (133_000_000_000_000_000, "")])
async def test_a_program_that_has_not_stopped_using_the_microphone_is_a_call(stop: int, words: str) -> None:
    key = rf"{CONSENTS}\microphone"
    tree = {
        key: None,
        rf"{key}\Microsoft.Store": 5,
        rf"{key}\NonPackaged": None,
        rf"{key}\NonPackaged\C:#zoom.exe": stop,
    }
    store = ConsentStore("microphone", "the microphone is in use", lambda each: last_used_stops(Registry(tree), each))
    assert await store.look() == words


async def test_a_windows_without_the_consent_store_says_nothing_about_the_owner() -> None:
    with pytest.raises(SourceSilent):
        await ConsentStore("webcam", "", lambda each: last_used_stops(Registry({}), each)).look()


@pytest.mark.parametrize(
    ("status", "power"),
    [
        ((1, 128, 255, 0), Power()),
        ((0, 1, 63, 0), Power(on_battery=True, percent=63.0)),
        ((1, 8, 90, 1), Power(percent=90.0, saver=True)),
        ((255, 255, 255, 0), Power()),
    ],
)
async def test_mains_battery_and_saver(status: tuple[int, int, int, int], power: Power) -> None:
    kernel32 = Kernel32()
    kernel32.power = status
    assert await WindowsPower(kernel32).look() == power


async def test_a_windows_that_cannot_say_is_asked_no_further() -> None:
    kernel32 = Kernel32()
    kernel32.power = None
    with pytest.raises(SourceSilent):
        await WindowsPower(kernel32).look()


class Wtsapi32:
    """`sessions`: number to (state, flags)."""

    def __init__(self, sessions: dict[int, tuple[int, int]]) -> None:
        self._sessions = sessions
        self._kept: list[Any] = []
        self.freed = 0

    def WTSEnumerateSessionsW(self, server: None, zero: int, version: int, found: Any, count: Any) -> int:  # noqa: N802
        assert (server, zero, version) == (None, 0, 1)
        array = (SessionInfo * len(self._sessions))(
            *(SessionInfo(number, "Console", state) for number, (state, _flags) in self._sessions.items())
        )
        self._kept.append(array)
        at(found, ctypes.c_void_p).value = ctypes.addressof(array)
        at(count, ctypes.c_uint32).value = len(array)
        return 1

    def WTSQuerySessionInformationW(self, _server: None, session: int, what: int, found: Any, _size: Any) -> int:  # noqa: N802
        assert what == 25
        state, flags = self._sessions[session]
        info = SessionInfoEx(level=1, id=session, state=state, flags=flags)
        self._kept.append(info)
        at(found, ctypes.c_void_p).value = ctypes.addressof(info)
        return 1

    def WTSFreeMemory(self, _pointer: Any) -> None:  # noqa: N802
        self.freed += 1


ACTIVE, DISCONNECTED, LOCKED, UNLOCKED = 0, 4, 0, 1


@pytest.mark.parametrize(
    ("sessions", "seats"),
    [
        ({0: (ACTIVE, UNLOCKED), 2: (ACTIVE, UNLOCKED)}, Seats()),
        ({2: (ACTIVE, LOCKED)}, Seats(locked=True)),
        ({2: (DISCONNECTED, LOCKED), 3: (ACTIVE, UNLOCKED)}, Seats(locked=True, other_active=True)),
        ({2: (ACTIVE, UNLOCKED), 3: (ACTIVE, LOCKED)}, Seats()),
        ({2: (ACTIVE, UNLOCKED), 3: (DISCONNECTED, UNLOCKED)}, Seats()),
    ],
)
async def test_the_lock_and_other_people(sessions: dict[int, tuple[int, int]], seats: Seats) -> None:
    library = Wtsapi32(sessions)
    assert await WindowsSessions(library, None, Kernel32()).seats() == seats
    assert library.freed == len(library._kept)


class Powrprof:
    def __init__(self) -> None:
        self.callback: Any = None

    def PowerRegisterSuspendResumeNotification(self, kind: int, parameters: Any, _handle: Any) -> int:  # noqa: N802
        assert kind == 2
        shape = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p)
        self.callback = shape(at(parameters, SubscribeParameters).callback)
        return 0


async def test_sleep_waits_until_we_let_it() -> None:
    power = Powrprof()
    sessions = WindowsSessions(Wtsapi32({}), power, Kernel32())
    heard: asyncio.Queue[bool] = asyncio.Queue()
    await sessions.follow(heard.put_nowait, lambda: None)
    # Windows calls on a thread of its own, and sleeps when the call returns.
    sleeping = asyncio.get_running_loop().run_in_executor(None, power.callback, None, 0x4, None)
    async with asyncio.timeout(20):
        assert await heard.get() is True
        assert not sleeping.done()
        sessions.release()
        await sleeping
        await asyncio.to_thread(power.callback, None, 0x12, None)
        assert await heard.get() is False


class Pdh:
    """`values`: names of counters and their percentages; None before the second collection."""

    def __init__(self, values: dict[str, float], *, opens: bool = True) -> None:
        self._values = values
        self._opens = opens
        self._collected = 0
        self._kept: list[Any] = []

    def PdhOpenQueryW(self, _source: None, _user: None, query: Any) -> int:  # noqa: N802
        at(query, ctypes.c_void_p).value = 5
        return 0 if self._opens else 1

    def PdhAddEnglishCounterW(self, query: Any, path: str, _user: None, counter: Any) -> int:  # noqa: N802
        assert (query.value, path) == (5, r"\GPU Engine(*)\Utilization Percentage")
        at(counter, ctypes.c_void_p).value = 6
        return 0

    def PdhCollectQueryData(self, query: Any) -> int:  # noqa: N802
        assert query.value == 5
        self._collected += 1
        return 0

    def PdhGetFormattedCounterArrayW(self, counter: Any, kind: int, size: Any, count: Any, buffer: Any) -> int:  # noqa: N802
        assert (counter.value, kind) == (6, 0x200)
        if self._collected < 2:
            return -1073738822  # PDH_INVALID_DATA, as the signed number ctypes makes of it.
        if buffer is None:
            at(size, ctypes.c_uint32).value = ctypes.sizeof(CounterItem) * len(self._values)
            return ctypes.c_int32(0x800007D2).value
        items = ctypes.cast(buffer, ctypes.POINTER(CounterItem))
        for index, (name, value) in enumerate(self._values.items()):
            self._kept.append(name)
            items[index].name = name
            items[index].counter.value = value
        at(count, ctypes.c_uint32).value = len(self._values)
        return 0


def test_the_busiest_engine_of_other_programs_counts() -> None:
    values = {
        "pid_11_luid_0x0_0x1_phys_0_eng_0_engtype_3D": 30.0,
        "pid_12_luid_0x0_0x1_phys_0_eng_0_engtype_3D": 12.0,
        "pid_12_luid_0x0_0x1_phys_0_eng_1_engtype_Copy": 20.0,
        f"pid_{os.getpid()}_luid_0x0_0x1_phys_0_eng_0_engtype_3D": 55.0,
    }
    cards = WindowsCards(OwnProcesses(), Pdh(values))
    assert cards.look().others == 0.0, "a use needs two moments"
    assert cards.look().others == pytest.approx(0.42)


def test_a_windows_without_counters_says_so() -> None:
    with pytest.raises(SourceSilent):
        WindowsCards(OwnProcesses(), Pdh({}, opens=False)).look()


async def test_all_senses_of_windows_fit_together() -> None:
    libraries = {
        "user32": User32(),
        "kernel32": Kernel32(),
        "shell32": Shell32(5),
        "pdh": Pdh({}),
        "wtsapi32": Wtsapi32({}),
        "powrprof": Powrprof(),
    }
    senses = windows_senses(libraries.__getitem__, Registry({}), disk=None)
    presence = await senses.idle.look()
    assert presence.source == "Windows (GetLastInputInfo)"
    assert (await senses.cards.look()).others == 0.0
