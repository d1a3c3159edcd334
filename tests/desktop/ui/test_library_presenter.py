from __future__ import annotations

from dataclasses import replace

import pytest

from desktop.agent.state import ModelState
from desktop.models.fit import Badge
from desktop.models.progress import Progress
from desktop.ui.examples import MODEL, NOW, snapshot
from desktop.ui.figures import Formats
from desktop.ui.library_facts import Act, CatalogueSeen, LibraryFacts
from desktop.ui.library_presenter import LibraryPresenter
from desktop.ui.library_views import RowView, Wanted
from desktop.ui.page_faces.models import FOUND, HERE, LIBRARY, candidate
from desktop.ui.views import Tone
from tests.desktop.ui.test_presenters import untranslated

PRESENTER = LibraryPresenter(untranslated, Formats(".", ",", lambda at, _now: f"T{at - NOW:+.0f}"))
MINE, RESTING, THEIRS = HERE


def wanted(row: RowView) -> list[Wanted]:
    return [action.wanted for action in row.actions]


def test_a_model_says_its_size_its_fit_and_how_fast_it_is_here() -> None:
    row = PRESENTER.model(MINE, MODEL)
    assert (row.state, row.detail) == ("Ready", "4.7 GB · fits with room · 38 tokens/s")


def test_a_model_that_never_ran_promises_no_speed() -> None:
    assert PRESENTER.model(MINE, None).detail == "4.7 GB · fits with room"


def test_a_models_problem_stands_in_its_row() -> None:
    failed = ModelState(MINE.name, "failed", problem="The file is cut short.")
    row = PRESENTER.model(MINE, failed)
    assert (row.state, row.tone, row.note) == ("Failed", Tone.BAD, "The file is cut short.")


def test_a_model_that_looks_at_images_says_so_and_why_where_it_does_not() -> None:
    assert PRESENTER.model(replace(MINE, sees=True), MODEL).detail == (
        "4.7 GB · fits with room · 38 tokens/s · looks at images"
    )
    why = "This model's picture part is not made for pictures."
    row = PRESENTER.model(replace(MINE, sees=True), replace(MODEL, blind=why))
    assert (row.state, row.note, "images" in row.detail) == ("Ready", why, False)


def test_a_model_can_rest_and_go_and_a_resting_one_can_be_offered() -> None:
    assert wanted(PRESENTER.model(MINE, MODEL)) == [Wanted.REST, Wanted.REMOVE]
    assert wanted(PRESENTER.model(RESTING, None)) == [Wanted.OFFER, Wanted.REMOVE]


@pytest.mark.parametrize("condition", ["missing", "changed"])
def test_a_model_whose_file_is_not_as_it_was_can_only_go(condition: str) -> None:
    row = PRESENTER.model(replace(MINE, condition=condition), None)  # type: ignore[arg-type]
    assert (row.tone, wanted(row)) == (Tone.BAD, [Wanted.REMOVE])


def test_deleting_says_what_goes_and_letting_go_says_what_stays() -> None:
    assert "(4.7 GB) is deleted from this PC" in PRESENTER.removal(MINE).detail
    assert f"Its file stays where it is: {THEIRS.path}" in PRESENTER.removal(THEIRS).detail


def test_giving_up_a_download_says_how_much_of_it_goes() -> None:
    half = Progress("gemma", "downloading", 1_250_000_000, 2_500_000_000)
    assert PRESENTER.cancellation(half).detail == "The 1.2 GB that are here already are deleted."
    assert PRESENTER.cancellation(replace(half, received=0)).detail == "Nothing of it is here yet."


@pytest.mark.parametrize(
    ("kind", "first"),
    [
        ("downloading", "Pause"),
        ("queued", "Pause"),
        ("waiting", "Pause"),
        ("paused", "Resume"),
        ("stopped", "Try again"),
    ],
)
def test_a_download_can_be_held_or_sent_on_and_given_up(kind: str, first: str) -> None:
    row = PRESENTER.download(Progress("gemma", kind, 1, 2), NOW)  # type: ignore[arg-type]
    assert [action.text for action in row.actions] == [first, "Cancel…"]


