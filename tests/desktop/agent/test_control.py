"""The control socket, spoken to as another program would."""

from __future__ import annotations

import asyncio
import json
import stat
from typing import Any

from desktop.agent.commands import SetMode
from desktop.agent.state import Mode
from tests.desktop.agent.conftest import Desktop


async def ask(desktop: Desktop, *lines: str) -> list[dict[str, Any]]:
    reader, writer = await asyncio.open_unix_connection(desktop.paths.control)
    replies = []
    for line in lines:
        writer.write(line.encode() + b"\n")
        replies.append(json.loads(await reader.readline()))
    writer.close()
    return replies


async def test_only_the_owner_may_speak_to_the_socket(desktop: Desktop) -> None:
    async with desktop.running():
        await ask(desktop, '{"verb":"status"}')
        assert stat.S_IMODE(desktop.paths.control.stat().st_mode) == 0o600
        assert stat.S_IMODE(desktop.paths.control.parent.stat().st_mode) == 0o700
    assert not desktop.paths.control.exists()


async def test_a_verb_is_obeyed_before_its_answer(desktop: Desktop) -> None:
    async with desktop.running():
        (reply,) = await ask(desktop, '{"verb":"mode","mode":"off"}')
    assert reply["ok"]
    assert reply["snapshot"]["mode"] == "off"


async def test_nonsense_is_answered_and_the_conversation_goes_on(desktop: Desktop) -> None:
    async with desktop.running():
        replies = await ask(desktop, "{", '{"verb":"dance"}', '{"verb":"pause"}', '{"verb":"status"}')
    assert [reply["ok"] for reply in replies] == [False, False, False, True]


async def test_a_failed_command_is_answered_with_its_remedy(desktop: Desktop) -> None:
    async with desktop.running():
        (reply,) = await ask(desktop, '{"verb":"enroll","relay":"http://relay.example"}')
    assert not reply["ok"]
    assert "https://relay.example" in reply["remedy"]


async def test_a_follower_hears_of_each_change_until_the_agent_ends(desktop: Desktop) -> None:
    async with desktop.running():
        reader, writer = await asyncio.open_unix_connection(desktop.paths.control)
        writer.write(b'{"verb":"follow"}\n')
        first = json.loads(await reader.readline())
        await desktop.tell(SetMode(Mode.OFF))
        second = json.loads(await reader.readline())
        assert (first["snapshot"]["mode"], second["snapshot"]["mode"]) == ("always", "off")
    while await reader.readline():
        pass
    writer.close()


async def test_what_a_dead_agent_left_is_replaced(desktop: Desktop) -> None:
    desktop.paths.control.write_text("stale")
    async with desktop.running():
        (reply,) = await ask(desktop, '{"verb":"status"}')
    assert reply["ok"]


async def test_mode_and_pause_survive_a_restart(desktop: Desktop) -> None:
    async with desktop.running():
        await ask(desktop, '{"verb":"mode","mode":"off"}', '{"verb":"pause","until":99999999999.0}')
    desktop.restart()
    assert desktop.agent.snapshot.mode is Mode.OFF
    assert desktop.agent.snapshot.snoozed_until == 99999999999.0
