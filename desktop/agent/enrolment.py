"""Makes this PC a node: a new key, its facts and a signature go to the relay, a node id comes back.

Two ways: a token that somebody gave the owner, or approval in the browser with a code. Nothing is stored here; the
supervisor keeps what comes out. The relay's key is pinned from the same answer that carries its nonce, over TLS.
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal, TypeVar

import certifi
import httpx
import msgspec

from desktop.agent.address import RelayAddress
from desktop.agent.loopback import Proof, listening
from desktop.agent.unreached import why_unreached
from desktop.errors import EnrolmentFailed, RelayUntrusted
from desktop.system.hardware import Facts
from relay.wire.identity import SEED_BYTES, SigningKey, enrol_text, fingerprint

log = logging.getLogger(__name__)

_TIMEOUT_S = 15.0
_SHORTEST_POLL_S = 1.0
_ANSWER_LIMIT = 64 * 1024

Answer = TypeVar("Answer", bound=msgspec.Struct)


class NodeFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the relay's people see of this PC before they approve it. Sent as the very bytes that are signed."""

    public_key: bytes
    name: str
    os: str
    app_version: str
    hardware: Facts


class _Challenge(msgspec.Struct, frozen=True):
    nonce: bytes
    relay_id: str
    relay_key: bytes


class _Started(msgspec.Struct, frozen=True):
    device_code: str
    user_code: str
    approve_url: str
    expires_in: float
    interval: float
    open_url: str = ""


class _Polled(msgspec.Struct, frozen=True):
    state: Literal["waiting", "approved", "denied", "expired"]
    node_id: str = ""
    key_id: str = ""


class _Proved(msgspec.Struct, frozen=True):
    continue_url: str


class _Joined(msgspec.Struct, frozen=True):
    node_id: str
    key_id: str


class _ErrorDetail(msgspec.Struct, frozen=True):
    message: str = ""


class _ErrorBody(msgspec.Struct, frozen=True):
    error: _ErrorDetail


@dataclass(frozen=True, slots=True)
class Waiting:
    """A person must approve `user_code` at `approve_url` before `expires_at`. `open_url` is for this PC's browser."""

    user_code: str
    approve_url: str
    open_url: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class Joined:
    """This PC is a node now."""

    relay: RelayAddress
    node_id: str
    key_id: str
    relay_key: bytes
    key: SigningKey


class _Unreachable(EnrolmentFailed):
    """No answer, or none that is meant: the next try may get one."""