def row_of(name: str, free: int | None = 10**12) -> RowView:
    (each,) = (each for each in FOUND if each.entry.id == name)
    return PRESENTER.candidate(each, frozenset({MODEL.name}), frozenset({"gemma-3-4b-it-q4_k_m"}), free)


def test_a_model_worth_having_says_what_this_pc_would_earn_with_it() -> None:
    row = row_of("gemma-3-12b-it-q4_k_m")
    assert (row.figure, row.figure_unit) == ("$0.04", "an hour, about")
    assert row.detail == "7.3 GB · fits with room · about 21 tokens/s here · Gemma"
    assert [action.enabled for action in row.actions] == [True]


def test_one_that_is_here_or_coming_cannot_be_downloaded_again() -> None:
    assert (row_of(MODEL.name).state, row_of(MODEL.name).actions) == ("On this PC", ())
    coming = row_of("gemma-3-4b-it-q4_k_m")
    assert (coming.state, coming.actions) == ("In the queue", ())


def test_one_that_does_not_fit_says_so_where_its_demand_would_stand() -> None:
    row = row_of("qwen2.5-72b-instruct-q4_k_m")
    assert not row.actions[0].enabled
    assert row.note == row.actions[0].why_not == "It needs more memory than this PC has to spare."
    full = row_of("gemma-3-12b-it-q4_k_m", free=2_000_000_000)
    assert (full.actions[0].enabled, full.note) == (False, "It needs 7.3 GB of the disk; 2.0 GB are free.")


def test_what_comes_with_nightjar_earns_nothing_and_is_always_here() -> None:
    row = row_of("nightjar-demo")
    assert (row.figure, row.state, row.actions) == ("", "On this PC", ())


def test_one_call_and_one_pc_are_not_many() -> None:
    one = candidate("phi", "Phi", 1_000_000, calls=1, nodes=1)
    assert PRESENTER.candidate(one, frozenset(), frozenset(), None).note == "1 call last week · on 1 PC"


def test_a_search_without_result_names_the_words() -> None:
    page = PRESENTER.page(LibraryFacts(LIBRARY, catalogue=CatalogueSeen("zephyr", ())), snapshot(), NOW)
    assert page.found_empty == "No model of the catalogue fits “zephyr”. Try fewer words."


def test_a_long_act_says_how_far_it_is_and_how_long_it_takes_once_that_is_known() -> None:
    act = Act("import", "phi.gguf", 2_000_000_000, 8_000_000_000, NOW - 60, can_stop=True)
    assert PRESENTER.act(act, NOW).text == "Reading phi.gguf · 2.0 GB of 8.0 GB · 3 min left"
    assert PRESENTER.act(replace(act, began=NOW - 1), NOW).text == "Reading phi.gguf · 2.0 GB of 8.0 GB"
    stopping = PRESENTER.act(replace(act, stopping=True), NOW)
    assert (stopping.text.startswith("Stopping…"), stopping.can_stop) == (True, False)


def test_the_disk_says_what_is_taken_what_is_free_and_what_lies_elsewhere() -> None:
    disk = PRESENTER.disk(LIBRARY.usage)
    assert disk.text == "15.4 GB used by models, 118 GB free on this disk · 4.7 GB more in other programs' folders"
    assert PRESENTER.disk(replace(LIBRARY.usage, free=9_000_000_000)).tone is Tone.ATTENTION


def test_while_a_long_act_runs_no_other_can_begin() -> None:
    assert PRESENTER.page(LibraryFacts(LIBRARY), snapshot(), NOW).can_change
    assert not PRESENTER.page(LibraryFacts(LIBRARY, act=Act("move")), snapshot(), NOW).can_change


def test_a_library_that_cannot_be_read_says_why_in_place_of_an_empty_one() -> None:
    unread = "Cannot read library.json: it is damaged."
    page = PRESENTER.page(LibraryFacts(unread=unread), snapshot(), NOW)
    assert (page.problem, page.models_empty) == (unread, "")


@pytest.mark.parametrize("badge", [*Badge, None])
def test_every_fit_has_its_words(badge: Badge | None) -> None:
    assert bool(PRESENTER.fit(badge)) is (badge is not None)
