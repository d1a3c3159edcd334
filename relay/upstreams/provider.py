"""A provider: an outside company's OpenAI-format API, reached with our key.

The key belongs to its base URL and goes nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from relay.errors import RelayError
from relay.storage.secret import Secret
from relay.upstreams.http import Lane, Origin, Pool
from relay.upstreams.keys import ProviderKey, ProviderKeys
from relay.upstreams.port import Attempt, ResponseSink

MAX_NAME = 64
MAX_KEY = 4096
MAX_KEYS = 32
CHAT_PATH: Final = "/chat/completions"


class BadBaseUrl(RelayError):
    """A provider's base URL cannot be used."""

    remedy = "Give the URL up to and without /chat/completions, for example https://api.openai.com/v1."

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(url, reason)
        self.url = url
        self.reason = reason

    def __str__(self) -> str:
        return f"the base URL {self.url!r} {self.reason}"


class BadProvider(RelayError):
    """What an operator typed cannot be a provider."""

    remedy = "Correct it in the settings file, or with `nightjar-relay provider remove` and `add`."

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(name, problem)
        self.name = name
        self.problem = problem

    def __str__(self) -> str:
        return f"provider {self.name[:MAX_NAME]!r}: {self.problem}"


@dataclass(frozen=True, slots=True)
class Provider:
    """Where and how to ask."""

    name: str
    lane: Lane = field(repr=False)
    keys: ProviderKeys = field(repr=False)

    @classmethod
    def at(cls, name: str, base_url: str, *, key: Secret[str], pool: Pool) -> Provider:
        """Build one from what an operator typed; `key` has one key a line, or none.

        Raises:
            BadBaseUrl: not an http or https URL with a host, or one with parts a base URL cannot have.
            BadProvider: its name or its key cannot be written into a header.
        """
        check_provider(name, key)
        origin, path = parse_base_url(base_url)
        literal = f"[{origin.host}]" if ":" in origin.host else origin.host
        host = literal if origin.port == (443 if origin.tls else 80) else f"{literal}:{origin.port}"
        ask = [f"POST {path}{CHAT_PATH} HTTP/1.1", f"host: {host}", "content-type: application/json"]
        look = [f"GET {path}/models HTTP/1.1", f"host: {host}"]
        keys = [
            ProviderKey(
                "\r\n".join([*ask, *_authorization(each), "content-length: "]).encode(),
                "\r\n".join([*look, *_authorization(each), "", ""]).encode(),
            )
            for each in key.reveal().split("\n")
        ]
        return cls(name, pool.lane(origin), ProviderKeys(keys))

    def ask(self, body: bytes, sink: ResponseSink, key: ProviderKey, path: str = CHAT_PATH) -> Attempt:
        """Send a call; `sink` hears the answer. `path` is what stands behind the base URL."""
        prefix = key.prefix
        if path != CHAT_PATH:
            prefix = prefix.replace(f"{CHAT_PATH} HTTP".encode(), f"{path} HTTP".encode(), 1)
        return self.lane.request(b"%b%d\r\n\r\n%b" % (prefix, len(body), body), sink)

    def list_models(self, sink: ResponseSink, key: ProviderKey) -> Attempt:
        """Ask which models it has: whether it takes the key, at no cost."""
        return self.lane.request(key.look, sink)


def _authorization(key: str) -> list[str]:
    return [f"authorization: Bearer {key}"] if key else []


def check_provider(name: str, key: Secret[str]) -> None:
    """Both end up in header lines, where a line break would begin another. Raises BadProvider."""
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise BadProvider(name, f"its name must be 1 to {MAX_NAME} characters that can be seen")
    keys = key.reveal().split("\n")
    if len(keys) > MAX_KEYS or (len(keys) > 1 and not all(keys)):
        raise BadProvider(name, f"it can have at most {MAX_KEYS} keys, one a line, and no empty lines between them")
    if not all(len(each) <= MAX_KEY and each.isascii() and each.isprintable() for each in keys):
        raise BadProvider(name, f"a key must be one line of at most {MAX_KEY} plain ASCII characters")


def parse_base_url(url: str) -> tuple[Origin, str]:
    """Split a base URL into origin and path.

    Raises:
        BadBaseUrl: see `Provider.at`.
    """
    if any(character.isspace() or not character.isprintable() for character in url):
        raise BadBaseUrl(url, "contains a space or a control character")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadBaseUrl(url, f"cannot be read: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadBaseUrl(url, "is not an http or https URL")
    if parts.username or parts.query or parts.fragment:
        raise BadBaseUrl(url, "has a user name, a query or a fragment")
    tls = parts.scheme == "https"
    return Origin(parts.hostname, port or (443 if tls else 80), tls), parts.path.rstrip("/")
