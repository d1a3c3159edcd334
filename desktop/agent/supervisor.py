"""The agent itself: one task group that keeps link, model and control socket going, and obeys the owner's commands.

It is the only place that knows all the parts. Each part reports a change by calling `_changed`; everything that follows
from it (load or free the model, tell the relay, tell the window) follows there, from one set of facts.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from desktop.agent.attempt import Attempt, MakeEnroller
from desktop.agent.commands import (
    CancelEnrolment,
    Command,
    Enrol,
    Forget,
    FreeMemory,
    Quit,
    Resume,
    SetMode,
    SetRules,
    Snooze,
)
from desktop.agent.control import ControlSocket
from desktop.agent.desk import MakeEngine
from desktop.agent.desks import Desks, Offer
from desktop.agent.enrolment import Joined
from desktop.agent.handover import HandOver
from desktop.agent.journal import Journal
from desktop.agent.link import Introduction, Link
from desktop.agent.lookout import Lookout
from desktop.agent.membership import Member, Memberships
from desktop.agent.meter import RateMeter
from desktop.agent.metering import Metering
from desktop.agent.orders import Orders
from desktop.agent.publisher import Publisher, Subscriber
from desktop.agent.retry import Parting
from desktop.agent.serving import Floor
from desktop.agent.sharing.decision import Facts, decide, in_use, obstacles, snooze_is_over, wants_model
from desktop.agent.sharing.history import LENGTH
from desktop.agent.sharing.words import host_of
from desktop.agent.shelf import Shelf
from desktop.agent.situation import Situation, week_minute
from desktop.agent.state import Earnings, Enrolment, LinkState, Mode, Sharing, Snapshot, Switch
from desktop.errors import DesktopError
from desktop.models.catalogue import Catalogue
from desktop.models.limiter import SpeedLimit
from desktop.models.store import Servable
from desktop.settings import Settings
from desktop.system.watch.port import Watch
from relay.wire.frames import Account, AdvertisedModel

log = logging.getLogger(__name__)

MakeOffers = Callable[[Sequence[Servable], Catalogue], Sequence[Offer]]

_METERED = "Waiting: this network costs by the byte."
_CRASH_PAUSE_S = 5.0
_FLUSH_S = 2.0


@dataclass(frozen=True, slots=True)
class Parts:
    """What the composition root gives the agent."""

    settings: Settings
    memberships: Memberships
    control: Path
    introduction: Introduction
    make_engine: MakeEngine
    make_enroller: MakeEnroller
    model_name: str
    watch: Watch
    open_browser: Callable[[str], None] | None = None
    switches: Path | None = None
    """Where the last switches between sharing and not are kept; None: in memory only."""

    model_bytes: int = 0
    """Memory the model takes once it is loaded."""

    shelf: Shelf | None = None
    """The library of models; None: the one model is all there is."""

    make_offers: MakeOffers = lambda _models, _catalogue: ()
    """What of the library is offered, the most important first."""


class Agent:
    """One PC's agent. `post`, `subscribe` and `snapshot` are for any thread; everything else for its own loop."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._memberships = parts.memberships
        self._link_state = LinkState()
        self._earnings: tuple[Earnings, float] | None = None
        """As the relay said last, and when."""
        self._stopping = False
        self._unkept = ""
        self._meter = RateMeter()
        self._desk = Desks(_first_offers(parts), changed=self._changed, freed=self._freed)
        past = Journal(parts.switches, Switch, length=LENGTH)
        self._situation = Situation(parts.watch, parts.settings.sharing, self._memberships.record.rules, past)
        self._floor = Floor(self._desk, self._meter, self.sharing, self._moved, self._most_answers)
        self._metering = Metering(self._meter, running=lambda: self._desk.running, changed=self._changed)
        self._attempt = Attempt(
            parts.make_enroller, open_browser=parts.open_browser, joined=self._join, changed=self._changed
        )
        self._link: Link | None = None
        self._link_task: asyncio.Task[None] | None = None
        self._lookout = Lookout(parts.watch, self._changed)
        self._hand_over = HandOver(self._give_back)
        self._network = 0
        self._deciding = self._stale = False
        self._orders = Orders(self._obey, self._refused)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._group: asyncio.TaskGroup | None = None
        self._quit, self._hurry = asyncio.Event(), asyncio.Event()
        self._rested = asyncio.Event()
        self._publisher = Publisher(self._take)

    # --- for any thread

    @property
    def snapshot(self) -> Snapshot:
        return self._publisher.latest

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """`subscriber` hears of every change, on the agent's thread. Returns what ends it."""
        return self._publisher.subscribe(subscriber)

    def post(self, command: Command) -> None:
        """Obeyed in order, also if posted before the agent runs."""
        self._orders.post(command)

    # --- life

    async def run(self) -> None:
        """Until `Quit`. The caller holds the data folder's lock. Raises FolderUnusable."""
        try:
            async with ControlSocket(self._parts.control, self).serving():
                await self._live()
        finally:
            self._orders.end()
            self._loop = None

    async def _live(self) -> None:
        await self._load_member()
        async with asyncio.TaskGroup() as group:
            self._loop, self._group = asyncio.get_running_loop(), group
            lasting = [group.create_task(self._keep_shelf(shelf), name="shelf")] if (shelf := self._parts.shelf) else []
            lasting += [
                group.create_task(self._desk.run(), name="desk"),
                group.create_task(self._metering.run(), name="meter"),
                group.create_task(self._lookout.run(), name="watch"),
            ]
            if self._memberships.member is not None:
                self._start_link(self._memberships.member)
            self._changed()
            self._orders.begin()
            log.info("the agent is running", extra={"enrolled": self._memberships.member is not None})
            await self._quit.wait()
            await self._wind_down()
            for task in lasting:
                task.cancel()
        self._publisher.publish()

    async def _load_member(self) -> None:
        try:
            await self._memberships.load()
        except DesktopError as error:
            log.warning("this PC's key is not available", extra={"why": str(error)})
            record = self._memberships.record.membership
            self._attempt.state = Enrolment("none", relay=record.relay if record else "", problem=error.line())

    async def _wind_down(self) -> None:
        """Finish what may be finished, give back the rest, close the link."""
        self._attempt.cancel()
        if self._link is not None:
            self._link.drain("quit")
            await self._drained()
            self._link.yield_all("quit")
            try:
                async with asyncio.timeout(_FLUSH_S):
                    await self._link.flushed()
            except TimeoutError:
                log.info("the relay did not take the last words in time")
        if self._link_task is not None:
            self._link_task.cancel()

    async def _drained(self) -> None:
        try:
            async with asyncio.timeout(self._situation.rules.drain_s):
                while self._desk.running and not self._hurry.is_set():
                    self._rested.clear()
                    await self._rested.wait()
        except TimeoutError:
            log.warning("some answers were not finished in time", extra={"running": self._desk.running})

    # --- commands

    async def perform(self, command: Command | None) -> Snapshot:
        """Obeys `command` and returns the snapshot after it. Raises DesktopError. For the agent's own loop."""
        if command is not None:
            await self._orders.perform(command)
        return self._publisher.publish()

    def _refused(self, command: Command, error: DesktopError) -> None:
        if isinstance(command, Enrol):
            self._attempt.fail(command.relay, error.line())
        self._changed()

    def _obey(self, command: Command) -> None:
        match command:
            case SetMode():
                self._keep(mode=command.mode, snoozed_until=None, snoozed_for="")
            case Snooze():
                self._keep(snoozed_until=command.until, snoozed_for=command.ends_with)
            case Resume():
                self._keep(snoozed_until=None, snoozed_for="")
            case SetRules():
                self._set_rules(command.changed)
            case Enrol():
                if self._group is not None and not self._stopping:
                    self._attempt.begin(command, self._group)
            case CancelEnrolment():
                self._attempt.cancel()
            case FreeMemory():
                self._desk.free()
            case Forget():
                self._situation.forget()
            case Quit():
                self._begin_end(drain=command.drain)
        self._changed()

    def _begin_end(self, *, drain: bool) -> None:
        """A second `Quit` without `drain` cuts the waiting short."""
        self._stopping = True
        if not drain:
            self._hurry.set()
            self._rested.set()
        self._quit.set()

    def _set_rules(self, changed: dict[str, object]) -> None:
        """None as a value goes back to the settings'."""
        rules = self._memberships.record.rules | changed
        chosen = {name: value for name, value in rules.items() if value is not None}
        self._situation.use(chosen)
        self._keep(rules=chosen)

    def _keep(self, **chosen: object) -> None:
        """What cannot be written holds all the same, until the agent ends. Raises FolderUnusable."""
        self._unkept = ""
        try:
            self._memberships.change(**chosen)
        except DesktopError as error:
            self._unkept = error.line()
            raise

    # --- models

    async def _keep_shelf(self, shelf: Shelf) -> None:
        await shelf.run(
            lambda models, catalogue: self._desk.offer(self._parts.make_offers(models, catalogue)), self._changed
        )

    # --- what this PC is like

    def _give_back(self, reason: str) -> None:
        if self._link is not None:
            self._link.yield_all(reason)

    def _freed(self) -> None:
        """The model's memory is the owner's again."""
        self._situation.freed(time.time())
        self._changed()

    def _follow_system(self) -> None:
        """What sleep, shutdown and another network ask of us."""
        conditions = self._situation.conditions
        if self._parts.shelf is not None:
            self._parts.shelf.hold(_METERED if conditions.metered else "")
        if conditions.asleep and not self._desk.loaded:
            self._parts.watch.may_sleep()
        if conditions.shutting_down and not self._stopping:
            self._begin_end(drain=False)
        if conditions.network != self._network:
            self._network = conditions.network
            if self._link is not None:
                self._link.hurry()

    # --- link; the methods without underscore are what `Link` asks of its owner

    def _start_link(self, member: Member) -> None:
        if self._group is None:
            return
        if self._link_task is not None:
            self._link_task.cancel()
        if self._parts.shelf is not None:
            self._parts.shelf.joined(member)
        settings, introduction = self._parts.settings.link, self._parts.introduction
        upload = SpeedLimit(self._parts.settings.limits.upload_kib_s * 1024)
        self._link = Link(member, self, self._floor, introduction=introduction, settings=settings, upload=upload)
        self._link_task = self._group.create_task(self._keep_link(self._link), name="link")

    async def _keep_link(self, link: Link) -> None:
        while True:
            try:
                await self._forgotten(await link.run())
                return
            except Exception:
                log.exception("the link failed; starting it again")
            await asyncio.sleep(_CRASH_PAUSE_S)

    async def _forgotten(self, ended: Parting) -> None:
        """The relay no longer knows this node."""
        relay = self._memberships.member.relay.url if self._memberships.member else ""
        self._link = self._link_task = None
        self._link_state = LinkState()
        self._attempt.fail(relay, f"The relay {host_of(relay)} no longer knows this PC: {ended.problem}.")
        await self._memberships.leave()
        self._changed()

    async def _join(self, joined: Joined) -> None:
        self._start_link(await self._memberships.join(joined))
        self._earnings = None

    def link_changed(self, state: LinkState) -> None:
        self._link_state = state
        self._changed()

    def earned(self, account: Account) -> None:
        earned = Earnings(account.today, account.month, account.lifetime, account.answers_today)
        self._earnings = earned, time.time()
        self._changed()

    async def keep_link_secret(self, secret: bytes) -> Member | None:
        await self._memberships.keep_link_secret(secret)
        return self._memberships.member

    def models(self) -> list[AdvertisedModel]:
        return self._desk.advertised()

    def sharing(self) -> Sharing:
        return decide(self._facts())

    # --- facts and what follows from them

    def _facts(self) -> Facts:
        record, situation = self._memberships.record, self._situation
        return Facts(
            now=time.time(),
            mode=self._mode,
            snoozed_until=record.snoozed_until,
            snoozed_for=record.snoozed_for,
            conditions=situation.conditions,
            lately=situation.lately,
            rules=situation.rules,
            schedule=situation.schedule,
            week=week_minute,
            enrolment=self._enrolled() or self._attempt.state or Enrolment(),
            link=self._link_state,
            models=self._desk.states,
            running=self._desk.running,
            stopping=self._stopping,
        )

    def _most_answers(self) -> int | None:
        """Fewer while the PC is used and shared all the same."""
        return self._parts.settings.limits.answers_in_use if in_use(self._facts()) else None

    @property
    def _mode(self) -> Mode:
        return self._memberships.record.mode or Mode(self._situation.rules.first_mode)

    def _enrolled(self) -> Enrolment | None:
        member = self._memberships.member
        return Enrolment("enrolled", node_id=member.node_id, relay=member.relay.url) if member else None

    def _shown(self) -> Enrolment:
        """An attempt that fails leaves a PC that is a node already what it was; only its problem is told."""
        enrolled, attempt = self._enrolled(), self._attempt.state
        if enrolled is not None and attempt is not None and attempt.kind == "none":
            return replace(enrolled, problem=attempt.problem)
        return attempt or enrolled or Enrolment()

    def _earned(self, now: float) -> Earnings | None:
        if self._earnings is None:
            return None
        earned, told_at = self._earnings
        return earned.by(now, told_at=told_at)

    def _take(self) -> Snapshot:
        facts = self._facts()
        snoozed = facts.snoozed_until is not None and facts.snoozed_until > facts.now
        return Snapshot(
            at=facts.now,
            mode=facts.mode,
            snoozed_until=facts.snoozed_until if snoozed else None,
            sharing=decide(facts),
            link=facts.link,
            enrolment=self._shown(),
            models=facts.models,
            running=facts.running,
            tokens_per_s=self._meter.tokens_per_s if facts.running else 0.0,
            earnings=self._earned(facts.now),
            rate_history=self._meter.history,
            snoozed_for=facts.snoozed_for if snoozed else "",
            switches=self._situation.switches,
            obstacles=obstacles(facts),
            rules=facts.rules,
            presence=facts.conditions.presence.source or facts.conditions.presence.problem,
            downloads=shelf.progress if (shelf := self._parts.shelf) else (),
            arrived=shelf.arrived if shelf else (),
            missing=shelf.missing if shelf else (),
            unkept=self._unkept,
        )

    def _changed(self) -> None:
        """Something may be different: decides anew, and does what follows from it, which may change something again."""
        if self._loop is None:
            return
        self._stale = True
        if self._deciding:
            return
        self._deciding = True
        try:
            while self._stale:
                self._stale = False
                self._judge()
        finally:
            self._deciding = False
        self._publisher.touch()

    def _judge(self) -> None:
        self._situation.look(time.time(), need=0 if self._desk.loaded else self._desk.size)
        facts = self._facts()
        if snooze_is_over(facts):
            self.post(Resume())
        # The model first: a PC that may share from now on is not ready yet, it begins to load.
        self._desk.want(wants_model(facts))
        facts = self._facts()
        sharing = decide(facts)
        self._situation.judged(sharing, facts.now)
        self._hand_over.settle(facts, sharing)
        self._follow_system()
        self._lookout.heed(facts, sharing)
        if self._link is not None:
            self._link.refresh()

    def _moved(self) -> None:
        """An answer began or ended."""
        if self._desk.running:
            self._metering.wake()
        else:
            self._rested.set()
        self._changed()


def _first_offers(parts: Parts) -> Sequence[Offer]:
    """What is known without waiting; a library that cannot be read is told by the shelf once it runs."""
    if parts.shelf is not None:
        try:
            return parts.make_offers(*parts.shelf.peek())
        except DesktopError as error:
            log.warning("the library cannot be read", extra={"why": str(error)})
    return (Offer(parts.model_name, "configured", parts.make_engine, parts.model_bytes),)
