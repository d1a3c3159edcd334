from __future__ import annotations

from typing import Any

import pytest

from relay.console.description import describe


def test_a_pc_that_says_nothing_of_itself_is_known_by_its_address_only() -> None:
    assert describe({}, "192.0.2.7") == [("Asks from", "192.0.2.7")]


def test_several_cards_are_counted() -> None:
    rows = dict(describe({"hardware": {"gpu": "RTX 5090", "gpus": 2, "gpu_memory_mib": 32_768}}, "a"))
    assert rows["Graphics"] == "RTX 5090, 32 GiB, 2 cards"


def test_what_the_page_does_not_know_stands_under_the_pcs_own_word() -> None:
    assert ("Npu tops", "45") in describe({"hardware": {"npu_tops": 45}}, "a")


@pytest.mark.parametrize("nonsense", [-1, 0, "much", 10**30, float("nan"), None])
def test_nonsense_for_a_size_is_left_out(nonsense: Any) -> None:
    assert dict(describe({"hardware": {"memory_mib": nonsense}}, "a")) == {"Asks from": "a"}
