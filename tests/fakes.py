"""Stand-ins for the other side, each true to the port or protocol it stands for."""

from __future__ import annotations

# --- desktop: a relay as the agent sees it -------------------------------------------------------------------------
import asyncio
import base64
import contextlib
import hashlib
import itertools
import os
import socket
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from typing_extensions import override

from desktop.agent.commands import Enrol
from desktop.errors import LocalRelayFailed, SourceSilent
from desktop.system.notifications import Notification, Pressed
from desktop.ui.private_relay import RelayState
from relay.wire.codec import Steps
from relay.wire.frames import CallHeader, CloseCode, Decline, Fail, Finish, HelloBody, LegId, Yield
from relay.wire.handshake import Enrolled, Proven
from relay.wire.identity import LinkSecrets, SigningKey, enrol_text, fingerprint, is_signed
from relay.wire.relay_session import RelaySession
from relay.wire.session import BodyWanted, RelayEvent
from relay.wire.version import NONCE_HEADER

Event = TypeVar("Event")
NODE_ID = "node-under-test"


@dataclass
class Answer:
    """What a node made of one call, as the relay saw it."""

    accepted: bool = False
    text: str = ""
    tokens: int = 0
    ends: list[str] = field(default_factory=list)
    terminal: Decline | Finish | Fail | Yield | None = None
    frames: int = 0


class FakeLink:
    """One session with a node; `heard` waits for what it says."""

    def __init__(self, websocket: WebSocket, session: RelaySession, *, patience_s: float) -> None:
        self.session = session
        self._patience_s = patience_s
        self.closed = asyncio.Event()
        self.close_code: int | None = None
        self.hello: HelloBody | None = None
        self.answers: dict[LegId, Answer] = {}
        self.log: list[RelayEvent] = []
        self._websocket = websocket
        self._news = asyncio.Condition()

    async def send(self, message: bytes) -> None:
        if message:
            await self._websocket.send_bytes(message)

    async def close(self, code: int) -> None:
        await self._websocket.close(code)

    async def heard(self, kind: type[Event], **fields: object) -> Event:
        """The first thing of this kind with these fields, heard already or still to come."""

        def found() -> Event | None:
            for event in self.log:
                if isinstance(event, kind) and all(getattr(event, name) == value for name, value in fields.items()):
                    return event
            return None

        await self._until(lambda: found() is not None)
        event = found()
        assert event is not None
        return event

    async def offer(self, question: str, **changed: Any) -> LegId:
        body = msgspec.json.encode({"model": "fake", "messages": [{"role": "user", "content": question}]})
        return await self.offer_body(body, **changed)

    async def offer_body(self, body: bytes, *, ids: bytes = b"", **changed: Any) -> LegId:
        values: dict[str, Any] = {"created": 1_760_000_000, "model": "fake", "kind": "chat", "n": 1, "deadline_s": 60.0}
        values |= {"seed": 1, "tenant": "t", "max_tokens": 1000}
        leg, message = self.session.offer(CallHeader(**values | changed), body, ids=ids)
        self.answers[leg] = Answer()
        await self.send(message)
        return leg

    async def cancel(self, leg: LegId) -> None:
        await self.send(self.session.cancel(leg, time.monotonic()))

    async def answer(self, leg: LegId) -> Answer:
        """The whole answer, once it has ended one way or another."""
        await self._until(lambda: self.answers[leg].terminal is not None)
        return self.answers[leg]

    async def text(self, leg: LegId, at_least: int = 1) -> str:
        """What there is of an answer, once it has that many characters."""
        await self._until(lambda: len(self.answers[leg].text) >= at_least)
        return self.answers[leg].text

    async def take(self, event: RelayEvent) -> None:
        self.log.append(event)
        match event:
            case Steps():
                for record in event.records:
                    answer = self.answers[record.leg]
                    answer.tokens += len(record.ids) // 4
                    answer.frames += 1
                    if record.kind == 3:
                        answer.ends.append(record.data.decode())
                    else:
                        answer.text += record.data.decode()
            case Decline() | Finish() | Fail() | Yield():
                self.answers[event.id].terminal = event
            case BodyWanted():
                while (part := self.session.next_part()) is not None:
                    await self.send(part.message)
            case _:
                pass
        await self.tell()

    async def tell(self) -> None:
        async with self._news:
            self._news.notify_all()

    async def _until(self, fact: Any) -> None:
        async with self._news, asyncio.timeout(self._patience_s):
            await self._news.wait_for(fact)


