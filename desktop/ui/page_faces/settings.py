"""Every state of the Settings page."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget

from desktop.agent.state import Enrolment, Snapshot
from desktop.system.autostart import AtLogin
from desktop.ui.examples import not_enrolled
from desktop.ui.figures import Formats
from desktop.ui.page_faces.fixed import LOGS, UNKEPT, USAGE, Make, active
from desktop.ui.pages.settings import SettingsPage
from desktop.ui.private_relay import RelayState
from desktop.ui.private_relay_presenter import PrivateRelayFacts, PrivateRelayPresenter
from desktop.ui.settings_presenter import Folders, SettingsFacts, SettingsPresenter
from desktop.ui.theme import Theme

_FOLDERS = Folders("/home/maria/.local/share/nightjar", "/home/maria/.config/nightjar/settings.toml", LOGS)

_AT_LOGIN = AtLogin(on=True, place="/home/maria/.config/autostart/nightjar.desktop")

SETTINGS = SettingsFacts(at_login=_AT_LOGIN, usage=USAGE, traces=1_430_000, version="0.1.0", folders=_FOLDERS)

_KEY = "sk-nj-AbCdEfGhIjKlMnOpQrStUvWxYz0123456789abcdefg"

_PRIVATE = RelayState("running", "http://127.0.0.1:8484/v1", "http://127.0.0.1:8484", _KEY)

_PORT_IN_USE = (
    "The local relay is not running: cannot listen on 127.0.0.1:8484: address already in use. Stop what uses it, or "
    "name another port: `port` under [private_relay] in settings.toml."
)

_NO_RELAY = PrivateRelayFacts(installed=True)


def _settings(told: SettingsFacts, snapshot: Snapshot | None, private: PrivateRelayFacts = _NO_RELAY) -> Make:
    def make(theme: Theme, formats: Formats) -> QWidget:
        page = SettingsPage(theme)
        page.private_relay.show_view(PrivateRelayPresenter(QCoreApplication.translate, formats).card(private, snapshot))
        page.show_view(SettingsPresenter(QCoreApplication.translate, formats).page(told, snapshot))
        return page

    return make


FACES: dict[str, Make] = {
    "settings": _settings(SETTINGS, active()),
    "settings-relay": _settings(
        SETTINGS, active(), PrivateRelayFacts(installed=True, state=_PRIVATE, copied="endpoint")
    ),
    "settings-relay-own": _settings(
        SETTINGS,
        replace(active(), enrolment=Enrolment("enrolled", "node-7f3a", _PRIVATE.origin)),
        PrivateRelayFacts(installed=True, state=_PRIVATE),
    ),
    "settings-relay-absent": _settings(SETTINGS, active(), PrivateRelayFacts(installed=False)),
    "settings-relay-starting": _settings(
        SETTINGS, active(), PrivateRelayFacts(installed=True, state=RelayState("starting"))
    ),
    "settings-relay-stopping": _settings(
        SETTINGS, active(), PrivateRelayFacts(installed=True, state=RelayState("stopping"))
    ),
    "settings-new": _settings(
        replace(SETTINGS, at_login=replace(_AT_LOGIN, on=False), traces=0, looks="dark"), not_enrolled()
    ),
    "settings-starting": _settings(SettingsFacts(), None),
    "settings-wrong": _settings(
        replace(
            SETTINGS,
            at_login=replace(_AT_LOGIN, on=False, blocked="It was switched off in the settings of this desktop."),
            login_problem="Start at login cannot be changed: /home/maria/.config/autostart: no space left on device.",
            usage=None,
            usage_problem="Cannot use the folder /mnt/big: no such file or directory.",
            forgotten=1_430_000,
            traces=None,
            forget_problem=f"Cannot use the folder {LOGS}: permission denied.",
            look_problem=UNKEPT.format("interface.json"),
            tells="problems",
            tell_problem=UNKEPT.format("notices.json"),
        ),
        active(),
        PrivateRelayFacts(installed=True, state=RelayState("failed", problem=_PORT_IN_USE)),
    ),
}
