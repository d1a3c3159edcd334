"""How `nightjar local` and its parts end, and what they say when they cannot begin: one line, never a traceback."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.end_to_end.books import read_books
from tests.end_to_end.conftest import ENDLESS
from tests.end_to_end.demo import ROOT
from tests.end_to_end.processes import nightjar, one_line, relay_command

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and modes"),
]

LOCAL = [sys.executable, "-m", "desktop", "local", "--headless", "--json-ready", "--port", "0"]


@contextlib.contextmanager
def local(home: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """`nightjar local`, ready."""
    environment = os.environ | {"NIGHTJAR_HOME": str(home)}
    with subprocess.Popen(LOCAL, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def begun_stream(ready: dict[str, Any]) -> contextlib.AbstractContextManager[httpx.Response]:
    body = {
        "model": ready["model"],
        "messages": [{"role": "user", "content": ENDLESS}],
        "max_tokens": 900,
        "temperature": 0,
        "stream": True,
    }
    headers = {"Authorization": f"Bearer {ready['api_key']}"}
    url = f"{ready['endpoint']}/chat/completions"
    return httpx.stream("POST", url, headers=headers, json=body, timeout=60, trust_env=False)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_the_middle_of_an_answer_ends_everything_and_the_answer_says_so(
    tmp_path: Path, number: signal.Signals
) -> None:
    home = tmp_path / "home"
    with local(home) as (process, ready), begun_stream(ready) as response:
        children = psutil.Process(process.pid).children(recursive=True)
        coming = response.iter_lines()
        heard = [next(coming) for _ in range(40)]
        process.send_signal(number)
        with contextlib.suppress(httpx.RemoteProtocolError):
            heard += coming
        assert process.wait(timeout=30) == 0
    assert len(children) >= 2
    assert not psutil.wait_procs(children, timeout=10)[1]
    events = [json.loads(line.removeprefix("data: ")) for line in heard if line.startswith("data: {")]
    assert "data: [DONE]" not in heard
    assert events[-1]["error"]["message"]
    assert events[-1]["choices"][0]["finish_reason"] == "error"
    books = read_books(Path(ready["data"]) / "relay")
    books.assert_in_order()
    (call,) = books.calls.values()
    assert call.state == "failed"
    assert call.owner_nano > 0
    with local(home) as (process, again):
        assert again["api_key"] == ready["api_key"]
        process.terminate()
        assert process.wait(timeout=30) == 0


# --- what cannot begin ------------------------------------------------------------------------------------------------


def relay(*verb: str, data: Path) -> subprocess.CompletedProcess[str]:
    command = relay_command(*verb, data=data)
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=60)


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody else uses."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def assert_one_line(done: subprocess.CompletedProcess[str], *words: str, status: int = 1) -> None:
    said = one_line(done.stderr)
    assert done.returncode == status
    for word in words:
        assert word in said


def test_a_port_in_use_is_named_with_the_way_out(tmp_path: Path, taken: int) -> None:
    assert_one_line(relay("serve", "--port", str(taken), data=tmp_path), f"127.0.0.1:{taken}", "in use", "--port")
    done = nightjar("local", "--headless", "--port", str(taken), home=tmp_path / "home")
    assert_one_line(done, f"127.0.0.1:{taken}", "in use", "--port")


BROKEN = {"no TOML": b"[server\n", "no text": b"\xff\xfe\x00", "no such setting": b"[sharing]\nfirst_mood = 1\n"}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_settings_file_that_cannot_be_used_is_named(tmp_path: Path, content: bytes) -> None:
    data, home = tmp_path / "data", tmp_path / "home"
    of_relay, of_desktop = data / "relay.toml", home / "config" / "settings.toml"
    for file in (of_relay, of_desktop):
        file.parent.mkdir(parents=True)
        file.write_bytes(content)
    assert_one_line(relay("serve", "--port", "0", data=data), str(of_relay))
    assert_one_line(nightjar("--headless", home=home), str(of_desktop))
    assert_one_line(nightjar("local", "--headless", "--port", "0", home=home), str(of_desktop))


def test_a_settings_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    data, home = tmp_path / "data", tmp_path / "home"
    of_relay, of_desktop = data / "relay.toml", home / "config" / "settings.toml"
    for folder in (of_relay, of_desktop):
        folder.mkdir(parents=True)
    assert_one_line(relay("serve", "--port", "0", data=data), str(of_relay))
    assert_one_line(nightjar("--headless", home=home), str(of_desktop))


@pytest.mark.parametrize("verb", [["dance"], ["status", "--loudly"], ["mode", "sometimes"], ["pause", "--for", "ever"]])
def test_a_command_line_that_makes_no_sense_to_nightjar_is_one_line(tmp_path: Path, verb: list[str]) -> None:
    assert_one_line(nightjar(*verb, home=tmp_path), verb[-1], "--help", status=2)


@pytest.mark.parametrize("verb", [["dance"], ["serve", "--loudly"], ["key", "paint"], ["serve", "--port", "many"]])
def test_a_command_line_that_makes_no_sense_to_the_relay_is_one_line(tmp_path: Path, verb: list[str]) -> None:
    command = [sys.executable, "-m", "relay", *verb]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=60)
    assert_one_line(done, verb[-1], "--help", status=2)


@pytest.mark.parametrize("address", ["70000", "-1"])
def test_a_port_that_is_none_is_one_line(tmp_path: Path, address: str) -> None:
    done = relay("serve", f"--port={address}", data=tmp_path)
    assert done.returncode in {1, 2}
    assert address in one_line(done.stderr)


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder nothing can be made in: by its mode or, for root, who minds no modes, because it is the kernel's own."""
    if os.geteuid() == 0:
        yield Path("/proc/sys")
        return
    folder = tmp_path / "read-only"
    folder.mkdir(mode=0o500)
    yield folder
    folder.chmod(0o700)


