"""`nightjar local` as a process: the real relay, the real engine, the demo model."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

COMMAND = [sys.executable, "-m", "desktop"]

pytestmark = pytest.mark.slow


class Running:
    """One run that is ready."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.process = process
        self.ready: dict[str, Any] = json.loads(process.stdout.readline())
        self.children = psutil.Process(process.pid).children(recursive=True)

    def ask(self) -> str:
        answer = httpx.post(
            f"{self.ready['endpoint']}/chat/completions",
            headers={"Authorization": f"Bearer {self.ready['api_key']}"},
            json={
                "model": self.ready["model"],
                "messages": [{"role": "user", "content": "What is the capital of France?"}],
                "temperature": 0,
            },
            timeout=30,
            trust_env=False,
        )
        text: str = answer.raise_for_status().json()["choices"][0]["message"]["content"]
        return text

    def node(self) -> str:
        done = subprocess.run([*COMMAND, "status", "--json"], capture_output=True, text=True, timeout=30, check=True)
        node: str = json.loads(done.stdout)["snapshot"]["enrolment"]["node_id"]
        return node

    def left_over(self) -> list[psutil.Process]:
        """What it started and is still there."""
        alive: list[psutil.Process] = psutil.wait_procs(self.children, timeout=30)[1]
        return alive


@contextlib.contextmanager
def local(*arguments: str) -> Iterator[Running]:
    command = [*COMMAND, "local", "--headless", "--json-ready", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Running(process)
        finally:
            process.kill()


def test_it_answers_ends_cleanly_and_is_the_same_the_second_time_even_if_it_was_turned_off() -> None:
    with local() as first:
        assert first.ask() == "The capital of France is Paris."
        node = first.node()
        subprocess.run([*COMMAND, "mode", "off"], capture_output=True, timeout=30, check=True)
        subprocess.run([*COMMAND, "pause"], capture_output=True, timeout=30, check=True)
        first.process.send_signal(signal.SIGINT)
        assert first.process.wait(timeout=30) == 0
        assert not first.left_over()
    with local() as second:
        assert second.ready["api_key"] == first.ready["api_key"]
        assert second.node() == node
        assert second.ask() == "The capital of France is Paris."
        second.process.send_signal(signal.SIGTERM)
        assert second.process.wait(timeout=30) == 0
        assert not second.left_over()


def test_its_folders_are_closed_to_others_even_if_they_were_open(own_home: Path) -> None:
    folder = own_home / "data" / "local"
    folder.mkdir(parents=True, mode=0o755)
    with local():
        made = [folder, *folder.rglob("*")]
        assert {path for path in made if path.stat().st_mode & 0o077} == set()


def test_not_even_a_kill_leaves_a_process_behind() -> None:
    with local() as running:
        running.process.kill()
        assert not running.left_over()


def test_a_relay_that_dies_ends_it_with_the_reason() -> None:
    command = [*COMMAND, "local", "--headless", "--json-ready", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        running = Running(process)
        (relay,) = (child for child in running.children if "relay" in child.cmdline())
        os.kill(relay.pid, signal.SIGKILL)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "it ended by SIGKILL" in json.loads(out.splitlines()[-1])["error"]
    assert not running.left_over()


def test_a_model_that_cannot_be_used_ends_the_wait_with_one_json_error(own_home: Path) -> None:
    (own_home / "data" / "local" / "x.gguf").parent.mkdir(parents=True)
    (own_home / "data" / "local" / "x.gguf").write_bytes(b"GGUF" + bytes(1000))
    settings = own_home / "config" / "settings.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text(f"[inference]\nmodel = '{own_home / 'data' / 'local' / 'x.gguf'}'\n")
    command = [*COMMAND, "local", "--headless", "--json-ready", "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    (line,) = done.stdout.splitlines()
    error = json.loads(line)
    assert error["ok"] is False
    assert "the model x cannot be used" in error["error"]
    assert error["remedy"]


def test_people_see_where_everything_is_at_once_and_then_that_it_is_ready() -> None:
    command = [*COMMAND, "local", "--headless", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line.strip())
            if line.startswith("Ready"):
                break
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
    assert any(line.startswith("API key") for line in said)


def test_a_node_that_its_relay_barred_is_enrolled_anew_at_the_next_start(own_home: Path) -> None:
    with local() as first:
        node = first.node()
        data = own_home / "data" / "local" / "relay"
        revoke = [sys.executable, "-m", "relay", "node", "revoke", node, "--data", str(data)]
        subprocess.run(revoke, capture_output=True, timeout=30, check=True)
    assert not first.left_over()
    with local() as second:
        assert second.node() != node
        assert second.ask() == "The capital of France is Paris."


def test_a_node_taken_for_a_copy_of_itself_is_enrolled_anew_in_the_same_run(own_home: Path) -> None:
    with local() as first:
        node = first.node()
    assert not first.left_over()
    secrets = own_home / "data" / "local" / "node" / "data" / "secrets"
    (secrets / "link-secret").write_bytes(bytes(32))
    with local() as second:
        assert second.node() != node
        assert second.ask() == "The capital of France is Paris."


@pytest.mark.parametrize("garbage", [b"\xff\xfe\n", b"sk-nj-" + b"x" * 43])
def test_an_api_key_file_that_holds_no_key_of_the_relay_is_replaced_by_a_fresh_key(
    garbage: bytes, own_home: Path
) -> None:
    with local() as first:
        assert first.ready["api_key"]
    assert not first.left_over()
    (own_home / "data" / "local" / "secrets" / "api-key").write_bytes(garbage)
    with local() as second:
        assert second.ready["api_key"] != first.ready["api_key"]
        assert second.ask() == "The capital of France is Paris."


@pytest.mark.parametrize("name", ["node-key"])
def test_a_damaged_secret_of_its_node_is_mended_by_enrolling_anew(name: str, own_home: Path) -> None:
    with local() as first:
        assert first.node()
    assert not first.left_over()
    (own_home / "data" / "local" / "node" / "data" / "secrets" / name).write_bytes(b"damaged")
    with local() as second:
        assert second.ask() == "The capital of France is Paris."


def test_its_node_is_not_enrolled_elsewhere() -> None:
    with local() as running:
        command = [*COMMAND, "enroll", "--relay", "https://relay.example"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert running.ask() == "The capital of France is Paris."
    assert done.returncode == 1
    assert "its own relay" in done.stderr
    assert done.stderr.count("\n") == 1
