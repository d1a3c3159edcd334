from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton, QRadioButton, QWidget
from pytestqt.qtbot import QtBot

from desktop.agent.state import Mode
from desktop.ui import examples
from desktop.ui.examples import NOW, snapshot
from desktop.ui.faces import every_face
from desktop.ui.gallery import LongWords
from desktop.ui.labels import breakable
from desktop.ui.pages.home import HomePage
from desktop.ui.pauses import Pause
from desktop.ui.presenters import Presenter
from desktop.ui.theme import Theme
from desktop.ui.views import Shape, Tone
from desktop.ui.window import MainWindow
from tests.desktop.ui.fitting import cut_off

FACES = sorted(every_face())


@pytest.fixture
def home(qtbot: QtBot, window: MainWindow) -> HomePage:
    window.show()
    return window.home


@pytest.fixture
def long_words(qapp: QApplication) -> Iterator[None]:
    """A language whose every text is half as long again, from before the window is built."""
    words = LongWords()
    qapp.installTranslator(words)
    yield
    qapp.removeTranslator(words)


def show(home: HomePage, presenter: Presenter, face: str) -> None:
    home.show_view(presenter.home(every_face()[face], NOW))
    QApplication.processEvents()


@pytest.mark.parametrize("face", FACES)
def test_no_text_is_cut_off_in_the_narrowest_window(
    window: MainWindow, home: HomePage, presenter: Presenter, face: str
) -> None:
    window.resize(window.minimumSizeHint())
    show(home, presenter, face)
    assert cut_off(window) == []


@pytest.mark.usefixtures("long_words")
@pytest.mark.parametrize("face", FACES)
def test_no_text_is_cut_off_in_a_language_of_long_words(
    qtbot: QtBot, theme: Theme, presenter: Presenter, face: str
) -> None:
    window = MainWindow(theme)
    window.show()
    for width in (window.minimumSizeHint().width(), 800):
        window.resize(width, 640)
        show(window.home, presenter, face)
        assert cut_off(window) == []
    shiboken6.delete(window)


def test_even_the_longest_language_fits_a_small_screen(window: MainWindow, home: HomePage) -> None:
    assert window.minimumSizeHint().width() <= 800


def test_a_serving_pc_shows_state_speed_and_pay(home: HomePage, presenter: Presenter) -> None:
    show(home, presenter, "serving")
    assert home.state.headline.text() == "Sharing"
    assert home.state.detail.text() == "2 answers are being written on this PC."
    assert home.state.badge._shown == (Shape.SERVING, Tone.GOOD)
    assert (home.speed.figure.text(), home.speed.unit.text()) == ("41", "tokens/s")
    assert home.earnings.today.text() == "$0.31"
    assert home.earnings.today.toolTip() == "$0.3124518"
    assert not home.earnings.exact.isVisible()
    assert home.models.rows[0].state.text() == "Busy"
    assert home.relay.address.text() == "relay.example.org"
    assert not home.enrolment.isVisible()


def test_a_tiny_pay_is_told_exactly_under_the_figure(home: HomePage, presenter: Presenter) -> None:
    show(home, presenter, "first-answer")
    assert home.earnings.today.text() == "< $0.01"
    assert home.earnings.exact.isVisible()
    assert home.earnings.exact.text() == "exactly $0.0000018"


def test_a_pc_no_relay_knows_is_shown_the_way_instead_of_meters(home: HomePage, presenter: Presenter) -> None:
    show(home, presenter, "not-enrolled")
    assert home.enrolment.ask.isVisible()
    assert not home.enrolment.wait.isVisible()
    assert not any(card.isVisible() for card in (home.speed, home.earnings, home.relay))
    assert home.models.isVisible()


