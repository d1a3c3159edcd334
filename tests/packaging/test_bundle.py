"""The programs as folders: what is in them, and that they work together without any Python of the system's.

Making them takes minutes, so these run when asked for: ./dev test -m soak tests/packaging
"""

from __future__ import annotations

import json
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.packaging.scripts import script

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900), pytest.mark.xdist_group("packages")]

BARE = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


@pytest.mark.parametrize("program", ["desktop", "relay"])
def test_a_bundle_holds_nothing_foreign_and_runs_on_the_oldest_system_that_is_promised(
    bundles: Path, program: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = bundles / {"desktop": "nightjar", "relay": "nightjar-relay"}[program]
    report = script("contents").examine(folder, program)
    with capsys.disabled():
        print(f"\n{report.text()}")
    assert report.faults == []
    assert report.glibc <= (2, 35)


@pytest.mark.parametrize("name", ["nightjar", "nightjar-relay"])
def test_a_bundle_names_the_licences_of_what_it_holds(bundles: Path, name: str) -> None:
    listed = (bundles / name / "licences" / "README").read_text()
    assert "cryptography" in listed
    assert (bundles / name / "licences" / "LICENSE").is_file()


@pytest.mark.parametrize("name", ["nightjar", "nightjar-relay"])
def test_a_bundle_tells_nothing_of_the_machine_it_was_made_on(bundles: Path, name: str) -> None:
    traces = [str(Path(__file__).parents[2]).encode(), b"direct_url"]
    files = [file for file in (bundles / name).rglob("*") if file.is_file() and not file.is_symlink()]
    telling = [file.name for file in files for trace in traces if trace in file.read_bytes()]
    assert telling == []


def test_the_frozen_node_serves_the_demo_model_through_the_frozen_relay(bundles: Path, tmp_path: Path) -> None:
    environment = BARE | {"HOME": str(tmp_path), "NIGHTJAR_HOME": str(tmp_path / "home")}
    nightjar = bundles / "nightjar" / "nightjar"
    command = [nightjar, "local", "--headless", "--port", "0", "--json-ready"]
    with running(command, environment) as lines:
        ready = json.loads(next(lines))
        assert "Paris" in answer(ready["endpoint"], ready["api_key"], ready["model"])
        status = subprocess.run([nightjar, "status"], env=environment, check=True, capture_output=True, text=True)
        assert "1 answer" in status.stdout


@contextmanager
def running(command: list[Any], environment: dict[str, str]) -> Iterator[Iterator[str]]:
    """The lines a program prints, until it is told to end."""
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield iter(process.stdout)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        process.stdout.close()


def answer(endpoint: str, key: str, model: str) -> str:
    """To the one question; a node that is still loading its model is waited for, as a client does."""
    body = {"model": model, "messages": [{"role": "user", "content": "What is the capital of France?"}]}
    request = urllib.request.Request(
        f"{endpoint}/chat/completions",
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    deadline = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return str(json.load(response)["choices"][0]["message"]["content"])
        except urllib.error.HTTPError as error:
            if error.code != 503 or time.monotonic() > deadline:
                raise
            time.sleep(float(error.headers.get("Retry-After", "1")))


def test_a_bundle_starts_within_seconds(bundles: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environment = BARE | {"HOME": str(tmp_path)}
    for name in ("nightjar", "nightjar-relay"):
        began = time.monotonic()
        subprocess.run([bundles / name / name, "--version"], env=environment, check=True, stdout=subprocess.DEVNULL)
        took = time.monotonic() - began
        with capsys.disabled():
            print(f"\n{name} --version: {took:.2f} s")
        assert took < 10
    assert list(tmp_path.iterdir()) == []
