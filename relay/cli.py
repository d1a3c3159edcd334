"""The verbs of `nightjar-relay`. Each works on the data folder; a running relay hears of changes within a second.

What a person did wrong is answered in one line on standard error, with exit status 1, or 2 for a wrong command line.
"""

from __future__ import annotations

import argparse
import dataclasses
import secrets
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec
from sqlalchemy import Connection

from relay import __doc__ as relay_doc
from relay.accounts import directory
from relay.accounts.identity import DEFAULT_EXPOSURE
from relay.clock import SystemClock
from relay.configuration import load
from relay.errors import RelayError
from relay.ledger import store as ledger_store
from relay.ledger.entries import NanoDollars
from relay.ledger.pricing import Price
from relay.nodes import store as node_store
from relay.nodes.enrolments import TokenGrant, issue_token
from relay.settings import RelaySettings
from relay.storage.engine import Database
from relay.storage.ids import KeyId, NodeId
from relay.storage.secret import Secret
from relay.upstreams.providers import DEFAULT_CONTEXT, OfferedModel, add_provider, disable_provider, list_providers
from relay.wire.frames import PicoDollars

if TYPE_CHECKING:
    from relay.server import Announcement

MAX_TOKEN_USES = 10_000
MAX_TOKEN_HOURS = 24 * 365
MICRO = 1_000_000
"""Micro-dollars in a dollar. A price of $1 per million tokens is 1,000,000 pico-dollars a token."""

NANO = 1_000_000_000
MAX_CREDIT_USD = 1_000_000
"""At once. A slip of the keyboard costs less, and a thousand of them still fit the books' 64 bits."""

Row = dict[str, Any]