def test_a_waiting_enrolment_shows_the_code_large_and_lets_it_be_copied(
    qtbot: QtBot, home: HomePage, presenter: Presenter
) -> None:
    show(home, presenter, "waiting-for-approval")
    assert home.enrolment.code.text() == "BCDF-GHJK"
    assert home.enrolment.code.accessibleName() == "Code: B C D F - G H J K"
    QTest.mouseClick(home.enrolment.copy_button, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == "BCDF-GHJK"
    with qtbot.waitSignal(home.enrolment.cancelled):
        QTest.mouseClick(home.enrolment.cancel_button, Qt.MouseButton.LeftButton)


def test_the_address_of_the_approval_page_can_be_read_and_copied_where_no_browser_opens(
    home: HomePage, presenter: Presenter
) -> None:
    show(home, presenter, "waiting-for-approval")
    address = examples.waiting_for_approval().enrolment.approve_url
    assert (home.enrolment.page.text(), home.enrolment.page.isReadOnly()) == (address, True)
    QTest.mouseClick(home.enrolment.copy_page_button, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == address


def test_who_has_no_relay_is_led_to_a_private_one(qtbot: QtBot, home: HomePage, presenter: Presenter) -> None:
    show(home, presenter, "not-enrolled")
    with qtbot.waitSignal(home.enrolment.private_asked):
        QTest.mouseClick(home.enrolment.private_button, Qt.MouseButton.LeftButton)


def test_only_web_pages_of_a_relay_are_opened(home: HomePage, presenter: Presenter) -> None:
    show(home, presenter, "waiting-for-approval")
    assert home.enrolment.open_button.isVisible()
    view = presenter.home(examples.waiting_for_approval(), NOW).enrolment
    assert view is not None
    home.enrolment.show_view(replace(view, url="file:///etc/passwd"))
    assert not home.enrolment.open_button.isVisible()
    assert not home.enrolment.page.isVisible()


def test_an_address_that_was_cleared_does_not_come_back_under_the_hand(home: HomePage, presenter: Presenter) -> None:
    show(home, presenter, "not-enrolled")
    view = presenter.home(examples.not_enrolled("It failed."), NOW).enrolment
    assert view is not None
    home.enrolment.show_view(replace(view, relay="relay.example.org"))
    assert home.enrolment.address.text() == "relay.example.org"
    home.enrolment.address.clear()
    home.enrolment.show_view(replace(view, relay="relay.example.org", problem="It failed again."))
    assert home.enrolment.address.text() == ""


def test_an_address_can_be_typed_and_sent_by_the_return_key(qtbot: QtBot, home: HomePage, presenter: Presenter) -> None:
    show(home, presenter, "not-enrolled")
    assert not home.enrolment.connect_button.isEnabled()
    QTest.keyClicks(home.enrolment.address, "relay.example.org")
    assert home.enrolment.connect_button.isEnabled()
    with qtbot.waitSignal(home.enrolment.relay_given) as given:
        QTest.keyClick(home.enrolment.address, Qt.Key.Key_Return)
    assert given.args == ["https://relay.example.org"]


def test_the_mode_is_chosen_by_mouse_or_by_arrow_keys(qtbot: QtBot, home: HomePage, presenter: Presenter) -> None:
    show(home, presenter, "ready")
    modes = home.state.modes
    assert modes.segment(Mode.ALWAYS).isChecked()
    with qtbot.waitSignal(modes.chosen) as chosen:
        QTest.mouseClick(modes.segment(Mode.OFF), Qt.MouseButton.LeftButton)
    assert chosen.args == [Mode.OFF]
    modes.segment(Mode.OFF).setFocus()
    with qtbot.waitSignal(modes.chosen) as chosen:
        QTest.keyClick(modes.segment(Mode.OFF), Qt.Key.Key_Right)
    assert chosen.args == [Mode.IDLE]


def test_showing_a_mode_is_not_choosing_it(qtbot: QtBot, home: HomePage, presenter: Presenter) -> None:
    with qtbot.assertNotEmitted(home.state.mode_chosen):
        show(home, presenter, "off")
        show(home, presenter, "ready")
        show(home, presenter, "starting")
    assert not home.state.modes.isEnabled()


def test_a_pause_is_chosen_from_its_menu_and_ended_by_its_button(
    qtbot: QtBot, home: HomePage, presenter: Presenter
) -> None:
    show(home, presenter, "ready")
    assert home.state.pause.isVisible()
    with qtbot.waitSignal(home.state.pause_chosen) as chosen:
        home.state.pause.menu().actions()[1].trigger()
    assert chosen.args == [Pause.ONE_HOUR]
    show(home, presenter, "paused")
    assert not home.state.pause.isVisible()
    with qtbot.waitSignal(home.state.resume_chosen):
        QTest.mouseClick(home.state.resume, Qt.MouseButton.LeftButton)


def test_no_control_has_the_focus_before_a_key_was_touched(qtbot: QtBot, window: MainWindow, home: HomePage) -> None:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    assert window.focusWidget() is window.sheet


@pytest.mark.parametrize("face", ["ready", "paused", "not-enrolled", "waiting-for-approval"])
def test_every_control_is_reached_by_the_tab_key(
    qtbot: QtBot, window: MainWindow, home: HomePage, presenter: Presenter, face: str
) -> None:
    show(home, presenter, face)
    window.activateWindow()
    reached = set()
    for _ in range(12):
        QTest.keyClick(window.focusWidget(), Qt.Key.Key_Tab)
        reached.add(window.focusWidget())
    controls: list[QWidget] = [*home.findChildren(QPushButton), home.enrolment.address]
    assert [one for one in controls if one.isVisible() and one.isEnabled() and one not in reached] == []
    # The chosen segment stands for the switch, as in any group of radio buttons: the arrows do the rest.
    assert [mode for mode in Mode if home.state.modes.segment(mode) in reached] == [Mode.ALWAYS]


@pytest.mark.parametrize("face", ["serving", "waiting-for-approval"])
def test_a_screen_reader_finds_a_name_on_every_control_and_meter(
    home: HomePage, presenter: Presenter, face: str
) -> None:
    show(home, presenter, face)
    for control in (*home.findChildren(QPushButton), *home.findChildren(QRadioButton)):
        assert control.accessibleName() or control.text()
    assert home.enrolment.address.accessibleName() == "Address of the relay"
    assert home.speed.line.accessibleName().startswith("Speed over the last minute")
    assert home.state.modes.accessibleName() == "When this PC shares"


def test_a_long_name_is_elided_and_told_in_full_by_the_tooltip(home: HomePage, presenter: Presenter) -> None:
    show(home, presenter, "long-words")
    name = home.models.rows[0].name
    assert name.toolTip() == examples.long_words().models[0].name
    show(home, presenter, "ready")
    assert name.toolTip() == ""


def test_a_download_has_a_bar_with_words_for_a_reader_and_a_model_that_is_here_has_none(
    home: HomePage, presenter: Presenter
) -> None:
    show(home, presenter, "downloads")
    here, coming, *_ = home.models.rows
    assert (here.bar.isVisible(), coming.bar.isVisible()) == (False, True)
    assert coming.bar.accessibleName() == "Downloaded: 42\N{NO-BREAK SPACE}%"


def test_a_long_list_of_models_takes_the_width_of_the_page(home: HomePage, presenter: Presenter) -> None:
    show(home, presenter, "ready")
    assert home.models.width() < home.state.width()
    show(home, presenter, "downloads")
    assert home.models.width() == home.relay.width() == home.state.width()


def test_rows_of_models_that_are_gone_are_hidden(home: HomePage, presenter: Presenter) -> None:
    show(home, presenter, "long-words")
    assert [row.isVisible() for row in home.models.rows] == [True, True]
    show(home, presenter, "no-model")
    assert [row.isVisible() for row in home.models.rows] == [False, False]
    assert home.models.empty.text() == "This PC has no model to share yet."


@pytest.mark.parametrize("scheme", [Qt.ColorScheme.Light, Qt.ColorScheme.Dark])
def test_the_page_is_painted_in_the_schemes_own_colours(
    qapp: QApplication, presenter: Presenter, scheme: Qt.ColorScheme
) -> None:
    theme = Theme(qapp, scheme=scheme)
    window = MainWindow(theme)
    window.show_view(presenter.home(snapshot(), NOW))
    picture = window.grab().toImage()
    assert picture.pixelColor(4, picture.height() - 4).name() == theme.colours.page
    corner = window.home.mapTo(window, window.home.state.geometry().topLeft())
    assert picture.pixelColor(corner.x() + 12, corner.y() + 12).name() == theme.colours.card
    shiboken6.delete(window)
    shiboken6.delete(theme)


def test_a_path_may_break_between_lines_but_reads_the_same() -> None:
    path = "/home/maria/.local/share/nightjar/models/blobs/sha256-0f8ac3f1cf2b6f1d1a57e2b.gguf"
    assert breakable(path).replace("\u200b", "") == path
    assert max(len(piece) for piece in breakable(path).split("\u200b")) <= 20
    assert breakable("Short words stay as they are.") == "Short words stay as they are."
