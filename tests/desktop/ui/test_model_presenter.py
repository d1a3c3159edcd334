from __future__ import annotations

from dataclasses import replace

import pytest

from desktop.agent.state import ModelState
from desktop.models.progress import Progress
from desktop.ui.examples import NOW, snapshot
from desktop.ui.figures import Formats
from desktop.ui.model_presenter import ModelPresenter
from desktop.ui.views import Tone
from tests.desktop.ui.test_presenters import untranslated

PRESENTER = ModelPresenter(untranslated, Formats(".", ",", lambda at, _now: f"T{at - NOW:+.0f}"))
HALF = Progress("gemma", "downloading", 1_250_000_000, 2_500_000_000, bytes_per_s=12_500_000)


def test_a_download_shows_how_much_is_here_how_fast_it_comes_and_how_long_it_takes() -> None:
    row = PRESENTER.download(HALF, NOW)
    assert (row.state, row.tone, row.done) == ("Downloading", Tone.GOOD, 0.5)
    assert row.detail == "1.2 GB of 2.5 GB · 12 MB/s · 2 min left"
    assert row.spoken == "Downloaded: 50\N{NO-BREAK SPACE}%"


def test_a_download_whose_speed_is_not_known_promises_no_end() -> None:
    assert PRESENTER.download(replace(HALF, bytes_per_s=0.0), NOW).detail == "1.2 GB of 2.5 GB"


@pytest.mark.parametrize(
    ("speed", "left"),
    [(100e6, "less than a minute left"), (1e6, "21 min left"), (0.1e6, "4 h left")],
)
def test_the_time_left_is_rounded_up_in_the_unit_one_would_say_it_in(speed: float, left: str) -> None:
    assert PRESENTER.download(replace(HALF, bytes_per_s=speed), NOW).detail.endswith(left)


def test_what_is_not_all_here_never_reads_as_all() -> None:
    almost = replace(HALF, received=HALF.size - 1)
    assert PRESENTER.download(almost, NOW).spoken == "Downloaded: 99\N{NO-BREAK SPACE}%"


def test_a_download_that_waits_says_why_once_and_when_it_is_tried_again() -> None:
    held = replace(HALF, kind="waiting", sentence="Waiting: this network costs by the byte.")
    assert PRESENTER.download(held, NOW).detail == "This network costs by the byte."
    lost = replace(HALF, kind="waiting", sentence="The connection was lost.", retry_at=NOW + 48)
    assert PRESENTER.download(lost, NOW).detail == "The connection was lost. Next try in 0:48."


def test_a_download_that_stopped_says_why_and_what_to_do() -> None:
    row = PRESENTER.download(replace(HALF, kind="stopped", sentence="The disk is full.", remedy="Make room."), NOW)
    assert (row.state, row.tone, row.detail) == ("Stopped", Tone.BAD, "The disk is full. Make room.")


def test_a_paused_and_a_queued_download_say_so() -> None:
    paused = PRESENTER.download(replace(HALF, kind="paused", sentence="Paused by you."), NOW)
    assert (paused.state, paused.detail) == ("Paused", "1.2 GB of 2.5 GB · paused by you")
    queued = PRESENTER.download(replace(HALF, kind="queued", received=0), NOW)
    assert (queued.state, queued.detail, queued.done) == ("Queued", "2.5 GB", 0.0)


@pytest.mark.parametrize(
    ("downloads", "words"),
    [
        ((), ""),
        ((HALF,), "1 downloading, 50\N{NO-BREAK SPACE}%"),
        ((HALF, replace(HALF, kind="queued", received=0)), "2 downloading, 25\N{NO-BREAK SPACE}%"),
        ((replace(HALF, kind="waiting"),), "1 waiting to download, 50\N{NO-BREAK SPACE}%"),
        ((replace(HALF, kind="stopped"), replace(HALF, kind="paused")), "1 stopped"),
        ((replace(HALF, kind="paused"),), "1 paused"),
    ],
)
def test_the_trays_row_sums_up_all_downloads(downloads: tuple[Progress, ...], words: str) -> None:
    assert PRESENTER.on_its_way(snapshot(downloads=downloads)) == words


def test_downloads_follow_the_models_in_the_order_of_the_queue() -> None:
    rows = PRESENTER.rows(snapshot(downloads=(HALF, replace(HALF, name="phi"))), NOW)
    assert [row.name for row in rows] == ["qwen2.5-7b-instruct-q4_k_m", "gemma", "phi"]


def test_a_model_that_should_look_at_images_and_does_not_says_why() -> None:
    why = "This model's picture part is not made for pictures."
    detail = PRESENTER.model(ModelState("llava", "ready", slots=2, blind=why)).detail
    assert detail == f"0 of 2 places in use · {why}"
