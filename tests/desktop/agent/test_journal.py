"""Small lists that outlive the agent."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop.agent.journal import Journal
from desktop.agent.sharing.history import LENGTH
from desktop.agent.state import Reason, Switch


def switch(at: int) -> Switch:
    return Switch(float(at), True, Reason.READY, "Ready.")


def journal(folder: Path) -> Journal[Switch]:
    return Journal(folder / "switches.jsonl", Switch, length=LENGTH)


def test_the_last_fifty_are_kept_over_a_restart_and_the_file_does_not_grow(tmp_path: Path) -> None:
    kept = journal(tmp_path)
    for at in range(LENGTH + 5):
        kept.add(switch(at))
    again = journal(tmp_path)
    assert (
        [each.at for each in again.values]
        == [float(at) for at in range(5, LENGTH + 5)]
        == [each.at for each in kept.values]
    )
    assert len((tmp_path / "switches.jsonl").read_bytes().splitlines()) == LENGTH


def test_a_damaged_line_costs_only_itself(tmp_path: Path) -> None:
    first = journal(tmp_path)
    first.add(switch(1))
    with (tmp_path / "switches.jsonl").open("ab") as file:
        file.write(b'{"at": 2, "shar\n\xff\n')
    journal(tmp_path).add(switch(3))
    assert [each.at for each in journal(tmp_path).values] == [1.0, 3.0]


def test_the_last_can_be_replaced_and_all_forgotten(tmp_path: Path) -> None:
    kept = journal(tmp_path)
    kept.add(switch(1))
    kept.add(switch(2))
    kept.replace_last(switch(9))
    assert [each.at for each in journal(tmp_path).values] == [1.0, 9.0]
    kept.clear()
    assert journal(tmp_path).values == ()
    assert not (tmp_path / "switches.jsonl").exists()


def test_a_past_that_cannot_be_removed_is_forgotten_here_and_breaks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    kept = journal(tmp_path)
    kept.add(switch(1))
    monkeypatch.setattr(Path, "unlink", refuse)
    kept.clear()
    assert kept.values == ()


def test_a_folder_that_cannot_be_written_costs_the_past_and_nothing_else(tmp_path: Path) -> None:
    kept = Journal(tmp_path / "absent" / "switches.jsonl", Switch, length=LENGTH)
    kept.add(switch(1))
    assert kept.values == (switch(1),)
