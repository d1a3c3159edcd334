"""A whole agent on a fake engine and a fake relay, each on real sockets and real files."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from desktop.agent.address import RelayAddress
from desktop.agent.commands import CancelEnrolment, Command, Enrol, Quit
from desktop.agent.enrolment import Enroller
from desktop.agent.link import Introduction
from desktop.agent.membership import Memberships
from desktop.agent.state import Snapshot
from desktop.agent.supervisor import Agent, Parts
from desktop.inference.fake import FakeEngine
from desktop.inference.generation import Engine, OnChange
from desktop.settings import LinkSettings, Settings, SharingSettings
from desktop.system.paths import Paths
from desktop.system.watch.port import Watch
from desktop.system.watch.still import StillWatch
from tests.fakes import FakeRelay

SETTINGS = Settings(
    sharing=SharingSettings(first_mode="always"), link=LinkSettings(retry_first_s=0.01, retry_most_s=0.05)
)


class Desktop:
    """One PC: its agent, engine and folders."""

    patience_s = 20.0

    def __init__(self, home: Path, settings: Settings = SETTINGS, *, watch: Watch | None = None) -> None:
        """`watch` in place of the one that changes only when told to."""
        self.paths = Paths.under(home)
        self.paths.make()
        self.settings = settings
        self.opened: list[str] = []
        self.watch = StillWatch()
        self._watched_by: Watch = watch or self.watch
        self.agent = self._agent()
        self._task: asyncio.Task[None] | None = None

    @property
    def engine(self) -> FakeEngine:
        engine = self._engine
        assert isinstance(engine, FakeEngine)
        return engine

    def restart(self) -> None:
        """A new agent on the same folders, as after a reboot."""
        self.agent = self._agent()

    def _agent(self) -> Agent:
        return Agent(self._parts())

    def _parts(self) -> Parts:
        return Parts(
            settings=self.settings,
            memberships=Memberships(self.paths, secrets="file"),
            control=self.paths.control,
            introduction=Introduction("1.0", "Test OS", {"cores": 4}),
            make_engine=self._make_engine,
            make_enroller=_enroller,
            model_name="fake",
            watch=self._watched_by,
            switches=self.paths.data / "switches.jsonl",
            open_browser=self.opened.append,
        )

    def _make_engine(self, on_change: OnChange) -> Engine:
        self._engine: Engine = FakeEngine(on_change)
        return self._engine

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Agent]:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.agent.run())
            # Obeyed once the agent is up, and without effect.
            await self.agent.perform(CancelEnrolment())
            try:
                yield self.agent
            finally:
                self.agent.post(Quit(drain=False))
                await task

    async def until(self, fact: Callable[[Snapshot], bool]) -> Snapshot:
        """The first snapshot of which `fact` holds, the present one included."""
        found: asyncio.Future[Snapshot] = asyncio.get_running_loop().create_future()

        def look(snapshot: Snapshot) -> None:
            if not found.done() and fact(snapshot):
                found.set_result(snapshot)

        leave = self.agent.subscribe(look)
        look(self.agent.snapshot)
        try:
            async with asyncio.timeout(self.patience_s):
                return await found
        finally:
            leave()

    async def tell(self, command: Command) -> Snapshot:
        return await self.agent.perform(command)

    async def join(self, relay: FakeRelay) -> Snapshot:
        """Enrols by token and waits until calls are taken."""
        await self.tell(Enrol(relay.url, "good-token"))
        return await self.until(lambda snapshot: snapshot.sharing.sharing)


def _enroller(relay: RelayAddress) -> Enroller:
    return Enroller(relay, name="test-pc", os_name="Test OS", app_version="1.0", hardware={"cores": 4})


@pytest.fixture
def desktop(tmp_path: Path) -> Desktop:
    return Desktop(tmp_path / "pc")


@pytest.fixture
async def relay() -> AsyncIterator[FakeRelay]:
    async with FakeRelay().serving() as relay:
        yield relay
