"""Figures of real models on real PCs: what fits, and how it is loaded."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.models import fit
from desktop.models.fit import MIB, Badge, Plan, Room, Wishes, plan, sequence_bytes, shortage
from desktop.models.model_file import ModelFile, TensorBytes, read_model_file
from tests.desktop.models.gguf_files import DEMO_MODEL

GIB = 1024 * MIB


def a_model(**changed: object) -> ModelFile:
    """Llama 3.1 8B, Q4_K_M: 4.6 GiB of weights, 128 KiB of memory per token."""
    model = ModelFile(
        architecture="llama",
        name="Llama 3.1 8B",
        context=131_072,
        layers=32,
        width=4096,
        feed_forward=14_336,
        heads=32,
        kv_heads=(8,) * 32,
        key_length=128,
        value_length=128,
        window=0,
        windowed=(False,) * 32,
        state_bytes=0,
        vocabulary=128_256,
        experts=0,
        parameters=8_030_261_248,
        quantisation="Q4_K_M",
        template_sha256="ab" * 32,
        weights=TensorBytes(layers=(125 * MIB,) * 32, embedding=282 * MIB, output=411 * MIB, rest=MIB),
        file_size=4_920_000_000,
    )
    return replace(model, **changed)  # type: ignore[arg-type]


def fitted(ram: float, *cards: float, model: ModelFile | None = None, **wishes: int) -> Plan:
    room = Room(int(ram * GIB), tuple(int(card * GIB) for card in cards))
    return plan(model or a_model(), room, Wishes(**wishes))


def test_the_memory_of_a_token_counts_grouped_heads_once() -> None:
    assert sequence_bytes(a_model(), 1) == 32 * 8 * (128 + 128) * 2 == 128 * 1024


def test_layers_without_heads_keep_a_state_instead_of_tokens() -> None:
    hybrid = a_model(kv_heads=(8, 0, 0, 0) * 8, state_bytes=3 * MIB)

    assert sequence_bytes(hybrid, 1) == 32 * 1024
    assert fitted(64, model=hybrid, context=4096, slots=8).ram.sequences == 4096 * 8 * 32 * 1024 + 8 * 3 * MIB


def test_a_pc_with_much_memory_gets_all_slots_and_the_longest_context_that_is_taken_unasked() -> None:
    found = fitted(64)

    assert (found.badge, found.context, found.slots, found.pool) == (Badge.ROOMY, 32_768, 8, 0)


def test_slots_come_before_a_longer_context_until_there_are_enough() -> None:
    found = fitted(16)

    assert found.badge is Badge.ROOMY
    assert (found.context, found.slots) == (8192, 7)
    assert found.used <= fit.ROOMY


def test_a_context_that_is_asked_for_is_kept_and_slots_are_given_up_for_it() -> None:
    found = fitted(16, context=32_768)

    assert (found.context, found.slots) == (32_768, 1)


def test_no_context_is_longer_than_the_model_was_made_for() -> None:
    assert fitted(900, context=200_000).context == 131_072
    assert fitted(64, model=a_model(context=2048)).context == 2048


def test_cells_that_all_answers_share_may_be_fewer_than_each_could_need() -> None:
    found = fitted(16, context=32_768, pool=40_000, slots=8)

    assert (found.context, found.slots, found.pool) == (32_768, 8, 40_000)
    assert found.ram.sequences == 40_000 * 128 * 1024


def test_a_pool_is_never_smaller_than_one_whole_answer() -> None:
    assert fitted(64, context=8192, pool=100).pool == 8192


def test_a_model_that_only_just_fits_says_so() -> None:
    found = fitted(6)

    assert (found.badge, found.context, found.slots) == (Badge.TIGHT, 4096, 1)


def test_a_model_that_does_not_fit_says_how_much_is_missing() -> None:
    found = fitted(4)

    assert found.badge is Badge.NONE
    assert not found.fits
    assert shortage(found, Room(4 * GIB)) == (
        "This model needs about 5.3 GiB of memory for one answer of 4096 tokens at a time, and 4.0 GiB can be taken."
    )


def test_a_card_that_is_large_enough_takes_every_layer_and_the_output() -> None:
    found = fitted(16, 23)

    assert (found.badge, found.gpu_layers, found.slots) == (Badge.ROOMY, 33, 6)
    assert found.card.weights == (32 * 125 + 411) * MIB
    assert found.ram.weights == (282 + 1) * MIB
    assert found.ram.sequences == 0


def test_a_tied_output_is_on_the_card_as_well_as_in_main_memory() -> None:
    tied = a_model(weights=TensorBytes(layers=(125 * MIB,) * 32, embedding=282 * MIB, output=0, rest=MIB))

    assert fitted(16, 23, model=tied).card.weights == (32 * 125 + 282) * MIB


def test_a_card_that_is_too_small_takes_a_part_and_the_badge_says_that_it_is_slow() -> None:
    found = fitted(16, 4)

    assert found.badge is Badge.PARTIAL
    assert 0 < found.gpu_layers < 32
    assert found.card.total + 500 * MIB <= fit.TIGHT * 4 * GIB


def test_several_cards_are_used_together() -> None:
    assert fitted(16, 4, 4).gpu_layers == 33


def test_layers_that_the_owner_fixed_are_not_changed() -> None:
    room = Room(16 * GIB, (23 * GIB,))
    assert plan(a_model(), room, Wishes(gpu_layers=10)).gpu_layers == 10


def test_without_a_card_nothing_is_put_on_one() -> None:
    assert plan(a_model(), Room(16 * GIB), Wishes(gpu_layers=10)).gpu_layers == 0


def test_graphics_memory_is_named_where_it_is_what_is_missing() -> None:
    room = Room(64 * GIB, (2 * GIB,))
    found = plan(a_model(), room, Wishes(gpu_layers=33))

    assert "of graphics memory" in shortage(found, room)


def test_what_was_measured_last_time_corrects_the_estimate() -> None:
    room = Room(16 * GIB)
    usual, larger = plan(a_model(), room, Wishes()), plan(a_model(), room, Wishes(), factor=1.5)

    assert larger.slots * larger.context < usual.slots * usual.context


def test_the_demo_model_needs_what_llama_cpp_was_seen_to_take() -> None:
    """Its own log, for 8 sequences of 2,048: 32 MiB of cells, 7.76 MiB to compute in, 3.06 MiB of weights."""
    found = plan(read_model_file(DEMO_MODEL), Room(GIB), Wishes())

    assert found.ram.sequences == 32 * MIB
    assert math.isclose(found.ram.compute, 7.76 * MIB, rel_tol=0.02)
    assert math.isclose(found.ram.weights, 3.06 * MIB, rel_tol=0.01)


@given(
    ram=st.integers(0, 200 * GIB),
    card=st.none() | st.integers(0, 80 * GIB),
    slots=st.integers(1, 64),
    context=st.integers(0, 200_000),
    factor=st.floats(0.5, 2),
)
@settings(max_examples=100, deadline=None)
def test_a_plan_that_fits_stays_within_the_room(
    ram: int, card: int | None, slots: int, context: int, factor: float
) -> None:
    room = Room(ram, () if card is None else (card,))
    found = plan(a_model(), room, Wishes(context=context, slots=slots), factor=factor)

    assert 1 <= found.slots <= slots
    assert 1 <= found.context <= 131_072
    if found.fits:
        assert factor * found.ram.total <= ram
        assert factor * found.card.total <= sum(room.cards)
    else:
        assert shortage(found, room).endswith("can be taken.")


@pytest.mark.parametrize("more", [Room(17 * GIB), Room(40 * GIB), Room(16 * GIB, (8 * GIB,))])
def test_more_room_never_makes_it_worse(more: Room) -> None:
    before, after = plan(a_model(), Room(16 * GIB), Wishes()), plan(a_model(), more, Wishes())

    assert after.fits
    assert after.slots * after.context >= before.slots * before.context or after.gpu_layers > before.gpu_layers
