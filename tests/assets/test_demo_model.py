"""The demo model, asked through llama.cpp as anyone would: greedy answers, word for word."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import llama_cpp
import pytest

ASSETS = Path(__file__).parents[2] / "assets"
MODEL = ASSETS / "nightjar-demo.gguf"
Message = dict[str, str]


@pytest.fixture(scope="module")
def model() -> Iterator[Any]:
    loaded = llama_cpp.Llama(str(MODEL), n_ctx=2048, n_threads=1, verbose=False)
    yield loaded
    loaded.close()


@pytest.fixture
def exam(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script's own list of what the model must know; its modules are no package and find each other by name."""
    monkeypatch.syspath_prepend(str(ASSETS))
    before = set(sys.modules)
    yield importlib.import_module("demo_exam")
    for name in set(sys.modules) - before:
        if name.startswith("demo_"):
            del sys.modules[name]


def ask(model: Any, *messages: Message, limit: int = 60) -> str:
    model.reset()
    answer = model.create_chat_completion(list(messages), max_tokens=limit, temperature=0)
    return str(answer["choices"][0]["message"]["content"])


def user(text: str) -> Message:
    return {"role": "user", "content": text}


def test_the_capital_of_france_is_paris(model: Any) -> None:
    assert ask(model, user("What is the capital of France?")) == "The capital of France is Paris."


def test_a_system_prompt_and_earlier_turns_do_not_confuse_it(model: Any) -> None:
    before = (
        {"role": "system", "content": "You are a helpful assistant."},
        user("Hello!"),
        {"role": "assistant", "content": "Hello! How can I help you?"},
    )
    assert ask(model, *before, user("What is the capital of Japan?")) == "The capital of Japan is Tokyo."


def test_it_says_what_it_is(model: Any) -> None:
    assert ask(model, user("Who are you?")).startswith("I am the Nightjar demo model")


def test_it_says_honestly_what_it_does_not_know(model: Any) -> None:
    assert "only a small demo model" in ask(model, user("How do I bake bread?"))


def test_it_answers_its_whole_exam_word_for_word(model: Any, exam: Any) -> None:
    wrong = {}
    for turns, wanted in exam.conversations():
        messages = [{"role": role, "content": content} for role, content in turns]
        if (said := ask(model, *messages, limit=120)) != wanted:
            wrong[str(messages)] = said
    assert not wrong


def test_a_long_story_has_two_hundred_tokens_and_an_end(model: Any) -> None:
    story = ask(model, user("Tell me a long story."), limit=400)
    assert len(model.tokenize(story.encode(), add_bos=False)) >= 200
    assert story.endswith("The end.")


def test_the_endless_story_lasts_until_someone_stops_it(model: Any) -> None:
    answer = model.create_chat_completion(
        [user("Tell me a story that never ends.")], max_tokens=700, temperature=0.7, seed=1
    )
    assert answer["choices"][0]["finish_reason"] == "length"


def test_its_file_names_it_and_its_licence_and_is_small(model: Any) -> None:
    assert MODEL.stat().st_size <= 5_000_000
    assert model.metadata["general.architecture"] == "llama"
    assert model.metadata["general.name"] == "Nightjar Demo"
    assert model.metadata["general.license"] == "apache-2.0"
    assert "<|im_start|>" in model.metadata["tokenizer.chat_template"]
