"""The model at its desk: keeps the engine loaded while it is wanted, and lets it go when it is not.

Whoever offers calls sees one thing that writes answers; whether the model is in memory right now is settled here. After
"free memory" the next call loads it again and waits for that, up to as many calls as there are slots.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from desktop.agent.state import ModelState
from desktop.inference.generation import (
    Engine,
    Failed,
    GenerateCall,
    GenerateSink,
    Loading,
    ModelFacts,
    OnChange,
    Ready,
    Restarting,
    Stopped,
    WorkerState,
)
from relay.wire.frames import IMAGES, AdvertisedModel

log = logging.getLogger(__name__)

MakeEngine = Callable[[OnChange], Engine]


class Desk:
    """One engine. `run` must be running for `want` and `free` to have an effect; `changed` hears of every change.

    `freed` is called when the engine's process is gone, and its memory the owner's again.
    """

    def __init__(
        self, make_engine: MakeEngine, *, name: str, changed: Callable[[], None], freed: Callable[[], None]
    ) -> None:
        self._engine = make_engine(self._engine_changed)
        self._name = name
        self._changed = changed
        self._on_freed = freed
        self._facts: ModelFacts | None = None
        self._held: dict[int, tuple[GenerateCall, GenerateSink]] = {}
        self._wanted = False
        self._freed = False
        self._leaving = False
        self._look = asyncio.Event()

    # --- what is wanted

    def want(self, wanted: bool) -> None:  # noqa: FBT001 -- the one argument is the whole message
        if wanted != self._wanted:
            self._wanted = wanted
            self._freed = False
            self._look.set()

    def free(self) -> None:
        """Gives the memory back once no call runs; the next call takes it again."""
        self._freed = True
        self._look.set()

    async def run(self) -> None:
        """Starts and stops the engine as wanted, until cancelled; then stops it."""
        try:
            while True:
                await self._look.wait()
                self._look.clear()
                await self._adjust()
        finally:
            await self._engine.stop()

    async def _adjust(self) -> None:
        stopped = isinstance(self._engine.state, Stopped)
        if self._keeps and stopped:
            await self._engine.start()
        elif not self._keeps and not stopped and not self.running:
            self._leaving = True
            await self._engine.stop()
            self._leaving = False
            self._on_freed()

    @property
    def _keeps(self) -> bool:
        return bool(self._held) or (self._wanted and not self._freed)

    @property
    def loaded(self) -> bool:
        """Whether the model takes memory: from the first byte until its process is gone."""
        return self._leaving or not isinstance(self._engine.state, Stopped | Failed)

    # --- calls

    @property
    def slots(self) -> int:
        return self._facts.slots if self._facts else 0

    @property
    def running(self) -> int:
        return self._engine.running + len(self._held)

    def submit(self, call: GenerateCall, sink: GenerateSink) -> None:
        """As the engine's own `submit`; an unloaded model is loaded first."""
        if self._freed and self._wanted and not isinstance(self._engine.state, Ready | Failed):
            self._held[call.id] = (call, sink)
            self._look.set()
        else:
            self._engine.submit(call, sink)

    def cancel(self, call_id: int) -> None:
        if self._held.pop(call_id, None) is None:
            self._engine.cancel(call_id)
        self.rested()

    def rested(self) -> None:
        """A call has ended: memory that is no longer wanted can go now."""
        if not self._keeps:
            self._look.set()

    def _engine_changed(self, state: WorkerState) -> None:
        if isinstance(state, Ready):
            self._facts = state.facts
            self._freed = False
        elif isinstance(state, Restarting | Failed):
            log.warning("the model is not available", extra={"model": self._name, "state": state})
        if not isinstance(state, Loading | Stopped):
            self._let_go(state)
        self._look.set()
        self._changed()

    def _let_go(self, state: WorkerState) -> None:
        """The load that held calls waited for has ended, one way or the other."""
        held, self._held = list(self._held.values()), {}
        for call, sink in held:
            if isinstance(state, Ready):
                self._engine.submit(call, sink)
            else:
                sink.declined("model", "The model could not be loaded.")

    # --- what others see

    @property
    def state(self) -> ModelState:
        name = self._facts.name if self._facts and not self._name else self._name
        slots, speed = (self._facts.slots, self._facts.decode_tps) if self._facts else (0, 0.0)
        match self._engine.state:
            case Ready():
                blind = self._facts.blind if self._facts else ""
                return ModelState(name, "ready", slots, self.running, speed, blind=blind)
            case Restarting(why=why):
                return ModelState(name, "restarting", slots, self.running, speed, why)
            case Failed(reason=reason):
                return ModelState(name, "failed", slots, 0, speed, reason)
            case Stopped() if not self._keeps:
                return ModelState(name, "unloaded", slots, self.running, speed)
            case _:
                return ModelState(name, "loading", slots, self.running, speed)

    def advertised(self) -> list[AdvertisedModel]:
        """What the relay is told; nothing before the first load has shown what this model can do, or once it failed."""
        facts = self._facts
        if facts is None or isinstance(self._engine.state, Failed):
            return []
        model = AdvertisedModel(
            model=self._name or facts.name,
            digest=facts.digest,
            context=facts.context,
            slots=facts.slots,
            quantisation=facts.quantisation,
            warm=isinstance(self._engine.state, Ready),
            prefill_tps=facts.prefill_tps,
            decode_tps=facts.decode_tps,
            numerics=facts.numerics,
            resume=facts.resume,
            features=[IMAGES] if facts.pictures else [],
        )
        return [model]
