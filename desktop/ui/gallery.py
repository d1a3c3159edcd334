"""`python -m desktop.ui.gallery OUT [--long]`: a picture of the window for every state, light and dark, at 1x and 2x.

For people who change the interface, and must look at it. `--long` shows every text half as long again, as some
languages are.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from PySide6.QtCore import QCoreApplication, Qt, QTranslator
from PySide6.QtWidgets import QApplication
from typing_extensions import override

from desktop.ui.examples import NOW, every_face
from desktop.ui.figures import Formats
from desktop.ui.presenters import Presenter
from desktop.ui.theme import Theme
from desktop.ui.window import MainWindow

PLAIN = Formats(".", ",", lambda at, _now: f"{int(at) // 3600 % 24:02}:{int(at) // 60 % 60:02}")
"""The same numbers and times on every machine."""


class LongWords(QTranslator):
    """Stands for a language whose texts are half as long again."""

    @override
    def translate(
        self, context: bytes | str, sourceText: bytes | str, disambiguation: bytes | str | None = None, n: int = -1
    ) -> str:
        text = sourceText.decode() if isinstance(sourceText, bytes) else sourceText
        return f"{text} {'ăîșț' * 8}"[: max(len(text) * 3 // 2, len(text) + 4)]

    @override
    def isEmpty(self) -> bool:
        return False


def paint(application: QApplication, folder: Path, scheme: Qt.ColorScheme, *, scale: str) -> None:
    """Writes `FACE-SCHEME-SCALE.png` for every face."""
    window = MainWindow(Theme(application, scheme=scheme))
    presenter = Presenter(QCoreApplication.translate, PLAIN)
    window.footer.say(
        QCoreApplication.translate("Interface", "Closing this window leaves Nightjar running in the tray.")
    )
    window.show()
    for name, face in every_face().items():
        window.show_view(presenter.home(face, NOW))
        application.processEvents()
        window.grab().save(str(folder / f"{name}-{scheme.name.lower()}-{scale}.png"))
    window.hide()
    window.deleteLater()


def main(arguments: list[str]) -> int:
    paths = [argument for argument in arguments if not argument.startswith("-")]
    if len(paths) != 1:
        print("usage: python -m desktop.ui.gallery OUT [--long]", file=sys.stderr)  # noqa: T201 - a command line
        return 2
    folder = Path(paths[0])
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    application = QApplication(sys.argv[:1])
    if "--long" in arguments:
        application.installTranslator(LongWords(application))
    scale = f"{application.devicePixelRatio():g}x"
    for scheme in (Qt.ColorScheme.Light, Qt.ColorScheme.Dark):
        paint(application, folder, scheme, scale=scale)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
