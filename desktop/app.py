"""Composition root of the desktop: builds the agent from the user's folders and settings, and runs it.

Qt is imported only when there is a display to draw on, and only here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import webbrowser
from collections.abc import Callable, Iterator
from pathlib import Path

from desktop.agent.address import RelayAddress
from desktop.agent.commands import Quit
from desktop.agent.desk import MakeEngine
from desktop.agent.desks import Offer
from desktop.agent.enrolment import Enroller
from desktop.agent.link import Introduction
from desktop.agent.listing import Listing
from desktop.agent.membership import Memberships
from desktop.agent.offers import Offers
from desktop.agent.shelf import Shelf
from desktop.agent.supervisor import Agent, Parts
from desktop.agent.thread import AgentThread
from desktop.errors import AgentAlreadyRunning, DesktopError, InterfaceUnavailable
from desktop.inference.generation import Engine, OnChange
from desktop.inference.keeper import Keeper
from desktop.inference.worker_settings import WorkerSettings
from desktop.models.bundled import DEMO_MODEL, asset
from desktop.models.store import Store
from desktop.settings import EngineSettings, Settings, load_settings
from desktop.system import logs
from desktop.system.crashes import Crashes
from desktop.system.display import has_display
from desktop.system.hardware import computer_name, hardware_facts, operating_system, use_cards
from desktop.system.lock import FileLock
from desktop.system.paths import Paths
from desktop.system.program import version
from desktop.system.watch.choose import watch_over
from desktop.ui.private_relay import PrivateRelay

log = logging.getLogger(__name__)


def start(paths: Paths, *, headless: bool, background: bool = False, link: str = "") -> int:
    """Runs the app until it is quit; the exit status. `background`: in the tray alone. Raises DesktopError.

    `link` is a `nightjar:` link to open, by whichever instance has the window.
    """
    if not headless:
        require_display()
    paths.make()
    lock = FileLock(paths.lock)
    if not lock.acquire():
        return _second_start(paths, headless=headless, background=background, link=link)
    try:
        settings = load_settings(paths.settings)
        logs.configure(paths.logs, on_screen=logging.INFO if headless else logging.ERROR)
        Crashes(paths.logs).watch()
        memberships = Memberships(paths)
        agent = build_agent(paths, settings, memberships=memberships, open_browser=not headless)
        if memberships.member is None:
            log.warning("this PC is not enrolled at a relay yet; in another terminal: nightjar enroll --relay URL")
        with _private_relay(paths, settings) as relay:
            if headless:
                return run_headless(agent)
            enrolled = memberships.record.membership is not None
            return run_with_window(
                agent, paths, background=background, enrolled=enrolled, link=link, private_relay=relay
            )
    finally:
        lock.release()


@contextlib.contextmanager
def _private_relay(paths: Paths, settings: Settings) -> Iterator[PrivateRelay]:
    """Runs inside if its owner left it running."""
    from desktop.local.host import RelayHost

    host = RelayHost(paths.local, port=settings.private_relay.port)
    host.take_up()
    try:
        yield host
    finally:
        host.close()


def _second_start(paths: Paths, *, headless: bool, background: bool, link: str) -> int:
    """The first instance shows its window instead, if it has one; a start at login asks for none."""
    if background:
        return 0
    if not headless:
        from desktop.ui.single_instance import raise_running

        if raise_running(paths.runtime, link):
            return 0
    raise AgentAlreadyRunning


def require_display() -> None:
    """Raises InterfaceUnavailable."""
    if not has_display():
        raise InterfaceUnavailable("there is no display")


# --- building ------------------------------------------------------------------------------------------------------


def build_agent(
    paths: Paths, settings: Settings, *, memberships: Memberships, open_browser: bool, keep_demo: bool = False
) -> Agent:
    """An agent that is not running yet. `keep_demo`: the demo model is offered beside others too."""
    if settings.limits.cards is not None:
        use_cards(settings.limits.cards)
    introduction = Introduction(version(), operating_system(), hardware_facts())
    worker = worker_settings(paths, settings)
    offers = Offers(
        worker,
        _keeper,
        keeps_configured=bool(settings.inference.model) or keep_demo,
        served=tuple(map(_served, settings.engines)),
    )
    parts = Parts(
        settings=settings,
        memberships=memberships,
        control=paths.control,
        introduction=introduction,
        make_engine=_keeper(worker),
        make_enroller=lambda relay: enroller(relay, introduction),
        model_name=worker.name,
        watch=watch_over(paths.data),
        open_browser=_open_page if open_browser else None,
        switches=paths.data / "switches.jsonl",
        shelf=Shelf(Store(paths.data), Listing(paths.data)),
        make_offers=offers,
    )
    return Agent(parts)


def enroller(relay: RelayAddress, introduction: Introduction, *, relay_key: bytes | None = None) -> Enroller:
    """One attempt to make this PC a node of `relay`."""
    return Enroller(
        relay,
        name=computer_name(),
        os_name=introduction.os,
        app_version=introduction.app_version,
        hardware=introduction.hardware,
        relay_key=relay_key,
    )


def worker_settings(paths: Paths, settings: Settings) -> WorkerSettings:
    """The model named in the settings, or the demo model."""
    inference, limits = settings.inference, settings.limits
    model = Path(inference.model).expanduser() if inference.model else demo_model()
    return WorkerSettings(
        model=model,
        name=inference.name or model.stem,
        slots=inference.slots,
        context=inference.context,
        threads=inference.threads,
        gpu_layers=0 if limits.cards == () else None,
        most_ram=limits.memory_mib * 1024 * 1024,
        digest_cache=paths.data / "digests.json",
        measurements=paths.data / "measurements.json",
    )


def demo_model() -> Path:
    return asset(DEMO_MODEL)


def _keeper(worker: WorkerSettings) -> MakeEngine:
    def make(on_change: OnChange) -> Engine:
        return Keeper(worker, on_change=on_change)

    return make


def _served(chosen: EngineSettings) -> Offer:
    """A model of another engine on this PC. Raises NotLocal."""
    # Thirteen megabytes, to check calls before they go there: only who shares such a model pays for them.
    from desktop.inference.local_server.discovery import local_url, offered_name
    from desktop.inference.local_server.server_engine import LocalServer, ServerSettings

    server = ServerSettings(local_url(chosen.url), chosen.model, name=chosen.name, key=chosen.key, slots=chosen.slots)

    def make(on_change: OnChange) -> Engine:
        return LocalServer(server, on_change=on_change)

    return Offer(chosen.name or offered_name(chosen.model), f"engine|{server.url}|{chosen.model}|{chosen.slots}", make)


def _open_page(url: str) -> None:
    if not webbrowser.open(url):
        log.warning("no browser could be opened")


# --- running -------------------------------------------------------------------------------------------------------


def run_headless(agent: Agent) -> int:
    """On this thread, until a signal or a `quit`. The first signal lets running answers finish, the second does not."""
    asyncio.run(_until_signalled(agent))
    return 0


async def _until_signalled(agent: Agent) -> None:
    came = 0

    def stop() -> None:
        nonlocal came
        came += 1
        agent.post(Quit(drain=came == 1))

    on_stop_signals(stop)
    await agent.run()


def on_stop_signals(stop: Callable[[], None]) -> None:
    """Calls `stop` on the running loop at each SIGINT and SIGTERM. Main thread only."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))


def run_with_window(
    agent: Agent,
    paths: Paths,
    *,
    background: bool,
    enrolled: bool | None = None,
    link: str = "",
    private_relay: PrivateRelay | None = None,
) -> int:
    """Agent, whose folders are `paths`, on its own thread, Qt on this one. `background` keeps the window closed;
    `enrolled` is whether a relay knows this PC, for the first run; None: there is none. `link` is opened.
    `private_relay` is what Settings can start and stop; None: there is nothing to choose.
    """
    try:
        from desktop.ui.application import run_ui
    except ImportError as error:
        raise InterfaceUnavailable(str(error)) from error
    thread = AgentThread(agent)
    thread.start()
    try:
        status = run_ui(thread, paths, background=background, enrolled=enrolled, link=link, private_relay=private_relay)
    finally:
        agent.post(Quit(drain=False))
        thread.join()
    if isinstance(thread.error, DesktopError):
        raise thread.error
    if thread.error is not None:
        Crashes(paths.logs).keep("agent", thread.error)
    return 1 if thread.error is not None else status
