from __future__ import annotations

from pathlib import Path

from relay.ledger.board import (
    CELL_BYTES,
    CELL_DELIVERED,
    LEG_SHIFT,
    Board,
    Line,
    read_lines,
    remove_boards,
)
from relay.ledger.entries import CallId


def test_a_line_can_be_read_while_it_is_written(tmp_path: Path) -> None:
    board = Board(tmp_path)
    cells, at = board.take(CallId(7), 1 << LEG_SHIFT, 0, 12)
    assert list(read_lines(tmp_path)) == [Line(CallId(7), leg=1, tokens=0, bytes_=0, prompt_tokens=12)]
    cells[at + CELL_DELIVERED] = 2 << LEG_SHIFT | 41
    cells[at + CELL_BYTES] = 160
    assert list(read_lines(tmp_path)) == [Line(CallId(7), leg=2, tokens=41, bytes_=160, prompt_tokens=12)]
    board.close()


def test_a_line_that_was_given_back_is_gone_and_starts_again_at_nothing(tmp_path: Path) -> None:
    board = Board(tmp_path, page_lines=1)
    seat = board.take(CallId(7), 1 << LEG_SHIFT | 5, 20, 12)
    board.give_back(seat)
    assert list(read_lines(tmp_path)) == []
    board.take(CallId(8), 0, 0, 0)
    assert list(read_lines(tmp_path)) == [Line(CallId(8), 0, 0, 0, 0)]
    board.close()


def test_a_board_grows_when_more_lines_are_reserved(tmp_path: Path) -> None:
    board = Board(tmp_path, page_lines=4)
    board.reserve(10)
    for number in range(1, 11):
        board.take(CallId(number), 0, 0, 0)
    board.sync()
    assert {line.call for line in read_lines(tmp_path)} == set(range(1, 11))
    assert len(list(tmp_path.glob("board-*"))) == 3
    board.close()
    remove_boards(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_largest_call_id_fits(tmp_path: Path) -> None:
    board = Board(tmp_path)
    board.take(CallId(2**63 - 1), 0, 0, 0)
    assert [line.call for line in read_lines(tmp_path)] == [2**63 - 1]
    board.close()
