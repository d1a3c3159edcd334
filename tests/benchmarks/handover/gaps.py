"""What a caller sees of a hand-over: a relay and two nodes as processes, one of which is switched off as it answers."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import httpx
from sqlalchemy import func, select

from desktop.agent.asking import ask
from desktop.agent.control import Request
from desktop.agent.state import Mode
from desktop.system.paths import Paths
from relay.storage.tables import usage_legs
from tests.end_to_end.books import opened
from tests.end_to_end.processes import (
    NodeProcess,
    RelayProcess,
    eventually,
    first_key,
    running_node,
    running_relay,
)

_MODEL = "nightjar-demo"
_LENGTH = 800
_ENOUGH = 40
"""Pieces of an answer that the caller has when its node is switched off."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Of one answer, in seconds: until its first piece, and the longest silence after its node was switched off."""

    first_token: float
    gap: float


def measure(folder: Path, *, rounds: int) -> list[Gap]:
    """One answer a round, by either node. Raises AssertionError if one did not end as if nothing had happened."""
    with running_relay(folder / "relay") as relay:
        key = first_key(relay.data)
        with running_node(folder / "one", relay) as one, running_node(folder / "two", relay) as two:
            gaps = [_one_gap(relay, key, [one, two], number) for number in range(rounds)]
            eventually(lambda: _handed_on(relay.data) == rounds or None, "two paid nodes for each answer", within_s=10)
            return gaps


def _one_gap(relay: RelayProcess, key: str, nodes: list[NodeProcess], number: int) -> Gap:
    for node in nodes:
        _set_mode(node, Mode.ALWAYS)
        eventually(lambda node=node: _warm(node) or None, "a node that shares, its model loaded")  # type: ignore[misc]
    began = time.monotonic()
    moments: list[float] = []
    off = 0
    for moment in _pieces(relay, key, f"{number}: tell me a story that never ends."):
        moments.append(moment)
        if len(moments) == _ENOUGH:
            off = _serving(nodes)
            _set_mode(nodes[off], Mode.OFF)
    assert len(moments) > _ENOUGH
    after = moments[_ENOUGH - 1 :]
    gap = max(later - earlier for earlier, later in pairwise(after))
    return Gap(moments[0] - began, gap)


def _pieces(relay: RelayProcess, key: str, prompt: str) -> Iterator[float]:
    """When each piece came. The answer must come to its own end."""
    body = {
        "model": _MODEL,
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": _LENGTH,
        "temperature": 0,
        "stream": True,
    }
    headers = {"Authorization": f"Bearer {key}"}
    url = f"{relay.endpoint}/chat/completions"
    finish, done = "", False
    with (
        httpx.Client(trust_env=False, timeout=60) as client,
        client.stream("POST", url, json=body, headers=headers) as answer,
    ):
        assert answer.status_code == 200, answer.read()
        for line in answer.iter_lines():
            if line == "data: [DONE]":
                done = True
            elif line.startswith("data: "):
                for choice in json.loads(line[6:])["choices"]:
                    finish = choice["finish_reason"] or finish
                    if choice["delta"].get("content"):
                        yield time.monotonic()
    assert done, "an answer that did not end"
    assert finish in {"stop", "length"}, finish


def _handed_on(data: Path) -> int:
    """How many answers more than one node gave, as settled so far."""
    several = select(usage_legs.c.call).group_by(usage_legs.c.call).having(func.count() > 1)
    with opened(data) as database:
        return database.read_sync(lambda connection: len(connection.execute(several).all()))


def _serving(nodes: list[NodeProcess]) -> int:
    running = [node.snapshot().running for node in nodes]
    assert max(running) == 1, "the answer was over before its node could be switched off"
    return running.index(1)


def _warm(node: NodeProcess) -> bool:
    snapshot = node.snapshot()
    return snapshot.sharing.sharing and bool(snapshot.models) and snapshot.models[0].kind == "ready"


def _set_mode(node: NodeProcess, mode: Mode) -> None:
    assert ask(Paths.under(node.home).control, Request(verb="mode", mode=mode)).ok
