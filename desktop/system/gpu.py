"""What programs other than ours use of the graphics cards, and how hot those are: NVIDIA by NVML, AMD by the kernel.

Other cards are not asked: models do not run on them, so they need not be left alone.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pynvml

from desktop.errors import SourceSilent
from desktop.system.conditions import UNKNOWN, Heat, Unknown
from desktop.system.contention import OwnProcesses
from desktop.system.heat import hotter

log = logging.getLogger(__name__)

_PATIENCE_S = 5.0
"""A driver that hangs must not hang the agent: its thread is left alone, and the card counts as unknown."""


@dataclass(frozen=True, slots=True)
class Cards:
    """All cards together: the busiest one's use by others, and the hottest."""

    others: float | Unknown = 0.0
    heat: Heat = Heat()  # noqa: RUF009 -- frozen


class Nvidia:
    """Through NVML, on a thread of its own. Per process on Linux; Windows tells it by other means."""

    name = "graphics card (NVML)"

    def __init__(self, own: OwnProcesses, nvml: Any = pynvml) -> None:
        self._own = own
        self._nvml = nvml
        self._open = False
        self._seen_us: dict[int, int] = {}

    def look(self) -> Cards:
        """Blocks. Raises SourceSilent."""
        nvml = self._nvml
        try:
            if not self._open:
                nvml.nvmlInit()
                self._open = True
            ours = self._own.pids()
            handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
            others = [self._others(index, handle, ours) for index, handle in enumerate(handles)]
            heat = Heat()
            for handle in handles:
                celsius = nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)
                heat = hotter(heat, Heat(float(celsius), "graphics card"))
        except nvml.NVMLError as error:
            self._open = False
            raise SourceSilent(self.name, str(error)) from error
        return Cards(max(others, default=0.0), heat)

    def _others(self, index: int, handle: Any, ours: frozenset[int]) -> float:
        """Share of one card's time that goes to processes not ours."""
        nvml = self._nvml
        try:
            samples = nvml.nvmlDeviceGetProcessUtilization(handle, self._seen_us.get(index, 0))
        except nvml.NVMLError as error:
            if error.value == nvml.NVML_ERROR_NOT_FOUND:  # Nobody used the card since.
                return 0.0
            return self._others_by_presence(handle, ours)
        self._seen_us[index] = max((sample.timeStamp for sample in samples), default=self._seen_us.get(index, 0))
        used: dict[int, list[int]] = {}
        for sample in samples:
            if sample.pid not in ours:
                used.setdefault(sample.pid, []).append(sample.smUtil)
        return min(1.0, sum(sum(each) / len(each) for each in used.values()) / 100)

    def _others_by_presence(self, handle: Any, ours: frozenset[int]) -> float:
        """Where processes are not told apart: the card's whole use is the others', unless we compute on it too."""
        computing = {process.pid for process in self._nvml.nvmlDeviceGetComputeRunningProcesses(handle)}
        if computing & ours:
            return 1.0 if computing - ours else 0.0
        return float(self._nvml.nvmlDeviceGetUtilizationRates(handle).gpu) / 100


class Amd:
    """The kernel's `gpu_busy_percent`, less what its `fdinfo` says of our own processes."""

    name = "graphics card (amdgpu)"

    def __init__(
        self, own: OwnProcesses, *, cards: Path = Path("/sys/class/drm"), processes: Path = Path("/proc")
    ) -> None:
        self._own = own
        self._cards = cards
        self._processes = processes
        self._last: tuple[float, float] | None = None

    @property
    def offered(self) -> bool:
        return any(self._cards.glob("card[0-9]*/device/gpu_busy_percent"))

    def look(self) -> Cards:
        """Blocks. Raises SourceSilent."""
        try:
            busy = [int(file.read_text()) / 100 for file in self._cards.glob("card[0-9]*/device/gpu_busy_percent")]
        except (OSError, ValueError) as error:
            raise SourceSilent(self.name, str(error)) from error
        before, self._last = self._last, (time.monotonic(), self._ours_s())
        ours = 0.0
        if before is not None and self._last[0] > before[0]:
            ours = max(0.0, self._last[1] - before[1]) / (self._last[0] - before[0])
        return Cards(min(1.0, max(0.0, max(busy, default=0.0) - ours)), _amd_heat())

    def _ours_s(self) -> float:
        """Seconds our own processes have used engines of cards; each client once, however many files show it."""
        clients: dict[str, int] = {}
        for pid in self._own.pids():
            for text in _file_infos(self._processes / str(pid) / "fdinfo"):
                facts = dict(line.partition(":")[::2] for line in text.splitlines())
                engines = [value for name, value in facts.items() if name.startswith("drm-engine-")]
                nanoseconds = sum(int(value.split()[0]) for value in engines)
                clients[facts.get("drm-client-id", "").strip()] = nanoseconds
        return sum(clients.values()) / 1e9


def _file_infos(folder: Path) -> Iterator[str]:
    """Those of graphics cards."""
    try:
        files = list(folder.iterdir())
    except OSError:
        return
    for file in files:
        try:
            text = file.read_text(encoding="ascii", errors="replace")
        except OSError:
            continue
        if "drm-engine-" in text:
            yield text


def _amd_heat() -> Heat:
    sensors = psutil.sensors_temperatures().get("amdgpu", []) if hasattr(psutil, "sensors_temperatures") else []
    found = [sensor.current for sensor in sensors if sensor.current]
    return Heat(max(found), "graphics card") if found else Heat()


class GraphicsCards:
    """All makers together, asked on a thread with a time limit. A card that was there and falls silent is unknown."""

    def __init__(self, looks: list[Callable[[], Cards]]) -> None:
        self._looks = looks
        self._thread = ThreadPoolExecutor(1, "graphics cards")  # Starts its thread with the first question.
        self._hung: asyncio.Future[Cards] | None = None

    @property
    def there(self) -> bool:
        """Whether this PC has any."""
        return bool(self._looks)

    async def look(self) -> Cards:
        if not self._looks:
            return Cards()
        if self._hung is not None and not self._hung.done():
            return Cards(UNKNOWN)
        self._hung = asyncio.get_running_loop().run_in_executor(self._thread, self._all)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                return await asyncio.shield(self._hung)
        except TimeoutError:
            log.warning("the graphics driver hangs")
        except SourceSilent as error:
            log.info("a graphics card does not answer", extra={"why": str(error)})
        return Cards(UNKNOWN)

    def _all(self) -> Cards:
        others, heat = 0.0, Heat()
        for look in self._looks:
            cards = look()
            others = max(others, cards.others) if not isinstance(cards.others, Unknown) else 1.0
            heat = hotter(heat, cards.heat)
        return Cards(others, heat)


def graphics_cards(own: OwnProcesses) -> GraphicsCards:
    """Those this PC has."""
    looks: list[Callable[[], Cards]] = []
    if has_nvidia():
        looks.append(Nvidia(own).look)
    if (amd := Amd(own)).offered:
        looks.append(amd.look)
    return GraphicsCards(looks)


def has_nvidia() -> bool:
    """Whether its driver has made a device: asking NVML wakes the card, so only where there is one."""
    if Path("/dev").is_dir():
        return Path("/dev/nvidiactl").exists()
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return False
    pynvml.nvmlShutdown()
    return True
