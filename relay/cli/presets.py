"""The verbs for presets: fields of a request kept under a name, for calls that ask for `@preset/NAME`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import msgspec

from relay.accounts import directory
from relay.cli.errors import UsageError
from relay.cli.output import Row
from relay.cli.verbs import in_relay
from relay.completions.presets import MARK, Fields, list_presets, remove_preset, set_preset
from relay.storage.engine import Database


def add_parsers(commands: Any, common: argparse.ArgumentParser) -> None:
    """`nightjar-relay preset …`."""
    presets = commands.add_parser("preset", help="parts of requests kept under a name").add_subparsers(
        metavar="ACTION", required=True
    )
    set_ = presets.add_parser(
        "set",
        parents=[common],
        help="make a preset, or replace it",
        description=f"Calls that ask for {MARK}NAME as their model get the fields that they do not have themselves; "
        f"MODEL{MARK}NAME keeps the model. Besides the fields of a request it may have a text `system`.",
    )
    set_.add_argument("name")
    set_.add_argument("file", metavar="FILE", help="a JSON object with fields of a request; - reads standard input")
    set_.set_defaults(run=in_relay(_set))
    presets.add_parser("list", parents=[common], help="list the presets").set_defaults(run=in_relay(_list))
    remove = presets.add_parser("remove", parents=[common], help="delete a preset; calls that name it are refused")
    remove.add_argument("name")
    remove.set_defaults(run=in_relay(_remove))


def _set(parsed: argparse.Namespace, database: Database, at_ms: int) -> Row:
    fields = _read(parsed.file)
    organisation = database.read_sync(directory.first_organisation)
    database.write_sync(lambda connection: set_preset(connection, organisation, parsed.name, fields, at_ms=at_ms))
    return _line(parsed.name, fields)


def _read(file: str) -> Fields:
    """Raises UsageError."""
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        return msgspec.json.decode(text, type=Fields)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise UsageError(f"{file} is not a JSON object: {error}") from error


def _list(_parsed: argparse.Namespace, database: Database, _at_ms: int) -> list[Row]:
    return [_line(slug, fields) for (_, slug), fields in database.read_sync(list_presets).items()]


def _line(slug: str, fields: Fields) -> Row:
    return {"name": slug, "ask_for": f"{MARK}{slug}", "fields": msgspec.json.encode(fields).decode()}


def _remove(parsed: argparse.Namespace, database: Database, _at_ms: int) -> Row:
    organisation = database.read_sync(directory.first_organisation)
    database.write_sync(lambda connection: remove_preset(connection, organisation, parsed.name))
    return {"removed": parsed.name}
