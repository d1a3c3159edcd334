"""`python -m desktop.ui.gallery OUT [--plain | --long | --mirrored | --LANGUAGE]`: a picture of every state.

For people who change the interface, and must look at it; `./dev gallery` calls it for every kind and scale. `--long`
shows every text half as long again, as some languages are; `--mirrored` does so from right to left; `--ro` and its
like, in a language that Nightjar speaks.
"""

from __future__ import annotations

import os
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QLocale, QObject, Qt, QTranslator
from PySide6.QtWidgets import QApplication, QWidget
from typing_extensions import override

from desktop.models.bundled import asset
from desktop.ui.examples import NOW
from desktop.ui.faces import every_face
from desktop.ui.figures import Formats
from desktop.ui.formats import formats_of
from desktop.ui.languages import speak
from desktop.ui.page_faces.every_page import PAGES
from desktop.ui.preferences import LANGUAGES, Language
from desktop.ui.presenters import Presenter
from desktop.ui.sheet import Sheet
from desktop.ui.theme import Theme
from desktop.ui.window import MainWindow


def _moment(at: float, now: float) -> str:
    then, here = (datetime.fromtimestamp(time, UTC) for time in (at, now))
    return f"{then:%H:%M}" if then.date() == here.date() else f"{then:%d %b %H:%M}"


PLAIN = Formats(".", ",", _moment, lambda day: f"{day.day} {day:%b}")
"""The same numbers and times on every machine."""


_WIDTH, _HEIGHT = 800, 640
"""Of a new window. A longer page is painted to its end."""

_TURNS = 8
"""Turns of the event loop: a text that wraps to another height moves what holds it, one level a turn."""


_FROM_THE_RIGHT = "\N{RIGHT-TO-LEFT MARK}"


class LongWords(QTranslator):
    """Stands for a language whose texts are half as long again; `mirrored`, for one that is written from the right."""

    def __init__(self, parent: QObject | None = None, *, mirrored: bool = False) -> None:
        super().__init__(parent)
        self._mark = _FROM_THE_RIGHT if mirrored else ""

    @override
    def translate(
        self, context: bytes | str, sourceText: bytes | str, disambiguation: bytes | str | None = None, n: int = -1
    ) -> str:
        text = sourceText.decode() if isinstance(sourceText, bytes) else sourceText
        return self._mark + f"{text} {'ăîșț' * 8}"[: max(len(text) * 3 // 2, len(text) + 4)]

    @override
    def isEmpty(self) -> bool:
        return False


def paint(
    application: QApplication, folder: Path, scheme: Qt.ColorScheme, *, scale: str, formats: Formats = PLAIN
) -> None:
    """Writes `FACE-SCHEME-SCALE.png` for every face."""
    window = MainWindow(Theme(application, scheme=scheme))
    presenter = Presenter(QCoreApplication.translate, formats)
    window.footer.say(
        QCoreApplication.translate("Interface", "Closing this window leaves Nightjar running in the tray.")
    )
    window.show()
    for name, face in every_face().items():
        window.show_view(presenter.home(face, NOW))
        window.resize(_WIDTH, _HEIGHT)
        _settle(application)
        window.resize(_WIDTH, max(_HEIGHT, window.page_height))
        _settle(application)
        window.grab().save(str(folder / f"{name}-{scheme.name.lower()}-{scale}.png"))
    window.hide()
    window.deleteLater()
    paint_pages(application, folder, scheme, scale=scale, formats=formats)


def paint_pages(
    application: QApplication, folder: Path, scheme: Qt.ColorScheme, *, scale: str, formats: Formats
) -> None:
    """As `paint`, for the pages beyond Home."""
    theme = Theme(application, scheme=scheme)
    for name, make in PAGES.items():
        sheet = Sheet(QWidget(), make(theme, formats))
        sheet.resize(_WIDTH, _HEIGHT)
        sheet.show()
        _settle(application)
        sheet.resize(_WIDTH, max(_HEIGHT, sheet.content.sizeHint().height()))
        _settle(application)
        sheet.grab().save(str(folder / f"{name}-{scheme.name.lower()}-{scale}.png"))
        sheet.hide()
        sheet.deleteLater()


def _settle(application: QApplication) -> None:
    for _ in range(_TURNS):
        application.processEvents()


def write_index(folder: Path) -> None:
    """A page with all pictures that are there, a row for each state."""
    rows: dict[str, list[str]] = {}
    for picture in sorted(folder.glob("*.png")):
        rows.setdefault(re.split(r"-(?:light|dark)-", picture.name)[0], []).append(picture.name)
    cells = "".join(
        f"<h2>{name}</h2><p>{''.join(f'<img src={picture} loading=lazy title={picture}> ' for picture in pictures)}</p>"
        for name, pictures in rows.items()
    )
    style = "body{font-family:sans-serif;background:#888}img{width:32%;vertical-align:top}"
    page = f"<!doctype html><meta charset=utf-8><title>Nightjar, every state</title><style>{style}</style>{cells}"
    (folder / "index.html").write_text(page, encoding="utf-8")


def _speak(application: QApplication, kind: str) -> Formats:
    if kind in LANGUAGES:
        speak(application, Language(kind), asset("translations"))
        return formats_of(QLocale())
    if kind != "plain":
        application.installTranslator(LongWords(application, mirrored=kind == "mirrored"))
    if kind == "mirrored":
        application.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    return PLAIN


def main(arguments: list[str]) -> int:
    paths = [argument for argument in arguments if not argument.startswith("-")]
    kinds = [argument for argument in arguments if argument.startswith("-")] or ["--plain"]
    known = ["--plain", "--long", "--mirrored", *(f"--{language}" for language in LANGUAGES)]
    if len(paths) != 1 or len(kinds) != 1 or kinds[0] not in known:
        usage = f"usage: python -m desktop.ui.gallery OUT [{' | '.join(known)}]"
        print(usage, file=sys.stderr)  # noqa: T201 - a command line
        return 2
    folder, (kind,) = Path(paths[0]), kinds
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    application = QApplication(sys.argv[:1])
    formats = _speak(application, kind[2:])
    scale = f"{application.devicePixelRatio():g}x{'' if kind == '--plain' else kind[1:]}"
    for scheme in (Qt.ColorScheme.Light, Qt.ColorScheme.Dark):
        paint(application, folder, scheme, scale=scale, formats=formats)
    write_index(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
