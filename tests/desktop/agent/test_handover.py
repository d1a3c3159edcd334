"""The owner wants the PC: answers are handed over at once, the model is gone, and nothing new is taken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from desktop.agent.commands import Resume, SetMode, SetRules, Snooze
from desktop.agent.state import Mode, Reason
from desktop.errors import CommandRefused
from desktop.settings import LimitSettings, LinkSettings, Settings, SharingSettings
from desktop.system.conditions import Conditions, Power, Presence
from desktop.system.watch.still import at_rest
from relay.wire.frames import Decline, Finish, LegId, Status, Yield
from tests.desktop.agent.conftest import Desktop
from tests.fakes import FakeLink, FakeRelay

SLOW_S = 0.02
LINK = LinkSettings(retry_first_s=0.01, retry_most_s=0.05)
SHARES = Settings(sharing=SharingSettings(first_mode="idle"), link=LINK)


@pytest.fixture
def desktop(tmp_path: Path) -> Desktop:
    return Desktop(tmp_path / "pc", SHARES)


async def writing(desktop: Desktop, relay: FakeRelay, answers: int = 1) -> tuple[FakeLink, list[LegId]]:
    """The first words of so many answers are out."""
    await desktop.join(relay)
    desktop.engine.interval_s = SLOW_S
    link = await relay.link()
    legs = [await link.offer(f"question {number}") for number in range(answers)]
    for leg in legs:
        await link.text(leg, 1)
    return link, legs


def now_like(desktop: Desktop, **changed: Any) -> None:
    desktop.watch.becomes(replace(desktop.watch.conditions, **changed))


def returns(desktop: Desktop) -> None:
    now_like(desktop, presence=Presence(desktop.agent.snapshot.at, "test"))


async def test_when_the_owner_returns_every_answer_is_handed_over_with_what_was_delivered(
    desktop: Desktop, relay: FakeRelay
) -> None:
    async with desktop.running():
        link, legs = await writing(desktop, relay, answers=4)
        returns(desktop)
        given = [await link.answer(leg) for leg in legs]
        freed = await desktop.until(lambda snapshot: snapshot.models[0].kind == "unloaded")
        refused = await link.answer(await link.offer("too late"))
    for answer in given:
        assert isinstance(answer.terminal, Yield)
        assert (answer.terminal.reason, answer.terminal.delivered_tokens) == ("owner_active", answer.tokens)
        assert answer.tokens > 0
    assert freed.sharing.reason is Reason.OWNER_ACTIVE
    assert freed.switches[-1].freed_s is not None
    assert isinstance(refused.terminal, Decline)


async def test_the_relay_is_told_why_this_pc_does_not_share(desktop: Desktop, relay: FakeRelay) -> None:
    async with desktop.running():
        await desktop.join(relay)
        returns(desktop)
        status = await (await relay.link()).heard(Status, sharing=False)
    assert (status.reason, status.free_slots) == ("owner_active", 0)


@pytest.mark.parametrize("command", [SetMode(Mode.OFF), Snooze(4_000_000_000.0)])
async def test_who_turns_sharing_off_or_pauses_gets_the_pc_at_once(
    desktop: Desktop, relay: FakeRelay, command: SetMode | Snooze
) -> None:
    async with desktop.running():
        link, (leg,) = await writing(desktop, relay)
        await desktop.tell(command)
        answer = await link.answer(leg)
        await desktop.until(lambda snapshot: snapshot.models[0].kind == "unloaded")
    assert isinstance(answer.terminal, Yield)


async def test_within_the_grace_the_owner_allows_an_answer_may_end(tmp_path: Path, relay: FakeRelay) -> None:
    patient = Settings(sharing=SharingSettings(first_mode="idle", grace_s=10), link=LINK)
    desktop = Desktop(tmp_path / "pc", patient)
    async with desktop.running():
        link, (leg,) = await writing(desktop, relay)
        returns(desktop)
        refused = await link.answer(await link.offer("too late"))
        answer = await link.answer(leg)
        await desktop.until(lambda snapshot: snapshot.models[0].kind == "unloaded")
    assert isinstance(answer.terminal, Finish)
    assert isinstance(refused.terminal, Decline)


async def test_after_the_grace_it_is_handed_over(tmp_path: Path, relay: FakeRelay) -> None:
    hasty = Settings(sharing=SharingSettings(first_mode="idle", grace_s=0.05), link=LINK)
    desktop = Desktop(tmp_path / "pc", hasty)
    async with desktop.running():
        link, (leg,) = await writing(desktop, relay)
        desktop.engine.interval_s = 3600.0
        returns(desktop)
        answer = await link.answer(leg)
    assert isinstance(answer.terminal, Yield)


async def test_sleep_waits_until_the_model_is_gone_and_sharing_goes_on_after_it(
    desktop: Desktop, relay: FakeRelay
) -> None:
    async with desktop.running():
        link, (leg,) = await writing(desktop, relay)
        now_like(desktop, asleep=True)
        at_once = desktop.watch.slept
        answer = await link.answer(leg)
        await desktop.until(lambda snapshot: snapshot.models[0].kind == "unloaded")
        assert desktop.watch.slept > at_once == 0
        desktop.watch.becomes(replace(at_rest(), network=1))
        woken = await desktop.until(lambda snapshot: snapshot.sharing.reason is Reason.OWNER_ACTIVE)
    assert isinstance(answer.terminal, Yield)
    assert "you are using" in woken.sharing.sentence


async def test_a_shutdown_of_the_pc_ends_the_agent_in_order(desktop: Desktop, relay: FakeRelay) -> None:
    async with desktop.running():
        link, (leg,) = await writing(desktop, relay)
        now_like(desktop, shutting_down=True)
        answer = await link.answer(leg)
        await desktop.until(lambda snapshot: snapshot.sharing.reason is Reason.SHUTTING_DOWN)
    assert isinstance(answer.terminal, Yield)


async def test_another_network_ends_the_wait_for_the_next_try(tmp_path: Path) -> None:
    patient = LinkSettings(retry_first_s=300, retry_most_s=300, open_timeout_s=2)
    desktop = Desktop(tmp_path / "pc", Settings(sharing=SharingSettings(first_mode="always"), link=patient))
    relay = FakeRelay()
    async with desktop.running():
        async with relay.serving():
            await desktop.join(relay)
            port = int(relay.url.rpartition(":")[2])
        await desktop.until(lambda snapshot: snapshot.link.kind == "waiting")
        async with relay.serving(port):
            now_like(desktop, network=1)
            await desktop.until(lambda snapshot: snapshot.sharing.sharing)


async def test_the_pc_is_watched_closely_only_while_it_shares(desktop: Desktop, relay: FakeRelay) -> None:
    async with desktop.running():
        await desktop.join(relay)
        assert desktop.watch.attention.closely
        await desktop.tell(SetMode(Mode.OFF))
        assert not desktop.watch.attention.closely


async def test_a_pause_for_a_program_ends_with_it(desktop: Desktop, relay: FakeRelay) -> None:
    vlc = frozenset({"vlc"})
    async with desktop.running():
        await desktop.join(relay)
        paused = await desktop.tell(Snooze(4_000_000_000.0, "VLC"))
        assert desktop.watch.attention.programs == vlc
        now_like(desktop, programs=vlc, sought=vlc)
        assert desktop.agent.snapshot.snoozed_for == "VLC"
        now_like(desktop, programs=frozenset(), sought=vlc)
        await desktop.until(lambda snapshot: snapshot.sharing.sharing)
    assert paused.sharing.sentence == "Paused by you, until VLC closes."


async def test_a_pause_outlives_the_agent_with_what_ends_it(desktop: Desktop) -> None:
    desktop.watch.becomes(replace(at_rest(), power=Power(on_battery=True, percent=80)))
    async with desktop.running():
        await desktop.tell(Snooze(4_000_000_000.0, "plugged in"))
    desktop.restart()
    async with desktop.running():
        again = await desktop.tell(SetRules({}))
        assert (again.snoozed_until, again.snoozed_for) == (4_000_000_000.0, "plugged in")
        await desktop.tell(Resume())


async def test_a_model_that_is_still_to_be_loaded_is_never_called_ready(desktop: Desktop, relay: FakeRelay) -> None:
    async with desktop.running():
        await desktop.join(relay)
        await desktop.tell(SetMode(Mode.OFF))
        await desktop.until(lambda snapshot: snapshot.models[0].kind == "unloaded")
        await desktop.tell(SetMode(Mode.ALWAYS))
        shared = await desktop.until(lambda snapshot: snapshot.sharing.sharing)
    after = [switch.reason for switch in shared.switches]
    assert after[-3:] == [Reason.MODE_OFF, Reason.WARMING_UP, Reason.READY]


async def test_switches_are_kept_over_a_restart(desktop: Desktop, relay: FakeRelay) -> None:
    async with desktop.running():
        await desktop.join(relay)
        before = await desktop.tell(SetMode(Mode.OFF))
    desktop.restart()
    kept = desktop.agent.snapshot.switches
    assert [switch.reason for switch in kept][: len(before.switches)] == [s.reason for s in before.switches]
    assert kept[-1].reason is Reason.SHUTTING_DOWN


async def test_rules_of_the_owner_hold_at_once_and_after_a_restart(desktop: Desktop, relay: FakeRelay) -> None:
    desktop.watch.becomes(replace(at_rest(), power=Power(on_battery=True, percent=90)))
    async with desktop.running():
        await desktop.tell(SetRules({"on_battery": True}))
        await desktop.join(relay)
    desktop.restart()
    async with desktop.running():
        await desktop.until(lambda snapshot: snapshot.sharing.sharing)
        settled = await desktop.tell(SetRules({"on_battery": None}))
    assert settled.sharing.reason is Reason.ON_BATTERY


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"idle_s": -1}, "idle_s"),
        ({"schedule": "weekdays"}, "no part of a schedule"),
        ({"battery_start_percent": 5}, "below `battery_stop_percent`"),
        ({"no_such_rule": 1}, "no_such_rule"),
    ],
)
async def test_rules_that_make_no_sense_are_refused_and_change_nothing(
    desktop: Desktop, changed: dict[str, object], says: str
) -> None:
    async with desktop.running():
        with pytest.raises(CommandRefused, match=says):
            await desktop.tell(SetRules(changed))
        await desktop.tell(SetRules({"grace_s": 5}))


async def test_an_agent_that_cannot_tell_shares_nothing_in_mode_when_idle(desktop: Desktop, relay: FakeRelay) -> None:
    desktop.watch.becomes(Conditions())
    async with desktop.running():
        await desktop.tell(SetMode(Mode.ALWAYS))
        await desktop.join(relay)
        blind = await desktop.tell(SetMode(Mode.IDLE))
    assert (blind.sharing.sharing, blind.sharing.reason) == (False, Reason.OWNER_ACTIVE)


async def test_beside_its_owner_a_pc_set_to_always_writes_fewer_answers_at_once(
    tmp_path: Path, relay: FakeRelay
) -> None:
    limits = LimitSettings(answers_in_use=2)
    desktop = Desktop(tmp_path / "pc", Settings(sharing=SharingSettings(first_mode="always"), link=LINK, limits=limits))
    async with desktop.running():
        await desktop.join(relay)
        link = await relay.link()
        await link.heard(Status, sharing=True, free_slots=8)
        returns(desktop)
        await link.heard(Status, sharing=True, free_slots=2)
        desktop.engine.interval_s = 3600.0
        legs = [await link.offer(f"question {number}") for number in range(3)]
        refused = await link.answer(legs[2])
    assert isinstance(refused.terminal, Decline)
    assert refused.terminal.reason == "busy"
    assert "in use" in refused.terminal.message


async def test_a_watch_that_dies_is_started_again_and_its_last_word_does_not_count(
    desktop: Desktop, relay: FakeRelay
) -> None:
    async with desktop.running():
        link, (leg,) = await writing(desktop, relay)
        desktop.watch.fail(Conditions())
        answer = await link.answer(leg)
        lost = await desktop.until(lambda snapshot: not snapshot.sharing.sharing)
    assert isinstance(answer.terminal, Yield)
    assert lost.sharing.reason is Reason.OWNER_ACTIVE
