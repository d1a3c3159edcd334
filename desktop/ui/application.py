"""The Qt program: builds the interface around a running agent, and returns when both have said goodbye.

Nothing else may import Qt before `run_ui` is called: the worker, the command line and the headless node never load it.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from functools import partial
from types import TracebackType

from PySide6.QtCore import QCoreApplication, QLocale
from PySide6.QtWidgets import QApplication

from desktop.agent.commands import Command
from desktop.models.bundled import asset
from desktop.system.crashes import Crashes
from desktop.system.paths import Paths
from desktop.ui.appearance import Appearance
from desktop.ui.background import Background
from desktop.ui.bridge import AgentHandle, Bridge
from desktop.ui.figures import Formats
from desktop.ui.first_run_acts import FirstRunActs, Help
from desktop.ui.first_run_presenter import FirstRunPresenter
from desktop.ui.first_run_steps import Progress, wanted
from desktop.ui.formats import formats_of
from desktop.ui.icons import app_icon
from desktop.ui.interface import Interface
from desktop.ui.languages import speak
from desktop.ui.link_acts import LinkActs
from desktop.ui.link_presenter import LinkPresenter
from desktop.ui.notice_book import NoticeBook
from desktop.ui.notice_presenter import NoticePresenter
from desktop.ui.notifier import Notifier
from desktop.ui.openings import openings_of
from desktop.ui.pages.first_run import FirstRunPage
from desktop.ui.preferences import Preferences
from desktop.ui.private_relay import PrivateRelay
from desktop.ui.single_instance import SingleInstance
from desktop.ui.stop_signals import StopSignals
from desktop.ui.theme import Theme
from desktop.ui.tray import Tray
from desktop.ui.voices import SessionVoice, TrayVoice, Voice
from desktop.ui.window import MainWindow

_log = logging.getLogger(__name__)


def run_ui(
    agent_handle: AgentHandle,
    paths: Paths,
    *,
    background: bool,
    enrolled: bool | None = None,
    link: str = "",
    private_relay: PrivateRelay | None = None,
) -> int:
    """Shows tray and window until the owner quits, a signal comes, or the agent ends. Main thread only.

    `paths` are the agent's. `enrolled`: whether a relay knows this PC at the start, which decides on the first run;
    None where there is none. `link` is one to open. `private_relay` can be started and stopped; None: there is none to
    choose. The exit status: 0 when the agent has ended as asked. The caller holds the lock of `Paths.lock`.
    """
    preferences = Preferences(paths.data / "interface.json")
    application = _application(Crashes(paths.logs))
    speak(application, preferences.chosen.language, asset("translations"))
    theme, works = Theme(application), Background(application)
    appearance = Appearance(theme, preferences)
    bridge = Bridge(agent_handle, application)
    formats = formats_of(QLocale())
    notices = NoticeBook(paths.data / "notices.json")
    openings = openings_of(
        theme,
        paths,
        works,
        formats,
        appearance=appearance,
        notices=notices,
        post=bridge.post,
        private_relay=private_relay,
    )
    window = MainWindow(theme, openings)
    first_run = None
    if enrolled is not None:
        first_run = _first_run(theme, paths, works, formats, bridge.post, enrolled=enrolled)
    tray = Tray(application)
    interface = Interface(bridge, tray, window, clock=time.time, first_run=first_run)
    notifier = _notifier(tray, window, notices, formats)
    bridge.arrived.connect(notifier.hear)
    links = LinkActs(window, LinkPresenter(QCoreApplication.translate), post=bridge.post)
    bridge.arrived.connect(links.hear)
    instance, signals = SingleInstance(Paths.for_user().runtime), StopSignals()
    instance.raised.connect(links.raised)
    signals.came.connect(interface.quit)
    interface.finished.connect(application.exit)
    if not instance.listen():
        _log.warning("no single-instance socket: a second start will not raise the window")
    interface.start(background=background)
    if link:
        links.open(link)
    try:
        return application.exec()
    finally:
        interface.stop()
        notifier.close()
        works.close()
        instance.close()
        signals.close()


def _notifier(tray: Tray, window: MainWindow, book: NoticeBook, formats: Formats) -> Notifier:
    """Where notifications are a service of the session, that shows them; else, and where it is silent, the tray."""
    balloon = TrayVoice(tray)
    voice: Voice = SessionVoice(balloon, tray) if sys.platform == "linux" else balloon
    presenter = NoticePresenter(QCoreApplication.translate, formats)
    notifier = Notifier(voice, book, presenter, clock=time.time, looked_at=window.isActiveWindow)
    notifier.place_wished.connect(window.show_place)
    return notifier


def _first_run(
    theme: Theme, paths: Paths, works: Background, formats: Formats, post: Callable[[Command], None], *, enrolled: bool
) -> FirstRunActs | None:
    """None where there is none any more."""
    progress = Progress(paths.data / "first-run.json")
    if not wanted(progress.step, enrolled=enrolled):
        return None
    presenter = FirstRunPresenter(QCoreApplication.translate, formats)
    return FirstRunActs(FirstRunPage(theme), Help(paths), works, presenter, progress=progress, post=post)


def _application(crashes: Crashes) -> QApplication:
    application = QApplication(sys.argv[:1])
    application.setApplicationName("nightjar")
    application.setApplicationDisplayName("Nightjar")
    # Wayland finds the window's icon and name by the launcher's file of this name.
    application.setDesktopFileName("nightjar")
    application.setWindowIcon(app_icon())
    application.setQuitOnLastWindowClosed(False)
    sys.excepthook = partial(_log_uncaught, crashes)
    return application


def _log_uncaught(
    crashes: Crashes, kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """An exception in a slot: Qt carries on, so the log and Diagnostics are the only places where it shows."""
    _log.critical("uncaught exception in the interface", exc_info=(kind, error, trace))
    crashes.keep("window", error)
