"""Who types at a console or over SSH."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from desktop.errors import SourceSilent
from desktop.system.idle.terminals import TerminalIdle
from tests.builders import NOON


def devices(folder: Path, **read_at: float) -> Path:
    (folder / "pts").mkdir()
    for name, moment in read_at.items():
        device = folder / name.replace("_", "/")
        device.touch()
        os.utime(device, (moment, NOON + 999))
    return folder


async def test_the_terminal_that_was_read_last_counts_and_what_is_printed_does_not(tmp_path: Path) -> None:
    """Its own console counted as the owner's input: nicehash/NiceHashMiner-Archived#991."""
    source = TerminalIdle(devices(tmp_path, tty1=NOON - 500, pts_0=NOON - 40, pts_1=NOON - 4000))
    await source.open()
    assert await source.input_at(NOON) == NOON - 40


async def test_a_clock_that_was_set_back_makes_no_input_in_the_future(tmp_path: Path) -> None:
    assert await TerminalIdle(devices(tmp_path, tty1=NOON + 500)).input_at(NOON) == NOON


async def test_a_container_without_a_console_offers_nothing(tmp_path: Path) -> None:
    with pytest.raises(SourceSilent, match="no console"):
        await TerminalIdle(devices(tmp_path, pts_0=NOON)).open()


@pytest.mark.skipif(not Path("/dev/pts").is_dir(), reason="there are no terminals")
def test_typing_at_a_real_terminal_is_seen() -> None:
    ours, theirs = os.openpty()
    try:
        device = os.ttyname(theirs)
        os.utime(device, (NOON, NOON))
        os.write(ours, b"ls\n")
        assert os.read(theirs, 100)
        assert Path(device).stat().st_atime > NOON + 3600
    finally:
        os.close(ours)
        os.close(theirs)
