"""Valid values of the ledger's tests, and the facts they look at."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from relay.ledger.calls import Admission, Delivered, LegTerms, NodePayee, Outcome, ProviderPayee
from relay.ledger.entries import Account, CallId, owner
from relay.ledger.pricing import Price
from relay.storage.ids import NodeId, OrganisationId, PersonId
from relay.storage.tables import labels, ledger_accounts, ledger_entries, usage
from relay.wire.frames import PicoDollars

ORGANISATION = OrganisationId(1)
OWNER = owner(PersonId(1))
NODE = NodeId("node-1")
PRICE = Price(PicoDollars(150_000), PicoDollars(600_000))
PLENTY = 1_000_000_000


def an_admission(call: int = 1, **changed: Any) -> Admission:
    values: dict[str, Any] = {
        "call": CallId(call),
        "organisation": ORGANISATION,
        "project": 1,
        "key": 1,
        "model": "nightjar-demo",
        "bound": 10_000_000,
        "stream": True,
        "started_ms": 1_767_225_600_000,
    }
    return Admission(**values | changed)


def node_leg(number: int = 1, **changed: Any) -> LegTerms:
    values: dict[str, Any] = {"target": f"node/{number}", "payee": NodePayee(NODE, OWNER), "price": PRICE}
    return LegTerms(number=number, **values | changed)


def provider_leg(number: int = 1, **changed: Any) -> LegTerms:
    values: dict[str, Any] = {"target": "acme/large", "payee": ProviderPayee("acme"), "price": PRICE}
    return LegTerms(number=number, **values | changed)


def an_outcome(prompt_tokens: int = 12, completion_tokens: int = 30, **changed: Any) -> Outcome:
    values: dict[str, Any] = {
        "state": "completed",
        "delivered": (Delivered(1, prompt_tokens, completion_tokens),),
        "finish_reason": "stop",
        "ttft_ms": 20,
        "duration_ms": 120,
    }
    return Outcome(**values | changed)


def balances(connection: Connection) -> dict[Account, int]:
    query = select(ledger_accounts.c.name, ledger_accounts.c.balance)
    return {Account(name): balance for name, balance in connection.execute(query)}


def usage_of(connection: Connection) -> dict[int, dict[str, Any]]:
    words: dict[int, str] = dict(connection.execute(select(labels.c.id, labels.c.text)).all())
    worded = ("model", "state", "target", "node", "provider", "token_source", "finish_reason", "error")
    return {
        row["call"]: {name: words.get(value) if name in worded else value for name, value in row.items()}
        for row in connection.execute(select(usage)).mappings()
    }


def entry_count(connection: Connection) -> int:
    return len(connection.execute(select(ledger_entries.c.source)).all())
