"""The private relay as a child: the real program, on real folders."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from desktop.errors import LocalRelayFailed
from desktop.local.relay_process import RelayProcess


def open_to_others(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.stat().st_mode & 0o077}


async def test_the_relay_is_there_while_it_is_entered_and_gone_after(tmp_path: Path) -> None:
    async with RelayProcess.running(tmp_path, port=0) as (_, announcement):
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.get(
                f"{announcement.endpoint}/models", headers={"Authorization": f"Bearer {announcement.api_key}"}
            )
        assert answer.status_code == 200
        assert psutil.pid_exists(announcement.pid)
    assert not psutil.pid_exists(announcement.pid)
    assert not (tmp_path / "relay.json").exists()


async def test_the_key_is_announced_once_and_a_new_one_can_be_made(tmp_path: Path) -> None:
    async with RelayProcess.running(tmp_path, port=0) as (_, first):
        assert first.api_key
    async with RelayProcess.running(tmp_path, port=0) as (relay, second):
        assert second.api_key is None
        assert str((await relay.ask("key", "create", "again"))["key"]).startswith("sk-nj-")


async def test_its_files_are_for_their_owner_only_and_its_log_does_not_hold_the_key(tmp_path: Path) -> None:
    (tmp_path / "relay.log").write_text("of an older run")
    (tmp_path / "relay.log").chmod(0o644)
    async with RelayProcess.running(tmp_path, port=0) as (relay, announcement):
        await relay.ask("key", "create", "again")
        assert announcement.api_key
        assert open_to_others(tmp_path) == set()
        log = (tmp_path / "relay.log").read_text(encoding="utf-8")
        assert "sk-nj-" not in log


async def test_a_port_in_use_is_said_in_the_relays_words_with_the_remedy(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(LocalRelayFailed) as failed:
            async with RelayProcess.running(tmp_path, port=port):
                pass
    line = failed.value.line()
    assert f"127.0.0.1:{port}" in line
    assert "in use" in line
    assert "--port" in line
    assert "\n" not in line


async def test_a_relay_that_ends_by_itself_is_noticed(tmp_path: Path) -> None:
    async with RelayProcess.running(tmp_path, port=0) as (relay, announcement):
        psutil.Process(announcement.pid).kill()
        async with asyncio.timeout(20):
            failure = await relay.ended()
    assert isinstance(failure, LocalRelayFailed)


async def test_a_refused_command_is_an_error_with_its_words(tmp_path: Path) -> None:
    async with RelayProcess.running(tmp_path, port=0) as (relay, _):
        with pytest.raises(LocalRelayFailed, match="frobnicate"):
            await relay.ask("frobnicate")


def test_not_even_a_kill_leaves_the_relay_behind(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys; from pathlib import Path; from desktop.local.relay_process import RelayProcess\n"
        "async def main():\n"
        "    async with RelayProcess.running(Path(sys.argv[1]), port=0) as (_, announcement):\n"
        "        print(announcement.pid, flush=True)\n"
        "        await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        relay = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    _, alive = psutil.wait_procs([relay], timeout=30)
    assert not alive
