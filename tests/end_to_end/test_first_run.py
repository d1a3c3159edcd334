"""From nothing to the first answer with its earning on screen: real relay, agent, engine, window; a person's clicks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openai
import pytest
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.agent.commands import Quit
from desktop.agent.membership import Memberships
from desktop.agent.state import Mode
from desktop.agent.supervisor import Agent
from desktop.agent.thread import AgentThread
from desktop.app import build_agent
from desktop.settings import load_settings
from desktop.system.paths import Paths
from desktop.ui.appearance import Appearance
from desktop.ui.background import Background
from desktop.ui.bridge import Bridge
from desktop.ui.first_run_acts import FirstRunActs, Help
from desktop.ui.first_run_presenter import FirstRunPresenter
from desktop.ui.first_run_steps import Progress, Step
from desktop.ui.gallery import PLAIN
from desktop.ui.interface import Interface
from desktop.ui.notice_book import NoticeBook
from desktop.ui.openings import openings_of
from desktop.ui.pages.first_run import FirstRunPage
from desktop.ui.preferences import Preferences
from desktop.ui.theme import Theme
from desktop.ui.tray import Tray
from desktop.ui.window import MainWindow
from tests.end_to_end.processes import eventually, first_key, running_relay
from tests.relay.portal import Browser

pytestmark = pytest.mark.usefixtures("qapp")
PATIENCE_MS = 60_000
QUESTION: Any = [{"role": "user", "content": "What is the capital of France?"}]


@contextmanager
def running_program(qtbot: QtBot, qapp: QApplication, paths: Paths) -> Iterator[tuple[MainWindow, FirstRunPage, Agent]]:
    """The app as `desktop.ui.application` builds it, in its first run."""
    memberships = Memberships(paths, secrets="file")
    agent = build_agent(paths, load_settings(paths.settings), memberships=memberships, open_browser=False)
    thread = AgentThread(agent)
    thread.start()
    theme, works = Theme(qapp, scheme=Qt.ColorScheme.Light), Background(qapp)
    bridge = Bridge(thread, qapp)
    page = FirstRunPage(theme)
    presenter = FirstRunPresenter(QCoreApplication.translate, PLAIN)
    progress = Progress(paths.data / "first-run.json")
    first_run = FirstRunActs(page, Help(paths), works, presenter, progress=progress, post=bridge.post)
    appearance = Appearance(theme, Preferences(paths.data / "interface.json"))
    notices = NoticeBook(paths.data / "notices.json")
    openings = openings_of(theme, paths, works, PLAIN, appearance=appearance, notices=notices, post=bridge.post)
    window = MainWindow(theme, openings)
    qtbot.addWidget(window)
    interface = Interface(bridge, Tray(qapp), window, clock=time.time, first_run=first_run)
    interface.start(background=False)
    try:
        yield window, page, agent
    finally:
        interface.stop()
        works.close()
        thread.post(Quit(drain=False))
        thread.join()


async def approve(endpoint: str, key: str, code: str) -> None:
    """As its owner does, in a browser: the page asks who may use the PC."""
    portal: Any = SimpleNamespace(url=endpoint.removesuffix("/v1"))
    async with Browser(portal) as browser:
        await browser.sign_in(key)
        page = await browser.type_code(code)
        done = await browser.submit(page, "/enrol/decide", decision="approve", pool="own")
        assert "It serves calls made with your own keys." in done.text


def test_from_nothing_to_the_first_answer_with_its_earning_on_home(
    qtbot: QtBot, qapp: QApplication, tmp_path: Path
) -> None:
    paths = Paths.under(tmp_path / "home")
    paths.make()
    with running_relay(tmp_path / "relay") as relay, running_program(qtbot, qapp, paths) as (window, page, agent):
        key = first_key(relay.data)
        page.forward.click()
        qtbot.waitUntil(page.enrolment.isVisible, timeout=PATIENCE_MS)
        page.enrolment.address.setText(relay.address)
        page.enrolment.connect_button.click()
        qtbot.waitUntil(lambda: bool(page.enrolment.code.text()), timeout=PATIENCE_MS)
        asyncio.run(approve(relay.endpoint, key, page.enrolment.code.text()))
        qtbot.waitUntil(page.forward.isEnabled, timeout=PATIENCE_MS)
        assert Memberships(paths).record.mode is Mode.OFF

        for where in ("Step 3 of 5", "Step 4 of 5", "Step 5 of 5"):
            page.forward.click()
            assert page.where.text() == where
        with openai.OpenAI(base_url=relay.endpoint, api_key=key, max_retries=0) as client:
            with pytest.raises(openai.APIStatusError):
                client.chat.completions.create(model="nightjar-demo", messages=QUESTION)
            page.share.mode.segment(Mode.ALWAYS).click()
            page.forward.click()
            home = window.home
            qtbot.waitUntil(lambda: home.isVisible() and window.sidebar.isVisible(), timeout=PATIENCE_MS)
            qtbot.waitUntil(lambda: agent.snapshot.sharing.sharing, timeout=PATIENCE_MS)
            eventually(lambda: [model.id for model in client.models.list()] or None, "a model at the relay")
            answer = client.chat.completions.create(model="nightjar-demo", messages=QUESTION)
        assert answer.choices[0].message.content == "The capital of France is Paris."
        qtbot.waitUntil(lambda: home.earnings.isVisible() and "$" in home.earnings.today.text(), timeout=PATIENCE_MS)
    assert Progress(paths.data / "first-run.json").step is Step.DONE
