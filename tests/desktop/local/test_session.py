"""What the node of a private relay is told apart from the owner's settings."""

from __future__ import annotations

from pathlib import Path

from desktop.local.session import for_its_owner
from desktop.settings import InferenceSettings, LimitSettings, Settings
from desktop.system.paths import Paths


def test_a_private_relays_node_answers_as_many_calls_at_once_as_it_has_slots_while_the_pc_is_used() -> None:
    settings = for_its_owner(Settings(inference=InferenceSettings(slots=16)))
    assert settings.limits.answers_in_use >= settings.inference.slots == 16


def test_the_owners_other_limits_hold_in_a_private_relay_too() -> None:
    settings = for_its_owner(Settings(limits=LimitSettings(memory_mib=4096, cards=(1,))))
    assert (settings.limits.memory_mib, settings.limits.cards) == (4096, (1,))


def test_the_doctor_of_a_private_relays_node_looks_at_the_settings_that_hold_for_it(tmp_path: Path) -> None:
    paths = Paths.under(tmp_path)
    assert paths.local_node.settings == paths.settings
    assert paths.local_node.data != paths.data
