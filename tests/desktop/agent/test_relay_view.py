"""What a desktop asks its relay for its owner, against a real relay; and what it does not believe."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from desktop.agent.address import RelayAddress
from desktop.agent.listing import CatalogueForged, Listing
from desktop.agent.membership import Member
from desktop.agent.relay_view import RelaySilent, RelayView
from desktop.agent.shelf import Shelf
from desktop.models.catalogue import Catalogue, CatalogueUnreadable
from desktop.models.store import Servable, Store
from desktop.system.secrets import open_store
from relay.catalogue import store as catalogue_store
from relay.wire.identity import SigningKey, catalogue_text
from relay.wire.owner import SignedCatalogue
from tests.relay.catalogue.test_entries import an_entry
from tests.relay.nodes.player import Node, answer_rightly, relay_with_node
from tests.relay.running import MODEL, RunningRelay, a_chat

OTHER = SigningKey(b"o" * 32)
TOO_OFTEN = msgspec.json.encode(
    {
        "issued_ms": 1,
        "entries": [
            {"id": "a", "title": "A", "file": "a.gguf", "size": 1, "sha256": "0" * 64, "demand": {"calls": 2**31}},
        ],
    }
)
"""A model that is asked for more often than a window can say."""


def a_member(relay: RunningRelay, node: Node, folder: Path, **changed: object) -> Member:
    identity = node.desk.identity
    values = {
        "relay": RelayAddress.parse(f"http://127.0.0.1:{relay.port}"),
        "node_id": identity.node_id,
        "relay_key": identity.relay_key,
        "key": identity.key,
        "store": open_store(folder / "secrets", "file", service="test"),
    }
    return Member(**values | changed)  # type: ignore[arg-type]


@pytest.fixture
async def joined(tmp_path: Path) -> AsyncIterator[tuple[RunningRelay, Member]]:
    async with relay_with_node(tmp_path / "relay", answer_rightly) as (relay, node):
        yield relay, a_member(relay, node, tmp_path)


async def add_model(relay: RunningRelay, name: str) -> None:
    await relay.services.database.write(lambda connection: catalogue_store.add(connection, an_entry(id=name), at_ms=1))


async def test_an_owner_sees_what_the_node_earned_and_served(joined: tuple[RunningRelay, Member]) -> None:
    relay, member = joined
    for _ in range(3):
        await relay.raw(relay.chat(a_chat(max_tokens=20)))
    view = RelayView(member)
    earnings, answers = await view.earnings(), await view.all_answers(2)
    rows = await relay.usage_rows()
    assert earnings.today == sum(row.owner_nano for row in rows) > 0
    assert [each.number for each in answers] == [row.call for row in rows[:2]]
    assert len(await view.all_answers(100)) == 3
    assert [each.code for each in await view.reasons()] == ["in_demand", "private_pool"]
    assert [each.model for each in (await view.demand()).models] == [MODEL]


async def test_pages_are_put_together(joined: tuple[RunningRelay, Member], monkeypatch: pytest.MonkeyPatch) -> None:
    relay, member = joined
    monkeypatch.setattr("desktop.agent.relay_view.wire.MAX_ANSWERS", 1)
    for _ in range(3):
        await relay.raw(relay.chat(a_chat(max_tokens=20)))
    numbers = [each.number for each in await RelayView(member).all_answers(10)]
    assert numbers == sorted(numbers, reverse=True)
    assert len(numbers) == 3


async def test_a_nonce_that_is_too_old_is_replaced_by_itself(joined: tuple[RunningRelay, Member]) -> None:
    _, member = joined
    view = RelayView(member)
    view._nonce = bytes(32)
    assert (await view.earnings()).lifetime == 0


async def test_a_stranger_is_refused_in_the_relays_words(joined: tuple[RunningRelay, Member], tmp_path: Path) -> None:
    _, member = joined
    stranger = Member(member.relay, member.node_id, member.relay_key, OTHER, member.store)
    with pytest.raises(RelaySilent, match="signature is not that of the node") as caught:
        await RelayView(stranger).earnings()
    assert caught.value.code == "bad_signature"


async def test_a_relay_that_is_away_is_said_with_the_remedy(joined: tuple[RunningRelay, Member]) -> None:
    _, member = joined
    away = Member(RelayAddress.parse("http://127.0.0.1:1"), member.node_id, member.relay_key, member.key, member.store)
    with pytest.raises(RelaySilent, match="cannot be reached") as caught:
        await RelayView(away).earnings()
    assert caught.value.remedy


# --- the catalogue


async def test_the_relays_catalogue_is_kept_and_known_without_it(
    joined: tuple[RunningRelay, Member], tmp_path: Path
) -> None:
    relay, member = joined
    await add_model(relay, "one")
    listing = Listing(tmp_path)
    assert [each.id for each in (await listing.refresh(member)).entries] == ["one", "nightjar-demo"]
    assert [each.id for each in Listing(tmp_path).current(member).entries] == ["one", "nightjar-demo"]
    assert [each.id for each in Listing(tmp_path).current(None).entries] == ["nightjar-demo"]
    await add_model(relay, "two")
    assert [each.id for each in (await listing.refresh(member)).entries] == ["one", "two", "nightjar-demo"]


async def test_a_running_agent_hears_of_a_list_that_a_command_line_fetched(
    joined: tuple[RunningRelay, Member], tmp_path: Path
) -> None:
    relay, member = joined
    shelf, heard = Shelf(Store(tmp_path), Listing(tmp_path), look_s=0.02), asyncio.Queue[list[str]]()

    def served(_models: tuple[Servable, ...], catalogue: Catalogue) -> None:
        heard.put_nowait([each.id for each in catalogue.entries])

    shelf.joined(member)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(shelf.run(served, lambda: None))
        assert await heard.get() == ["nightjar-demo"]
        await add_model(relay, "one")
        await Listing(tmp_path).refresh(member)
        while "one" not in await heard.get():
            pass
        task.cancel()


async def test_a_list_of_another_key_is_refused_and_not_kept(
    joined: tuple[RunningRelay, Member], tmp_path: Path
) -> None:
    relay, member = joined
    await add_model(relay, "one")
    swapped = Member(member.relay, member.node_id, OTHER.public, member.key, member.store)
    with pytest.raises(CatalogueForged):
        await Listing(tmp_path).refresh(swapped)
    assert [each.id for each in Listing(tmp_path).current(swapped).entries] == ["nightjar-demo"]


async def test_a_kept_list_that_somebody_changed_is_not_believed(
    joined: tuple[RunningRelay, Member], tmp_path: Path
) -> None:
    relay, member = joined
    await add_model(relay, "one")
    await Listing(tmp_path).refresh(member)
    path = tmp_path / "catalogue.json"
    kept = msgspec.json.decode(path.read_bytes())
    body = msgspec.convert(kept["signed"], SignedCatalogue, strict=False).body.replace(b'"one"', b'"two"')
    kept["signed"]["body"] = body
    path.write_bytes(msgspec.json.encode(kept))
    assert [each.id for each in Listing(tmp_path).current(member).entries] == ["nightjar-demo"]
    path.write_bytes(b"{")
    assert [each.id for each in Listing(tmp_path).current(member).entries] == ["nightjar-demo"]


async def test_an_older_list_does_not_replace_a_newer_one(
    joined: tuple[RunningRelay, Member], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay, member = joined
    await add_model(relay, "one")
    listing = Listing(tmp_path)
    old = await RelayView(member).catalogue()
    await add_model(relay, "two")
    await listing.refresh(member)

    async def replay(_view: RelayView) -> SignedCatalogue:
        return old

    monkeypatch.setattr(RelayView, "catalogue", replay)
    assert [each.id for each in (await listing.refresh(member)).entries] == ["one", "two", "nightjar-demo"]


@pytest.mark.parametrize(("body", "why"), [(b'{"issued_ms": "soon"}', "issued_ms"), (TOO_OFTEN, "calls")])
async def test_a_signed_list_that_is_none_is_said(
    joined: tuple[RunningRelay, Member], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: bytes, why: str
) -> None:
    _, member = joined
    mine = Member(member.relay, member.node_id, OTHER.public, member.key, member.store)

    async def odd(_view: RelayView) -> SignedCatalogue:
        return SignedCatalogue(body, OTHER.sign(catalogue_text(body)))

    monkeypatch.setattr(RelayView, "catalogue", odd)
    with pytest.raises(CatalogueUnreadable, match=why):
        await Listing(tmp_path).refresh(mine)
