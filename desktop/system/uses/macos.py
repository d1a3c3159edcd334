"""macOS: what other programs assert about the display, and whether the microphone runs."""

from __future__ import annotations

import asyncio
import ctypes
import re
from collections.abc import Callable
from typing import Any

from desktop.errors import SourceSilent
from desktop.system.uses.port import Kind

_PATIENCE_S = 2.0
_ASSERTION = re.compile(
    r"pid (?P<pid>\d+)\((?P<name>[^)]*)\): .*\b(?:PreventUserIdleDisplaySleep|NoDisplaySleepAssertion)\b"
)

_SYSTEM_OBJECT = 1
_UNKNOWN_DEVICE = 0


def _four(code: str) -> int:
    """Apple's four-letter codes."""
    return int.from_bytes(code.encode("ascii"), "big")


class PowerAssertions:
    """Programs that keep the display awake: players, calls, presentations. `pmset` shows them to everybody."""

    name = "power assertions"
    kind: Kind = "call_or_video"

    def __init__(
        self, is_ours: Callable[[int], bool], command: tuple[str, ...] = ("/usr/bin/pmset", "-g", "assertions")
    ) -> None:
        self._is_ours = is_ours
        self._command = command

    async def look(self) -> str:
        pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        try:
            process = await asyncio.create_subprocess_exec(*self._command, stdin=nothing, stdout=pipe, stderr=nothing)
        except OSError as error:
            raise SourceSilent(self.name, error.strerror or str(error)) from error
        try:
            async with asyncio.timeout(_PATIENCE_S):
                output, _ = await process.communicate()
        except TimeoutError as error:
            process.kill()
            await process.wait()
            raise SourceSilent(self.name, "pmset does not answer") from error
        for found in _ASSERTION.finditer(output.decode(errors="replace")):
            if not self._is_ours(int(found["pid"])):
                return f"{found['name']} plays or presents something"
        return ""


class PropertyAddress(ctypes.Structure):
    """AudioObjectPropertyAddress of CoreAudio."""

    _fields_ = (("selector", ctypes.c_uint32), ("scope", ctypes.c_uint32), ("element", ctypes.c_uint32))


class MicrophoneRuns:
    """`kAudioDevicePropertyDeviceIsRunningSomewhere` of the default input device: somebody records."""

    name = "microphone (CoreAudio)"
    kind: Kind = "call_or_video"

    def __init__(self, core_audio: Any) -> None:
        """The framework of that name."""
        self._audio = core_audio

    async def look(self) -> str:
        device = self._property(_SYSTEM_OBJECT, "dIn ")
        if device == _UNKNOWN_DEVICE:
            raise SourceSilent(self.name, "there is none")
        return "the microphone is in use" if self._property(device, "gone") else ""

    def _property(self, target: int, selector: str) -> int:
        address = PropertyAddress(_four(selector), _four("glob"), 0)
        value, size = ctypes.c_uint32(), ctypes.c_uint32(4)
        status = self._audio.AudioObjectGetPropertyData(
            target, ctypes.byref(address), 0, None, ctypes.byref(size), ctypes.byref(value)
        )
        if status:
            raise SourceSilent(self.name, "CoreAudio does not answer")
        return value.value
