"""What an owner is told who does not look, and what not: facts about two snapshots."""

from __future__ import annotations

from dataclasses import replace

import pytest

from desktop.agent.state import Earnings, Enrolment, LinkState, Mode, Snapshot
from desktop.models.progress import Progress
from desktop.system.conditions import Room
from desktop.ui.examples import FREE, NOW, RELAY, not_enrolled, serving, snapshot, unreachable, waiting_for_approval
from desktop.ui.faces import DOWNLOADING, every_face
from desktop.ui.gallery import PLAIN
from desktop.ui.notice_presenter import NoticePresenter
from desktop.ui.notices import DAY_S, WEEK_S, Kind, Notice, Told, Wish, due, news, over, remembered, settled
from desktop.ui.places import Place
from tests.desktop.ui.test_presenters import untranslated

STOPPED = replace(DOWNLOADING, kind="stopped", sentence="The disk is full.", remedy="Make room.")
FULL = replace(FREE, room=Room(memory=1 << 40, disk=1_000))
PRESENTER = NoticePresenter(untranslated, PLAIN)


def earning(lifetime: int) -> Snapshot:
    return snapshot(earnings=Earnings(lifetime, lifetime, lifetime, 1))


def kinds(before: Snapshot, now: Snapshot) -> list[Kind]:
    return [notice.kind for notice in news(before, now)]


# --- what is news --------------------------------------------------------------------------------------------------


def test_the_first_money_ever_is_news_and_the_second_is_not() -> None:
    assert kinds(earning(0), earning(1_800)) == [Kind.FIRST_EARNED]
    assert kinds(earning(1_800), earning(3_600)) == []


def test_money_that_was_there_before_anybody_looked_is_no_news() -> None:
    assert kinds(snapshot(earnings=None), earning(1_800)) == []


def test_every_model_that_has_arrived_is_news_once() -> None:
    one, two = replace(snapshot(), arrived=("gemma",)), replace(snapshot(), arrived=("gemma", "phi"))
    assert news(snapshot(), two) == (Notice(Kind.ARRIVED, "gemma"), Notice(Kind.ARRIVED, "phi"))
    assert news(one, two) == (Notice(Kind.ARRIVED, "phi"),)


def test_a_download_that_was_given_up_is_no_news() -> None:
    assert kinds(snapshot(downloads=(DOWNLOADING,)), snapshot()) == []


def test_a_download_that_stopped_is_news_and_one_that_waits_or_is_paused_is_not() -> None:
    (notice,) = news(snapshot(downloads=(DOWNLOADING,)), snapshot(downloads=(STOPPED,)))
    assert (notice.kind, notice.subject, notice.said) == (
        Kind.DOWNLOAD_STOPPED,
        DOWNLOADING.name,
        "The disk is full. Make room.",
    )
    waits: tuple[Progress, ...] = (replace(DOWNLOADING, kind="waiting"), replace(DOWNLOADING, kind="paused"))
    for each in waits:
        assert kinds(snapshot(downloads=(DOWNLOADING,)), snapshot(downloads=(each,))) == []


def test_a_relay_that_no_longer_knows_this_pc_is_news() -> None:
    gone = not_enrolled("The relay relay.example.org no longer knows this PC: it was revoked.")
    assert [notice.said for notice in news(snapshot(), gone)] == [gone.enrolment.problem]
    refused = snapshot(link=LinkState("waiting", RELAY, problem="The relay did not prove its key.", refused=True))
    assert kinds(snapshot(), refused) == [Kind.NOT_KNOWN]


def test_a_relay_that_cannot_be_reached_is_routine() -> None:
    assert kinds(snapshot(), unreachable()) == []


def test_a_pc_that_was_never_enrolled_is_no_news() -> None:
    assert kinds(not_enrolled(), waiting_for_approval()) == []


def test_while_the_relay_is_dialled_nobody_knows_whether_it_refuses() -> None:
    assert not settled(snapshot(link=LinkState("connecting", RELAY)))
    assert settled(snapshot())