class FakeRelay:
    """Enrolment and node sockets on one real port, by the wire's own relay session; it routes nothing."""

    def __init__(self) -> None:
        self.key = SigningKey(os.urandom(32))
        self.port = 0
        self.tokens = {"good-token"}
        self.approved = asyncio.Event()
        self.denied = False
        self.polls_to_fail = 0
        self.proved = False
        self.public_key: bytes | None = None
        self.facts: dict[str, Any] = {}
        self.secrets = LinkSecrets()
        self.heartbeat_s = 15.0
        self.patience_s = 20.0
        self.refusal: tuple[CloseCode, str, float | None] | None = None
        self.links: list[FakeLink] = []
        self._nonces: set[bytes] = set()
        self._epochs = itertools.count(1)
        self._arrived = asyncio.Condition()
        self._enrolment: dict[str, Any] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    @contextlib.asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[FakeRelay]:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(
            self._app(), log_config=None, lifespan="off", ws="websockets-sansio", timeout_graceful_shutdown=1
        )
        server = _Server(config)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(server._serve([listener]))
            await server.up.wait()
            try:
                yield self
            finally:
                server.should_exit = server.force_exit = True
                await task
                listener.close()

    async def link(self, number: int = 1) -> FakeLink:
        """The `number`th session that ever became ready."""
        async with self._arrived, asyncio.timeout(self.patience_s):
            await self._arrived.wait_for(lambda: len(self.links) >= number)
        return self.links[number - 1]

    def _app(self) -> Starlette:
        steps = {"challenge": self._challenge, "start": self._start, "poll": self._poll, "proof": self._prove}
        steps["token"] = self._token
        routes: list[Any] = [Route(f"/v1/node/enrol/{name}", step, methods=["POST"]) for name, step in steps.items()]
        routes += [Route("/enrol", self._page), Route("/enrol/open", self._open)]
        return Starlette(routes=[*routes, WebSocketRoute("/v1/node", self._node)])

    # --- enrolment

    async def _challenge(self, _request: Request) -> Response:
        nonce = os.urandom(32)
        self._nonces.add(nonce)
        return _json({"nonce": nonce, "relay_id": self.key.fingerprint, "relay_key": self.key.public})

    async def _signed(self, request: Request) -> dict[str, Any] | None:
        """The body, if its signature holds."""
        body: dict[str, Any] = msgspec.json.decode(await request.body())
        nonce, facts, signature = (base64.b64decode(body[name]) for name in ("nonce", "facts", "signature"))
        self.facts = msgspec.json.decode(facts)
        public_key = base64.b64decode(self.facts["public_key"])
        text = enrol_text(host=self.place, nonce=nonce, facts=facts)
        if nonce not in self._nonces or not is_signed(text, signature, by=public_key):
            return None
        self._nonces.discard(nonce)
        self.public_key, self.secrets = public_key, LinkSecrets()
        return body

    async def _token(self, request: Request) -> Response:
        body = await self._signed(request)
        if body is None or body["token"] not in self.tokens:
            return _json({"error": {"message": "This token is not valid.", "code": "invalid_token"}}, status=403)
        self.tokens.discard(body["token"])
        return _json(self._identity())

    def _identity(self) -> dict[str, Any]:
        assert self.public_key is not None
        return {"node_id": NODE_ID, "key_id": fingerprint(self.public_key)}

    async def _start(self, request: Request) -> Response:
        body = await self._signed(request)
        if body is None:
            return _json({"error": {"message": "The signature does not hold.", "code": "bad_signature"}}, status=403)
        self._enrolment = body
        return _json(
            {
                "device_code": "device",
                "user_code": "BCDFGHJK",
                "approve_url": f"{self.url}/enrol",
                "open_url": f"{self.url}/enrol/open",
                "expires_in": 600,
                "interval": 1,
            }
        )

    async def _open(self, _request: Request) -> Response:
        port, state = self._enrolment["redirect_port"], self._enrolment["state"]
        return RedirectResponse(f"http://127.0.0.1:{port}/?code=proof-code&state={state}")

    async def _prove(self, request: Request) -> Response:
        body: dict[str, Any] = msgspec.json.decode(await request.body())
        digest = hashlib.sha256(body["verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        self.proved = body["code"] == "proof-code" and challenge == self._enrolment["code_challenge"]
        return _json({"continue_url": f"{self.url}/enrol"})

    async def _page(self, _request: Request) -> Response:
        return Response("approve", media_type="text/plain")

    async def _poll(self, _request: Request) -> Response:
        if self.polls_to_fail:
            self.polls_to_fail -= 1
            return _json({"error": {"message": "Busy.", "code": "busy"}}, status=503)
        if self.denied:
            return _json({"state": "denied"})
        if not self.approved.is_set():
            return _json({"state": "waiting"})
        return _json({"state": "approved"} | self._identity())

    # --- node sockets

    async def _node(self, websocket: WebSocket) -> None:
        await websocket.accept(subprotocol="nightjar.1")
        session = RelaySession(key=self.key, hosts=[self.place], nonce=os.urandom(32))
        link = FakeLink(websocket, session, patience_s=self.patience_s)
        nonce = bytes.fromhex(websocket.headers[NONCE_HEADER])
        await link.send(session.challenge(node_nonce=nonce, time=int(time.time())))
        try:
            if await self._greet(link):
                await self._listen(link)
        except WebSocketDisconnect as gone:
            link.close_code = gone.code
        finally:
            session.close()
            link.closed.set()
            await link.tell()

    async def _greet(self, link: FakeLink) -> bool:
        session = link.session
        (link.hello,) = session.receive(await link._websocket.receive_bytes(), time.monotonic())  # type: ignore[assignment]
        if self.refusal is not None:
            code, message, retry_after = self.refusal
            await link.send(session.refuse(code, message, retry_after=retry_after))
            await link.close(code)
            return False
        enrolled = Enrolled(self.public_key, self.secrets) if self.public_key else None
        verdict = session.judge(enrolled, fresh_secret=os.urandom(32))
        if not isinstance(verdict, Proven):
            await link.send(session.refuse(verdict.code, verdict.message))
            await link.close(verdict.code)
            return False
        self.secrets = verdict.secrets
        await link.send(session.welcome(session="s", epoch=next(self._epochs), heartbeat_s=self.heartbeat_s))
        async with self._arrived:
            self.links.append(link)
            self._arrived.notify_all()
        return True

    async def _listen(self, link: FakeLink) -> None:
        while True:
            for event in link.session.receive(await link._websocket.receive_bytes(), time.monotonic()):
                await link.take(event)


class _Server(uvicorn.Server):
    """Says when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


def _json(value: dict[str, Any], *, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status_code=status, media_type="application/json")


# --- desktop: a server of notifications ----------------------------------------------------------------------------


class FakeNotifications:
    """Shows nothing to anybody; `press` and `dismiss` are what its owner does. `silent`: there is no server."""

    def __init__(self, pressed: Pressed) -> None:
        self.shown: dict[int, Notification] = {}
        self.silent = False
        self._pressed = pressed
        self._numbers = itertools.count(1)

    async def show(self, notification: Notification, *, replaces: int = 0) -> int:
        self._look()
        number = replaces if replaces in self.shown else next(self._numbers)
        self.shown[number] = notification
        return number

    async def withdraw(self, number: int) -> None:
        self._look()
        self.shown.pop(number, None)

    def close(self) -> None:
        self._pressed = lambda _number, _token: None

    def press(self, number: int, token: str = "") -> None:
        """It goes, as it does with most servers."""
        if number in self.shown:
            self._pressed(number, token)
            self.dismiss(number)

    def dismiss(self, number: int) -> None:
        self.shown.pop(number, None)

    def _look(self) -> None:
        if self.silent:
            raise SourceSilent("notifications", "nobody shows them")


# --- desktop: a private relay beside the app -----------------------------------------------------------------------


class FakePrivateRelay:
    """Does at once what it is told, on the thread that tells it. `there`: whether its program is installed."""

    RUNNING = RelayState("running", "http://127.0.0.1:8484/v1", "http://127.0.0.1:8484", "sk-nj-AbCdEfGhIjKlMnOp")

    def __init__(self) -> None:
        self.there = True
        self._state = RelayState()
        self._hearers: list[Callable[[RelayState], None]] = []

    def installed(self) -> bool:
        return self.there

    def subscribe(self, hear: Callable[[RelayState], None], /) -> None:
        self._hearers.append(hear)
        hear(self._state)

    def start(self) -> None:
        self._say(self.RUNNING)

    def stop(self) -> None:
        self._say(RelayState("off"))

    def fail(self, problem: str) -> None:
        self._say(RelayState("failed", problem=problem))

    def invitation(self) -> Enrol:
        if self._state.kind != "running":
            raise LocalRelayFailed("it has not started yet")
        return Enrol(self._state.origin, "token")

    def _say(self, state: RelayState) -> None:
        self._state = state
        for hear in self._hearers:
            hear(state)
