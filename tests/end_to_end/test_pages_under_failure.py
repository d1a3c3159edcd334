"""What every page says when something fails while it is open: the truth within two seconds, and nothing freezes.

Agent, relay and engine are real; the network between them, the disk and the folder of models are taken away for real.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.exceptions import TimeoutError as QtTimeout
from pytestqt.qtbot import QtBot

from desktop.agent.commands import Enrol, SetMode
from desktop.agent.state import Mode, Reason
from desktop.models.bundled import DEMO_MODEL, asset
from desktop.models.store import Store
from desktop.system.paths import Paths
from desktop.ui.library_operations import LibraryOperations
from desktop.ui.pages.diagnostics import DiagnosticsPage
from desktop.ui.pages.earnings import EarningsPage
from desktop.ui.pages.rules import RulesPage
from desktop.ui.pages.settings import SettingsPage
from desktop.ui.places import Place
from tests.end_to_end.network import Network, running_network
from tests.end_to_end.processes import ask_relay, await_relay, end, start_relay
from tests.end_to_end.windows import OpenWindow, heartbeat, open_window

pytestmark = [
    pytest.mark.xdist_group("end_to_end"),
    pytest.mark.timeout(120),
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and mounts"),
]

T = TypeVar("T")
P = TypeVar("P", bound=QWidget)

PATIENCE_MS = 60_000
TRUE_WITHIN_MS = 2_000
BLOCKED_S = 0.1
"""Longer is felt."""

BLOCKED_ONCE_S = 0.25
"""One such pause is forgiven: agent and window share one interpreter, and the machine of the tests is small."""


@dataclass
class Town:
    """A relay, and the network that leads to it."""

    network: Network
    data: Path

    def enrolment(self, token: str = "") -> Enrol:
        token = token or ask_relay("node", "token", data=self.data)["token"]
        return Enrol(f"http://{self.network.address}", token)

    def revoke(self, node: str) -> None:
        ask_relay("node", "revoke", node, data=self.data)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    data = tmp_path_factory.mktemp("town") / "relay"
    data.mkdir()
    with running_network() as network:
        names = f'[server]\nnames = ["{network.address}"]\n'
        (data / "relay.toml").write_text(f"{names}[enrolment]\nstrangers_per_address_min = 10_000\n")
        relay = await_relay(start_relay(data), data)
        network.relay_port = int(relay.address.rpartition(":")[2])
        try:
            yield Town(network, data)
        finally:
            end(relay.process)


_ADDRESSES = (f"127.0.{high}.{low}" for high in range(1, 255) for low in range(1, 255))


@pytest.fixture(autouse=True)
def another_address(town: Town) -> None:
    """For each test, which asks as much as an owner does in minutes."""
    if sys.platform == "linux":  # where every address of the loopback is one's own
        town.network.source = next(_ADDRESSES)


class Owner:
    """Sits at the window: goes to a page, and reads all that is to be seen."""

    def __init__(self, pc: OpenWindow, town: Town, qtbot: QtBot) -> None:
        self.pc, self._town, self._qtbot = pc, town, qtbot

    def shares(self) -> None:
        """Connected, and with nothing in the way."""
        if self.pc.snapshot.enrolment.kind != "enrolled":
            self.pc.bridge.post(self.meanwhile(self._town.enrolment))
        self.pc.bridge.post(SetMode(Mode.ALWAYS))
        self.waits_until(lambda: self.pc.snapshot.sharing.reason is Reason.READY)
        self.reads("Ready to share")

    def opens(self, place: Place) -> None:
        """And waits until the page has said what it has to say."""
        self.pc.window.go(place)
        self.waits_until(lambda: not set(self.pc.words.split()) & {"Asking", "Looking…"})

    def waits_until(self, fact: Callable[[], object]) -> None:
        try:
            self._qtbot.waitUntil(lambda: bool(fact()), timeout=PATIENCE_MS)
        except QtTimeout:
            raise AssertionError(self.pc.snapshot) from None

    def reads(self, *words: str, no_more: str = "") -> None:
        """Within two seconds."""

        def reads() -> bool:
            seen = self.pc.words
            return all(each in seen for each in words) and not (no_more and no_more in seen)

        try:
            self._qtbot.waitUntil(reads, timeout=TRUE_WITHIN_MS)
        except QtTimeout:  # What pytest has to say of a failed `assert` takes it a tenth of a second, each time.
            raise AssertionError(f"not {words}, or still “{no_more}”: {self.pc.words}") from None

    def meanwhile(self, act: Callable[[], T]) -> T:
        """Beside Qt's thread, whose loop goes on."""
        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(act)
            self.waits_until(done.done)
            return done.result()


