"""The private relay's card: what it says, and that its switch, its buttons and its question do what they say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from desktop.agent.commands import Command, Enrol
from desktop.agent.state import Enrolment
from desktop.local.host import RelayHost
from desktop.ui.background import Background
from desktop.ui.cards.private_relay import PrivateRelayCard
from desktop.ui.examples import RELAY, not_enrolled, snapshot
from desktop.ui.gallery import PLAIN
from desktop.ui.private_relay import RelayState
from desktop.ui.private_relay_acts import PrivateRelayActs
from desktop.ui.private_relay_presenter import PrivateRelayFacts, PrivateRelayPresenter
from desktop.ui.theme import Theme
from tests.desktop.ui.test_presenters import untranslated
from tests.desktop.ui.works import Works
from tests.fakes import FakePrivateRelay

PRESENTER = PrivateRelayPresenter(untranslated, PLAIN)
RUNNING = FakePrivateRelay.RUNNING
KEY = RUNNING.key
HERE = PrivateRelayFacts(installed=True)


@pytest.fixture
def card(qtbot: QtBot, theme: Theme) -> Iterator[PrivateRelayCard]:
    made = PrivateRelayCard(theme)
    made.resize(700, 300)
    yield made
    shiboken6.delete(made)


@pytest.fixture
def beside() -> FakePrivateRelay:
    return FakePrivateRelay()


@pytest.fixture
def posted() -> list[Command]:
    return []


@pytest.fixture
def copied() -> list[str]:
    return []


@pytest.fixture
def acts(
    card: PrivateRelayCard, beside: FakePrivateRelay, posted: list[Command], copied: list[str]
) -> PrivateRelayActs:
    return PrivateRelayActs(card, beside, Works(), PRESENTER, post=posted.append, copy=copied.append)


def press(card: PrivateRelayCard, text: str) -> None:
    *_, box = card.findChildren(QMessageBox)
    button = next(one for one in box.buttons() if one.text() == text)
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


# --- words ---------------------------------------------------------------------------------------------------------


def test_where_no_relay_is_installed_the_card_says_how_to_get_it_and_has_no_dead_switch() -> None:
    view = PRESENTER.card(PrivateRelayFacts(installed=False), snapshot())
    assert "package nightjar-relay" in view.told
    assert (view.can_run, view.endpoint, view.connect) == (False, "", "")


def test_the_middle_of_the_key_is_not_shown() -> None:
    assert PRESENTER.card(replace(HERE, state=RUNNING), None).key == "sk-nj-AbCd…MnOp"
    assert KEY not in repr(RUNNING)


def test_a_relay_that_failed_says_why_and_its_switch_is_off() -> None:
    failed = RelayState("failed", problem="The local relay is not running: address already in use.")
    view = PRESENTER.card(replace(HERE, state=failed), snapshot())
    assert (view.runs, view.can_choose, view.problem) == (False, True, failed.problem)


def test_a_node_of_it_is_said_to_be_one_and_not_asked_again() -> None:
    own = replace(snapshot(), enrolment=Enrolment("enrolled", "node", RUNNING.origin))
    here, elsewhere = (PRESENTER.card(replace(HERE, state=RUNNING), each) for each in (own, snapshot()))
    assert here.connected
    assert not here.connect
    assert elsewhere.connect
    assert not elsewhere.connected


def test_before_this_pc_changes_its_relay_it_is_said_which_one_it_leaves() -> None:
    assert RELAY in PRESENTER.question(snapshot()).detail
    assert "ceases" not in PRESENTER.question(not_enrolled()).detail


# --- acts ----------------------------------------------------------------------------------------------------------


def test_its_switch_starts_and_stops_it(acts: PrivateRelayActs, card: PrivateRelayCard) -> None:
    acts.show(snapshot())
    card.wish.click()
    assert card.wish.isChecked()
    assert card.endpoint.value.text() == RUNNING.endpoint
    card.wish.click()
    assert not card.wish.isChecked()
    assert card.endpoint.value.text() == ""


def test_a_button_copies_what_stands_beside_it_and_says_so(
    acts: PrivateRelayActs, card: PrivateRelayCard, copied: list[str]
) -> None:
    acts.show(snapshot())
    card.wish.click()
    card.endpoint.copy.click()
    assert (card.endpoint.copy.text(), card.key.copy.text()) == ("Copied", "Copy")
    card.key.copy.click()
    assert (card.endpoint.copy.text(), card.key.copy.text()) == ("Copy", "Copied")
    assert copied == [RUNNING.endpoint, KEY]


def test_this_pc_becomes_its_node_only_if_its_owner_says_so(
    acts: PrivateRelayActs, card: PrivateRelayCard, posted: list[Command]
) -> None:
    acts.show(snapshot())
    card.wish.click()
    card.connect_button.click()
    press(card, "Cancel")
    assert posted == []
    card.connect_button.click()
    press(card, "Connect")
    assert posted == [Enrol(RUNNING.origin, "token")]


def test_a_relay_that_does_not_invite_is_told_of(
    acts: PrivateRelayActs, card: PrivateRelayCard, beside: FakePrivateRelay, posted: list[Command]
) -> None:
    acts.show(snapshot())
    card.wish.click()
    card.connect_button.click()
    beside.stop()
    press(card, "Connect")
    assert posted == []
    assert card.problem.accessibleName() == "The local relay is not running: it has not started yet."


def test_a_relay_that_ends_by_itself_is_told_and_its_switch_starts_it_again(
    acts: PrivateRelayActs, card: PrivateRelayCard, beside: FakePrivateRelay
) -> None:
    acts.show(snapshot())
    card.wish.click()
    beside.fail("The local relay is not running: it ended by SIGKILL.")
    assert not card.wish.isChecked()
    assert card.problem.accessibleName() == "The local relay is not running: it ended by SIGKILL."
    card.wish.click()
    assert card.word.text() == "Running"
    assert card.problem.isHidden()


def test_a_package_that_is_installed_meanwhile_is_seen(
    acts: PrivateRelayActs, card: PrivateRelayCard, beside: FakePrivateRelay
) -> None:
    beside.there = False
    acts.show(snapshot())
    assert card.wish.isHidden()
    beside.there = True
    acts._again.timeout.emit()
    assert not card.wish.isHidden()


# --- the real thing ------------------------------------------------------------------------------------------------


@pytest.mark.timeout(180)
def test_the_switch_starts_a_real_relay_that_takes_the_copied_key(
    qtbot: QtBot, card: PrivateRelayCard, tmp_path: Path
) -> None:
    host, works = RelayHost(tmp_path / "local", port=0), Background()
    acts = PrivateRelayActs(card, host, works, PRESENTER, post=lambda _command: None)
    acts.show(snapshot())
    card.wish.click()
    qtbot.waitUntil(lambda: card.word.text() == "Running", timeout=60_000)
    card.key.copy.click()
    headers = {"Authorization": f"Bearer {QGuiApplication.clipboard().text()}"}
    answer = httpx.get(f"{card.endpoint.value.text()}/models", headers=headers, trust_env=False)
    assert answer.status_code == 200
    card.wish.click()
    qtbot.waitUntil(lambda: card.word.text() == "", timeout=60_000)
    host.close()
    works.close()
