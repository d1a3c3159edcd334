"""What a node's owner is told by a running relay, and who is told nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import Connection

from relay.accounts import directory
from relay.catalogue import store as catalogue_store
from relay.catalogue.entries import digests
from relay.nodes import store as node_store
from relay.storage.ids import NodeId, OrganisationId
from relay.usage import node_reports
from relay.wire import owner as wire
from relay.wire.frames import Ask, PicoDollars
from relay.wire.handshake import NodeIdentity
from relay.wire.identity import SigningKey, catalogue_text, is_signed, owner_text
from tests.relay.catalogue.test_entries import an_entry
from tests.relay.nodes.desk import Desk, a_model
from tests.relay.nodes.player import Node, answer_rightly, relay_with_node
from tests.relay.running import MODEL, RunningRelay, a_chat

STRANGER = SigningKey(b"s" * 32)


class Owner:
    """Asks for one node, as its desktop does."""

    def __init__(self, relay: RunningRelay, identity: NodeIdentity, http: httpx.AsyncClient) -> None:
        self.relay = relay
        self.identity = identity
        self.http = http

    async def nonce(self) -> bytes:
        response = await self.http.post(wire.NONCE_PATH)
        return msgspec.json.decode(response.content, type=wire.Fresh).nonce

    async def post(self, question: Any, **changed: Any) -> httpx.Response:
        data = changed.get("data", msgspec.json.encode(question))
        nonce = changed.get("nonce") or await self.nonce()
        key: SigningKey = changed.get("key", self.identity.key)
        text = owner_text(host=changed.get("host", self.identity.host), nonce=nonce, question=data)
        asked = wire.Asked(
            node_id=changed.get("node", self.identity.node_id), nonce=nonce, question=data, signature=key.sign(text)
        )
        return await self.http.post(wire.ASK_PATH, content=msgspec.json.encode(asked))

    async def ask(self, question: Any, answer: Any) -> Any:
        response = await self.post(question)
        assert response.status_code == 200, response.text
        return msgspec.json.decode(response.content, type=answer)


async def owner_of(relay: RunningRelay, node: Node) -> Owner:
    http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{relay.port}", trust_env=False)
    return Owner(relay, node.desk.identity, http)


async def test_an_owner_is_told_what_the_books_say(tmp_path: Path) -> None:
    async with relay_with_node(tmp_path, answer_rightly) as (relay, node):
        owner = await owner_of(relay, node)
        async with owner.http:
            for _ in range(3):
                await relay.raw(relay.chat(a_chat(max_tokens=20)))
            earnings = await owner.ask(wire.EarningsWanted(), wire.Earnings)
            answers = await owner.ask(wire.AnswersWanted(limit=2), wire.Answers)
            rest = await owner.ask(wire.AnswersWanted(before=answers.answers[-1].number), wire.Answers)
        rows = await relay.usage_rows()
    total = sum(row.owner_nano for row in rows)
    assert total > 0
    assert (earnings.lifetime, earnings.today, earnings.week, earnings.month, earnings.hour) == (total,) * 5
    assert (earnings.answers_today, earnings.pending) == (3, 0)
    assert [(each.model, each.earned, each.answers) for each in earnings.days] == [(MODEL, total, 3)]
    assert [(each.model, each.earned) for each in earnings.models] == [(MODEL, total)]
    assert ([each.earned for each in answers.answers], answers.more) == ([row.owner_nano for row in rows[:2]], True)
    assert ([each.number for each in rest.answers], rest.more) == ([rows[2].call], False)


async def test_no_answer_says_what_was_asked_or_who_asked(tmp_path: Path) -> None:
    async with relay_with_node(tmp_path, answer_rightly) as (relay, node):
        owner = await owner_of(relay, node)
        async with owner.http:
            await relay.raw(relay.chat(a_chat(max_tokens=20)))
            told = [
                (await owner.post(question)).text
                for question in (wire.EarningsWanted(), wire.AnswersWanted(), wire.ReasonsWanted(), wire.DemandWanted())
            ]
    for secret in ("France", "Paris", relay.key, "First key", "organisation"):
        assert not [text for text in told if secret in text]


async def test_reasons_and_demand_follow_what_happens(tmp_path: Path) -> None:
    async with relay_with_node(tmp_path, answer_rightly) as (relay, node):
        owner = await owner_of(relay, node)
        async with owner.http:
            before = await owner.ask(wire.ReasonsWanted(), wire.Reasons)
            await relay.raw(relay.chat(a_chat(max_tokens=20)))
            after = await owner.ask(wire.ReasonsWanted(), wire.Reasons)
            demand = await owner.ask(wire.DemandWanted(), wire.Demand)
            await relay.services.database.write(
                lambda connection: node_store.set_pool(
                    connection, NodeId(owner.identity.node_id), pool="none", organisation=OrganisationId(1)
                )
            )
            none = await owner.ask(wire.ReasonsWanted(), wire.Reasons)
    assert [each.code for each in before.reasons] == ["no_demand", "private_pool"]
    assert [each.code for each in after.reasons] == ["in_demand", "private_pool"]
    assert [(each.model, each.calls, each.nodes) for each in demand.models] == [(MODEL, 1, 1)]
    assert [each.code for each in none.reasons] == ["no_pool"]


OTHERS = SigningKey(b"k" * 32)


def _enrol_elsewhere(connection: Connection) -> NodeId:
    """A node of another organisation, in a pool of its own."""
    other = directory.create_organisation(connection, "Other", at_ms=1)
    person = directory.first_person(connection)
    return node_store.add_node(
        connection, OTHERS.public, {}, organisation=other, owner=person, name="x", pool="own", at_ms=1
    ).id


async def test_a_private_pc_of_others_is_no_rival(tmp_path: Path) -> None:
    async with relay_with_node(tmp_path, answer_rightly) as (relay, node):
        number = await relay.services.database.write(_enrol_elsewhere)
        owner = await owner_of(relay, node)
        identity = NodeIdentity(number, OTHERS, owner.identity.host, owner.identity.relay_key)
        async with owner.http, Desk(f"ws://127.0.0.1:{relay.port}/v1/node", identity) as desk:
            await desk.open()
            shared = asyncio.Event()
            relay.services.registry.listen(
                lambda: shared.set() if len(relay.services.registry.links_for(MODEL)) == 2 else None
            )
            await desk.share(a_model(model=MODEL, ask=Ask(prompt=PicoDollars(1), completion=PicoDollars(1))))
            await asyncio.wait_for(shared.wait(), 5)
            await relay.raw(relay.chat(a_chat(max_tokens=20)))
            told = await owner.ask(wire.ReasonsWanted(), wire.Reasons)
    assert [each.code for each in told.reasons] == ["in_demand", "private_pool"]


async def test_nobody_hears_of_models_that_only_others_can_name(tmp_path: Path) -> None:
    async with relay_with_node(tmp_path, answer_rightly) as (relay, node):
        number = await relay.services.database.write(_enrol_elsewhere)
        owner = await owner_of(relay, node)
        owner.identity = NodeIdentity(number, OTHERS, owner.identity.host, owner.identity.relay_key)
        async with owner.http:
            await relay.raw(relay.chat(a_chat(max_tokens=20)))
            hidden = await owner.ask(wire.DemandWanted(), wire.Demand)
            await relay.services.database.write(
                lambda connection: catalogue_store.add(connection, an_entry(id=MODEL), at_ms=1)
            )
            listed = await owner.ask(wire.DemandWanted(), wire.Demand)
    assert hidden.models == []
    assert [(each.model, each.calls) for each in listed.models] == [(MODEL, 1)]


async def test_what_all_callers_ask_for_is_not_read_for_every_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []
    original = node_reports.demand

    def demand(connection: Connection, *, since_ms: int) -> Mapping[str, node_reports.ModelCalls]:
        reads.append(since_ms)
        return original(connection, since_ms=since_ms)

    monkeypatch.setattr(node_reports, "demand", demand)
    async with relay_with_node(tmp_path, answer_rightly) as (relay, node):
        owner = await owner_of(relay, node)
        async with owner.http:
            for question in (wire.ReasonsWanted(), wire.DemandWanted(), wire.CatalogueWanted()):
                for _ in range(3):
                    assert (await owner.post(question)).status_code == 200
    assert len(reads) == 2


async def test_the_catalogue_is_signed_by_the_relay_and_has_demand_and_price(tmp_path: Path) -> None:
    async with relay_with_node(tmp_path, answer_rightly) as (relay, node):
        owner = await owner_of(relay, node)
        await relay.services.database.write(
            lambda connection: catalogue_store.add(connection, an_entry(id=MODEL), at_ms=1)
        )
        async with owner.http:
            await relay.raw(relay.chat(a_chat(max_tokens=20)))
            signed = await owner.ask(wire.CatalogueWanted(), wire.SignedCatalogue)
    assert is_signed(catalogue_text(signed.body), signed.signature, by=owner.identity.relay_key)
    (entry,) = json.loads(signed.body)["entries"]
    assert (entry["demand"]["calls"], entry["demand"]["nodes"]) == (1, 1)
    assert entry["price"] == {"prompt": 50_000, "completion": 200_000}
    assert json.loads(signed.body)["owner_percent"] == 70


async def test_a_name_of_the_catalogue_is_found_only_where_its_very_file_is(tmp_path: Path) -> None:
    entry = an_entry(id=MODEL, shape={"template_sha256": "cd" * 32})
    async with relay_with_node(tmp_path, answer_rightly) as (relay, node):
        owner, registry = await owner_of(relay, node), relay.services.registry
        changed = asyncio.Event()
        registry.listen(changed.set)
        await relay.services.database.write(lambda connection: catalogue_store.add(connection, entry, at_ms=1))
        await changed.wait()
        assert b'"model_not_found"' in await relay.raw(relay.chat(a_chat(max_tokens=20)))
        async with owner.http:
            reasons = await owner.ask(wire.ReasonsWanted(), wire.Reasons)
        assert reasons.reasons[0].code == "wrong_file"
        changed.clear()
        await node.desk.share(a_model(model=MODEL, digest=min(digests(entry))))
        await changed.wait()
        assert b"200 OK" in await relay.raw(relay.chat(a_chat(max_tokens=20)))


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"key": STRANGER}, 403, "bad_signature"),
        ({"host": "other.example:443"}, 403, "bad_signature"),
        ({"node": "node-0000000000000000"}, 404, "unknown_node"),
        ({"nonce": bytes(32)}, 401, "stale_nonce"),
        ({"data": b"{}"}, 400, "invalid_request"),
        ({"data": b'{"type":"earnings","days":0}'}, 400, "invalid_request"),
        ({"data": b'{"type":"everything"}'}, 400, "invalid_request"),
        ({"data": b"\xff"}, 400, "invalid_request"),
    ],
)
async def test_nobody_else_and_nothing_else_is_answered(
    changed: dict[str, Any], status: int, code: str, tmp_path: Path
) -> None:
    async with relay_with_node(tmp_path, answer_rightly) as (relay, node):
        owner = await owner_of(relay, node)
        async with owner.http:
            response = await owner.post(wire.EarningsWanted(), **changed)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


async def test_a_question_cannot_be_exchanged_for_another_one(tmp_path: Path) -> None:
    async with relay_with_node(tmp_path, answer_rightly) as (relay, node):
        owner = await owner_of(relay, node)
        async with owner.http:
            nonce = await owner.nonce()
            signed = owner_text(
                host=owner.identity.host, nonce=nonce, question=msgspec.json.encode(wire.DemandWanted())
            )
            asked = wire.Asked(
                node_id=owner.identity.node_id,
                nonce=nonce,
                question=msgspec.json.encode(wire.EarningsWanted()),
                signature=owner.identity.key.sign(signed),
            )
            response = await owner.http.post(wire.ASK_PATH, content=msgspec.json.encode(asked))
    assert response.status_code == 403


async def test_a_revoked_node_is_told_nothing(tmp_path: Path) -> None:
    async with relay_with_node(tmp_path, answer_rightly) as (relay, node):
        owner = await owner_of(relay, node)
        async with owner.http:
            await relay.services.database.write(
                lambda connection: node_store.revoke(
                    connection, NodeId(owner.identity.node_id), organisation=OrganisationId(1), at_ms=1
                )
            )
            response = await owner.post(wire.EarningsWanted())
    assert (response.status_code, response.json()["error"]["code"]) == (403, "node_barred")


@pytest.mark.parametrize("body", [b"", b"[]", b"x" * 9000, b'{"node_id": 1}', b"[" * 5000])
async def test_a_body_that_is_no_question_is_refused(body: bytes, tmp_path: Path) -> None:
    async with relay_with_node(tmp_path, answer_rightly) as (relay, node):
        owner = await owner_of(relay, node)
        async with owner.http:
            response = await owner.http.post(wire.ASK_PATH, content=body)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_request")


async def test_somebody_who_asks_too_much_is_told_to_wait(tmp_path: Path) -> None:
    async with relay_with_node(tmp_path, answer_rightly) as (relay, node):
        owner = await owner_of(relay, node)
        async with owner.http:
            answers = [await owner.http.post(wire.NONCE_PATH) for _ in range(31)]
    assert [each.status_code for each in answers] == [200] * 30 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0
