"""What the verbs do in a relay's database; a running relay hears of it at its next look."""

from __future__ import annotations

import argparse
import secrets
import sys
from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from sqlalchemy import Connection

from relay.accounts import directory
from relay.cli.errors import NoRelay, UsageError
from relay.cli.output import NANO, Row
from relay.clock import SystemClock
from relay.configuration import holds_relay
from relay.ledger import store as ledger_store
from relay.ledger.entries import NanoDollars
from relay.nodes import store as node_store
from relay.nodes.enrolments import TokenGrant, issue_token
from relay.settings import RelaySettings
from relay.storage.engine import Database
from relay.storage.ids import KeyId, NodeId
from relay.storage.secret import Secret

MAX_TOKEN_USES = 10_000
MAX_TOKEN_HOURS = 24 * 365

MAX_CREDIT_USD = 1_000_000
"""At once. A slip of the keyboard costs less, and a thousand of them still fit the books' 64 bits."""


Command = Callable[[argparse.Namespace, Database, int], Row | list[Row]]


def in_relay(command: Command) -> Callable[[argparse.Namespace, RelaySettings], Row | list[Row]]:
    """For verbs that look at a relay, or change what is there: they must not make one by the way."""

    def run(parsed: argparse.Namespace, settings: RelaySettings) -> Row | list[Row]:
        if not settings.database.exists():
            raise NoRelay(settings.data)
        return _run(command, parsed, settings)

    return run


def in_prepared_relay(command: Command) -> Callable[[argparse.Namespace, RelaySettings], Row | list[Row]]:
    """For verbs that prepare a relay: also before its first start, where a person wrote its settings."""

    def run(parsed: argparse.Namespace, settings: RelaySettings) -> Row | list[Row]:
        if parsed.config is None and not holds_relay(settings.data):
            raise NoRelay(settings.data)
        return _run(command, parsed, settings)

    return run


def in_new_relay(command: Command) -> Callable[[argparse.Namespace, RelaySettings], Row | list[Row]]:
    """For the verb that begins a relay before its first start; it says where, as the folder may be mistyped."""

    def run(parsed: argparse.Namespace, settings: RelaySettings) -> Row | list[Row]:
        if not settings.database.exists():
            sys.stderr.write(
                f"nightjar-relay: this begins a relay in {settings.data}; nightjar-relay serve starts it\n"
            )
        return _run(command, parsed, settings)

    return run


def _run(command: Command, parsed: argparse.Namespace, settings: RelaySettings) -> Row | list[Row]:
    with Database.open(settings.database) as database:
        at_ms = SystemClock().now_ms()
        # Without a key: nobody would see it here. `serve` makes one when it finds none, and shows it.
        database.write_sync(lambda connection: directory.establish(connection, at_ms=at_ms))
        return command(parsed, database, at_ms)


def key_create(parsed: argparse.Namespace, database: Database, at_ms: int) -> Row:
    exposure = frozenset(filter(None, parsed.pools.split(",")))
    key = database.write_sync(
        lambda connection: directory.create_key(
            connection, directory.first_project(connection), name=parsed.name, at_ms=at_ms, exposure=exposure
        )
    )
    return {"id": key.id, "name": parsed.name, "key": key.value.reveal()}


def key_list(_parsed: argparse.Namespace, database: Database, _at_ms: int) -> list[Row]:
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


def key_revoke(parsed: argparse.Namespace, database: Database, at_ms: int) -> Row:
    database.write_sync(lambda connection: directory.revoke_key(connection, KeyId(parsed.id), at_ms=at_ms))
    return {"revoked": parsed.id}


def credit_add(parsed: argparse.Namespace, database: Database, at_ms: int) -> Row:
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


def credit_show(_parsed: argparse.Namespace, database: Database, _at_ms: int) -> Row:
    return database.read_sync(_credit)


def _credit(connection: Connection) -> Row:
    """What the first organisation can spend, as far as the running relay has written it down."""
    organisation = directory.first_organisation(connection)
    return {"credit_nano_usd": ledger_store.credits_of(connection).get(organisation, 0)}


def node_list(_parsed: argparse.Namespace, database: Database, _at_ms: int) -> list[Row]:
    return [
        {"id": node.id, "name": node.name, "pool": node.pool, "state": node.barred or "enrolled"}
        for node in database.read_sync(node_store.all_nodes)
    ]


def node_revoke(parsed: argparse.Namespace, database: Database, at_ms: int) -> Row:
    database.write_sync(
        lambda connection: node_store.revoke(
            connection, NodeId(parsed.id), organisation=directory.first_organisation(connection), at_ms=at_ms
        )
    )
    return {"revoked": parsed.id}


def node_token(parsed: argparse.Namespace, database: Database, at_ms: int) -> Row:
    if not 1 <= parsed.uses <= MAX_TOKEN_USES or not 0 < parsed.hours <= MAX_TOKEN_HOURS:
        raise UsageError(f"--uses must be 1 to {MAX_TOKEN_USES}, --hours more than 0 and at most {MAX_TOKEN_HOURS}")
    expires_ms = at_ms + round(parsed.hours * 3_600_000)

    def issue(connection: Connection) -> Secret[str]:
        organisation, person = directory.first_organisation(connection), directory.first_person(connection)
        grant = TokenGrant(organisation, person, parsed.pool)
        return issue_token(connection, grant, uses=parsed.uses, at_ms=at_ms, expires_ms=expires_ms)

    token = database.write_sync(issue)
    return {"token": token.reveal(), "uses": parsed.uses, "pool": parsed.pool, "expires_ms": expires_ms}
