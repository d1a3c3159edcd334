"""The language of the window: the system's where Nightjar speaks it, else English, or the one its owner chose.

English is in the code. What other languages say comes from Qt's translators, which read `assets/translations`.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from PySide6.QtCore import QCoreApplication, QLocale, QTranslator

from desktop.ui.preferences import LANGUAGES, Language

_log = logging.getLogger(__name__)


_CATALOGUES: Final = ("nightjar", "qt")
"""Our texts, and those of Qt's own dialogs and fields."""


def spoken(chosen: Language, system: QLocale) -> Language:
    """Never SYSTEM: the first language that the system's owner reads and Nightjar speaks."""
    if chosen is not Language.SYSTEM:
        return chosen
    wanted = (name.partition("-")[0].partition("_")[0] for name in system.uiLanguages())
    return next((Language(name) for name in wanted if name in LANGUAGES), Language.ENGLISH)


def locale_of(language: Language, system: QLocale) -> QLocale:
    """How numbers and dates are written: as the system has it, where that is in this language."""
    own = QLocale(language.value)
    plain = system.language() is QLocale.Language.C and language is Language.ENGLISH
    if plain or system.language() is own.language():
        return system
    regional = QLocale(own.language(), system.territory())
    return regional if regional.territory() is system.territory() else own


def speak(application: QCoreApplication, chosen: Language, catalogues: Path) -> Language:
    """From here on `application` speaks it. To be said before the first widget: what is there keeps its words."""
    system = QLocale.system()
    language = spoken(chosen, system)
    QLocale.setDefault(locale_of(language, system))
    if language is not Language.ENGLISH:
        for name in _CATALOGUES:
            _install(application, catalogues / f"{name}_{language}.qm")
    return language


def _install(application: QCoreApplication, catalogue: Path) -> None:
    translator = QTranslator(application)
    if translator.load(str(catalogue)):
        application.installTranslator(translator)
    else:
        _log.warning("the texts of a language are not there: %s", catalogue)
