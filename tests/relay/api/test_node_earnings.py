"""What a node's app is told of its earnings."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from relay.wire.frames import Account
from tests.relay.nodes.desk import Desk
from tests.relay.nodes.player import answer_rightly, relay_with_node
from tests.relay.running import a_chat


async def test_a_node_that_comes_back_is_told_what_it_has_earned_before(tmp_path: Path) -> None:
    async with relay_with_node(tmp_path, answer_rightly) as (relay, node):
        await relay.raw(relay.chat(a_chat(max_tokens=20)))
        gone = asyncio.Event()
        relay.services.registry.listen(gone.set)
        await node.desk.socket.close()
        await gone.wait()
        assert node.desk.welcome is not None
        identity = replace(node.desk.identity, link_secret=node.desk.welcome.link_secret)
        async with Desk(f"ws://127.0.0.1:{relay.port}/v1/node", identity) as again:
            await again.open()
            account = await again.hear(Account)

    assert account.lifetime == account.today > 0
    assert account.answers_today == 1
