"""What this PC is made of, as far as a relay may know: sizes and product names, never a serial number."""

from __future__ import annotations

import logging
import os
import platform
import socket
from pathlib import Path

import psutil
import pynvml

log = logging.getLogger(__name__)

Facts = dict[str, str | int | float]

_MIB = 1024 * 1024


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
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return {}
    try:
        count = pynvml.nvmlDeviceGetCount()
        if not count:
            return {}
        first = pynvml.nvmlDeviceGetHandleByIndex(0)
        name = pynvml.nvmlDeviceGetName(first)
        memory = pynvml.nvmlDeviceGetMemoryInfo(first).total // _MIB
        return {"gpu": name if isinstance(name, str) else name.decode(), "gpus": count, "gpu_memory_mib": memory}
    except pynvml.NVMLError as error:
        log.info("the graphics driver gives no facts", extra={"why": str(error)})
        return {}
    finally:
        pynvml.nvmlShutdown()
