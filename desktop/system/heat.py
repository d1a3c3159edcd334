"""How hot the processor is."""

from __future__ import annotations

import psutil

from desktop.system.conditions import Heat

_PROCESSORS = ("coretemp", "k10temp", "zenpower", "cpu_thermal", "cpu-thermal", "soc_thermal", "x86_pkg_temp")
"""Drivers of processors and of chips that hold one; others measure disks, cards and cases."""

_SENSIBLE_C = (1.0, 130.0)
"""Some boards report what no processor survives."""


def processor_heat() -> Heat:
    """The hottest core. Blocks while sensors are read, milliseconds as a rule."""
    sensors = getattr(psutil, "sensors_temperatures", None)  # Absent on Windows and macOS.
    if sensors is None:
        return Heat()
    found = [
        sensor.current
        for driver, each in sensors().items()
        if driver in _PROCESSORS
        for sensor in each
        if sensor.current is not None and _SENSIBLE_C[0] <= sensor.current <= _SENSIBLE_C[1]
    ]
    return Heat(max(found)) if found else Heat()


def hotter(one: Heat, other: Heat) -> Heat:
    """Of two parts the one that matters."""
    if one.celsius is None or (other.celsius is not None and other.celsius > one.celsius):
        return other
    return one
