"""From the models of the library to what this PC offers: engines, room and prices. The configured model comes first."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from desktop.agent.desk import MakeEngine
from desktop.agent.desks import Offer
from desktop.errors import DesktopError
from desktop.inference.worker_settings import WorkerSettings
from desktop.models import fit
from desktop.models.catalogue import Catalogue
from desktop.models.digest import DigestCache
from desktop.models.model_file import ModelFile, read_model_file
from desktop.models.ranking import shape_of
from desktop.models.store import Servable
from desktop.system import hardware
from relay.wire.frames import Ask, PicoDollars

log = logging.getLogger(__name__)

_CONFIGURED = "configured"


@dataclass(frozen=True, slots=True)
class Offers:
    """Makes the offers of one PC. `configured` is the model of the settings, or the demo model; `served` are models of
    other engines here, which come last.

    With `keeps_configured` it is offered always, else only until its owner has another one.
    """

    configured: WorkerSettings
    make_engine: Callable[[WorkerSettings], MakeEngine]
    keeps_configured: bool
    served: tuple[Offer, ...] = ()

    def __call__(self, models: Iterable[Servable], catalogue: Catalogue) -> list[Offer]:
        own = self.configured.model.resolve()
        others = [self._offer(model, catalogue) for model in models if model.path.resolve() != own]
        others += self.served
        if others and not self.keeps_configured:
            return others
        return [self.first(), *(offer for offer in others if offer.name != self.configured.name)]

    def first(self) -> Offer:
        """Of the configured model."""
        worker = self.configured
        try:
            size = worker.model.stat().st_size
        except OSError:
            size = 0  # the engine says better what is wrong
        return Offer(worker.name, _CONFIGURED, self.make_engine(worker), size)

    def _offer(self, model: Servable, catalogue: Catalogue) -> Offer:
        worker = replace(self.configured, model=model.path, name=model.name, projector=model.projector)
        if worker.digest_cache is not None:
            with contextlib.suppress(OSError):  # it has just vanished, which the next look sees
                DigestCache(worker.digest_cache).remember(model.path, model.sha256)
        return Offer(
            model.name,
            f"{model.name}|{model.path}|{model.sha256}|{model.projector or ''}",
            self.make_engine(worker),
            model.size,
            _Shortage(model, worker),
            _ask(model, catalogue),
        )


class _Shortage:
    """Whether there is room for one model; its file is looked into once."""

    def __init__(self, model: Servable, worker: WorkerSettings) -> None:
        self._model = model
        self._limited = bool(worker.most_ram)  # each worker plans with all of it, so only one may
        self._wishes = fit.Wishes(context=worker.context, slots=worker.slots, pool=worker.pool)
        self._shape: ModelFile | None = shape_of(model.entry) if model.entry is not None else None

    def __call__(self) -> str:
        if self._limited:
            return "The memory that models may take on this PC is limited, and another one has it."
        try:
            self._shape = self._shape or read_model_file(self._model.path)
        except (OSError, DesktopError) as error:
            log.info(
                "a model cannot be judged before it is loaded", extra={"model": self._model.name, "why": str(error)}
            )
            return ""  # the engine says better what is wrong
        memory = hardware.memory()
        room = fit.room(memory.total, memory.available)
        found = fit.plan(self._shape, room, self._wishes)
        return "" if found.fits else fit.shortage(found, room)


def _ask(model: Servable, catalogue: Catalogue) -> Ask | None:
    """The price that the relay's catalogue names for this very file; what comes with Nightjar has none."""
    entry = catalogue.of_file(model.sha256)
    if entry is None or not entry.url or not catalogue.owner_percent:
        return None
    return Ask(prompt=PicoDollars(entry.price.prompt), completion=PicoDollars(entry.price.completion))
