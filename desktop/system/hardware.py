"""What this PC is made of, as far as a relay may know: sizes and product names, never a serial number."""

from __future__ import annotations

import logging
import os
import platform
import socket
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import psutil
import pynvml

log = logging.getLogger(__name__)

_CARDS: Final = "CUDA_VISIBLE_DEVICES"
"""The variable by which CUDA itself is told which cards there are."""

Facts = dict[str, str | int | float]


class Card(NamedTuple):
    """A graphics card's memory in bytes."""

    total: int
    free: int


class Memory(NamedTuple):
    """Of this PC, in bytes; in a container, what that may use."""

    total: int
    available: int
    cards: tuple[Card, ...] = ()


_MIB: Final = 1024 * 1024
_CGROUPS: Final = Path("/sys/fs/cgroup")


def computer_name() -> str:
    """What the owner calls this PC, without the network's domain."""
    return socket.gethostname().partition(".")[0] or "PC"


def operating_system() -> str:
    """System and release, as in `Linux 6.8`."""
    return f"{platform.system()} {platform.release().partition('-')[0]}".strip()


def hardware_facts() -> Facts:
    """CPU, memory and graphics cards. Takes some milliseconds, more where an NVIDIA driver wakes its card."""
    facts: Facts = {
        "cpu": _cpu_name(),
        "cores": psutil.cpu_count(logical=False) or os.cpu_count() or 1,
        "threads": psutil.cpu_count() or 1,
        "memory_mib": psutil.virtual_memory().total // _MIB,
        "machine": platform.machine(),
    }
    return facts | _nvidia_facts()


def memory() -> Memory:
    """Now. Takes some milliseconds, more where an NVIDIA driver wakes its card."""
    system = psutil.virtual_memory()
    total, available = system.total, system.available
    for limit, used in _container_limits(_CGROUPS, _own_groups()):
        total, available = min(total, limit), min(available, max(0, limit - used))
    return Memory(total, available, tuple(_nvidia_memory()))


def out_of_memory_kills() -> int:
    """How many processes this system has ended for want of memory since it started; 0 where it does not say (Linux)."""
    try:
        lines = Path("/proc/vmstat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def _own_groups() -> str:
    try:
        return Path("/proc/self/cgroup").read_text(encoding="utf-8")
    except OSError:
        return ""


def _container_limits(root: Path, groups: str) -> Iterator[tuple[int, int]]:
    """Limit and use of memory of each control group this process is in, both versions of Linux's interface. What is
    only kept from files counts as unused, since it goes when memory is needed.
    """
    for line in groups.splitlines():
        _, controllers, path = line.split(":", 2)
        beneath = ("", path.lstrip("/"))  # a container may see its own group as the root
        if not controllers:
            for folder in beneath:
                yield from _limit(root / folder, "memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            for folder in beneath:
                files = "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
                yield from _limit(root / "memory" / folder, *files)


def _limit(folder: Path, limit_file: str, used_file: str, cache: str) -> Iterator[tuple[int, int]]:
    try:
        limit, used = ((folder / name).read_text(encoding="ascii").strip() for name in (limit_file, used_file))
        statistics = dict(line.split() for line in (folder / "memory.stat").read_text(encoding="ascii").splitlines())
        if limit.isdigit():
            yield int(limit), int(used) - int(statistics.get(cache, 0))
    except (OSError, ValueError):
        return


def _cpu_name() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _nvidia_facts() -> Facts:
    """The first NVIDIA card and how many there are; nothing where there is no driver."""
    cards = _nvidia(lambda card: (pynvml.nvmlDeviceGetName(card), pynvml.nvmlDeviceGetMemoryInfo(card).total))
    if not cards:
        return {}
    name, size = cards[0]
    return {"gpu": name if isinstance(name, str) else name.decode(), "gpus": len(cards), "gpu_memory_mib": size // _MIB}


def _nvidia_memory() -> list[Card]:
    return [Card(of_card.total, of_card.free) for of_card in _nvidia(pynvml.nvmlDeviceGetMemoryInfo)]


def use_cards(numbers: Iterable[int]) -> None:
    """Lets this process, and the workers it starts, see these NVIDIA cards only."""
    os.environ[_CARDS] = ",".join(map(str, numbers))


def _visible(numbers: Iterable[int]) -> list[int]:
    """Those the engine will see too. Where cards are named in other ways than by number, all count."""
    wanted = os.environ.get(_CARDS)
    if wanted is None or not all(word.strip().isdigit() for word in wanted.split(",") if word.strip()):
        return list(numbers)
    return [number for number in numbers if number in {int(word) for word in wanted.split(",") if word.strip()}]


def _nvidia(ask: Callable[[Any], Any]) -> list[Any]:
    """What `ask` finds for each NVIDIA card; nothing where there is no driver."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    try:
        count = pynvml.nvmlDeviceGetCount()
        return [ask(pynvml.nvmlDeviceGetHandleByIndex(index)) for index in _visible(range(count))]
    except pynvml.NVMLError as error:
        log.info("the graphics driver gives no facts", extra={"why": str(error)})
        return []
    finally:
        pynvml.nvmlShutdown()
