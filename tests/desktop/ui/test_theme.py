from __future__ import annotations

from collections.abc import Iterator

import pytest
import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QApplication

from desktop.ui.theme import Theme, Type, font
from desktop.ui.tokens import DARK, LIGHT


@pytest.fixture
def plain(qapp: QApplication) -> Iterator[QApplication]:
    """The application as it was before anybody dressed it."""
    palette, sheet, face = qapp.palette(), qapp.styleSheet(), qapp.font()
    qapp.setStyleSheet("")
    yield qapp
    for theme in qapp.findChildren(Theme):
        shiboken6.delete(theme)
    qapp.setPalette(palette)
    qapp.setStyleSheet(sheet)
    qapp.setFont(face)


def test_a_scheme_brings_its_palette_to_every_widget(plain: QApplication) -> None:
    theme = Theme(plain, scheme=Qt.ColorScheme.Dark)
    assert theme.colours is DARK
    assert plain.palette().color(QPalette.ColorRole.WindowText) == QColor(DARK.text)
    assert Theme(plain, scheme=Qt.ColorScheme.Light).colours is LIGHT
    assert plain.palette().color(QPalette.ColorRole.WindowText) == QColor(LIGHT.text)


@pytest.mark.parametrize(("ground", "ink", "dark"), [("#202020", "#ffffff", True), ("#fafafa", "#000000", False)])
def test_a_desktop_without_a_word_for_its_scheme_is_judged_by_its_colours(
    plain: QApplication, ground: str, ink: str, dark: bool
) -> None:
    native = QPalette(QColor(ground))
    native.setColor(QPalette.ColorRole.Window, QColor(ground))
    native.setColor(QPalette.ColorRole.WindowText, QColor(ink))
    plain.setPalette(native)
    assert Theme(plain).colours.dark is dark


def test_type_grows_with_the_desktops_font(plain: QApplication) -> None:
    plain.setFont(QFont(plain.font().family(), 20))
    assert font(Type.BODY).pointSizeF() == pytest.approx(20)
    assert font(Type.HEADLINE).pointSizeF() == pytest.approx(32)
    assert font(Type.CAPTION).pointSizeF() < 20
