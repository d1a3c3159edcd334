"""The verbs for the catalogue: which models desktops are offered, from where, at what price."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, Final

import msgspec

from relay.catalogue import store
from relay.catalogue.entries import Entry, Price, read_entry
from relay.cli.errors import UsageError
from relay.cli.output import Row
from relay.cli.verbs import in_prepared_relay, in_relay
from relay.storage.engine import Database

MICRO: Final = 1_000_000
"""Pico-dollars a token in a price of $1 per million tokens."""

_TEXTS: Final = {
    "title": "what people call it",
    "url": "where its file is (https)",
    "licence": "its licence, as its maker names it",
    "licence-url": "where the licence can be read",
    "summary": "one line of what it is good for",
    "file": "name of the file (default: the end of its address)",
    "sha256": "SHA-256 of the file",
}
"""Options that are fields of an entry."""

_NEEDED: Final = ("url", "licence", "sha256", "size")
"""Those of all options that have no default."""


def add_parsers(commands: Any, common: argparse.ArgumentParser) -> None:
    """`nightjar-relay model …`."""
    models = commands.add_parser("model", help="the catalogue of models that desktops are offered").add_subparsers(
        metavar="ACTION", required=True
    )
    add = models.add_parser("add", parents=[common], help="offer a model")
    _fields(add)
    add.set_defaults(run=in_prepared_relay(model_add))
    models.add_parser("list", parents=[common], help="list the catalogue").set_defaults(run=in_relay(model_list))
    for name, act, summary in (
        ("show", model_show, "show all of one entry"),
        ("retire", model_retire, "offer it no longer; who has it keeps serving it"),
        ("restore", model_restore, "offer a retired model again"),
        ("remove", model_remove, "delete the entry"),
    ):
        verb = models.add_parser(name, parents=[common], help=summary)
        verb.add_argument("id")
        verb.set_defaults(run=in_relay(act))
    edit = models.add_parser("edit", parents=[common], help="change what is said of a model, its price or its file")
    _fields(edit)
    edit.set_defaults(run=in_relay(model_edit))


def _fields(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("id", help="under which callers ask for it")
    verb.add_argument(
        "--from", dest="source", metavar="FILE", help="what `nightjar models describe` printed of its file; - reads it"
    )
    for name, summary in _TEXTS.items():
        verb.add_argument(f"--{name}", metavar=name.split("-")[-1].upper(), help=summary)
    verb.add_argument("--size", type=int, metavar="BYTES", help="size of the file")
    verb.add_argument(
        "--redirect-host", action="append", metavar="HOST", help="another host its address may send to; repeatable"
    )
    verb.add_argument("--price-prompt", type=float, metavar="USD", help="per million prompt tokens")
    verb.add_argument("--price-completion", type=float, metavar="USD", help="per million completion tokens")


def model_add(parsed: argparse.Namespace, database: Database, at_ms: int) -> Row:
    entry = _entry(parsed, {})
    database.write_sync(lambda connection: store.add(connection, entry, at_ms=at_ms))
    return _line(store.Listed(entry, at_ms, at_ms, None))


def model_edit(parsed: argparse.Namespace, database: Database, at_ms: int) -> Row:
    before = database.read_sync(lambda connection: store.find(connection, parsed.id))
    entry = _entry(parsed, msgspec.to_builtins(before.entry))
    database.write_sync(lambda connection: store.replace(connection, entry, at_ms=at_ms))
    return _line(store.Listed(entry, before.created_ms, at_ms, before.retired_ms))


def model_list(_parsed: argparse.Namespace, database: Database, _at_ms: int) -> list[Row]:
    return [_line(each) for each in database.read_sync(store.listed)]


def model_show(parsed: argparse.Namespace, database: Database, _at_ms: int) -> Row:
    found = database.read_sync(lambda connection: store.find(connection, parsed.id))
    row: Row = msgspec.to_builtins(found.entry)
    moments = {"created_ms": found.created_ms, "changed_ms": found.changed_ms, "state": _state(found)}
    if parsed.json:
        return row | moments
    return row | moments | {"shape": "known" if found.entry.shape else None, "price": _shown_price(found.entry.price)}


def model_retire(parsed: argparse.Namespace, database: Database, at_ms: int) -> Row:
    database.write_sync(lambda connection: store.retire(connection, parsed.id, at_ms=at_ms))
    return {"retired": parsed.id}


def model_restore(parsed: argparse.Namespace, database: Database, _at_ms: int) -> Row:
    database.write_sync(lambda connection: store.retire(connection, parsed.id, at_ms=None))
    return {"restored": parsed.id}


def model_remove(parsed: argparse.Namespace, database: Database, _at_ms: int) -> Row:
    database.write_sync(lambda connection: store.remove(connection, parsed.id))
    return {"removed": parsed.id}


def _entry(parsed: argparse.Namespace, before: dict[str, Any]) -> Entry:
    """What was there, what the file of `--from` says, and what the options say, the later over the earlier."""
    fields = before | _described(parsed.source) | {"id": parsed.id}
    for name in _TEXTS:
        if (value := getattr(parsed, name.replace("-", "_"))) is not None:
            fields[name.replace("-", "_")] = value
    if parsed.size is not None:
        fields["size"] = parsed.size
    if parsed.redirect_host is not None:
        fields["redirect_hosts"] = parsed.redirect_host
    if (price := _price(parsed, fields.get("price"))) is not None:
        fields["price"] = price
    fields.setdefault("title", parsed.id)
    if "file" not in fields and "url" in fields:
        fields["file"] = str(fields["url"]).partition("?")[0].rpartition("/")[2]
    if lacking := [f"--{name}" for name in _NEEDED if name not in fields]:
        raise UsageError(
            f"the catalogue needs {', '.join(lacking)} too; `nightjar models describe FILE` prints size and SHA-256 "
            "for --from"
        )
    return read_entry(fields)


def _described(source: str | None) -> dict[str, Any]:
    if source is None:
        return {}
    try:
        data = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        return msgspec.json.decode(data, type=dict[str, Any])
    except OSError as error:
        raise UsageError(f"{source} cannot be read: {error.strerror or error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{source} is not what `nightjar models describe` prints: {error}") from error


def _price(parsed: argparse.Namespace, before: dict[str, int] | None) -> dict[str, int] | None:
    given = {"prompt": parsed.price_prompt, "completion": parsed.price_completion}
    dollars = {name: value for name, value in given.items() if value is not None}
    if not dollars:
        return before
    if not all(0 <= value <= MICRO for value in dollars.values()):
        raise UsageError("a price must be between 0 and 1,000,000 dollars per million tokens")
    known = (before or {}) | {name: round(value * MICRO) for name, value in dollars.items()}
    if len(known) < len(given):
        raise UsageError("a price needs both --price-prompt and --price-completion")
    return known


def _line(model: store.Listed) -> Row:
    entry = model.entry
    return {
        "id": entry.id,
        "file": entry.file,
        "size": entry.size,
        "quantisation": entry.quantisation or None,
        "licence": entry.licence,
        "price": _shown_price(entry.price),
        "state": _state(model),
    }


def _state(model: store.Listed) -> str:
    return "offered" if model.retired_ms is None else "retired"


def _shown_price(price: Price | None) -> str | None:
    """Dollars per million tokens, prompt and completion."""
    return None if price is None else f"${price.prompt / MICRO:g} / ${price.completion / MICRO:g}"
