"""macOS at the border of its frameworks: each answers as its documentation says, none has met a real Mac."""

from __future__ import annotations

import ctypes
import stat
from pathlib import Path
from typing import Any

import psutil
import pytest

from desktop.errors import SourceSilent
from desktop.system.conditions import Heat, Power
from desktop.system.core_foundation import CoreFoundation
from desktop.system.idle.macos import MacIdle
from desktop.system.macos_sessions import MacSessions
from desktop.system.process_info import MacPower, ProcessInfo
from desktop.system.uses.macos import MicrophoneRuns, PowerAssertions, PropertyAddress
from desktop.system.watch.macos import mac_senses
from desktop.system.watch.senses import Seats
from tests.builders import NOON


def at(pointer: Any, kind: Any) -> Any:
    return ctypes.cast(pointer, ctypes.POINTER(kind)).contents


class Foundation:
    """CoreFoundation with handles that are numbers; what is made has to be released."""

    def __init__(self) -> None:
        self.things: dict[int, Any] = {}
        self.owned: set[int] = set()

    def make(self, value: Any) -> int:
        handle = 1000 + len(self.things)
        self.things[handle] = value
        self.owned.add(handle)
        return handle

    def CFStringCreateWithCString(self, _allocator: None, text: bytes, encoding: int) -> int:  # noqa: N802
        assert encoding == 0x08000100
        return self.make(text.decode())

    def CFNumberGetValue(self, handle: int, kind: int, value: Any) -> int:  # noqa: N802
        assert kind == 4
        at(value, ctypes.c_int64).value = self.things[handle]
        return 1

    def CFDictionaryGetValue(self, handle: int, key: int) -> int:  # noqa: N802
        found = self.things[handle].get(self.things[key])
        return 0 if found is None else self._borrowed(found)

    def _borrowed(self, value: Any) -> int:
        handle = self.make(value)
        self.owned.discard(handle)
        return handle

    def CFBooleanGetValue(self, handle: int) -> int:  # noqa: N802
        return int(self.things[handle])

    def CFRelease(self, handle: int) -> None:  # noqa: N802
        self.owned.remove(handle)


class Frameworks:
    """IOKit and ApplicationServices."""

    def __init__(self, foundation: Foundation) -> None:
        self._foundation = foundation
        self.hid_ns: int | None = 60_000_000_000
        self.session_s = 90.0
        self.session: dict[str, bool] | None = {"kCGSSessionOnConsoleKey": True}
        self.services = 0

    def IOServiceMatching(self, name: bytes) -> int:  # noqa: N802
        assert name == b"IOHIDSystem"
        return 1

    def IOServiceGetMatchingService(self, _port: int, _matching: int) -> int:  # noqa: N802
        if self.hid_ns is None:
            return 0
        self.services += 1
        return 42

    def IORegistryEntryCreateCFProperty(self, entry: int, key: int, _allocator: None, _options: int) -> int:  # noqa: N802
        assert (entry, self._foundation.things[key]) == (42, "HIDIdleTime")
        return self._foundation.make(self.hid_ns)

    def IOObjectRelease(self, service: int) -> int:  # noqa: N802
        assert service == 42
        self.services -= 1
        return 0

    def CGEventSourceSecondsSinceLastEventType(self, state: int, kind: int) -> float:  # noqa: N802
        assert (state, kind) == (0, 0xFFFFFFFF)
        return self.session_s

    def CGSessionCopyCurrentDictionary(self) -> int:  # noqa: N802
        return 0 if self.session is None else self._foundation.make(self.session)


@pytest.fixture
def foundation() -> Foundation:
    return Foundation()


@pytest.fixture
def frameworks(foundation: Foundation) -> Frameworks:
    return Frameworks(foundation)


def idle(foundation: Foundation, frameworks: Frameworks) -> MacIdle:
    return MacIdle(CoreFoundation(foundation), frameworks, frameworks)


@pytest.mark.parametrize(
    ("hid_ns", "session_s", "idle_s"),
    [(60_000_000_000, 90.0, 60), (90_000_000_000, 5.0, 5), (None, 70.0, 70), (30_000_000_000, -1.0, 30)],
)
async def test_the_newer_of_driver_and_session_counts_and_nothing_is_leaked(
    foundation: Foundation, frameworks: Frameworks, hid_ns: int | None, session_s: float, idle_s: float
) -> None:
    frameworks.hid_ns, frameworks.session_s = hid_ns, session_s
    assert await idle(foundation, frameworks).input_at(NOON) == NOON - idle_s
    assert not foundation.owned
    assert not frameworks.services


async def test_before_login_nobody_can_tell(foundation: Foundation, frameworks: Frameworks) -> None:
    frameworks.hid_ns, frameworks.session_s = None, -1.0
    with pytest.raises(SourceSilent):
        await idle(foundation, frameworks).open()


@pytest.mark.parametrize(
    ("session", "seats"),
    [
        ({"kCGSSessionOnConsoleKey": True}, Seats()),
        ({"kCGSSessionOnConsoleKey": True, "CGSSessionScreenIsLocked": True}, Seats(locked=True)),
        ({"kCGSSessionOnConsoleKey": False}, Seats(other_active=True)),
    ],
)
async def test_the_lock_and_who_sits_at_the_screen(
    foundation: Foundation, frameworks: Frameworks, session: dict[str, bool], seats: Seats
) -> None:
    frameworks.session = session
    assert await MacSessions(CoreFoundation(foundation), frameworks).seats() == seats
    assert not foundation.owned


