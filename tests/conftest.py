"""What every test stands on: no test touches the person's own folders, keyring or screen."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Before anything imports keyring or Qt. A test of the real tray or keyring starts a session of its own (Xvfb, dbus).
os.environ.setdefault("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

# A slow machine is no failure, and a failure seen once must be seen again: CI draws the same examples each time.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "here")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves the soak tests out unless `-m` speaks of them."""
    if "soak" in config.getoption("-m"):
        return
    kept = [item for item in items if item.get_closest_marker("soak") is None]
    if len(kept) < len(items):
        config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
        items[:] = kept


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder under which Nightjar keeps its things during this test."""
    home = tmp_path / "nightjar"
    monkeypatch.setenv("NIGHTJAR_HOME", str(home))
    return home
