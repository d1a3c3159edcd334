"""Two ends of a link that speak at once: what the caller sees, and that each leg is paid for what it gave, no more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from relay.wire.codec import encode
from relay.wire.frames import Cancel, Finish, LegId, Usage, Yield
from relay.wire.steps import encode_steps
from tests.relay.api.test_resume import ABLE, SHORT, WHOLE, WORDS, Scene, asked, goes_on, in_order, paid, said
from tests.relay.nodes.desk import text
from tests.relay.nodes.player import Node, answer_rightly, connected_node, relay_with_node
from tests.relay.running import RunningRelay, a_chat

PER_LEG = [(5, 2), (0, 2)]
"""Prompt and completion tokens of each leg: the prompt is paid once, with the first."""


async def says_more(node: Node, leg: LegId) -> None:
    """More text, and that it wrote all four tokens: what a node says that does not know of its leg's end."""
    await node.desk.say(encode_steps([text(leg, "LATE", [9])]))
    await node.desk.say(encode(Finish(id=leg, reason="stop", usage=Usage(prompt_tokens=5, completion_tokens=4))))


async def finishes_after_its_yield(node: Node, leg: LegId) -> None:
    await node.yield_(leg, 2)
    await says_more(node, leg)


async def yields_twice(node: Node, leg: LegId) -> None:
    await node.yield_(leg, 2)
    await node.desk.say(encode(Yield(id=leg, delivered_tokens=4, reason="input")))


async def claims_more_than_it_gave(node: Node, leg: LegId) -> None:
    await node.yield_(leg, 400)


async def thaws_after_its_gap(node: Node, leg: LegId) -> None:
    await node.desk.hear(Cancel)
    await says_more(node, leg)


RACES: dict[str, Callable[[Node, LegId], Awaitable[None]]] = {
    "finish after yield": finishes_after_its_yield,
    "yield twice": yields_twice,
    "yield that claims more": claims_more_than_it_gave,
    "thaw after the gap": thaws_after_its_gap,
}


async def still_serves(relay: RunningRelay) -> bool:
    """Whether the first node's link has outlived the race: a late frame is nobody's fault."""
    only = {"only": ["node/desk"]}
    return said(await relay.raw(relay.chat(a_chat(stream=True, provider=only)))) == WHOLE


@pytest.mark.parametrize("race", RACES)
async def test_what_comes_after_the_end_of_a_leg_is_neither_shown_nor_paid(race: str, tmp_path: Path) -> None:
    scene = Scene(RACES[race])
    async with (
        asked(tmp_path, scene, then=answer_rightly, timers=SHORT if "thaw" in race else None) as (relay, task),
        connected_node(relay, goes_on, name="other", **ABLE),
    ):
        scene.lose.set()
        assert said(await task) == WHOLE
        legs = await paid(relay)
        (row,) = await relay.usage_rows()
        assert await still_serves(relay)
        await in_order(relay)
    assert [leg[:2] for leg in legs] == PER_LEG
    assert sum(leg[2] for leg in legs) == row.owner_nano > 0


async def test_a_yield_that_crosses_the_finish_changes_nothing(tmp_path: Path) -> None:
    async def yields_after_its_finish(node: Node, leg: LegId) -> None:
        await answer_rightly(node, leg)
        await node.desk.say(encode(Yield(id=leg, delivered_tokens=4, reason="input")))
        await node.desk.say(encode_steps([text(leg, "LATE", [9])]))

    async with (
        relay_with_node(tmp_path, yields_after_its_finish, **ABLE) as (relay, _),
        connected_node(relay, goes_on, name="other", **ABLE) as other,
    ):
        assert await still_serves(relay)
        (row,) = await relay.usage_rows()
        await in_order(relay)
        assert not other.calls
    assert (row.state, row.completion_tokens, row.attempts) == ("completed", 4, 1)


async def test_a_yield_that_crosses_the_cancel_begins_no_other_leg(tmp_path: Path) -> None:
    told = asyncio.Event()

    async def yields_when_cancelled(node: Node, leg: LegId) -> None:
        await node.desk.hear(Cancel)
        await node.desk.say(encode(Yield(id=leg, delivered_tokens=2, reason="input")))
        await says_more(node, leg)
        told.set()

    scene = Scene(yields_when_cancelled)
    scene.lose.set()
    async with relay_with_node(tmp_path, scene.first, answer_rightly, **ABLE) as (relay, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.write(relay.chat(a_chat(stream=True)))
        await reader.readuntil(WORDS[1].strip().encode())
        async with connected_node(relay, goes_on, name="other", **ABLE) as other:
            writer.close()
            await told.wait()
            (row,) = await relay.usage_rows()
            assert await still_serves(relay)
            await in_order(relay)
            assert not other.calls
    assert (row.state, row.prompt_tokens, row.completion_tokens) == ("cancelled", 5, 2)


async def test_a_socket_that_dies_after_its_yield_is_no_silent_loss(tmp_path: Path) -> None:
    """Six announced losses are allowed and two silent ones: with three in a row the answer comes to its end."""

    async def yields_and_is_gone(node: Node, leg: LegId) -> None:
        await node.yield_(leg, 1)
        node.desk.socket.transport.abort()

    async def one_more(node: Node, leg: LegId) -> None:
        resume = node.calls[-1].call.resume
        assert resume is not None
        await node.accept(leg)
        await node.write(leg, WORDS[resume.position], start=resume.position + 1)
        await (yields_and_is_gone if resume.position < len(WORDS) - 1 else ends)(node, leg)

    async def ends(node: Node, leg: LegId) -> None:
        await node.end(leg)
        await node.finish(leg, len(WORDS))

    async def first(node: Node, leg: LegId) -> None:
        await node.accept(leg)
        await node.write(leg, WORDS[0])
        begun.set()
        await others_are_there.wait()
        await yields_and_is_gone(node, leg)

    begun, others_are_there = asyncio.Event(), asyncio.Event()
    async with (
        relay_with_node(tmp_path, first, **ABLE) as (relay, _),
        asyncio.TaskGroup() as group,
    ):
        task = group.create_task(relay.raw(relay.chat(a_chat(stream=True))))
        await begun.wait()
        async with (
            connected_node(relay, one_more, name="two", **ABLE),
            connected_node(relay, one_more, name="three", **ABLE),
            connected_node(relay, one_more, name="four", **ABLE),
        ):
            others_are_there.set()
            assert said(await task) == WHOLE
            legs = await paid(relay)
            await in_order(relay)
    assert [leg[:2] for leg in legs] == [(5, 1), (0, 1), (0, 1), (0, 1)]


async def test_who_speaks_for_anothers_leg_is_shown_the_door_and_not_heard(tmp_path: Path) -> None:
    """Ids belong to a link: what was allocated on one means nothing on another."""

    async def ends_well(node: Node, leg: LegId) -> None:
        await node.write(leg, *WORDS[2:], start=3)
        await node.end(leg)
        await node.finish(leg, len(WORDS))

    scene = Scene(ends_well)
    async with (
        asked(tmp_path, scene) as (relay, task),
        connected_node(relay, goes_on, name="forger", **ABLE) as forger,
    ):
        await forger.desk.say(encode_steps([text(1, "FORGED", [9])]))
        await forger.desk.socket.wait_closed()
        scene.lose.set()
        assert said(await task) == WHOLE
        (row,) = await relay.usage_rows()
    assert forger.desk.socket.close_code == 4400
    assert (row.state, row.completion_tokens, row.attempts) == ("completed", 4, 1)
