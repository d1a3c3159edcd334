"""Graphics cards: NVML as NVIDIA documents it, AMD as the kernel does."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from desktop.errors import SourceSilent
from desktop.system import gpu
from desktop.system.conditions import UNKNOWN, Heat
from desktop.system.contention import OwnProcesses
from desktop.system.gpu import Amd, Cards, GraphicsCards, Nvidia

OURS, THEIRS = os.getpid(), 1


class NvmlError(Exception):
    def __init__(self, value: int) -> None:
        super().__init__(f"NVML error {value}")
        self.value = value


@dataclass
class Sample:
    pid: int
    smUtil: int  # noqa: N815
    timeStamp: int = 1  # noqa: N815


@dataclass
class Rates:
    gpu: int


@dataclass
class FakeNvml:
    """The calls that are made, with answers a test sets: samples None means "not supported"."""

    samples: list[Sample] | None = field(default_factory=list)
    computing: list[int] = field(default_factory=list)
    rate: int = 0
    celsius: int = 50
    broken: int = 0
    asked_since: list[int] = field(default_factory=list)
    NVMLError = NvmlError
    NVML_ERROR_NOT_FOUND = 6
    NVML_TEMPERATURE_GPU = 0

    def nvmlInit(self) -> None:  # noqa: N802
        if self.broken:
            raise NvmlError(self.broken)

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return 1

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def nvmlDeviceGetTemperature(self, _handle: int, _sensor: int) -> int:  # noqa: N802
        return self.celsius

    def nvmlDeviceGetProcessUtilization(self, _handle: int, since: int) -> list[Sample]:  # noqa: N802
        self.asked_since.append(since)
        if self.samples is None:
            raise NvmlError(3)
        if not self.samples:
            raise NvmlError(self.NVML_ERROR_NOT_FOUND)
        return self.samples

    def nvmlDeviceGetComputeRunningProcesses(self, _handle: int) -> list[Sample]:  # noqa: N802
        return [Sample(pid, 0) for pid in self.computing]

    def nvmlDeviceGetUtilizationRates(self, _handle: int) -> Rates:  # noqa: N802
        return Rates(self.rate)


def others(nvml: FakeNvml) -> float | object:
    return Nvidia(OwnProcesses(), nvml).look().others


def test_a_card_nobody_used_is_free() -> None:
    assert others(FakeNvml()) == 0.0


def test_what_others_use_counts_and_what_our_worker_uses_does_not() -> None:
    samples = [Sample(OURS, 98), Sample(THEIRS, 20), Sample(THEIRS, 40), Sample(2, 10)]
    assert others(FakeNvml(samples)) == pytest.approx(0.4)


def test_samples_are_asked_for_once() -> None:
    nvml = FakeNvml([Sample(THEIRS, 20, timeStamp=77)])
    card = Nvidia(OwnProcesses(), nvml)
    card.look()
    card.look()
    assert nvml.asked_since == [0, 77]


@pytest.mark.parametrize(("computing", "share"), [([], 0.6), ([OURS], 0.0), ([OURS, THEIRS], 1.0)])
def test_where_processes_are_not_told_apart_presence_decides(computing: list[int], share: float) -> None:
    assert others(FakeNvml(None, computing, rate=60)) == share


def test_the_card_says_how_hot_it_is() -> None:
    assert Nvidia(OwnProcesses(), FakeNvml(celsius=91)).look().heat == Heat(91.0, "graphics card")


def test_a_driver_that_fails_is_silent_and_is_opened_again() -> None:
    nvml = FakeNvml(broken=999)
    card = Nvidia(OwnProcesses(), nvml)
    with pytest.raises(SourceSilent):
        card.look()
    nvml.broken = 0
    assert card.look().others == 0.0


async def test_a_driver_that_hangs_leaves_the_card_unknown_and_is_asked_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gpu, "_PATIENCE_S", 0.1)
    hangs, asked = threading.Event(), 0

    def look() -> Cards:
        nonlocal asked
        asked += 1
        hangs.wait(30)
        return Cards()

    cards = GraphicsCards([look])
    try:
        assert (await cards.look()).others is UNKNOWN
        assert (await cards.look()).others is UNKNOWN
        assert asked == 1
    finally:
        hangs.set()
    async with asyncio.timeout(20):
        while (await cards.look()).others is UNKNOWN:  # noqa: ASYNC110 -- the thread's own pace
            await asyncio.sleep(0)


async def test_a_card_that_falls_silent_counts_as_in_use() -> None:
    def look() -> Cards:
        raise SourceSilent("card", "it is gone")

    assert (await GraphicsCards([look]).look()).others is UNKNOWN


async def test_a_pc_without_a_card_is_never_kept_from_sharing_by_one() -> None:
    assert await GraphicsCards([]).look() == Cards()


@pytest.fixture
def amd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Amd]:
    monkeypatch.setattr(psutil, "sensors_temperatures", dict, raising=False)

    def card(busy: int) -> Amd:
        device = tmp_path / "drm" / "card0" / "device"
        device.mkdir(parents=True, exist_ok=True)
        (device / "gpu_busy_percent").write_text(f"{busy}\n")
        return Amd(OwnProcesses(), cards=tmp_path / "drm", processes=tmp_path / "proc")

    return card


def test_an_amd_card_is_found_by_what_the_kernel_shows(amd: Callable[..., Amd], tmp_path: Path) -> None:
    assert not Amd(OwnProcesses(), cards=tmp_path / "none").offered
    card = amd(35)
    assert card.offered
    assert card.look().others == 0.35


def test_our_own_work_on_an_amd_card_is_taken_off(
    amd: Callable[..., Amd], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = tmp_path / "proc" / str(OURS) / "fdinfo"
    files.mkdir(parents=True)
    moment = 100.0
    monkeypatch.setattr("desktop.system.gpu.time.monotonic", lambda: moment)
    card = amd(90)
    for nanoseconds in (0, 8_000_000_000):
        for number in ("3", "4"):  # The same client, by two files.
            (files / number).write_text(f"drm-client-id:\t7\ndrm-engine-compute:\t{nanoseconds} ns\n")
        found = card.look()
        moment += 10
    assert found.others == pytest.approx(0.1)
