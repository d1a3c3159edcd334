"""Why a caller is not known, or a record cannot be made."""

from __future__ import annotations

import enum

from relay.errors import RelayError


class AuthenticationFault(enum.Enum):
    """What was wrong with the `Authorization` header. For logs: a caller learns only that the key is not valid."""

    MISSING = "no API key was given"
    MALFORMED = "the Authorization header is not 'Bearer KEY'"
    UNKNOWN = "no such API key"
    REVOKED = "the API key was revoked"
    EXPIRED = "the API key has expired"


class NotAuthenticated(RelayError):
    """No identity; nothing of the key is kept in the error."""

    def __init__(self, reason: AuthenticationFault) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason.value


class NameTaken(RelayError):
    """Another record of this kind already has the name."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(kind, name)
        self.kind = kind
        self.name = name

    @property
    def remedy(self) -> str:
        return "Choose another name."

    def __str__(self) -> str:
        return f"there is already a {self.kind} named {self.name!r}"


class NoSuchRecord(RelayError):
    """Nothing of this kind has the id."""

    def __init__(self, kind: str, identifier: object) -> None:
        super().__init__(kind, identifier)
        self.kind = kind
        self.identifier = identifier

    def __str__(self) -> str:
        return f"there is no {self.kind} {self.identifier}"
