"""Buses and screens of a test's own."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator

import pytest

from desktop.system.bus import Bus
from tests.desktop.system.buses import daemon


@pytest.fixture
async def address(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """One daemon that stands for both buses."""
    if shutil.which("dbus-daemon") is None:
        pytest.skip("there is no dbus-daemon")
    async with daemon() as address:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        yield address


@pytest.fixture
async def bus(address: str) -> AsyncIterator[Bus]:
    assert address
    bus = Bus("session")
    yield bus
    bus.close()


@pytest.fixture(autouse=True)
def no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever login runs the tests is not theirs to look at."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
