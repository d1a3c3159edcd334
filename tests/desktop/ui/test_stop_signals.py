from __future__ import annotations

import os
import signal
import sys

import pytest
from pytestqt.qtbot import QtBot

from desktop.ui.stop_signals import StopSignals

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="os.kill ends the process there")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_heard_by_qts_loop_though_no_python_runs_in_it(qtbot: QtBot, number: signal.Signals) -> None:
    signals = StopSignals()
    with qtbot.waitSignal(signals.came, timeout=2_000):
        os.kill(os.getpid(), number)
    signals.close()


def test_afterwards_everything_is_as_before(qtbot: QtBot) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    signals = StopSignals()
    assert signal.getsignal(signal.SIGTERM) != before[0]
    signals.close()
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
    assert signal.set_wakeup_fd(-1) == -1
