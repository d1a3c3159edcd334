from __future__ import annotations

from typing import Any

import msgspec
import pytest

from desktop.models.bundled import asset, bundled_catalogue
from desktop.models.catalogue import Catalogue, CatalogueUnreadable, Demand, Entry, Price, merged, read_catalogue
from desktop.models.digest import file_sha256
from desktop.models.fit import Room, Wishes, plan
from desktop.models.model_file import ModelFile, read_model_file
from desktop.models.ranking import CPU_BANDWIDTH, bandwidth_of, estimate, ranked, shape_of
from tests.desktop.models.conftest import an_offer

GB = 1_000_000_000
SHAPE = msgspec.to_builtins(read_model_file(asset("nightjar-demo.gguf")))


def offer(name: str = "m", **changed: Any) -> Entry:
    values: dict[str, Any] = {
        "id": name,
        "size": 4 * GB,
        "price": Price(50_000, 200_000),
        "demand": Demand(1000, 2_000_000_000, 1_000_000_000, 9),
        "shape": SHAPE,
    }
    return an_offer(**values | changed)


def the_catalogue(*entries: Entry) -> Catalogue:
    return Catalogue(issued_ms=1, owner_percent=70, entries=entries)


def order(*entries: Entry, room: int = 8 * GB) -> list[str]:
    found = ranked(
        the_catalogue(*entries), plan=lambda shape: plan(shape, Room(room), Wishes()), bandwidth=CPU_BANDWIDTH
    )
    return [each.entry.id for each in found]


def test_an_hour_brings_what_is_sold_at_the_price_times_the_owners_share() -> None:
    entry = offer(demand=Demand(1, 0, 168 * 1000, 0))  # a thousand tokens an hour, nobody else has it
    found = estimate(entry, 70, bandwidth=CPU_BANDWIDTH)
    assert found.limit == "demand"
    assert found.nano_per_hour == pytest.approx(1000 * 200_000 * 0.7 / 1000)


def test_prompts_are_paid_too_and_demand_is_shared_with_those_who_have_the_model() -> None:
    alone = estimate(offer(demand=Demand(1, 336_000, 168_000, 0)), 70, bandwidth=CPU_BANDWIDTH)
    assert alone.nano_per_hour == pytest.approx((200_000 + 2 * 50_000) * 0.7)
    shared = estimate(offer(demand=Demand(1, 336_000, 168_000, 3)), 70, bandwidth=CPU_BANDWIDTH)
    assert shared.nano_per_hour == pytest.approx(alone.nano_per_hour / 4)


def test_a_pc_sells_no_more_than_it_can_write() -> None:
    found = estimate(offer(), 70, bandwidth=CPU_BANDWIDTH, slots=1)
    assert found.limit == "speed"
    assert found.tokens_per_s == pytest.approx(1 / (4 / 25 + 0.002))
    four = estimate(offer(), 70, bandwidth=CPU_BANDWIDTH, slots=4)
    assert four.nano_per_hour == pytest.approx(3 * found.nano_per_hour)


def test_what_earns_more_comes_first() -> None:
    rare, dear = offer("rare", demand=Demand(1, 0, 1000, 9)), offer("dear", price=Price(50_000, 900_000))
    assert order(rare, offer("usual"), dear) == ["dear", "usual", "rare"]


def test_what_does_not_fit_comes_last_however_much_it_would_earn() -> None:
    huge = offer("huge", price=Price(0, 10**9), shape=SHAPE | {"weights": {**SHAPE["weights"], "rest": 99 * GB}})
    unknown = offer("unknown", price=Price(0, 10**8), shape={})
    assert order(huge, unknown, offer("usual")) == ["usual", "unknown", "huge"]


def test_retired_models_are_not_offered() -> None:
    assert order(offer("old", retired=True), offer("new")) == ["new"]


@pytest.mark.parametrize("shape", [{}, {"layers": "many"}, {"surprise": 1}, SHAPE | {"kv_heads": 7}])
def test_a_shape_of_another_version_is_no_shape(shape: dict[str, Any]) -> None:
    assert shape_of(offer(shape=shape)) is None


def test_a_shape_is_the_files_own_description() -> None:
    shape = shape_of(offer())
    assert isinstance(shape, ModelFile)
    assert shape == read_model_file(asset("nightjar-demo.gguf"))


def test_speed_is_learnt_from_models_that_do_not_fit_the_cache() -> None:
    assert bandwidth_of([(3_000_000, 400.0)]) == CPU_BANDWIDTH
    assert bandwidth_of([(4 * GB, 10.0), (3_000_000, 400.0), (2 * GB, 15.0)]) == 40e9


# --- the catalogue itself


def test_the_bundled_catalogue_names_the_file_that_comes_with_it() -> None:
    (entry,) = bundled_catalogue().entries
    path = asset(entry.file)
    assert (entry.size, entry.sha256, entry.url) == (path.stat().st_size, file_sha256(path), "")
    assert shape_of(entry) == read_model_file(path)


def test_the_relays_word_counts_for_what_both_name() -> None:
    relay = the_catalogue(offer("nightjar-demo", title="Another"), offer("more"))
    both = merged(relay, bundled_catalogue())
    assert [(each.id, each.title) for each in both.entries] == [("nightjar-demo", "Another"), ("more", "Tiny")]
    assert merged(None, bundled_catalogue()) is bundled_catalogue()
    assert [each.id for each in merged(the_catalogue(), bundled_catalogue()).entries] == ["nightjar-demo"]


def test_a_search_wants_every_word_and_leaves_out_what_is_retired() -> None:
    catalogue = the_catalogue(
        offer("qwen3-4b", title="Qwen3 4B", quantisation="Q4_K_M"),
        offer("qwen3-8b", title="Qwen3 8B"),
        offer("qwen2", retired=True),
    )
    assert [each.id for each in catalogue.search("qwen q4")] == ["qwen3-4b"]
    assert [each.id for each in catalogue.search("QWEN")] == ["qwen3-4b", "qwen3-8b"]
    assert catalogue.find("QWEN3-8B") is not None


@pytest.mark.parametrize(
    "changed",
    [
        {"id": "../x"},
        {"id": "a b"},
        {"file": "../../x.gguf"},
        {"file": "x.exe"},
        {"sha256": "zz"},
        {"size": 0},
        {"size": 2**60},
        {"title": 7},
        {"redirect_hosts": ["*"]},
    ],
)
def test_an_entry_that_could_do_harm_spoils_the_whole_list(changed: dict[str, Any]) -> None:
    fields = msgspec.to_builtins(an_offer()) | changed
    with pytest.raises(CatalogueUnreadable):
        read_catalogue(msgspec.json.encode({"issued_ms": 1, "entries": [fields]}))


def test_fields_of_later_versions_are_passed_over() -> None:
    fields = msgspec.to_builtins(an_offer()) | {"new": 1}
    assert read_catalogue(msgspec.json.encode({"issued_ms": 1, "entries": [fields], "new": 2})).entries