async def test_without_a_session_at_the_screen_it_says_so(foundation: Foundation, frameworks: Frameworks) -> None:
    frameworks.session = None
    with pytest.raises(SourceSilent):
        await MacSessions(CoreFoundation(foundation), frameworks).seats()


ASSERTIONS = """\
2026-03-04 15:30:00 +0000
Assertion status system-wide:
   PreventUserIdleDisplaySleep    1
   UserIsActive                   0
Listed by owning process:
   pid 123(WindowServer): [0x1] 00:00:00 UserIsActive named: "com.apple.iohideventsystem"
   pid 456(coreaudiod): [0x2] 00:10:00 PreventUserIdleSystemSleep named: "com.apple.audio"
{line}
"""
FILM = '   pid 789(Google Chrome): [0x3] 00:01:00 PreventUserIdleDisplaySleep named: "Video Wake Lock"'


def pmset(folder: Path, line: str) -> tuple[str, ...]:
    tool = folder / "pmset"
    tool.write_text(f"#!/bin/sh\ncat <<'X'\n{ASSERTIONS.format(line=line)}X\n")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    return (str(tool), "-g", "assertions")


@pytest.mark.parametrize(("line", "words"), [(FILM, "Google Chrome plays or presents something"), ("", "")])
async def test_what_keeps_the_display_awake_is_a_use(tmp_path: Path, line: str, words: str) -> None:
    assert await PowerAssertions(lambda _pid: False, pmset(tmp_path, line)).look() == words


async def test_our_own_assertion_is_none(tmp_path: Path) -> None:
    assert not await PowerAssertions(lambda pid: pid == 789, pmset(tmp_path, FILM)).look()


async def test_a_mac_without_pmset_says_nothing_about_the_owner(tmp_path: Path) -> None:
    with pytest.raises(SourceSilent):
        await PowerAssertions(lambda _pid: False, (str(tmp_path / "none"),)).look()


class CoreAudio:
    def __init__(self, device: int, running: int) -> None:
        self._values = {b"dIn ": device, b"gone": running}

    def AudioObjectGetPropertyData(  # noqa: N802, PLR0917 -- Apple's arguments
        self, target: int, address: Any, zero: int, nothing: None, size: Any, value: Any
    ) -> int:
        asked = at(address, PropertyAddress)
        selector = asked.selector.to_bytes(4, "big")
        assert (asked.scope.to_bytes(4, "big"), asked.element, zero, nothing) == (b"glob", 0, 0, None)
        assert target == (1 if selector == b"dIn " else self._values[b"dIn "])
        assert at(size, ctypes.c_uint32).value == 4
        at(value, ctypes.c_uint32).value = self._values[selector]
        return 0


@pytest.mark.parametrize(("running", "words"), [(1, "the microphone is in use"), (0, "")])
async def test_a_microphone_that_runs_is_a_call(running: int, words: str) -> None:
    assert await MicrophoneRuns(CoreAudio(77, running)).look() == words


async def test_a_mac_without_a_microphone_says_so() -> None:
    with pytest.raises(SourceSilent):
        await MicrophoneRuns(CoreAudio(0, 0)).look()


class Objc:
    """objc_msgSend as a real C function, since it is called by its address."""

    def __init__(self, *, thermal: int = 0, low_power: int = 0) -> None:
        self.sent: list[tuple[bytes, int]] = []
        self._names: dict[int, bytes] = {}
        self._answers = {b"processInfo": 11, b"thermalState": thermal, b"isLowPowerModeEnabled": low_power}
        shape = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_void_p)
        self.objc_msgSend = shape(self._send)

    def objc_getClass(self, name: bytes) -> int:  # noqa: N802
        return 3 if name == b"NSProcessInfo" else 4

    def sel_registerName(self, name: bytes) -> int:  # noqa: N802
        number = 100 + len(self._names)
        self._names[number] = name
        return number

    def _send(self, _target: int, selector: int, first: int, _second: int) -> int:
        name = self._names[selector]
        self.sent.append((name, first))
        return self._answers.get(name, 9)


@pytest.mark.parametrize(("state", "celsius"), [(0, 40.0), (1, 60.0), (2, 95.0), (3, 105.0)])
def test_a_serious_thermal_state_is_too_hot(state: int, celsius: float) -> None:
    assert ProcessInfo(Objc(thermal=state)).heat() == Heat(celsius, "Mac")


async def test_low_power_mode_is_saving_energy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "sensors_battery", lambda: None, raising=False)
    assert await MacPower(ProcessInfo(Objc(low_power=1))).look() == Power(saver=True)
    assert await MacPower(ProcessInfo(Objc())).look() == Power()


def test_app_nap_is_kept_away_once_and_the_mac_may_still_sleep() -> None:
    objc = Objc()
    info = ProcessInfo(objc)
    info.stay_awake()
    info.stay_awake()
    begun = [first for name, first in objc.sent if name == b"beginActivityWithOptions:reason:"]
    assert begun == [0x00EFFFFF]


async def test_all_senses_of_a_mac_fit_together(foundation: Foundation, frameworks: Frameworks) -> None:
    def framework(name: str) -> Any:
        return foundation if name == "CoreFoundation" else CoreAudio(77, 0) if name == "CoreAudio" else frameworks

    senses = mac_senses(framework, ProcessInfo(Objc()), disk=None)
    presence = await senses.idle.look()
    assert presence.source.startswith("macOS")
    assert senses.login is not None
    assert await senses.login.seats() == Seats()
