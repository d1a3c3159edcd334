"""Enrolment and the pages on a real server, without the rest of a relay; a desktop and a browser to use them."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
import uvicorn
from fastapi import FastAPI

from relay.accounts import directory
from relay.accounts.keys import Keyring
from relay.api import enrolment as enrolment_routes
from relay.clock import ManualClock
from relay.console import site
from relay.nodes import store
from relay.nodes.enrolment import Enrolment
from relay.nodes.registry import Registry
from relay.settings import EnrolmentSettings
from relay.storage.engine import Database
from relay.storage.ids import PersonId
from relay.wire.identity import SigningKey, enrol_text

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
FACTS: dict[str, Any] = {
    "name": "Kitchen PC",
    "os": "Debian 12",
    "app_version": "0.1.0",
    "hardware": {
        "cpu": "Ryzen 7 5800X",
        "cores": 8,
        "threads": 16,
        "memory_mib": 32_768,
        "gpu": "RTX 3060",
        "gpus": 1,
        "gpu_memory_mib": 12_288,
    },
}


@dataclass
class Portal:
    database: Database
    first: directory.Bootstrap
    keyring: Keyring
    registry: Registry
    enrolment: Enrolment
    clock: ManualClock
    port: int

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    @property
    def api_key(self) -> str:
        return self.first.key.value.reveal()

    async def nodes(self) -> list[store.NodeRecord]:
        return list(await self.database.read(store.all_nodes))

    async def another_key(self, name: str = "Second", role: str = "member") -> str:
        """A key made by another person of the same organisation."""

        def work(connection: Any) -> str:
            person = directory.create_person(connection, name, at_ms=self.clock.now_ms())
            at_ms = self.clock.now_ms()
            directory.add_member(connection, self.first.organisation, person, role=role, at_ms=at_ms)  # type: ignore[arg-type]
            key = directory.create_key(
                connection, self.first.project, name=f"Key of {name}", at_ms=at_ms, created_by=PersonId(person)
            )
            return key.value.reveal()

        value = await self.database.write(work)
        await self.reload_keys()
        return value

    async def reload_keys(self) -> None:
        self.keyring.load(await self.database.read(directory.key_records))


@asynccontextmanager
async def open_portal(
    database: Database, first: directory.Bootstrap, settings: EnrolmentSettings | None = None
) -> AsyncIterator[Portal]:
    listener = socket.create_server(("127.0.0.1", 0))
    port: int = listener.getsockname()[1]
    clock = ManualClock()
    key = database.write_sync(lambda connection: store.signing_key(connection, at_ms=clock.now_ms()))
    keyring = Keyring(clock, database.read_sync(directory.key_records))
    registry = Registry()
    enrolment = Enrolment(database, key=key, hosts=[f"127.0.0.1:{port}"], clock=clock, settings=settings)
    app = FastAPI(openapi_url=None)
    app.include_router(enrolment_routes.router(enrolment))
    app.include_router(site.router(database, keyring, enrolment, registry=registry, clock=clock))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None))
    async with asyncio.TaskGroup() as group:
        group.create_task(server._serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.005)
        try:
            yield Portal(database, first, keyring, registry, enrolment, clock, port)
        finally:
            server.should_exit = True


class Desktop:
    """A PC that asks to be enrolled, step by step."""

    def __init__(self, portal: Portal, seed: int = 1, **facts: Any) -> None:
        self.key = SigningKey(bytes([seed]) * 32)
        self.facts = msgspec.json.encode({"public_key": self.key.public} | FACTS | facts)
        self.started: dict[str, Any] = {}
        self._portal = portal
        self._http = httpx.AsyncClient(base_url=portal.url, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def post(self, step: str, body: Any) -> httpx.Response:
        return await self._http.post(f"/v1/node/enrol/{step}", content=msgspec.json.encode(body))

    async def signed(self, **changed: Any) -> dict[str, Any]:
        challenge = (await self.post("challenge", {})).raise_for_status().json()
        nonce = base64.b64decode(challenge["nonce"])
        host = changed.pop("host", self._portal.host)
        text = enrol_text(host=host, nonce=nonce, facts=self.facts)
        return {"nonce": nonce, "facts": self.facts, "signature": self.key.sign(text)} | changed

    async def start(self, **loopback: Any) -> dict[str, Any]:
        """Applies; returns the relay's answer."""
        response = await self.post("start", await self.signed() | loopback)
        self.started = response.raise_for_status().json()
        return self.started

    async def start_with_loopback(self, port: int = 4711) -> dict[str, Any]:
        return await self.start(redirect_port=port, code_challenge=CHALLENGE, state="s" * 22)

    async def poll(self) -> dict[str, Any]:
        response = await self.post("poll", {"device_code": self.started["device_code"]})
        answer: dict[str, Any] = response.raise_for_status().json()
        return answer

    async def prove(self, code: str, verifier: str = VERIFIER) -> httpx.Response:
        body = {"device_code": self.started["device_code"], "code": code, "verifier": verifier}
        return await self.post("proof", body)


class Browser:
    """A browser without scripts: follows links and forms, keeps cookies."""

    def __init__(self, portal: Portal) -> None:
        self._http = httpx.AsyncClient(base_url=portal.url, trust_env=False, follow_redirects=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    @property
    def cookies(self) -> httpx.Cookies:
        return self._http.cookies

    async def get(self, url: str) -> httpx.Response:
        return await self._http.get(url)

    async def submit(self, page: httpx.Response, action: str, **fields: str) -> httpx.Response:
        """Sends the page's form with this action, its hidden fields included; follows a redirect to a page."""
        return await self.post(action, hidden_fields(page.text, action) | fields)

    async def post(self, action: str, fields: dict[str, str], **headers: str) -> httpx.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        response = await self._http.post(action, data=fields, headers={"sec-fetch-site": "same-origin"} | sent)
        if response.status_code == 303:
            return await self.get(response.headers["location"])
        return response

    async def sign_in(self, key: str, to: str = "/console") -> httpx.Response:
        return await self.submit(await self.get(to), "/enrol/sign-in", key=key)

    async def type_code(self, code: str) -> httpx.Response:
        return await self.submit(await self.get("/enrol"), "/enrol/code", code=code)


def hidden_fields(html: str, action: str) -> dict[str, str]:
    """Names and values of the hidden fields of the form with this action."""
    found = re.search(rf'<form[^>]*action="{re.escape(action)}"[^>]*>(.*?)</form>', html, re.DOTALL)
    assert found, f"no form for {action} in:\n{html}"
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', found.group(1)))


def loopback_query(location: str) -> dict[str, str]:
    """Code and state of the redirect to 127.0.0.1."""
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
