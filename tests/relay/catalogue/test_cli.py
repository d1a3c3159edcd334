"""`nightjar-relay model …`, as an operator types it."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from tests.relay.catalogue.test_entries import fields
from tests.relay.test_cli import Terminal

ADD = (
    *("model", "add", "tiny", "--url", "https://models.example/tiny.gguf", "--licence", "MIT"),
    *("--size", "3000000", "--sha256", "ab" * 32),
)


@pytest.fixture
def terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    terminal = Terminal(tmp_path / "relay", capsys)
    terminal.begin_relay()
    return terminal


def test_a_model_is_added_listed_changed_and_removed(terminal: Terminal) -> None:
    assert terminal.json(*ADD)["state"] == "offered"
    assert terminal.json("model", "edit", "tiny", "--title", "Tiny", "--price-prompt", "0.1", "--price-completion", "1")
    shown = terminal.json("model", "show", "tiny")
    assert (shown["title"], shown["file"], shown["size"]) == ("Tiny", "tiny.gguf", 3_000_000)
    assert shown["price"] == {"prompt": 100_000, "completion": 1_000_000}
    assert terminal.json("model", "retire", "tiny") == {"retired": "tiny"}
    assert [each["state"] for each in terminal.json("model", "list")] == ["retired"]
    assert terminal.json("model", "restore", "tiny") == {"restored": "tiny"}
    assert "$0.1 / $1" in terminal.run("model", "list")[1]
    assert terminal.json("model", "remove", "tiny") == {"removed": "tiny"}
    assert terminal.json("model", "list") == []


def test_what_the_desktop_says_of_a_file_is_taken_over(terminal: Terminal, tmp_path: Path) -> None:
    described = tmp_path / "described.json"
    described.write_text(json.dumps(fields(shape={"layers": 36}, context=4096)))
    terminal.json("model", "add", "mine", "--from", str(described), "--title", "Mine")
    shown = terminal.json("model", "show", "mine")
    assert (shown["id"], shown["title"], shown["context"], shown["shape"]) == ("mine", "Mine", 4096, {"layers": 36})
    assert "known" in terminal.run("model", "show", "mine")[1]


def test_an_edit_takes_the_price_of_a_description_too(terminal: Terminal, tmp_path: Path) -> None:
    terminal.json(*ADD, "--price-prompt", "5", "--price-completion", "5")
    described = tmp_path / "described.json"
    described.write_text(json.dumps({"price": {"prompt": 1, "completion": 2}}))
    terminal.json("model", "edit", "tiny", "--from", str(described))
    assert terminal.json("model", "show", "tiny")["price"] == {"prompt": 1, "completion": 2}


def test_people_read_a_price_in_dollars(terminal: Terminal) -> None:
    terminal.json(*ADD, "--price-prompt", "0.1", "--price-completion", "1")
    assert "$0.1 / $1" in terminal.run("model", "show", ADD[2])[1]


def test_a_description_may_come_through_a_pipe(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    text = io.TextIOWrapper(io.BytesIO(json.dumps(fields()).encode()))
    monkeypatch.setattr(sys, "stdin", text)
    assert terminal.json("model", "add", "piped", "--from", "-")["size"] == fields()["size"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("model", "add", "x"), "needs --url, --licence, --sha256, --size too"),
        ((*ADD[:3], "--url", "http://models.example/x.gguf", *ADD[5:]), "https://"),
        ((*ADD, "--price-prompt", "1"), "both"),
        ((*ADD, "--price-prompt", "-1", "--price-completion", "1"), "between 0 and"),
        (("model", "add", "x", "--from", "/nowhere"), "cannot be read"),
    ],
)
def test_a_mistake_is_one_line_and_adds_nothing(words: tuple[str, ...], why: str, terminal: Terminal) -> None:
    status, out, err = terminal.run(*words)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert why in err
    assert terminal.json("model", "list") == []


@pytest.mark.parametrize("verb", ["show", "retire", "restore", "remove", "edit"])
def test_a_model_that_is_not_there_is_named_with_what_to_do(verb: str, terminal: Terminal) -> None:
    terminal.json(*ADD)
    status, _, err = terminal.run("model", verb, "other")
    assert status == 1
    assert "'other'" in err
    assert "model list" in err


def test_a_model_is_not_added_twice(terminal: Terminal) -> None:
    terminal.json(*ADD)
    assert "has a model 'tiny' already" in terminal.run(*ADD)[2]
