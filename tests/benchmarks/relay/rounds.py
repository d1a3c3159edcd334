"""The measurement itself: three kinds of load on one gateway, and what each cost it."""

import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Self

from tests.benchmarks.processes import Cores, Unmeasurable, ask_json, busy_seconds
from tests.benchmarks.relay.gateways import Gateway
from tests.benchmarks.rig.build import tool

SETTLE_S = 0.15
"""After a load, before its cost is read: what the gateway still writes down belongs to the load. Three flushes."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured. The short one only shows that everything works."""

    rounds: int = 5
    starts: int = 5
    seconds: float = 4.0
    """Of each load."""
    busy_connections: int = 64
    streams: int = 500
    chunks: int = 80
    interval_ms: int = 50

    @classmethod
    def short(cls) -> Self:
        return cls(rounds=1, starts=1, seconds=0.3, streams=50, chunks=10, interval_ms=20)


@dataclass(slots=True)
class Measured:
    """Samples by name, one per round, and how many calls were answered in all."""

    samples: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    calls: int = 0

    def note(self, name: str, value: float) -> None:
        self.samples[name].append(value)


class Bench:
    """Puts load on gateways from the rig's core and notes what it costs them."""

    def __init__(self, plan: Plan, cores: Cores, measured: Measured) -> None:
        self._plan = plan
        self._cores = cores
        self._measured = measured
        self._load = tool("load")

    def round(self, gateway: Gateway, direct_port: int) -> None:
        self.busy(gateway)
        self.lone(gateway, direct_port)
        self.paced(gateway)

    def busy(self, gateway: Gateway) -> None:
        """64 connections, not streamed, each asking again as soon as it is answered."""
        before, core_before = gateway.running.cpu_seconds(), busy_seconds(self._cores.measured)
        found = self.load(gateway, "-c", self._plan.busy_connections, "-d", self._plan.seconds)
        cpu, core = gateway.running.cpu_seconds() - before, busy_seconds(self._cores.measured) - core_before
        self._measured.note(f"{gateway.name} core lost to others", max(0.0, core - cpu) / core)
        self._measured.note(f"{gateway.name} requests/s", found["per_second"])
        self._measured.note(f"{gateway.name} CPU us/request", cpu * 1e6 / found["answers"])

    def lone(self, gateway: Gateway, direct_port: int) -> None:
        """One connection, not streamed; and the same without the gateway, whose time is taken off."""
        seconds = self._plan.seconds / 2
        through = self.load(gateway, "-c", 1, "-d", seconds)["p50"]
        direct = self._run("-p", direct_port, "-c", 1, "-d", seconds / 2)["p50"]
        self._measured.note(f"{gateway.name} added p50 us", through - direct)

    def paced(self, gateway: Gateway) -> None:
        """500 streams whose chunks come one by one, so that nothing can be joined."""
        plan = self._plan
        length_ms = plan.chunks * plan.interval_ms
        stream = ("-s", "-n", plan.chunks, "-i", plan.interval_ms, "-r", length_ms / 4)
        before = gateway.running.cpu_seconds()
        found = self.load(gateway, "-c", gateway.streams or plan.streams, "-d", plan.seconds, *stream)
        cpu = gateway.running.cpu_seconds() - before
        self._measured.note(f"{gateway.name} CPU us/chunk", cpu * 1e6 / found["chunks"])
        self._measured.note(f"{gateway.name} chunk lag p50 us", found["lag_p50"])
        self._measured.note(f"{gateway.name} MB after streams", gateway.running.resident_mb())

    def load(self, gateway: Gateway, *options: object) -> dict[str, Any]:
        found = self._run("-p", gateway.port, "-k", gateway.key, *options)
        if gateway.name == "relay":
            self._measured.calls += int(found["answers"])
        time.sleep(SETTLE_S)
        return found

    def _run(self, *options: object) -> dict[str, Any]:
        found = ask_json([str(self._load), *map(_text, options)], core=self._cores.rig)
        if found["errors"] or found["connect_errors"] or found["unfinished"] or not found["answers"]:
            raise Unmeasurable(f"the load did not go through: {found}")
        return found


def _text(option: object) -> str:
    return f"{option:.0f}" if isinstance(option, float) and option >= 10 else str(option)