class Enroller:
    """One attempt at one relay. All methods raise EnrolmentFailed, with a sentence for people, or RelayUntrusted."""

    def __init__(
        self,
        relay: RelayAddress,
        *,
        name: str,
        os_name: str,
        app_version: str,
        hardware: Facts,
        relay_key: bytes | None = None,
    ) -> None:
        """`relay_key`: the only relay to be believed, where it is known beforehand."""
        self._relay = relay
        self._expected = relay_key
        self._key = SigningKey(os.urandom(SEED_BYTES))
        self._facts = msgspec.json.encode(
            NodeFacts(public_key=self._key.public, name=name, os=os_name, app_version=app_version, hardware=hardware)
        )

    async def by_token(self, token: str) -> Joined:
        """At once, with a token that allows it."""
        async with relay_client(self._relay) as http:
            challenge = await self._challenge(http)
            joined = await self._post(http, "token", _Joined, self._signed(challenge) | {"token": token})
        return self._done(challenge, joined.node_id, joined.key_id)

    async def by_browser(self, show: Callable[[Waiting], None]) -> Joined:
        """When a person has approved it, which may take until it expires; `show` is called once the code is known."""
        proof = Proof()
        started: _Started | None = None
        async with relay_client(self._relay) as http:

            async def exchange(code: str) -> str | None:
                if started is None:
                    return None
                return await self._prove(
                    http, {"device_code": started.device_code, "code": code, "verifier": proof.verifier}
                )

            async with listening(proof.state, exchange) as port:
                challenge = await self._challenge(http)
                wish = {"redirect_port": port, "code_challenge": proof.challenge, "state": proof.state}
                started = await self._post(http, "start", _Started, self._signed(challenge) | wish)
                show(self._waiting(started))
                joined = await self._poll(http, started)
        return self._done(challenge, joined.node_id, joined.key_id)

    async def _challenge(self, http: httpx.AsyncClient) -> _Challenge:
        challenge = await self._post(http, "challenge", _Challenge, {})
        if fingerprint(challenge.relay_key) != challenge.relay_id:
            raise EnrolmentFailed(self._relay.url, "its answer contradicts itself")
        if self._expected is not None and challenge.relay_key != self._expected:
            raise RelayUntrusted(self._relay.url)
        return challenge

    def _signed(self, challenge: _Challenge) -> dict[str, Any]:
        text = enrol_text(host=self._relay.place, nonce=challenge.nonce, facts=self._facts)
        return {
            "nonce": challenge.nonce,
            "facts": self._facts,
            "signature": self._key.sign(text),
        }

    def _waiting(self, started: _Started) -> Waiting:
        """Pages come from the relay, and only pages of that relay are ever opened."""
        if not self._relay.contains(started.approve_url):
            raise EnrolmentFailed(self._relay.url, "it named a page elsewhere")
        opened = started.open_url if self._relay.contains(started.open_url) else started.approve_url
        return Waiting(started.user_code, started.approve_url, opened, time.time() + started.expires_in)

    async def _poll(self, http: httpx.AsyncClient, started: _Started) -> _Joined:
        """Asks until it is decided; a relay that is away for a moment does not undo what a person is about to do."""
        pause = max(started.interval, _SHORTEST_POLL_S)
        try:
            async with asyncio.timeout(started.expires_in + pause):
                while True:
                    await asyncio.sleep(pause)
                    try:
                        polled = await self._post(http, "poll", _Polled, {"device_code": started.device_code})
                    except _Unreachable as error:
                        log.info("the relay did not say whether it is decided", extra={"why": error.why})
                        continue
                    if polled.state == "approved":
                        return _Joined(polled.node_id, polled.key_id)
                    if polled.state != "waiting":
                        raise EnrolmentFailed(self._relay.url, _REFUSALS[polled.state], self._again)
        except TimeoutError as error:
            raise EnrolmentFailed(self._relay.url, _REFUSALS["expired"], self._again) from error

    @property
    def _again(self) -> str:
        return f"Try again: nightjar enroll --relay {self._relay.url}"

    async def _prove(self, http: httpx.AsyncClient, body: dict[str, Any]) -> str | None:
        try:
            proved = await self._post(http, "proof", _Proved, body)
        except EnrolmentFailed as error:
            log.info("the relay did not take the loopback proof", extra={"why": error.why})
            return None
        return proved.continue_url if self._relay.contains(proved.continue_url) else None

    def _done(self, challenge: _Challenge, node_id: str, key_id: str) -> Joined:
        if not node_id or key_id != self._key.fingerprint:
            raise EnrolmentFailed(self._relay.url, "it enrolled another key than this PC's")
        return Joined(self._relay, node_id, key_id, challenge.relay_key, self._key)

    async def _post(self, http: httpx.AsyncClient, step: str, answer: type[Answer], body: dict[str, Any]) -> Answer:
        try:
            response = await http.post(f"/v1/node/enrol/{step}", content=msgspec.json.encode(body))
        except httpx.HTTPError as error:
            raise EnrolmentFailed(
                self._relay.url, f"it cannot be reached ({why_unreached(error)})", "Check the address."
            ) from error
        if response.status_code != HTTPStatus.OK:
            passing = response.is_server_error or response.status_code == HTTPStatus.TOO_MANY_REQUESTS
            raise (_Unreachable if passing else EnrolmentFailed)(self._relay.url, _refusal(response))
        try:
            return msgspec.json.decode(response.content[:_ANSWER_LIMIT], type=answer)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise EnrolmentFailed(
                self._relay.url, "what answers there is not a Nightjar relay", "Check the address."
            ) from error


_REFUSALS = {"denied": "it was declined there", "expired": "nobody approved it in time"}


def tls_context() -> ssl.SSLContext:
    """Certificates of certifi, not of the system: a frozen build finds none of the system's on some Linuxes."""
    return ssl.create_default_context(cafile=certifi.where())


def relay_client(relay: RelayAddress) -> httpx.AsyncClient:
    """No redirects: the address that was typed is the one that is enrolled at. No proxy for this PC itself."""
    return httpx.AsyncClient(
        base_url=relay.url,
        verify=tls_context() if relay.scheme == "https" else False,
        timeout=_TIMEOUT_S,
        follow_redirects=False,
        trust_env=not relay.is_near,
        headers={"Content-Type": "application/json"},
    )


def _refusal(response: httpx.Response) -> str:
    """The relay's own sentence, or what the status says."""
    try:
        message = msgspec.json.decode(response.content[:_ANSWER_LIMIT], type=_ErrorBody).error.message
    except (msgspec.DecodeError, UnicodeDecodeError):
        message = ""
    if message:
        return message[:1].lower() + message[1:].rstrip(".")
    if response.status_code == HTTPStatus.NOT_FOUND:
        return "what answers there is not a Nightjar relay"
    return f"it answered {response.status_code} {response.reason_phrase}".strip()
