from __future__ import annotations

import json
import logging
import sys

from relay.cli.logs import JsonLines


def _record(message: str, *arguments: object, failed: bool = False) -> logging.LogRecord:
    caught = None
    if failed:
        try:
            raise ValueError(message)
        except ValueError:
            caught = sys.exc_info()
    return logging.LogRecord("relay.app", logging.WARNING, "app.py", 1, message, arguments, caught)


def test_a_record_is_one_object_on_one_line() -> None:
    line = JsonLines().format(_record('%s said\n"no"', "it"))

    told = json.loads(line)
    assert "\n" not in line
    assert (told["level"], told["logger"], told["message"]) == ("warning", "relay.app", 'it said\n"no"')
    assert told["time"].endswith("+00:00")


def test_an_error_is_told_with_its_traceback_on_the_same_line() -> None:
    line = JsonLines().format(_record("broken", failed=True))

    assert "\n" not in line
    assert json.loads(line)["error"] == "ValueError"
    assert "Traceback" in json.loads(line)["traceback"]