@pytest.fixture
def pc(qapp: QApplication, home: Path) -> Iterator[OpenWindow]:
    with open_window(qapp, home) as opened:
        yield opened


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Of a PC that is a node of its own in each test: a relay answers only so many questions of one."""
    return prepared(tmp_path / "home")


def prepared(home: Path) -> Path:
    """Shares also from a small disk, and tries again soon: a test would wait for a minute after many failures."""
    settings = Paths.under(home).settings
    settings.parent.mkdir(parents=True)
    settings.write_text("[link]\nretry_first_s = 0.1\nretry_most_s = 0.5\n[sharing]\nkeep_disk_mib = 1\n")
    return home


@pytest.fixture
def owner(pc: OpenWindow, town: Town, qtbot: QtBot) -> Owner:
    sits = Owner(pc, town, qtbot)
    sits.shares()
    return sits


@pytest.fixture
def heart(owner: Owner, place: Place) -> Iterator[None]:
    """From when the page is open to the end of the test."""
    owner.opens(place)
    with never_blocked():
        yield


@contextlib.contextmanager
def never_blocked() -> Iterator[None]:
    with heartbeat() as heart:
        yield
        once, then = heart.longest
        assert once < BLOCKED_ONCE_S
        assert then < BLOCKED_S


RELAY_GONE = {
    Place.HOME: "does not answer. Next try in",
    Place.MODELS: "No contact",
    Place.EARNINGS: "does not answer: it cannot be reached.",
    Place.ACTIVITY: "does not answer: it cannot be reached.",
    Place.RULES: "does not answer. Next try in",
    Place.SETTINGS: "No contact",
    Place.DIAGNOSTICS: "It does not answer",
}


@pytest.mark.usefixtures("heart")
@pytest.mark.parametrize("place", Place, ids=lambda place: place.value)
def test_a_relay_that_is_gone_and_one_that_is_back(owner: Owner, town: Town, place: Place) -> None:
    town.network.cut()
    owner.waits_until(lambda: owner.pc.snapshot.link.kind != "ready")
    owner.reads("No contact", RELAY_GONE[place])
    town.network.mend()
    owner.waits_until(lambda: owner.pc.snapshot.sharing.reason is Reason.READY)
    owner.reads("Ready to share", no_more="does not answer")


REVOKED = {
    Place.HOME: "no longer knows this PC: it was revoked there.",
    Place.MODELS: "Connect this PC",
    Place.EARNINGS: "What this PC earns shows here once it is connected to a relay.",
    Place.ACTIVITY: "The answers of this PC show here once it is connected to a relay.",
    Place.RULES: "Nothing is shared yet.",
    Place.SETTINGS: "This PC is not connected to a relay.",
    Place.DIAGNOSTICS: "no longer knows this PC: it was revoked there.",
}


@pytest.mark.usefixtures("heart")
@pytest.mark.parametrize("place", Place, ids=lambda place: place.value)
def test_a_key_that_is_revoked(owner: Owner, town: Town, place: Place) -> None:
    node = owner.pc.snapshot.enrolment.node_id
    owner.meanwhile(lambda: town.revoke(node))
    owner.waits_until(lambda: owner.pc.snapshot.enrolment.kind == "none")
    owner.reads("Connect this PC", REVOKED[place])


@pytest.mark.usefixtures("heart")
@pytest.mark.parametrize("place", Place, ids=lambda place: place.value)
def test_an_enrolment_that_is_refused_is_told_on_home_and_changes_nothing(owner: Owner, town: Town) -> None:
    owner.pc.bridge.post(town.enrolment("not-a-token"))
    owner.waits_until(lambda: owner.pc.snapshot.enrolment.problem)
    owner.reads("Ready to share")
    owner.pc.window.go(Place.HOME)
    owner.reads("Enrolment at", "failed: ")


# --- models ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def disk(pc: OpenWindow, owner: Owner, tmp_path: Path) -> Iterator[Path]:
    """A disk with a model on it that this PC shares."""
    disk, library = tmp_path / "disk", LibraryOperations(pc.paths)
    disk.mkdir()
    model = disk / "winter.gguf"
    shutil.copyfile(asset(DEMO_MODEL), model)
    with model.open("ab") as file:
        file.write(bytes(32))  # another file than the one that comes with Nightjar
    owner.meanwhile(lambda: library.bring_in(model, lambda _done, _size: None))
    owner.waits_until(lambda: [each.name for each in pc.snapshot.models] == ["winter"])
    owner.shares()
    yield disk
    Store(pc.paths.data).remove("winter")
    owner.waits_until(lambda: [each.name for each in pc.snapshot.models] == ["nightjar-demo"])


@pytest.mark.usefixtures("heart")
@pytest.mark.parametrize("place", [Place.HOME, Place.MODELS, Place.DIAGNOSTICS], ids=lambda place: place.value)
def test_a_folder_of_models_that_is_unplugged_and_back(owner: Owner, disk: Path) -> None:
    away = disk.rename(disk.with_name("away"))
    owner.reads("winter", "ts file is gone")
    away.rename(disk)
    owner.reads("winter", no_more="ts file is gone")


# --- the agent -------------------------------------------------------------------------------------------------------

AGENT_DEAD = {
    Place.HOME: "Quit it and start it again.",
    Place.MODELS: "Nightjar stopped working",
    Place.EARNINGS: "As the relay's books said at",
    Place.ACTIVITY: "This shows here while Nightjar is at work.",
    Place.RULES: "The rules show here while Nightjar is at work.",
    Place.SETTINGS: "The relay shows here while Nightjar is at work.",
    Place.DIAGNOSTICS: "Nightjar is not running.",
}


@pytest.mark.parametrize("place", Place, ids=lambda place: place.value)
def test_an_agent_that_dies_and_one_that_is_started_again(
    qapp: QApplication, qtbot: QtBot, town: Town, home: Path, place: Place
) -> None:
    with open_window(qapp, home) as opened:
        owner = Owner(opened, town, qtbot)
        owner.shares()
        owner.opens(place)
        worker = opened.worker()
        with never_blocked():
            opened.kill_agent()
            owner.reads("Nightjar stopped working", AGENT_DEAD[place])
        owner.waits_until(lambda: not worker.is_running())
    with open_window(qapp, home) as opened:
        again = Owner(opened, town, qtbot)
        again.opens(place)
        again.waits_until(lambda: opened.snapshot.sharing.reason is Reason.READY)
        again.reads("Ready to share", no_more="stopped working")


# --- a full disk -----------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of eight megabytes, where this system lets one be made."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@contextlib.contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Not a byte is left."""
    ballast = folder / "ballast"
    descriptor = os.open(ballast, os.O_CREAT | os.O_WRONLY)
    with contextlib.suppress(OSError):
        while True:
            os.write(descriptor, bytes(512))
    os.close(descriptor)
    yield
    ballast.unlink()


