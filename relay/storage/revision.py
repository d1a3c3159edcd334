"""A counter that rises with every change of the control plane, whichever process made it.

The server looks at it several times a second and reloads its snapshots (keys, nodes, providers) when it moved: a key
revoked on the command line stops working in the running relay.
"""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from relay.storage.tables import revision

_NAME = "control"


def bump(connection: Connection) -> None:
    """Part of every transaction that changes what a running relay keeps in memory."""
    connection.execute(update(revision).where(revision.c.name == _NAME).values(value=revision.c.value + 1))


def current(connection: Connection) -> int:
    value: int = connection.execute(select(revision.c.value).where(revision.c.name == _NAME)).scalar_one()
    return value