class UsageError(RelayError):
    """The command line asks for something that cannot be."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return self.problem


class NoRelay(RelayError):
    """The folder holds no relay's data."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder

    def __str__(self) -> str:
        return (
            f"there is no relay in {self.folder}; start one with nightjar-relay serve, or name its folder with --data"
        )


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, and how to learn more."""

    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"{self.prog}: {message} (see {self.prog} --help)\n")
        sys.exit(2)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    parsed = _parser().parse_args(arguments)
    try:
        settings = load(parsed.data, parsed.config)
        output = parsed.run(parsed, settings)
    except RelayError as error:
        remedy = f" {error.remedy}" if error.remedy else ""
        sys.stderr.write(f"nightjar-relay: {error}.{remedy}\n".replace("..", "."))
        return 1
    if output is not None:
        sys.stdout.write(_render(output, as_json=parsed.json))
    return 0


def _render(output: Row | list[Row], *, as_json: bool) -> str:
    if as_json:
        return msgspec.json.encode(output).decode() + "\n"
    if isinstance(output, dict):
        output = dict(_for_people(name, value) for name, value in output.items())
        width = max(map(len, output))
        return "".join(f"{name:<{width}}  {_shown(value)}\n" for name, value in output.items())
    return _table(output) if output else "None yet.\n"


def _table(rows: list[Row]) -> str:
    head = list(rows[0])
    cells = [head, *([_shown(row[name]) for name in head] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
    return "".join(
        "  ".join(f"{text:<{width}}" for text, width in zip(line, widths, strict=True)).rstrip() + "\n"
        for line in cells
    )


def _for_people(name: str, value: Any) -> tuple[str, object]:
    """A field whose name ends in its unit, as people read it; JSON keeps the number."""
    if name.endswith("_nano_usd"):
        return name.removesuffix("_nano_usd"), _dollars(value)
    return name, value


def _dollars(nano: int) -> str:
    """With cents, and smaller parts only where there are some."""
    whole, _, parts = f"{abs(nano) / Decimal(NANO):,.9f}".partition(".")
    return f"{'-' if nano < 0 else ''}${whole}.{parts.rstrip('0'):0<2}"


def _shown(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "-" if value is None else str(value)


# --- the command line -------------------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--data", type=Path, metavar="DIR", help="data folder (default: the user's, or $NIGHTJAR_HOME/relay)"
    )
    common.add_argument(
        "--config", type=Path, metavar="FILE", help="settings file (default: relay.toml in the data folder)"
    )
    common.add_argument("--json", action="store_true", help="print JSON")
    parser = _Parser("nightjar-relay", description=(relay_doc or "").splitlines()[0])
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)
    _serve_parser(verbs, common)
    _key_parser(verbs, common)
    _credit_parser(verbs, common)
    _provider_parser(verbs, common)
    _node_parser(verbs, common)
    return parser


def _serve_parser(verbs: Any, common: argparse.ArgumentParser) -> None:
    parser = verbs.add_parser("serve", parents=[common], help="run the relay")
    parser.add_argument("--host", help="address to listen on (default 127.0.0.1: this computer only)")
    parser.add_argument("--port", type=int, help="TCP port (default 8484; 0 takes a free one)")
    parser.add_argument("--edge", choices=("http", "asgi"), help="who serves the hot routes (default http)")
    parser.add_argument("--demo", action="store_true", help="start with a little credit, so that a first call works")
    parser.add_argument("--announce", type=Path, metavar="FILE", help="write addresses and a key here when ready")
    parser.add_argument("--parent-pipe", action="store_true", help="stop when standard input ends")
    parser.set_defaults(run=_serve)


def _key_parser(verbs: Any, common: argparse.ArgumentParser) -> None:
    keys = verbs.add_parser("key", help="make, list and revoke API keys").add_subparsers(
        metavar="ACTION", required=True
    )
    create = keys.add_parser("create", parents=[common], help="make a key; it is shown this once")
    create.add_argument("name", nargs="?", default="key", help="what you will know it by")
    create.add_argument("--pools", default=",".join(sorted(DEFAULT_EXPOSURE)), help="pools it may reach, with commas")
    create.set_defaults(run=_in_new_relay(_key_create))
    keys.add_parser("list", parents=[common], help="list keys").set_defaults(run=_in_relay(_key_list))
    revoke = keys.add_parser("revoke", parents=[common], help="end a key")
    revoke.add_argument("id", type=int, help="its number in the list")
    revoke.set_defaults(run=_in_relay(_key_revoke))


def _credit_parser(verbs: Any, common: argparse.ArgumentParser) -> None:
    credit = verbs.add_parser("credit", help="add and show what callers can spend").add_subparsers(
        metavar="ACTION", required=True
    )
    add = credit.add_parser("add", parents=[common], help="add credit; a running relay has it at once")
    add.add_argument("amount", metavar="AMOUNT_USD", help="dollars, for example 5 or 0.50")
    add.add_argument("--reference", metavar="R", help="what it is for; the same one a second time adds nothing")
    add.set_defaults(run=_in_new_relay(_credit_add))
    credit.add_parser("show", parents=[common], help="show what is left").set_defaults(run=_in_relay(_credit_show))


def _provider_parser(verbs: Any, common: argparse.ArgumentParser) -> None:
    providers = verbs.add_parser("provider", help="add, list and remove providers").add_subparsers(
        metavar="ACTION", required=True
    )
    add = providers.add_parser("add", parents=[common], help="add an OpenAI-format API")
    add.add_argument("name", help="what targets are called after")
    add.add_argument("--base-url", required=True, help="for example https://api.openai.com/v1")
    add.add_argument("--key", default="", help="its API key; - reads it from standard input")
    add.add_argument(
        "--model", action="append", required=True, metavar="NAME[=UPSTREAM]", help="a model it offers; repeatable"
    )
    add.add_argument("--price-prompt", type=float, default=0.0, metavar="USD", help="per million prompt tokens")
    add.add_argument("--price-completion", type=float, default=0.0, metavar="USD", help="per million completion tokens")
    add.add_argument("--context", type=int, default=DEFAULT_CONTEXT, metavar="TOKENS", help="context of its models")
    add.set_defaults(run=_in_new_relay(_provider_add))
    providers.add_parser("list", parents=[common], help="list providers").set_defaults(run=_in_relay(_provider_list))
    remove = providers.add_parser("remove", parents=[common], help="take a provider out of service")
    remove.add_argument("name")
    remove.set_defaults(run=_in_relay(_provider_remove))


def _node_parser(verbs: Any, common: argparse.ArgumentParser) -> None:
    nodes = verbs.add_parser("node", help="list and revoke nodes, make enrolment tokens").add_subparsers(
        metavar="ACTION", required=True
    )
    nodes.add_parser("list", parents=[common], help="list nodes").set_defaults(run=_in_relay(_node_list))
    revoke = nodes.add_parser("revoke", parents=[common], help="end a node; its socket closes within seconds")
    revoke.add_argument("id")
    revoke.set_defaults(run=_in_relay(_node_revoke))
    token = nodes.add_parser("token", parents=[common], help="make a token that enrols a PC without a browser")
    token.add_argument("--uses", type=int, default=1, help="how many PCs (default 1)")
    token.add_argument("--hours", type=float, default=24.0, help="how long it is valid (default 24)")
    token.add_argument("--pool", choices=("own", "organisation"), default="own", help="who may use them")
    token.set_defaults(run=_in_new_relay(_node_token))


Command = Callable[[argparse.Namespace, Database, int], Row | list[Row]]


def _in_relay(command: Command) -> Callable[[argparse.Namespace, RelaySettings], Row | list[Row]]:
    """For verbs that look at a relay, or change what is there: they must not make one by the way."""

    def run(parsed: argparse.Namespace, settings: RelaySettings) -> Row | list[Row]:
        if not settings.database.exists():
            raise NoRelay(settings.data)
        return _run(command, parsed, settings)

    return run


def _in_new_relay(command: Command) -> Callable[[argparse.Namespace, RelaySettings], Row | list[Row]]:
    """For verbs that prepare a relay, so also before its first start."""
    return lambda parsed, settings: _run(command, parsed, settings)


def _run(command: Command, parsed: argparse.Namespace, settings: RelaySettings) -> Row | list[Row]:
    with Database.open(settings.database) as database:
        at_ms = SystemClock().now_ms()
        # Without a key: nobody would see it here. `serve` makes one when it finds none, and shows it.
        database.write_sync(lambda connection: directory.establish(connection, at_ms=at_ms))
        return command(parsed, database, at_ms)


# --- commands ---------------------------------------------------------------------------------------------------------


def _serve(parsed: argparse.Namespace, settings: RelaySettings) -> None:
    from relay.server import serve

    given = {name: value for name in ("host", "port", "edge") if (value := getattr(parsed, name)) is not None}
    server = dataclasses.replace(settings.server, **given)
    if not 0 <= server.port <= 65535:
        raise UsageError(f"--port must be between 0 and 65535, not {server.port}")
    settings = dataclasses.replace(settings, server=server, demo=parsed.demo or settings.demo)
    serve(settings, announce=parsed.announce, until_parent_ends=parsed.parent_pipe, show=_show_ready)


def _show_ready(announcement: Announcement) -> None:
    lines = [
        "Nightjar Relay is ready.",
        f"  API       {announcement.endpoint}",
        f"  Console   {announcement.console}",
    ]
    if announcement.api_key:
        lines.append(f"  API key   {announcement.api_key}   (shown this once)")
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _key_create(parsed: argparse.Namespace, database: Database, at_ms: int) -> Row:
    exposure = frozenset(filter(None, parsed.pools.split(",")))
    key = database.write_sync(
        lambda connection: directory.create_key(
            connection, directory.first_project(connection), name=parsed.name, at_ms=at_ms, exposure=exposure
        )
    )
    return {"id": key.id, "name": parsed.name, "key": key.value.reveal()}


def _key_list(_parsed: argparse.Namespace, database: Database, _at_ms: int) -> list[Row]:
    return [
        {
            "id": key.id,
            "name": key.name,
            "key": key.shown + "…",
            "project": key.project_name,
            "state": "revoked" if key.revoked_ms else "active",
        }
        for key in database.read_sync(directory.list_keys)
    ]


def _key_revoke(parsed: argparse.Namespace, database: Database, at_ms: int) -> Row:
    database.write_sync(lambda connection: directory.revoke_key(connection, KeyId(parsed.id), at_ms=at_ms))
    return {"revoked": parsed.id}


def _credit_add(parsed: argparse.Namespace, database: Database, at_ms: int) -> Row:
    amount = _nano(parsed.amount)
    reference = parsed.reference or f"command line {secrets.token_hex(8)}"

    def add(connection: Connection) -> Row:
        organisation = directory.first_organisation(connection)
        done = ledger_store.deposit(connection, organisation, amount=amount, reference=reference, at_ms=at_ms)
        return {"added_nano_usd": amount if done else 0, "reference": reference, **_credit(connection)}

    return database.write_sync(add)


def _nano(text: str) -> NanoDollars:
    try:
        amount = Decimal(text.removeprefix("$")) * NANO
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or not 0 < amount <= MAX_CREDIT_USD * NANO or amount != int(amount):
        raise UsageError(f"AMOUNT_USD must be a number of dollars, more than 0 and at most {MAX_CREDIT_USD:,}")
    return NanoDollars(int(amount))


def _credit_show(_parsed: argparse.Namespace, database: Database, _at_ms: int) -> Row:
    return database.read_sync(_credit)


def _credit(connection: Connection) -> Row:
    """What the first organisation can spend, as far as the running relay has written it down."""
    organisation = directory.first_organisation(connection)
    return {"credit_nano_usd": ledger_store.credits_of(connection).get(organisation, 0)}


def _provider_add(parsed: argparse.Namespace, database: Database, at_ms: int) -> Row:
    key = sys.stdin.readline().strip() if parsed.key == "-" else parsed.key
    price = Price(_pico(parsed.price_prompt, "--price-prompt"), _pico(parsed.price_completion, "--price-completion"))
    models = []
    for text in parsed.model:
        name, _, upstream = text.partition("=")
        models.append(OfferedModel(name=name, upstream=upstream or name, context=parsed.context, price=price))
    database.write_sync(
        lambda connection: add_provider(
            connection, parsed.name, base_url=parsed.base_url, key=Secret(key), models=models, at_ms=at_ms
        )
    )
    return {"name": parsed.name, "base_url": parsed.base_url, "models": [model.name for model in models]}


def _pico(dollars: float, option: str) -> PicoDollars:
    if not 0 <= dollars <= 1_000_000:
        raise UsageError(f"{option} must be between 0 and 1,000,000 dollars per million tokens")
    return PicoDollars(round(dollars * MICRO))


def _provider_list(_parsed: argparse.Namespace, database: Database, _at_ms: int) -> list[Row]:
    return [
        {"name": each.name, "base_url": each.base_url, "models": [model.name for model in each.models]}
        for each in database.read_sync(list_providers)
    ]


def _provider_remove(parsed: argparse.Namespace, database: Database, at_ms: int) -> Row:
    database.write_sync(lambda connection: disable_provider(connection, parsed.name, at_ms=at_ms))
    return {"removed": parsed.name}


def _node_list(_parsed: argparse.Namespace, database: Database, _at_ms: int) -> list[Row]:
    return [
        {"id": node.id, "name": node.name, "pool": node.pool, "state": node.barred or "enrolled"}
        for node in database.read_sync(node_store.all_nodes)
    ]


def _node_revoke(parsed: argparse.Namespace, database: Database, at_ms: int) -> Row:
    database.write_sync(
        lambda connection: node_store.revoke(
            connection, NodeId(parsed.id), organisation=directory.first_organisation(connection), at_ms=at_ms
        )
    )
    return {"revoked": parsed.id}


def _node_token(parsed: argparse.Namespace, database: Database, at_ms: int) -> Row:
    if not 1 <= parsed.uses <= MAX_TOKEN_USES or not 0 < parsed.hours <= MAX_TOKEN_HOURS:
        raise UsageError(f"--uses must be 1 to {MAX_TOKEN_USES}, --hours more than 0 and at most {MAX_TOKEN_HOURS}")
    expires_ms = at_ms + round(parsed.hours * 3_600_000)

    def issue(connection: Connection) -> Secret[str]:
        organisation, person = directory.first_organisation(connection), directory.first_person(connection)
        grant = TokenGrant(organisation, person, parsed.pool)
        return issue_token(connection, grant, uses=parsed.uses, at_ms=at_ms, expires_ms=expires_ms)

    token = database.write_sync(issue)
    return {"token": token.reveal(), "uses": parsed.uses, "pool": parsed.pool, "expires_ms": expires_ms}
