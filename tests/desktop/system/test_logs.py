"""What an event looks like on the screen and in the file."""

from __future__ import annotations

import json
import logging

from desktop.system.logs import JsonLines, ShortLines


def event(**facts: object) -> logging.LogRecord:
    return logging.makeLogRecord({"name": "desktop.agent", "levelname": "WARNING", "msg": "enrolment failed"} | facts)


def test_a_person_sees_the_facts_of_an_event_behind_it() -> None:
    record = event(why="it cannot be reached", retry_in_s=3)
    assert ShortLines("%(message)s").format(record) == "enrolment failed (why: it cannot be reached, retry in s: 3)"
    assert ShortLines("%(message)s").format(event()) == "enrolment failed"


def test_the_file_keeps_the_facts_as_fields_whoever_wrote_the_event_before() -> None:
    record = event(why="it cannot be reached")
    ShortLines("%(asctime)s %(message)s").format(record)
    line = json.loads(JsonLines().format(record))
    assert line.keys() == {"at", "level", "where", "event", "why"}
