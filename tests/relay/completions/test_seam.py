"""An answer that was cut off is continued by its text: nothing said twice, nothing lost, no second start shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.completions.seam import CHECKED, Cut, Method, Seam, continuable, further_fields, last_message, prefill_of

STORY = "Once upon a time there was a lighthouse. Its keeper knew each ship by her horn, and every gull by name"
REST = ", though he would never have said so to the harbour master, who took him for a plain man of few words."


def joined(delivered: str, *pieces: str) -> str | None:
    """All that the caller has in the end; None if the leg was given up."""
    seam = Seam(delivered)
    written = delivered
    for piece in pieces:
        new = seam.feed(piece)
        if new is None:
            return None
        written += new
    new = seam.end()
    return None if new is None else written + new


def cut_up(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def test_a_continuation_is_added_as_it_is() -> None:
    assert joined(STORY, REST) == STORY + REST


def test_nothing_is_written_until_64_characters_have_been_looked_at() -> None:
    seam = Seam(STORY)
    assert [seam.feed(each) for each in REST[: CHECKED - 1]] == [""] * (CHECKED - 1)
    assert seam.feed(REST[CHECKED - 1]) == REST[:CHECKED]
    assert seam.feed(" Then") == " Then"
    assert seam.end() == ""


def test_a_shorter_continuation_is_written_when_it_ends() -> None:
    seam = Seam(STORY)
    assert seam.feed(".") == ""
    assert seam.end() == "."
    assert joined(STORY) == STORY


def test_white_space_at_the_end_is_kept_from_the_next_provider_and_not_said_twice() -> None:
    assert prefill_of("A list:\n\n  ") == "A list:"
    assert joined("A list:\n", "\n- one") == "A list:\n- one"
    assert joined("One word ", "and another") == "One word and another"


def test_white_space_beyond_what_the_caller_has_is_kept() -> None:
    assert joined("def f():\n", "\n    return 1") == "def f():\n    return 1"
    assert joined("One paragraph.\n", "\n\nAnother.") == "One paragraph.\n\nAnother."
    assert joined("One", " word") == "One word"


def test_white_space_that_came_out_differently_stays_as_the_caller_has_it() -> None:
    assert joined("One. \n", " Two.") == "One. \nTwo."


@pytest.mark.parametrize("size", [16, 40, 64, 65, len(STORY) - 1])
def test_the_end_of_the_answer_said_again_is_dropped(size: int) -> None:
    assert joined(STORY, STORY[-size:] + REST) == STORY + REST
    assert joined(STORY + "\n", "\n" + STORY[-size:].lstrip() + "\n" + REST) == STORY + "\n" + REST


def test_fewer_than_16_characters_said_again_are_taken_for_chance() -> None:
    assert joined("and on and on and", " on and on") == "and on and on and on and on"
    assert joined(STORY, STORY[-15:]) == STORY + STORY[-15:]


def test_an_answer_begun_anew_is_given_up() -> None:
    assert joined(STORY, STORY[:30] + " castle, and nobody lived there but an owl with a cough.") is None
    assert joined(STORY, *STORY, REST) is None
    assert joined(STORY, STORY + REST) is None
    assert joined("Yes", "Yes, of course.") is None


def test_an_answer_begun_anew_shows_nothing_of_it() -> None:
    seam = Seam(STORY + STORY.upper())
    assert [seam.feed(each) for each in STORY[:CHECKED]] == [""] * (CHECKED - 1) + [None]


def test_a_passage_that_only_resembles_an_earlier_one_is_new() -> None:
    table = "| name | beats |\n" + "| a gull of the northern cliffs, seen in a winter of storms | 12 |\n"
    delivered = table + "| a tern |"
    row = "\n| a gull of the northern cliffs, seen in a winter of storms | 13 |"
    assert joined(delivered, *row) == delivered + row


@given(st.integers(1, len(STORY + REST) - 1), st.integers(1, 30))
def test_wherever_it_was_cut_and_however_it_comes_the_whole_is_the_unbroken_answer(cut: int, size: int) -> None:
    whole = STORY + REST
    prefill = prefill_of(whole[:cut])
    pieces = cut_up(whole[len(prefill) :], size)
    assert joined(whole[:cut], *pieces) == whole


@given(st.text("ab \n", max_size=90), st.text("ab \n", max_size=150), st.integers(1, 70))
def test_how_the_continuation_comes_in_pieces_changes_nothing(delivered: str, continuation: str, size: int) -> None:
    assert joined(delivered, *cut_up(continuation, size)) == joined(delivered, continuation)


@pytest.mark.parametrize("size", [1, 7, 64, 65])
@pytest.mark.parametrize("again", [16, 64, 65, 90])
def test_a_repetition_is_dropped_whatever_its_length_and_pieces(again: int, size: int) -> None:
    assert joined(STORY + "\n\n", *cut_up(STORY[-again:] + "\n\n" + REST, size)) == STORY + "\n\n" + REST


@pytest.mark.parametrize(
    "cut",
    [
        Cut(STORY, in_reasoning=True),
        Cut(STORY, tool_calls=True),
        Cut(STORY, constrained=True),
        Cut(STORY, logprobs=True),
        Cut(STORY, choices=2),
        Cut(" \n"),
        Cut(""),
    ],
)
def test_what_its_text_does_not_tell_whole_is_not_continued_by_text(cut: Cut) -> None:
    assert continuable(Cut(STORY))
    assert not continuable(cut)


def test_each_method_asks_in_its_own_words() -> None:
    said = {"role": "assistant", "content": "Once"}
    assert last_message(Method.PREFIX, "Once ") == {**said, "prefix": True}
    assert last_message(Method.CONTINUE_FINAL_MESSAGE, "Once ") == said
    assert last_message(Method.PREFILL, "Once ") == said
    assert further_fields(Method.CONTINUE_FINAL_MESSAGE) == {
        "continue_final_message": True,
        "add_generation_prompt": False,
    }
    assert further_fields(Method.PREFIX) == further_fields(Method.PREFILL) == {}
