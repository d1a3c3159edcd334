"""logs, report, purge, service and doctor."""

from __future__ import annotations

import asyncio
import getpass
import io
import json
import os
import shutil
import stat
import subprocess
import sys
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from desktop import cli
from desktop.agent import kept, self_test
from desktop.agent.commands import SetMode
from desktop.agent.state import Mode
from desktop.models.library import Model
from desktop.models.store import Store
from desktop.system import service
from desktop.system.conditions import Presence
from desktop.system.crashes import NATIVE
from desktop.system.hardware import computer_name
from desktop.system.paths import Paths
from desktop.system.watch.still import StillWatch, at_rest
from relay.configuration import data_folder
from tests.desktop.agent.conftest import Desktop
from tests.fakes import FakeRelay

pytestmark = pytest.mark.usefixtures("own_home")


@pytest.fixture
def paths(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus")
    paths = Paths.under(own_home)
    paths.make()
    return paths


async def run(*arguments: str) -> int:
    return await asyncio.to_thread(cli.main, arguments)


def write_log(paths: Paths, *lines: str) -> None:
    (paths.logs / "nightjar.log").write_text("\n".join(lines) + "\n")


def logged(paths: Paths) -> str:
    """An agent that runs has the log open: it is emptied, and stays where it is."""
    return (paths.logs / "nightjar.log").read_text()


def test_the_last_lines_of_the_log(paths: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    write_log(paths, *(f"line {number}" for number in range(100)))
    assert cli.main(["logs", "--lines", "2"]) == 0
    assert capsys.readouterr().out == "line 98\nline 99\n"
    assert cli.main(["logs", "--json", "--lines", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["lines"] == ["line 99"]


def test_an_event_of_the_log_is_shown_as_people_read_it(paths: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    event = {"at": 0, "level": "warning", "where": "x", "event": "it broke", "free_slots": 2, "trace": "a\nb"}
    write_log(paths, json.dumps(event), "[1]", "{}")
    assert cli.main(["logs"]) == 0
    told, *trace = capsys.readouterr().out.splitlines()
    assert told.startswith(datetime.fromtimestamp(0).astimezone().strftime("%Y-%m-%d %H:%M:%S"))
    assert told.endswith(" WARNING it broke (free slots: 2)")
    assert trace == ["    a", "    b", "[1]", "{}"]


def test_without_a_log_it_says_where_one_will_be(paths: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["logs"]) == 0
    assert str(paths.logs) in capsys.readouterr().out


def test_following_a_log_goes_on_when_it_is_begun_anew(paths: Paths) -> None:
    write_log(paths, "old")
    command = [sys.executable, "-m", "desktop", "logs", "--follow"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as verb:
        try:
            assert verb.stdout is not None
            assert verb.stdout.readline() == "old\n"
            with (paths.logs / "nightjar.log").open("a") as log:
                log.write("new\n")
            assert verb.stdout.readline() == "new\n"
            write_log(paths, "a")
            assert verb.stdout.readline() == "a\n"
        finally:
            verb.kill()


CANARIES = {
    "an API key": "sk-nj-canary0canary0canary0canary0",
    "an e-mail address": "canary.person@example.org",
    "an address": "203.0.113.77",
    "an IPv6 address": "2001:db8::dead:beef",
    "a MAC address": "de:ad:be:ef:00:01",
    "a UUID": "123e4567-e89b-12d3-a456-426614174000",
    "a token": "c2VjcmV0Y2FuYXJ5c2VjcmV0Y2FuYXJ5MTIzNDU2Nzg5",
    "another relay": "https://canary-relay.example.org:8443/enroll",
    "a password in an address": "wss://canary:canary0@10.0.0.1/",
    "a home folder": str(Path.home() / "canary-folder"),
}


async def test_a_report_gives_away_no_key_no_address_no_name_and_no_place(
    paths: Paths, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "canaryuser")
    desktop = Desktop(paths.data.parent)
    async with FakeRelay().serving() as relay, desktop.running():
        await desktop.join(relay)
        said = [f'{{"event": "something with {canary} in it"}}' for canary in CANARIES.values()]
        write_log(paths, *said, f"of canaryuser at {computer_name()}", f"node-under-test at {relay.place}", "22:50:58")
        assert await run("report") == 0
    report = capsys.readouterr().out
    for what, canary in CANARIES.items():
        assert canary not in report, what
    for word in ("canaryuser", "node-under-test", relay.place):
        assert word not in report
    assert "something with <key> in it" in report
    assert "something with https://<host>/enroll in it" in report
    assert "22:50:58" in report
    assert "## Self-test" in report
    assert "cpu: " in report


def test_a_user_without_a_name_gets_a_report(
    paths: Paths, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    assert cli.main(["report"]) == 0
    assert "## Self-test" in capsys.readouterr().out


def test_a_report_goes_into_a_file_to_be_read_first(paths: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    file = paths.data / "report.txt"
    assert cli.main(["report", "--output", str(file)]) == 0
    assert "Read it before you send it" in capsys.readouterr().out
    assert "## Nightjar" in file.read_text()


async def test_purging_traces_leaves_the_enrolment(paths: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    desktop = Desktop(paths.data.parent)
    async with FakeRelay().serving() as relay, desktop.running():
        await desktop.join(relay)
        await desktop.tell(SetMode(Mode.OFF))
        write_log(paths, "something")
        purged_at = time.time()
        assert await run("purge", "--yes") == 0
        after = await desktop.tell(SetMode(Mode.ALWAYS))
    assert "Removed" in capsys.readouterr().out
    assert logged(paths) == ""
    assert after.enrolment.kind == "enrolled"
    assert all(switch.at >= purged_at for switch in after.switches)


async def test_everything_is_purged_only_once_the_app_has_ended(
    paths: Paths, capsys: pytest.CaptureFixture[str]
) -> None:
    desktop = Desktop(paths.data.parent)
    async with FakeRelay().serving() as relay, desktop.running():
        await desktop.join(relay)
        assert await run("purge", "--all", "--yes") == 1
        assert "nightjar quit" in capsys.readouterr().err
    assert await run("purge", "--all", "--yes", "--json") == 0
    assert str(paths.data) in json.loads(capsys.readouterr().out)["removed"]
    assert not paths.data.exists()
    assert not paths.config.exists()


def test_a_second_purge_of_everything_finds_nothing_and_says_no_more(
    paths: Paths, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert cli.main(["purge", "--all", "--yes"]) == 0
    capsys.readouterr()
    assert cli.main(["purge", "--all"]) == 0
    assert capsys.readouterr() == ("There was nothing to remove.\n", "")


@pytest.mark.skipif(sys.platform != "linux", reason="these are the places of Linux")
def test_purging_everything_names_what_still_starts_nightjar_and_how_to_end_it(
    paths: Paths, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_systemctl(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert (cli.main(["autostart", "on"]), cli.main(["service", "install"])) == (0, 0)
    capsys.readouterr()
    assert cli.main(["purge", "--all", "--yes"]) == 0
    _, entry, unit = capsys.readouterr().out.splitlines()
    assert str(tmp_path / "config" / "autostart") in entry
    assert entry.endswith(": nightjar autostart off")
    assert str(service.unit_file()) in unit
    assert unit.endswith(": nightjar service remove")


def test_a_relay_that_serves_others_is_not_purged_with_this_pcs_things(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("NIGHTJAR_HOME")
    for variable in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    monkeypatch.setenv("HOME", str(tmp_path))
    paths = Paths.for_user()
    paths.make()
    books = data_folder() / "relay.db"
    books.parent.mkdir()
    for file in (books, paths.record):
        file.write_text("{}")
    assert cli.main(["purge", "--all", "--yes"]) == 0
    assert str(books.parent) in capsys.readouterr().out
    assert (books.exists(), list(paths.data.iterdir())) == (True, [books.parent])


def test_it_is_not_purged_either_where_one_folder_holds_settings_and_data(tmp_path: Path) -> None:
    one = tmp_path / "nightjar"
    paths = Paths(config=one, data=one, logs=tmp_path / "logs", runtime=one / "run")
    paths.make()
    paths.served_relay.mkdir()
    paths.settings.touch()
    kept.remove(kept.everything(paths))
    assert list(one.iterdir()) == [paths.served_relay]


def test_models_in_a_folder_of_the_owners_own_go_too_and_imported_ones_stay(paths: Paths, tmp_path: Path) -> None:
    elsewhere = tmp_path / "big disk"
    elsewhere.mkdir()
    ours, theirs = elsewhere / "ours.gguf", tmp_path / "theirs.gguf"
    for file in (ours, theirs):
        file.write_bytes(b"GGUF")
    shelf = Store(paths.data)
    facts: dict[str, Any] = {"size": 4, "mtime_ns": 0, "sha256": "0" * 64, "added_at": 0.0}
    models = (
        Model(name="ours", path="ours.gguf", origin="download", **facts),
        Model(name="theirs", path=str(theirs), origin="file", **facts),
    )
    shelf.change(lambda library: msgspec.structs.replace(library, folder=str(elsewhere), models=models))
    assert cli.main(["purge", "--all", "--yes"]) == 0
    assert not ours.exists()
    assert theirs.exists()


def test_everything_is_purged_behind_a_link_that_stands_for_a_folder_of_ours(paths: Paths, tmp_path: Path) -> None:
    disk = tmp_path / "big disk"
    paths.data.rename(disk)
    paths.data.symlink_to(disk, target_is_directory=True)
    (disk / "agent.json").write_text("{}")
    assert cli.main(["purge", "--all", "--yes"]) == 0
    assert not disk.exists()
    assert not paths.data.is_symlink()


def test_what_cannot_be_removed_is_named_and_not_counted(
    paths: Paths, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_log(paths, "something")

    def refuse(path: Path, size: int) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "truncate", refuse)
    assert cli.main(["purge", "--yes"]) == 1
    told = capsys.readouterr()
    assert told.out == "Removed 0 kB.\n"
    assert str(paths.logs / "nightjar.log") in told.err


def test_the_traces_of_a_relay_of_ones_own_and_of_a_death_by_signal_go_too(paths: Paths) -> None:
    node = paths.local_node
    node.make()
    traces = paths.logs / NATIVE, node.logs / "nightjar.log", node.data / "switches.jsonl"
    for file in traces:
        file.write_text("the past")
    assert cli.main(["purge", "--yes"]) == 0
    assert [file.read_text() for file in traces if file.exists()] == ["", ""]


@pytest.mark.parametrize(("answer", "gone"), [("y\n", True), ("n\n", False), ("", False)])
def test_purging_asks_first(paths: Paths, monkeypatch: pytest.MonkeyPatch, answer: str, gone: bool) -> None:
    write_log(paths, "something")
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    assert cli.main(["purge"]) == (0 if gone else 1)
    assert (logged(paths) == "") is gone


# --- service -------------------------------------------------------------------------------------------------------


def fake_systemctl(folder: Path, script: str = "") -> Path:
    tool = folder / "systemctl"
    tool.write_text(f'#!/bin/sh\necho "$@" >> {folder}/calls\n{script}\n')
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    return folder / "calls"


def test_the_service_is_installed_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = fake_systemctl(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    unit = tmp_path / "config" / "systemd" / "user" / "nightjar.service"
    assert cli.main(["service", "install"]) == 0
    assert "--headless" in unit.read_text()
    assert cli.main(["service", "remove"]) == 0
    assert not unit.exists()
    assert cli.main(["service", "remove"]) == 0
    assert "There is no service" in capsys.readouterr().out
    assert calls.read_text().splitlines() == [
        "--user daemon-reload",
        "--user enable --now nightjar.service",
        "--user disable --now nightjar.service",
        "--user daemon-reload",
    ]


def test_a_systemd_that_refuses_is_quoted_and_leaves_no_unit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_systemctl(tmp_path, "echo 'Failed to connect to bus: No medium found' >&2; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert cli.main(["service", "install"]) == 1
    error = capsys.readouterr().err
    assert "Failed to connect to bus: No medium found." in error
    assert "nightjar --headless" in error
    assert not (tmp_path / "config" / "systemd" / "user" / "nightjar.service").exists()


def test_a_system_without_systemd_is_told_how_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _tool: None)
    assert cli.main(["service", "install"]) == 1
    assert "nightjar --headless" in capsys.readouterr().err


def test_names_with_spaces_percents_and_dollars_reach_systemd_whole() -> None:
    text = service.unit_text(("/opt/my apps/100%/nightjar", "--headless"), home="/home/a$b")
    assert 'ExecStart="/opt/my apps/100%%/nightjar" "--headless"' in text
    assert 'Environment="NIGHTJAR_HOME=/home/a$$b"' in text


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd")
def test_systemd_finds_no_fault_with_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "nightjar.service"
    unit.write_text(service.unit_text((sys.executable, "-m", "desktop", "--headless")))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", str(unit)], capture_output=True, text=True, check=False
    )
    assert "nightjar.service" not in done.stderr


# --- doctor --------------------------------------------------------------------------------------------------------


async def test_doctor_says_what_works_and_what_to_do_about_the_rest(
    paths: Paths, capsys: pytest.CaptureFixture[str]
) -> None:
    paths.settings.write_text('[inference]\nmodel = "/nonexistent/model.gguf"\n')
    desktop = Desktop(paths.data.parent)
    async with FakeRelay().serving() as relay, desktop.running():
        await desktop.join(relay)
        assert await run("doctor") == 1
    out = capsys.readouterr().out
    rows = {tuple(line.split()[:2]): line for line in out.splitlines()}
    assert rows[("ok", "agent")].endswith("Sharing: ready, waiting for the next call.")
    assert "a file only you can read" in rows[("ok", "enrolment")]
    assert "answers in" in rows[("ok", "relay")]
    assert "correct `model` in settings.toml" in rows[("!!", "model")]
    assert ("--", "films") in rows


async def test_the_hands_off_test_tells_whether_absence_and_return_are_noticed(
    paths: Paths, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = StillWatch(replace(at_rest(), presence=Presence(time.time() - 60, "test")))
    monkeypatch.setattr(self_test, "watch_over", lambda _disk: watch)
    monkeypatch.setattr(self_test, "_HANDS_OFF_S", 0.5)
    verb = asyncio.create_task(run("doctor", "--hands-off", "--json"))  # noqa: TID251 -- awaited below
    asked = ""
    async with asyncio.timeout(20):
        while "Now move" not in asked:
            await asyncio.sleep(0.05)
            asked += capsys.readouterr().err
    watch.becomes(replace(at_rest(), presence=Presence(time.time(), "test")))
    await verb
    (found,) = [each for each in json.loads(capsys.readouterr().out)["findings"] if each["concern"] == "hands off"]
    assert (found["ok"], found["source"]) == (True, "test")
    assert paths.data.exists()


async def test_a_proxy_before_a_relay_that_is_down_is_no_relay_that_works() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as proxy:
        found = await self_test._relay("http://127.0.0.1:{1}".format(*proxy.sockets[0].getsockname()))
    assert found.ok is False
    assert found.says == "it answered 502"


def test_doctor_as_json(paths: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    assert paths.data.exists()
    cli.main(["doctor", "--json"])
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert {"folders", "settings", "agent", "enrolment", "model", "last input", "power", "heat"} <= {
        each["concern"] for each in findings
    }


def test_settings_that_cannot_be_read_are_named(paths: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    paths.settings.write_text("[sharing]\nidle_s = 'soon'\n")
    assert cli.main(["doctor"]) == 1
    assert "Correct the file" in capsys.readouterr().out
