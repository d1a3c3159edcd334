"""The command line against a running agent, and without one."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from desktop import cli
from desktop.agent.control import Reply
from desktop.agent.state import ModelState
from desktop.verbs.running import lines
from tests.builders import a_snapshot
from tests.desktop.agent.conftest import Desktop
from tests.fakes import FakeRelay

VERBS = [
    "status",
    "pause",
    "resume",
    "mode",
    "schedule",
    "rules",
    "models",
    "earnings",
    "activity",
    "doctor",
    "logs",
    "report",
    "purge",
    "service",
    "autostart",
    "enroll",
    "quit",
    "local",
]


@pytest.fixture
async def desktop(own_home: Path) -> AsyncIterator[Desktop]:
    """Runs where the command line looks for it."""
    desktop = Desktop(own_home)
    async with desktop.running():
        yield desktop


async def run(*arguments: str) -> int:
    return await asyncio.to_thread(cli.main, arguments)


@pytest.mark.parametrize("verb", ["status", "pause", "resume", "mode", "schedule", "rules", "quit"])
@pytest.mark.usefixtures("own_home")
def test_without_an_agent_every_verb_is_one_line_with_the_remedy(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([verb]) == 1
    assert capsys.readouterr().err == (
        "nightjar: Nightjar is not running. Start it with `nightjar` (or `nightjar --headless`).\n"
    )


@pytest.mark.parametrize("verb", ["status", "pause", "resume", "mode", "schedule", "rules", "quit"])
def test_with_json_a_failure_is_one_json_object(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([verb, "--json"]) == 1
    reply = json.loads(capsys.readouterr().out)
    assert reply["ok"] is False
    assert reply["remedy"]


def test_an_unknown_verb_is_one_line_and_status_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["frobnicate"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "frobnicate" in error
    assert all(verb in error for verb in VERBS)


@pytest.mark.parametrize(
    "arguments",
    [
        ["pause", "--for", "soon"],
        ["pause", "--for", "0s"],
        ["mode", "sometimes"],
        ["local", "--port", "x"],
        ["status", "x"],
    ],
)
def test_a_wrong_argument_is_one_line_and_status_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_and_takes_json(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([verb, "--help"])
    assert ended.value.code == 0
    assert "--json" in capsys.readouterr().out


async def test_status_says_the_sentence_and_the_facts(desktop: Desktop, capsys: pytest.CaptureFixture[str]) -> None:
    async with FakeRelay().serving() as relay:
        await desktop.join(relay)
        assert await run("status") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Sharing: ready, waiting for the next call."
    assert lines[1:] == [
        "Mode    always",
        f"Relay   {relay.place}, node node-under-test",
        "Model   fake: ready, 0 of 8 slots in use",
    ]


@pytest.mark.usefixtures("desktop")
@pytest.mark.parametrize("arguments", [["status"], ["status", "--json"], ["--version"]])
async def test_a_reader_that_hangs_up_is_no_failure_to_speak_of(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "desktop", *arguments]
    verb = await asyncio.create_subprocess_exec(*command, stdout=writing, stderr=asyncio.subprocess.PIPE)
    os.close(writing)
    _, complaint = await verb.communicate()
    assert not complaint
    assert verb.returncode == 141


async def test_status_as_json_is_the_whole_snapshot(desktop: Desktop, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run("status", "--json") == 0
    reply = json.loads(capsys.readouterr().out)
    assert reply["ok"] is True
    assert reply["snapshot"]["sharing"]["reason"] == "not_enrolled"


async def test_pause_and_resume(desktop: Desktop) -> None:
    assert await run("pause", "--for", "1h30m") == 0
    snapshot = desktop.agent.snapshot
    assert snapshot.snoozed_until is not None
    assert 5390 < snapshot.snoozed_until - snapshot.at <= 5400
    assert await run("resume") == 0
    assert desktop.agent.snapshot.snoozed_until is None


async def test_status_says_what_to_type_and_not_what_to_choose(
    desktop: Desktop, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run("status") == 0
    assert "Enrol it: nightjar enroll --relay URL\n" in capsys.readouterr().out
    async with FakeRelay().serving() as relay:
        await desktop.join(relay)
        assert await run("pause") == 0
        assert "To share again: nightjar resume\n" in capsys.readouterr().out
        assert await run("mode", "off") == 0
        assert "To share now: nightjar mode always\n" in capsys.readouterr().out


async def test_mode_sets_and_shows(desktop: Desktop, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run("mode", "off") == 0
    assert desktop.agent.snapshot.mode == "off"
    capsys.readouterr()
    assert await run("mode") == 0
    assert "Mode    off" in capsys.readouterr().out


async def test_enroll_with_a_token_ends_when_it_is_done(desktop: Desktop) -> None:
    async with FakeRelay().serving() as relay:
        assert await run("enroll", "--relay", relay.url, "--token", "good-token") == 0
        assert desktop.agent.snapshot.enrolment.kind == "enrolled"


async def test_who_is_a_node_already_is_told_so_and_may_enrol_again(
    desktop: Desktop, capsys: pytest.CaptureFixture[str]
) -> None:
    async with FakeRelay().serving() as relay:
        before = await desktop.join(relay)
        assert await run("enroll", "--relay", relay.url + "/", "--token", "good-token") == 1
        assert "nightjar enroll --again" in capsys.readouterr().err
        assert desktop.agent.snapshot.enrolment == before.enrolment
        assert await run("enroll", "--again", "--relay", relay.url, "--token", "used up") == 1
        assert "this token is not valid" in capsys.readouterr().err


async def test_enroll_shows_the_code_and_waits_for_the_approval(
    desktop: Desktop, capsys: pytest.CaptureFixture[str]
) -> None:
    async with FakeRelay().serving() as relay, asyncio.TaskGroup() as group:
        verb = group.create_task(run("enroll", "--relay", relay.url))
        await desktop.until(lambda snapshot: bool(snapshot.enrolment.user_code))
        relay.approved.set()
        assert await verb == 0
    assert f"Open {relay.url}/enrol\nand enter the code BCDF-GHJK" in capsys.readouterr().err


async def test_enroll_for_a_program_says_the_code_at_once_in_a_line_of_its_own(desktop: Desktop) -> None:
    async with FakeRelay().serving() as relay:
        command = [sys.executable, "-m", "desktop", "enroll", "--json", "--relay", relay.url]
        verb = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        assert verb.stdout is not None
        waiting = json.loads(await verb.stdout.readline())
        relay.approved.set()
        done = json.loads(await verb.stdout.read())
        assert await verb.wait() == 0
    assert (waiting["state"], waiting["code"]) == ("waiting", "BCDF-GHJK")
    assert waiting["approve_url"] == f"{relay.url}/enrol"
    assert done["snapshot"]["enrolment"]["kind"] == "enrolled"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_an_interrupted_enroll_cancels_its_code(desktop: Desktop, number: signal.Signals) -> None:
    async with FakeRelay().serving() as relay:
        before = await desktop.join(relay)
        command = [sys.executable, "-m", "desktop", "enroll", "--again", "--relay", relay.url]
        verb = await asyncio.create_subprocess_exec(
            *command,
            stderr=asyncio.subprocess.PIPE,
            # Whoever runs the tests in the background may have them ignore SIGINT, which children inherit.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        assert verb.stderr is not None
        while b"enter the code" not in await verb.stderr.readline():
            pass
        verb.send_signal(number)
        assert await verb.wait() == 130
        assert not await verb.stderr.read()
        after = await desktop.until(lambda snapshot: snapshot.enrolment.kind == "enrolled")
    assert after.enrolment == before.enrolment


async def test_a_refused_enrolment_is_one_line_and_status_one(
    desktop: Desktop, capsys: pytest.CaptureFixture[str]
) -> None:
    async with FakeRelay().serving() as relay:
        assert await run("enroll", "--relay", relay.url, "--token", "bad") == 1
    error = capsys.readouterr().err
    assert "this token is not valid" in error
    assert error.count("\n") == 1


def test_an_option_that_a_verb_does_not_have_points_to_the_help_of_the_verb(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["enroll", "--bogus"])
    said = "nightjar enroll: unrecognized arguments: --bogus. See `nightjar enroll --help`.\n"
    assert (ended.value.code, capsys.readouterr().err) == (2, said)


async def test_enroll_without_any_relay_asks_for_one(desktop: Desktop, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run("enroll") == 1
    assert "--relay https://" in capsys.readouterr().err


async def test_an_unreadable_settings_file_is_one_line_with_the_remedy(
    own_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = own_home / "config" / "settings.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text("[sharing]\nfirst_mood = 'good'\n")
    assert await run("enroll", "--token", "x") == 1
    error = capsys.readouterr().err
    assert str(settings) in error
    assert "first_mood" in error
    assert error.count("\n") == 1


def test_a_missing_display_is_one_line_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    done = subprocess.run([sys.executable, "-m", "desktop"], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        "nightjar: The window cannot be shown: there is no display. Start without them: nightjar --headless\n"
    )


def test_a_verb_loads_neither_qt_nor_the_engine() -> None:
    code = "import sys; from desktop import cli; cli.main(['status']); print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"PySide6", "llama_cpp", "websockets", "httpx", "numpy"}


def test_the_speed_of_several_answers_is_said_to_be_that_of_all_together() -> None:
    def said(running: int) -> str:
        snapshot = a_snapshot(running=running, tokens_per_s=90.4)
        return next(line for line in lines(Reply(ok=True, snapshot=snapshot)) if line.startswith("Speed"))

    assert said(1) == "Speed   90 tokens/s"
    assert said(3) == "Speed   90 tokens/s, all answers together"


def test_a_model_whose_picture_part_is_no_good_says_so() -> None:
    model = ModelState("llava", "ready", slots=2, blind="This model's picture part is not made for pictures.")
    said = lines(Reply(ok=True, snapshot=a_snapshot(models=(model,))))
    expected = "Model   llava: ready, 0 of 2 slots in use (This model's picture part is not made for pictures.)"
    assert expected in said
