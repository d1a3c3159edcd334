from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.scripts import FOLDER

MADE = "NIGHTJAR_PACKAGES"
"""Names a folder in which bundles and packages lie already, to save the minutes of making them."""


def made(tmp_path_factory: pytest.TempPathFactory, script: str) -> Path:
    if there := os.environ.get(MADE):
        return Path(there)
    folder = tmp_path_factory.mktemp("packages")
    subprocess.run([sys.executable, FOLDER / script, folder], check=True)
    return folder


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which `nightjar` and `nightjar-relay` are."""
    return made(tmp_path_factory, "bundle.py")
