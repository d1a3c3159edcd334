"""What a worker is told when it starts: the owner's wishes, the memory that may be taken, and what is known already.

Also keeps what a loaded model was measured to be, so that the next start need not measure again. Everything here waits
for disks and drivers: call it outside the loop.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import psutil
from msgspec.structs import replace

from desktop.inference import frames
from desktop.inference.worker_settings import WorkerSettings
from desktop.models import fit
from desktop.models.measurements import Measured, Measurements, measured_key
from desktop.system import hardware

_LEAST_FACTOR: Final = 0.5
_MOST_FACTOR: Final = 2.0
"""Beyond these a factor says more about our estimate than about the model."""


class LoadOrders:
    """For one model. `file_sha256` is None as long as nobody has computed it."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._threads = settings.threads or default_threads()
        self._measurements = Measurements(settings.measurements) if settings.measurements else None

    def order(self, file_sha256: str | None, *, share: float = 1.0) -> frames.Load:
        """`share` of the memory that could be taken: less after a load that ended in a death."""
        settings, memory = self._settings, hardware.memory()
        known = self._known(file_sha256)
        return frames.Load(
            path=str(settings.model.resolve()),
            context=settings.context,
            slots=settings.slots,
            pool=settings.pool,
            threads=self._threads,
            gpu_layers=settings.gpu_layers,
            prefill_budget=settings.prefill_budget,
            nice=settings.nice,
            template=settings.template_sha256,
            room=self._room(memory.total, memory.available, memory.cards, share),
            most=self._room(memory.total, memory.total, [(card.total, card.total) for card in memory.cards]),
            known=_sent(known) if known else None,
            projector=str(settings.projector.resolve()) if settings.projector else "",
        )

    def learn(self, file_sha256: str, loaded: frames.Loaded) -> None:
        """Keeps what was measured, until it was measured on a PC at rest; the faster of two is the truer one."""
        before = self._known(file_sha256)
        if self._measurements is None or (before is not None and before.calm):
            return
        factor = loaded.taken / loaded.expected if loaded.taken and loaded.expected else 1.0
        bounded = min(max(factor, _LEAST_FACTOR), _MOST_FACTOR)
        now = Measured(loaded.prefill_tps, loaded.decode_tps, bounded, calm=is_calm())
        if before is not None and before.decode_tps > now.decode_tps:
            now = replace(before, calm=now.calm)
        self._measurements.put(self._key(file_sha256), now)

    def _room(self, total: int, available: int, cards: Iterable[tuple[int, int]], share: float = 1.0) -> frames.Room:
        room = fit.room(total, available, cards).smaller(share)
        return frames.Room(ram=min(room.ram, self._settings.most_ram or room.ram), cards=room.cards)

    def _known(self, file_sha256: str | None) -> Measured | None:
        if self._measurements is None or file_sha256 is None:
            return None
        return self._measurements.get(self._key(file_sha256))

    def _key(self, file_sha256: str) -> str:
        facts = hardware.hardware_facts() | {"threads used": self._threads, "layers": str(self._settings.gpu_layers)}
        return measured_key(file_sha256, facts)


def _sent(known: Measured) -> frames.Known:
    """Without speeds that have to be measured again."""
    prefill, decode = (known.prefill_tps, known.decode_tps) if known.calm else (0.0, 0.0)
    return frames.Known(prefill, decode, known.factor)


def is_calm() -> bool:
    """Whether less than half of the processor was asked for during the last minute."""
    return psutil.getloadavg()[0] < (psutil.cpu_count() or 1) / 2


def default_threads() -> int:
    """Physical cores but one: hyper-threads add nothing to llama.cpp, and the owner keeps a core."""
    return max(1, (psutil.cpu_count(logical=False) or 1) - 1)
