"""What the agent says in English, the window knows again and says in its own language."""

from __future__ import annotations

import re
import string
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from desktop.agent.sharing.words import ENGLISH
from desktop.ui.agent_texts import ELSEWHERE, NUMBERS, OF_THE_SYSTEM
from desktop.ui.agent_words import AgentWords, unopened
from desktop.ui.examples import NOW
from desktop.ui.faces import every_face
from desktop.ui.gallery import PLAIN
from desktop.ui.presenters import Presenter

ROOT = Path(__file__).parents[3]


def marked(_context: str, text: str, _disambiguation: str = "", _n: int = -1) -> str:
    return f"«{text}»"


def plain(_context: str, text: str, _disambiguation: str = "", _n: int = -1) -> str:
    return text


def filled(template: str) -> str:
    names = [name for _, name, _, _ in string.Formatter().parse(template) if name]
    return template.format(**{name: "7" if name in NUMBERS else "this or that" for name in names})


@pytest.mark.parametrize("template", [*map(unopened, ENGLISH.values()), *ELSEWHERE, *OF_THE_SYSTEM])
def test_every_sentence_is_known_again_with_its_facts(template: str) -> None:
    said = filled(template)
    assert AgentWords(plain, PLAIN).said(said) == said
    if template != "{problem}":
        assert AgentWords(marked, PLAIN).said(said) == f"«{said}»"


@cache
def said_in_the_code() -> str:
    sources = [path for part in ("desktop", "relay") for path in (ROOT / part).rglob("*.py")]
    code = "".join(path.read_text() for path in sources if path.name != "agent_texts.py")
    return re.sub(r'"\s*\n\s*f?"', "", code)


def given(template: str) -> str:
    """The longest part that is no fact."""
    return max((piece.strip(" .,;:()") for piece in re.split(r"\{\w+\}", template)), key=len)


@pytest.mark.parametrize("template", [template for template in ELSEWHERE if given(template).count(" ") > 2])
def test_a_text_that_is_known_here_is_said_somewhere(template: str) -> None:
    assert given(template) in said_in_the_code()


def source_names() -> list[str]:
    """Of everything that Diagnostics asks, but for input, whose sources are called as their makers call them."""
    sources = [path for path in (ROOT / "desktop" / "system").rglob("*.py") if path.parent.name != "idle"]
    names = [name for path in sources for name in re.findall(r'^    name = "(.+)"$', path.read_text(), re.MULTILINE)]
    return [name for name in names if not name.startswith("graphics card")]


@pytest.mark.parametrize("name", source_names())
def test_a_source_is_called_in_the_language_of_the_window(name: str) -> None:
    assert AgentWords(marked, PLAIN).said(name) == f"«{name}»"


def test_a_fact_is_translated_where_it_is_a_text_and_left_where_it_is_a_name() -> None:
    words = AgentWords(marked, PLAIN)
    assert words.said("the camera is in use.") == "««the camera is in use».»"
    assert words.said("no contact with the relay a.org (the connection was lost).") == (
        "«no contact with the relay a.org («the connection was lost»).»"
    )
    assert words.said("you keep the PC free while this runs: model.") == (
        "«you keep the PC free while this runs: model.»"
    )


def test_a_sentence_within_another_is_known_without_its_full_stop() -> None:
    def shouted(_context: str, text: str, _disambiguation: str = "", _n: int = -1) -> str:
        return re.sub(r"(?<![{\w])\w+(?![}\w])", lambda word: word[0].upper(), text)

    why = "The model file is damaged or no GGUF file: it ends in the middle of its description"
    said = f"the model m cannot be used: {why}."
    assert AgentWords(shouted, PLAIN).said(said) == said.upper().replace("MODEL M", "MODEL m")
    assert AgentWords(plain, PLAIN).said(said) == said


def test_a_size_is_written_as_the_language_does() -> None:
    words = AgentWords(plain, replace(PLAIN, point=","))
    assert words.said("3.4 GB are needed and 1.2 GB free in /srv/models.d") == (
        "3,4 GB are needed and 1,2 GB free in /srv/models.d"
    )


def test_fact_and_remedy_are_two_sentences() -> None:
    said = AgentWords(marked, PLAIN).said("The download stopped: it is not there. Choose another file.")
    assert said == "«The download stopped: «it is not there».» «Choose another file.»"


def test_what_nobody_knows_passes_through() -> None:
    assert AgentWords(marked, PLAIN).said("Strange things happen!") == "Strange things happen!"


@pytest.mark.parametrize("face", sorted(every_face()))
def test_no_state_is_told_in_two_languages(face: str) -> None:
    detail = Presenter(marked, PLAIN).state(every_face()[face], NOW).detail
    assert re.sub(r"«.*»", "", detail).strip(" .;") == ""


def test_a_countdown_follows_the_sentence() -> None:
    sharing = every_face()["owner-was-active"]
    assert sharing is not None
    assert AgentWords(plain, PLAIN).why(sharing.sharing, NOW) == "You used this PC 2 min ago; sharing starts in 3:00."
