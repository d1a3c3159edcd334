"""A relay's ledger under load, in a process that is there to be killed.

It tells on a pipe what has left it: a line per call with its first dispatch, which must be in the journal by then, and
a line per token, *before* the board hears of it, as a real write to a socket comes before its count.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from relay.clock import SystemClock
from relay.faults import crash
from relay.ledger.books import CallBooks
from relay.ledger.calls import Delivered, LegTerms, NodePayee
from relay.ledger.entries import owner
from relay.ledger.pricing import Price
from relay.ledger.service import Ledger
from relay.storage.engine import Database
from relay.storage.ids import NodeId, PersonId
from relay.wire.frames import PicoDollars
from tests.relay.ledger.values import an_admission, an_outcome

NANO_PER_TOKEN = 1000
PRICE = Price(PicoDollars(0), PicoDollars(NANO_PER_TOKEN * 1000))

Tell = Callable[[str], None]


@dataclass(slots=True)
class Stream:
    """One running answer."""

    call: int
    books: CallBooks
    tokens: list[int] = field(default_factory=list)

    def begin_leg(self, tell: Tell) -> None:
        self.tokens.append(0)
        number = len(self.tokens)
        payee = NodePayee(NodeId(f"node-{number}"), owner(PersonId(number)))
        self.books.leg(LegTerms(number=number, target=f"node/{number}", payee=payee, price=PRICE))
        if number == 1:
            tell(f"dispatched {self.call}\n")
        crash.point("after_dispatch")

    def write_token(self, tell: Tell) -> None:
        self.tokens[-1] += 1
        tell(f"token {self.call} {len(self.tokens)} {self.tokens[-1]}\n")
        self.books.progress(self.tokens[-1], 4 * self.tokens[-1])

    def end(self, tell: Tell) -> None:
        crash.point("after_last_token")
        delivered = tuple(Delivered(leg, 0, tokens) for leg, tokens in enumerate(self.tokens, start=1) if tokens)
        self.books.settle(an_outcome(delivered=delivered))
        tell(f"settled {self.call}\n")


def run(folder: str, pipe: int, seed: int = 0, calls: int = 1_000_000) -> None:
    """Runs `calls` calls, eight at a time."""
    chance = random.Random(seed)
    with Database.open(Path(folder) / "relay.db") as database:
        ledger = Ledger.open(database, Path(folder) / "ledger", SystemClock())
        streams: list[Stream] = []
        ids = count(1)

        def tell(line: str) -> None:
            os.write(pipe, line.encode())

        while calls or streams:
            if calls and len(streams) < 8:
                calls -= 1
                call = next(ids)
                streams.append(Stream(call, ledger.admit(an_admission(call, bound=100 * NANO_PER_TOKEN))))
            stream = chance.choice(streams)
            step(stream, chance, tell)
            if len(stream.tokens) and sum(stream.tokens) >= 40 and chance.random() < 0.1:
                stream.end(tell)
                streams.remove(stream)
        ledger.close()


def step(stream: Stream, chance: random.Random, tell: Tell) -> None:
    if not stream.tokens or (len(stream.tokens) < 3 and chance.random() < 0.02):
        stream.begin_leg(tell)
    if sum(stream.tokens) < 90:
        stream.write_token(tell)


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]), calls=int(sys.argv[3]))
