"""Every state of the Diagnostics page."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget

from desktop.system.crashes import Fault
from desktop.system.watch.self_test import Finding
from desktop.ui.diagnostics_presenter import DiagnosticsFacts, DiagnosticsPresenter
from desktop.ui.examples import LONG_NAME, MODEL, NOW
from desktop.ui.figures import Formats
from desktop.ui.page_faces.fixed import FOLDER, LOGS, Make
from desktop.ui.pages.diagnostics import DiagnosticsPage
from desktop.ui.theme import Theme

FINDINGS = (
    Finding("folders", "/home/maria/.local/share/nightjar", ok=True, says="can be written"),
    Finding("settings", "/home/maria/.config/nightjar/settings.toml", ok=True, says="none: the defaults hold"),
    Finding("agent", "control socket", ok=True, says="Sharing: ready, waiting for the next call."),
    Finding("enrolment", "key", ok=True, says="kept in the system's keystore (SecretService)"),
    Finding("relay", "https://relay.example.org", ok=True, says="answers in 84 ms"),
    Finding("model", f"{FOLDER}/{LONG_NAME}.gguf", ok=True, says="4.68 GB, Q4_K_M, made for 131072 tokens"),
    Finding("last input", "all together", ok=True, says="3 s ago"),
    Finding("power", "UPower", ok=True, says="on mains, 81 %"),
    Finding("heat", "processor", ok=None, says="no sensor"),
)

WRONG = (
    Finding("relay", "https://relay.example.org", ok=False, says="it does not answer (nothing answers there)"),
    Finding(
        "model", "/mnt/big/model.gguf", ok=False, says="no such file or directory: correct `model` in settings.toml"
    ),
)

_LOG = tuple(
    f"2026-11-18 22:{at // 60:02}:{at % 60:02} INFO    an answer was written (tokens: {at * 7}, tokens per s: 41.2, "
    f"model: {MODEL.name})"
    for at in range(40)
)

_REPORT = """## Nightjar
version 0.1.0
Python 3.11.7

## Hardware
cpu: AMD Ryzen 7 5800X 8-Core Processor
ram_bytes: 33540440064

## Self-test
ok  folders  ~/.local/share/nightjar  can be written
"""

_TRACE = """Traceback (most recent call last):
  File "desktop/agent/supervisor.py", line 152, in _live
    async with asyncio.TaskGroup() as group:
ValueError: a fact that cannot be
"""


def _diagnostics(told: DiagnosticsFacts) -> Make:
    def make(_theme: Theme, formats: Formats) -> QWidget:
        page = DiagnosticsPage()
        page.show_view(DiagnosticsPresenter(QCoreApplication.translate, formats).page(told, NOW))
        return page

    return make


FACES: dict[str, Make] = {
    "diagnostics": _diagnostics(DiagnosticsFacts(FINDINGS, NOW - 60, log=_LOG, folder=LOGS)),
    "diagnostics-wrong": _diagnostics(DiagnosticsFacts(WRONG + FINDINGS[:2], log=_LOG[:3], folder=LOGS)),
    "diagnostics-fault": _diagnostics(
        DiagnosticsFacts(FINDINGS[:2], log=_LOG[:3], folder=LOGS, fault=Fault(NOW - 3_600, "0.1.0", "agent", _TRACE))
    ),
    "diagnostics-looking": _diagnostics(DiagnosticsFacts(testing=True, reporting=True, folder=LOGS)),
    "diagnostics-report": _diagnostics(
        DiagnosticsFacts(FINDINGS[:3], log=_LOG, folder=LOGS, report=_REPORT, saved="/home/maria/nightjar-report.txt")
    ),
    "diagnostics-error": _diagnostics(
        DiagnosticsFacts(
            FINDINGS[:2],
            folder=LOGS,
            report=_REPORT,
            problem="/media/stick/report.txt cannot be written: permission denied.",
        )
    ),
}