def test_a_read_only_data_folder_is_named(read_only: Path) -> None:
    folder = read_only / "nightjar"
    assert_one_line(relay("serve", "--port", "0", data=folder), str(folder))
    assert_one_line(relay("key", "list", data=folder), str(folder))
    assert_one_line(nightjar("--headless", home=folder), str(folder))
    assert_one_line(nightjar("local", "--headless", "--port", "0", home=folder), str(folder))


def test_a_data_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert_one_line(relay("serve", "--port", "0", data=file), str(file))
    assert_one_line(nightjar("--headless", home=file), str(file))


def test_a_verb_without_a_running_nightjar_says_how_to_start_it(tmp_path: Path) -> None:
    assert_one_line(nightjar("status", home=tmp_path), "not running", "nightjar")


def test_a_missing_display_is_one_line_that_names_headless(tmp_path: Path) -> None:
    done = nightjar(home=tmp_path, DISPLAY="", WAYLAND_DISPLAY="", QT_QPA_PLATFORM="")
    assert_one_line(done, "--headless")


def test_a_second_relay_on_one_data_folder_is_one_line(tmp_path: Path) -> None:
    data = tmp_path / "relay"
    command = relay_command("serve", "--port", "0", data=data)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as first:
        try:
            assert first.stdout is not None
            assert "ready" in first.stdout.readline()
            assert_one_line(relay("serve", "--port", "0", data=data), str(data))
        finally:
            first.terminate()


TINY = "mount -t tmpfs -o size=64k none {folder} && exec {program} -m relay serve --port 0 --data {folder}"


def test_a_full_disk_is_one_line_that_names_the_folder(tmp_path: Path) -> None:
    """On a file system of 64 KiB of its own, where this system lets one be made."""
    unshare = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    if (
        shutil.which("unshare") is None
        or subprocess.run(
            [*unshare, TINY.partition(" &&")[0].format(folder=tmp_path)], check=False, capture_output=True
        ).returncode
    ):
        pytest.skip("no file system can be mounted here")
    script = TINY.format(folder=tmp_path, program=sys.executable)
    done = subprocess.run([*unshare, script], cwd=ROOT, check=False, capture_output=True, text=True, timeout=60)
    assert_one_line(done, str(tmp_path))
