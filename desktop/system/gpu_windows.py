"""Graphics cards on Windows, of any maker: the performance counters that the task manager shows too.

NVML does not tell processes apart there, since Windows schedules the card itself.
"""

from __future__ import annotations

import ctypes
import re
from typing import Any

from desktop.errors import SourceSilent
from desktop.system.contention import OwnProcesses
from desktop.system.gpu import Cards

_COUNTER = r"\GPU Engine(*)\Utilization Percentage"
_DOUBLE = 0x200
"""PDH_FMT_DOUBLE"""

_MORE_DATA = 0x800007D2
_INSTANCE = re.compile(r"pid_(?P<pid>\d+)_(?P<engine>.*)")


class CounterValue(ctypes.Structure):
    """PDH_FMT_COUNTERVALUE with a double in its union."""

    _fields_ = (("status", ctypes.c_uint32), ("value", ctypes.c_double))


class CounterItem(ctypes.Structure):
    """PDH_FMT_COUNTERVALUE_ITEM_W"""

    _fields_ = (("name", ctypes.c_wchar_p), ("counter", CounterValue))


class WindowsCards:
    """One query that is kept open; the counters of each look are about the time since the one before."""

    name = "graphics card (PDH)"

    def __init__(self, own: OwnProcesses, pdh: Any) -> None:
        """`pdh` is the system's library of that name."""
        self._own = own
        self._pdh = pdh
        self._query: ctypes.c_void_p | None = None
        self._counter = ctypes.c_void_p()

    def look(self) -> Cards:
        """Blocks. Raises SourceSilent."""
        if self._query is None:
            self._open()
        if self._pdh.PdhCollectQueryData(self._query):
            self._query = None
            raise SourceSilent(self.name, "the counters cannot be read")
        ours = self._own.pids()
        engines: dict[str, float] = {}
        for name, percent in self._values():
            match = _INSTANCE.match(name)
            if match is not None and int(match["pid"]) not in ours:
                engines[match["engine"]] = engines.get(match["engine"], 0.0) + percent
        return Cards(min(1.0, max(engines.values(), default=0.0) / 100))

    def _open(self) -> None:
        query = ctypes.c_void_p()
        if self._pdh.PdhOpenQueryW(None, None, ctypes.byref(query)):
            raise SourceSilent(self.name, "there are no performance counters")
        if self._pdh.PdhAddEnglishCounterW(query, _COUNTER, None, ctypes.byref(self._counter)):
            raise SourceSilent(self.name, "there are no counters of graphics cards")
        self._query = query

    def _values(self) -> list[tuple[str, float]]:
        """None at the first look: a use needs two moments."""
        size, count = ctypes.c_uint32(), ctypes.c_uint32()
        asked = (self._counter, _DOUBLE, ctypes.byref(size), ctypes.byref(count))
        if self._pdh.PdhGetFormattedCounterArrayW(*asked, None) % 2**32 != _MORE_DATA:
            return []
        buffer = ctypes.create_string_buffer(size.value)
        if self._pdh.PdhGetFormattedCounterArrayW(*asked, buffer):
            return []
        items = ctypes.cast(buffer, ctypes.POINTER(CounterItem))
        return [(items[index].name, items[index].counter.value) for index in range(count.value)]
