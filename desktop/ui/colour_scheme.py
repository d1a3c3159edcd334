"""Whether the desktop is dark, from the best word there is.

Qt knows on Windows, macOS and some Linux desktops. On the others the desktop portal does, which every current one has;
Qt asks it only under a few themes. Where nobody has a word, the desktop's own colours decide.
"""

from __future__ import annotations

import sys

from PySide6.QtCore import SLOT, QObject, Qt, Signal, Slot
from PySide6.QtDBus import QDBus, QDBusConnection, QDBusMessage, QDBusVariant
from PySide6.QtGui import QGuiApplication, QPalette

_SERVICE, _PATH = "org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop"
_SETTINGS = "org.freedesktop.portal.Settings"
_WHAT = ("org.freedesktop.appearance", "color-scheme")
_TIMEOUT_MS = 300
"""A start must not hang on a portal that does; Qt's own word is used then, until the portal tells of a change."""

_PREFERS = {1: Qt.ColorScheme.Dark, 2: Qt.ColorScheme.Light}


class ColourScheme(QObject):
    """`dark` is true or false, never unknown. `changed` comes when it may have changed."""

    changed = Signal()

    def __init__(self, native: QPalette, parent: QObject | None = None) -> None:
        """`native` is the palette of the desktop, from before we set our own."""
        super().__init__(parent)
        self._native_dark = is_dark(native)
        self._portal = Qt.ColorScheme.Unknown
        QGuiApplication.styleHints().colorSchemeChanged.connect(self.changed)
        if sys.platform == "linux":
            self._ask_portal(QDBusConnection.sessionBus())

    @property
    def dark(self) -> bool:
        for word in (self._portal, QGuiApplication.styleHints().colorScheme()):
            if word is not Qt.ColorScheme.Unknown:
                return word is Qt.ColorScheme.Dark
        return self._native_dark

    def _ask_portal(self, bus: QDBusConnection) -> None:
        if not bus.isConnected():
            return
        slot = SLOT("_setting_changed(QDBusMessage)")
        # The type stub asks for bytes, which the binding itself refuses.
        bus.connect(_SERVICE, _PATH, _SETTINGS, "SettingChanged", self, slot)  # type: ignore[call-overload]
        if not bus.interface().isServiceRegistered(_SERVICE).value():
            return
        call = QDBusMessage.createMethodCall(_SERVICE, _PATH, _SETTINGS, "Read")
        call.setArguments(list(_WHAT))
        answer = bus.call(call, QDBus.CallMode.Block, _TIMEOUT_MS)
        if answer.type() is QDBusMessage.MessageType.ReplyMessage:
            self._portal = _scheme(answer.arguments()[0])

    @Slot(QDBusMessage)
    def _setting_changed(self, message: QDBusMessage) -> None:
        namespace, key, value = message.arguments()
        if (namespace, key) == _WHAT:
            self._portal = _scheme(value)
            self.changed.emit()


def is_dark(palette: QPalette) -> bool:
    """Whether its texts are lighter than their ground."""
    ground, ink = palette.color(QPalette.ColorRole.Window), palette.color(QPalette.ColorRole.WindowText)
    return ground.lightness() < ink.lightness()


def _scheme(value: object) -> Qt.ColorScheme:
    """Portals wrap the number in one variant or two; one they invent later means no preference."""
    while isinstance(value, QDBusVariant):
        value = value.variant()
    return _PREFERS.get(value, Qt.ColorScheme.Unknown) if isinstance(value, int) else Qt.ColorScheme.Unknown
