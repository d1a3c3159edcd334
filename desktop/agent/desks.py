"""All models at their desks: one engine each, loaded one after the other as far as memory goes.

To everything above, this is one desk: what is wanted, freed or running is said of all together, and a call goes to the
desk of its model. Which models there are may change at any time; one that is no longer offered takes no new call, and
goes when its last one has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import msgspec

from desktop.agent.desk import Desk, MakeEngine
from desktop.agent.state import ModelState
from desktop.inference.generation import GenerateCall, GenerateSink
from relay.wire.frames import AdvertisedModel, Ask


@dataclass(frozen=True, slots=True)
class Offer:
    """One model this PC could serve. `mark` is another one as soon as anything but the price is different."""

    name: str
    mark: str
    make_engine: MakeEngine
    size: int = 0
    """Bytes of its file."""

    shortage: Callable[[], str] = lambda: ""
    """Why there is no room for it just now, beside what is loaded; empty if there is. Not asked of the first."""

    ask: Ask | None = None
    """What a token costs; None leaves it to the relay."""


class Desks:
    """Has the methods of one `Desk`. `freed` is called when no engine's process is left."""

    def __init__(self, offers: Sequence[Offer] = (), *, changed: Callable[[], None], freed: Callable[[], None]) -> None:
        self._changed = changed
        self._freed = freed
        self._seats: list[_Seat] = []
        self._leaving: list[_Seat] = []
        self._calls: dict[int, Desk] = {}
        self._wanted = False
        self._group: asyncio.TaskGroup | None = None
        self._place(offers)

    def offer(self, offers: Sequence[Offer]) -> None:
        """These are the models now, the most important first."""
        self._place(offers)
        self._arrange()
        self._changed()

    def _place(self, offers: Sequence[Offer]) -> None:
        before = {seat.offer.mark: seat for seat in self._seats}
        self._seats = []
        for offer in offers:
            seat = before.pop(offer.mark, None)
            if seat is None:
                seat = _Seat(offer, Desk(offer.make_engine, name=offer.name, changed=self._moved, freed=self._let_go))
                self._seat(seat)
            seat.offer = offer
            self._seats.append(seat)
        self._leaving += before.values()

    # --- what is wanted

    def want(self, wanted: bool) -> None:  # noqa: FBT001 -- the one argument is the whole message
        if wanted != self._wanted:
            self._wanted = wanted
            self._arrange()

    def free(self) -> None:
        """Gives the memory back once no call runs; the next call for a model takes its own again."""
        for seat in self._seats:
            seat.desk.free()

    async def run(self) -> None:
        """Starts and stops engines as wanted, until cancelled; then stops them."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for seat in self._seats:
                self._seat(seat)
            await asyncio.Event().wait()

    def _seat(self, seat: _Seat) -> None:
        if self._group is not None:
            seat.task = self._group.create_task(seat.desk.run(), name=f"desk of {seat.offer.name}")

    def _arrange(self) -> None:
        """Lets go of whom nobody wants, and calls the next one in once those before it are settled."""
        for seat in self._leaving:
            seat.desk.want(wanted=False)
        self._dismiss()
        if not self._wanted:
            for seat in self._seats:
                seat.call_off()
            return
        for seat in self._seats:
            if not seat.called:
                seat.problem = seat.offer.shortage() if any(each.called for each in self._seats) else ""
                if not seat.problem:
                    seat.call_in()
            if seat.called and seat.desk.state.kind == "loading":
                return

    def _moved(self) -> None:
        """An engine's state is another one."""
        self._arrange()
        self._changed()

    def _let_go(self) -> None:
        """An engine's process is gone."""
        self._dismiss()
        if not self.loaded:
            self._freed()

    def _dismiss(self) -> None:
        """Those who were asked to leave and have nothing any more go."""
        for seat in [seat for seat in self._leaving if not seat.desk.loaded and not seat.desk.running]:
            self._leaving.remove(seat)
            if seat.task is not None:
                seat.task.cancel()

    # --- calls

    def submit(self, model: str, call: GenerateCall, sink: GenerateSink) -> None:
        """A call for a model that is `advertised`."""
        desk = next(seat.desk for seat in self._seats if seat.is_open and seat.offer.name == model)
        self._calls[call.id] = desk
        desk.submit(call, sink)

    def cancel(self, call_id: int) -> None:
        if (desk := self._calls.pop(call_id, None)) is not None:
            desk.cancel(call_id)

    def rested(self, call_id: int) -> None:
        """This call has ended: memory that is no longer wanted can go now."""
        if (desk := self._calls.pop(call_id, None)) is not None:
            desk.rested()

    # --- what others see

    @property
    def loaded(self) -> bool:
        return any(seat.desk.loaded for seat in self._all())

    @property
    def running(self) -> int:
        return sum(seat.desk.running for seat in self._all())

    @property
    def slots(self) -> int:
        """Of all models that can be called."""
        return sum(seat.desk.slots for seat in self._seats if seat.is_open)

    @property
    def size(self) -> int:
        """Bytes that the first model will take at least; 0 where there is none."""
        return self._seats[0].offer.size if self._seats else 0

    @property
    def states(self) -> tuple[ModelState, ...]:
        return tuple(seat.state(wanted=self._wanted) for seat in self._seats)

    def free_slots(self, model: str) -> int:
        """Calls of one model that could run now, as far as its engine counts."""
        return sum(
            seat.desk.slots - seat.desk.running for seat in self._seats if seat.is_open and seat.offer.name == model
        )

    def advertised(self) -> list[AdvertisedModel]:
        """What the relay is told: every model that was loaded once, under the first of several of one name."""
        found: dict[str, AdvertisedModel] = {}
        for seat in self._seats:
            for model in seat.desk.advertised() if seat.is_open else ():
                found.setdefault(model.model, msgspec.structs.replace(model, ask=seat.offer.ask))
        return list(found.values())

    def _all(self) -> Iterator[_Seat]:
        yield from self._seats
        yield from self._leaving


class _Seat:
    """One model's place. `called`: its engine was told to load; `problem`: why it could not be."""

    def __init__(self, offer: Offer, desk: Desk) -> None:
        self.offer = offer
        self.desk = desk
        self.task: asyncio.Task[None] | None = None
        self.called = False
        self.problem = ""

    @property
    def is_open(self) -> bool:
        """Whether calls may come: not for one that waits for room that is not there."""
        return not self.problem

    def call_in(self) -> None:
        self.called = True
        self.desk.want(wanted=True)

    def call_off(self) -> None:
        self.called, self.problem = False, ""
        self.desk.want(wanted=False)

    def state(self, *, wanted: bool) -> ModelState:
        """One that waits for its turn is loading, as far as people care."""
        state = self.desk.state
        if self.problem:
            return replace(state, kind="failed", problem=self.problem)
        return replace(state, kind="loading") if wanted and not self.called else state