def test_a_full_disk_is_news_unless_nothing_is_shared_on_purpose() -> None:
    assert kinds(snapshot(), snapshot(conditions=FULL)) == [Kind.DISK_FULL]
    assert kinds(snapshot(), snapshot(mode=Mode.OFF, conditions=FULL)) == []


def test_models_whose_files_are_gone_are_news_together() -> None:
    gone = replace(snapshot(), missing=("gemma", "phi"))
    assert [(notice.kind, notice.said) for notice in news(snapshot(), gone)] == [(Kind.MISSING, "gemma, phi")]
    assert kinds(gone, replace(gone, missing=("gemma", "phi", "qwen"))) == []


@pytest.mark.parametrize("name", ["off", "paused", "outside-schedule", "asleep", "closing", "no-contact", "warming-up"])
def test_waiting_is_never_news(name: str) -> None:
    face = every_face()[name]
    assert face is not None
    assert news(serving(), replace(face, earnings=serving().earnings)) == ()


# --- what is over --------------------------------------------------------------------------------------------------


def test_a_trouble_that_ended_is_over_and_good_news_never_is() -> None:
    assert over(snapshot(downloads=(STOPPED,)), snapshot(downloads=(DOWNLOADING,))) == (
        Notice(Kind.DOWNLOAD_STOPPED, DOWNLOADING.name),
    )
    enrolled = replace(snapshot(), enrolment=Enrolment("enrolled", "node", RELAY))
    assert [notice.kind for notice in over(not_enrolled("It was revoked."), enrolled)] == [Kind.NOT_KNOWN]
    assert over(replace(snapshot(), arrived=("gemma",)), snapshot()) == ()


# --- what is due ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        (Wish.ALL, set(Kind)),
        (Wish.PROBLEMS, set(Kind) - {Kind.ARRIVED, Kind.FIRST_EARNED}),
        (Wish.NOTHING, set[Kind]()),
    ],
)
def test_the_owner_is_told_what_they_want_to_be_told(wish: Wish, told: set[Kind]) -> None:
    assert {kind for kind in Kind if due(Notice(kind), {}, wish, NOW)} == told


@pytest.mark.parametrize(
    ("ended", "after", "again"),
    [
        (True, DAY_S - 1, False),
        (True, DAY_S, True),
        (False, DAY_S, False),
        (False, WEEK_S, True),
    ],
)
def test_the_same_trouble_is_told_once_a_day_and_while_it_lasts_once_a_week(
    ended: bool,
    after: float,
    again: bool,
) -> None:
    notice = Notice(Kind.DOWNLOAD_STOPPED, "gemma")
    assert due(notice, {notice.key: Told(NOW, over=ended)}, Wish.ALL, NOW + after) is again
    assert due(notice, {notice.key: Told(NOW + after, over=ended)}, Wish.ALL, NOW) is again, "by a clock set back"


def test_another_model_is_another_story() -> None:
    told = {Notice(Kind.ARRIVED, "gemma").key: Told(NOW, over=True)}
    assert due(Notice(Kind.ARRIVED, "phi"), told, Wish.ALL, NOW)


def test_the_first_money_is_told_once_in_a_life() -> None:
    first, other = Notice(Kind.FIRST_EARNED), Notice(Kind.ARRIVED, "gemma")
    told = {first.key: Told(NOW, over=True), other.key: Told(NOW, over=True)}
    later = NOW + 52 * WEEK_S
    assert not due(first, told, Wish.ALL, later)
    assert list(remembered(told, later)) == [first.key]


# --- words ---------------------------------------------------------------------------------------------------------


def test_each_notice_says_what_happened_and_leads_to_where_it_shows() -> None:
    views = {kind: PRESENTER.notice(Notice(kind, "gemma", "Because."), earning(1_800)) for kind in Kind}
    assert views[Kind.FIRST_EARNED].body == "It gave its first answer, and earned < $0.01."
    assert views[Kind.DOWNLOAD_STOPPED].body == "gemma: Because."
    assert {kind: view.place for kind, view in views.items() if view.place is not Place.MODELS} == {
        Kind.FIRST_EARNED: Place.EARNINGS,
        Kind.NOT_KNOWN: Place.HOME,
    }
    assert all(view.title and view.body and view.act for view in views.values())
