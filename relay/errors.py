"""The one error base of the relay.

An error states a fact in its fields and builds its text in `__str__`, so that a handler decides on the fields and only
an edge turns it into words. `remedy` is what the person in front of the screen can do about it; empty when nothing.

    RelayError
    ├── storage.errors.StorageUnavailable, storage.vault.SealBroken
    ├── accounts.errors.NotAuthenticated, NameTaken, NoSuchRecord
    ├── catalogue.entries.BadEntry, catalogue.store.NoSuchModel, ModelExists
    └── ledger.errors.InsufficientCredit, AlreadySettled, LedgerUnavailable, LedgerInUse
"""

from __future__ import annotations


class RelayError(Exception):
    """Base of every error the relay raises on purpose."""

    @property
    def remedy(self) -> str:
        return ""