def test_a_full_disk(qapp: QApplication, qtbot: QtBot, town: Town, small_disk: Path) -> None:
    """Where nothing shows by itself, its owner does something that would have to be written."""
    with open_window(qapp, prepared(small_disk / "home")) as opened:
        owner, window = Owner(opened, town, qtbot), opened.window
        owner.shares()

        def sees(place: Place, act: Callable[[], object], *words: str) -> None:
            owner.opens(place)
            with never_blocked(), filled(small_disk):
                act()
                owner.reads(*words)

        def page(kind: type[P]) -> P:
            assert isinstance(window.page, kind)
            return window.page

        def is_known() -> bool:
            """The agent looks at the disk every ten seconds."""
            sharing = opened.snapshot.sharing
            return sharing.reason is Reason.LOW_DISK and sharing.until is None

        unkept = "What you chose last holds until Nightjar ends, but could not be kept: Cannot use the folder"
        sees(Place.HOME, lambda: window.home.state.modes.segment(Mode.IDLE).click(), unkept)
        sees(Place.MODELS, lambda: None, "0 MB free on this disk")
        sees(
            Place.EARNINGS,
            lambda: page(EarningsPage).file_chosen.emit(small_disk / "earned.csv"),
            "earned.csv cannot be written: no space left on device.",
        )
        sees(Place.RULES, lambda: page(RulesPage).wished.emit("hot_stop_c", 77.0), unkept)
        sees(
            Place.SETTINGS,
            lambda: page(SettingsPage).notices_chosen.emit("nothing"),
            "no space left on device",
            "0 MB free on this disk",
        )
        sees(Place.DIAGNOSTICS, lambda: page(DiagnosticsPage).test.again.click(), "Cannot use the folder")  # noqa: PLW0108 - the page is made by then
        opened.bridge.post(SetMode(Mode.ALWAYS))
        sees(Place.ACTIVITY, lambda: owner.waits_until(is_known), "The disk is almost full")
