"""A provider and a node that play: well most of the time, and at every stage in every way badly."""

from __future__ import annotations

import hashlib
import itertools
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from relay.nodes.facts import NodeFacts
from relay.nodes.link import NodeLink
from relay.nodes.registry import Registry
from relay.storage.ids import NodeId, OrganisationId, PersonId
from relay.upstreams.keys import ProviderKey, ProviderKeys
from relay.upstreams.port import Attempt, ResponseSink
from relay.upstreams.provider import Provider
from relay.wire.errors import ProtocolViolation
from relay.wire.frames import AdvertisedModel, Call, Cancel, CloseCode, Resume, StepKind, Usage
from relay.wire.handshake import Enrolled, NodeIdentity
from relay.wire.identity import SigningKey
from relay.wire.node_session import NodeSession
from relay.wire.relay_session import RelaySession
from relay.wire.session import CallOffered
from relay.wire.steps import StepRecord
from tests.relay.simulation.loop import Pipe, VirtualLoop
from tests.relay.simulation.truth import MODEL, text, word, words_wanted

PROMPT = 5
RELAY_KEY = SigningKey(b"r" * 32)
HOST = "relay.example:443"


def _length(body: bytes, limit: int | None) -> tuple[int, str]:
    """How many words the answer has, and why it ends there."""
    wanted = words_wanted(body)
    return (limit, "length") if limit is not None and limit < wanted else (wanted, "stop")


# --- a provider -------------------------------------------------------------------------------------------------------


class ProviderAttempt(Attempt):
    """One request at the provider; `over` when neither side has anything to say any more."""

    def __init__(self) -> None:
        self.over = False

    def cancel(self) -> None:
        self.over = True

    def finish(self) -> None:
        self.over = True

    def pause(self) -> None:
        """It goes on: the relay's buffers are not part of this world."""

    def resume(self) -> None:
        """As `pause`."""


REFUSALS: Sequence[tuple[int, bytes]] = [
    (400, b'{"error":{"message":"temperature is too high"}}'),
    (401, b'{"error":{"message":"bad key"}}'),
    (404, b'{"error":{"message":"no such model","code":"model_not_found"}}'),
    (429, b'{"error":{"message":"slow down"}}'),
    (500, b'{"error":{"message":"oops"}}'),
    (503, b"<html>"),
    (200, b'{"error":{"message":"overloaded"}}'),
]
FAULTS = ("refusal", "reset", "silence", "error event", "early DONE", "bad event")


class PlayedProvider:
    """Stands where a `Provider` stands, and is asked as one."""

    def __init__(self, name: str, loop: VirtualLoop, rng: random.Random) -> None:
        self.name = name
        self.keys = ProviderKeys([ProviderKey(b"one"), ProviderKey(b"two")])
        self.attempts: list[ProviderAttempt] = []
        self._loop = loop
        self._rng = rng

    @property
    def provider(self) -> Provider:
        return cast("Provider", self)

    def ask(self, body: bytes, sink: ResponseSink, _key: ProviderKey, _path: str) -> Attempt:
        attempt = ProviderAttempt()
        self.attempts.append(attempt)
        play = _ProviderPlay(attempt, sink, json.loads(body), self._rng)
        pipe = Pipe(self._loop)
        for step in play.steps(_length(body, play.limit)):
            pipe.carry(self._rng.expovariate(20), _unless_over(attempt, step))
        return attempt


def _unless_over(attempt: ProviderAttempt, step: Callable[[], None]) -> Callable[[], None]:
    return lambda: None if attempt.over else step()


class _ProviderPlay:
    """What a provider does to one request, step by step."""

    def __init__(self, attempt: ProviderAttempt, sink: ResponseSink, body: dict[str, Any], rng: random.Random) -> None:
        self.limit: int | None = body.get("max_tokens")
        self._attempt = attempt
        self._sink = sink
        self._rng = rng
        self._stream = bool(body.get("stream"))

    def steps(self, answer: tuple[int, str]) -> list[Callable[[], None]]:
        sink, rng = self._sink, self._rng
        fault = rng.choice(FAULTS) if rng.random() < 0.4 else None
        kind = b"text/event-stream" if self._stream else b"application/json"
        if fault == "refusal":
            status, body = rng.choice(REFUSALS)
            pieces, head = [body], lambda: sink.head(status, b"application/json", None)
        else:
            pieces, head = self._pieces(*answer), lambda: sink.head(200, kind, None)
        steps: list[Callable[[], None]] = [sink.connected, head, *(lambda p=p: sink.body(p) for p in pieces), self._end]
        if fault in {None, "refusal"}:
            return steps
        at = rng.randrange(len(steps))
        if fault == "reset":
            return [*steps[:at], self._lose]
        if fault == "silence" or not self._stream or at < 2:
            return steps[:at]
        event = {"error event": b'data: {"error":{"message":"overloaded"}}\n\n', "early DONE": b"data: [DONE]\n\n"}
        return [*steps[:at], lambda: sink.body(event.get(str(fault), b"data: {oops\n\n")), self._end]

    def _end(self) -> None:
        self._attempt.over = True
        self._sink.end()

    def _lose(self) -> None:
        self._attempt.over = True
        self._sink.lost("the connection was reset", fast=self._rng.random() < 0.5)

    def _pieces(self, words: int, reason: str) -> list[bytes]:
        usage = {"prompt_tokens": PROMPT, "completion_tokens": words, "total_tokens": PROMPT + words}
        if not self._stream:
            message = {"role": "assistant", "content": text(words)}
            whole = {"choices": [{"index": 0, "message": message, "finish_reason": reason}], "usage": usage}
            data = json.dumps(whole).encode()
        else:
            choices: list[dict[str, object]] = [
                {"index": 0, "delta": {"content": word(at)}, "finish_reason": None} for at in range(words)
            ]
            choices.append({"index": 0, "delta": {}, "finish_reason": reason})
            events: list[dict[str, object]] = [{"choices": [each]} for each in choices]
            events.append({"choices": [], "usage": usage})
            data = b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in events) + b"data: [DONE]\n\n"
        return self._cut(data)

    def _cut(self, data: bytes) -> list[bytes]:
        """At any bytes."""
        cuts = sorted({0, len(data), *(self._rng.randrange(len(data)) for _ in range(self._rng.randrange(40)))})
        return [data[start:end] for start, end in itertools.pairwise(cuts)]


# --- a node -----------------------------------------------------------------------------------------------------------


class _Line:
    """The relay's end of the socket to a node."""

    def __init__(self, node: PlayedNode) -> None:
        self._node = node

    def send(self, message: bytes) -> None:
        self._node.arrive(message)

    def pump(self) -> None:
        """Bodies of this world are small."""

    def close(self, code: CloseCode, reason: str) -> None:
        self._node.break_line()

    async def answers(self, within_s: float) -> bool:
        return True

    def now(self) -> float:
        return self._node.loop.time()

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> object:
        self._node.loop.call_later(delay_s, callback)
        return None


PLAYS = (
    "answers",
    "answers",
    "answers",
    "answers",
    "busy",
    "leaving",
    "mute",
    "freezes",
    "fails",
    "yields",
    "drops",
    "chatters",
)
"""What may become of one call at a node."""


@dataclass
class PlayedNode:
    """A node with real sessions at both ends of its line; a broken line is dialled anew after a while."""

    name: str
    loop: VirtualLoop
    rng: random.Random
    registry: Registry
    slots: int
    epoch: int = 0
    resumes: int = 0
    """Calls it was to go on with."""
    bad_resumes: int = 0
    """Those of them that did not begin where it would have stood itself."""

    def __post_init__(self) -> None:
        self._key = SigningKey(hashlib.sha256(self.name.encode()).digest())
        self._secret = b""
        self.connect()

    # --- the line -------------------------------------------------------------------------------------------------

    def connect(self) -> None:
        now, self.epoch = self.loop.time(), self.epoch + 1
        identity = NodeIdentity(self.name, self._key, HOST, RELAY_KEY.public, link_secret=self._secret)
        self._session = NodeSession(identity, nonce=self.rng.randbytes(32))
        relay = RelaySession(key=RELAY_KEY, hosts=[HOST], nonce=self.rng.randbytes(32))
        self._session.receive(relay.challenge(node_nonce=self._nonce_of(self._session), time=1), now)
        relay.receive(self._session.hello(), now)
        relay.judge(Enrolled(self._key.public, epoch=self.epoch - 1), fresh_secret=self.rng.randbytes(32))
        self._session.receive(relay.welcome(session="s", epoch=self.epoch), now)
        facts = NodeFacts(NodeId(self.name), OrganisationId(1), PersonId(1), self.name, "own")
        self._to_node, self._to_relay = Pipe(self.loop), Pipe(self.loop)
        self.link = NodeLink(facts, relay, _Line(self), self.registry)
        self.registry.add(self.link)
        model = AdvertisedModel(
            model=MODEL, digest="0" * 64, context=4096, slots=self.slots, resume="ids", numerics="same"
        )
        self._say(self._session.advertise([model]))
        self._say(self._session.status(sharing=True, reason="idle", free_slots=self.slots))

    def _nonce_of(self, session: NodeSession) -> bytes:
        return session._handshake.nonce

    def arrive(self, message: bytes) -> None:
        """From the relay."""
        session = self._session
        self._to_node.carry(self.rng.expovariate(100), lambda: self._hear(session, message))

    def _say(self, message: bytes) -> None:
        link = self.link
        if message:
            self._to_relay.carry(self.rng.expovariate(100), lambda: self._deliver(link, message))

    def _deliver(self, link: NodeLink, message: bytes) -> None:
        try:
            link.hear(message, self.loop.time())
            link.flush()
        except ProtocolViolation as violation:
            raise AssertionError(f"a well-behaved node was taken for a bad one: {violation}") from violation

    def break_line(self) -> None:
        link = self.link
        self._to_node.broken = self._to_relay.broken = True
        self._session.close()
        self.loop.call_soon(lambda: link.lost("the connection broke"))
        self.loop.call_later(self.rng.uniform(1, 5), self.connect)

    # --- calls ----------------------------------------------------------------------------------------------------

    def _hear(self, session: NodeSession, message: bytes) -> None:
        for event in session.receive(message, self.loop.time()):
            if isinstance(event, CallOffered):
                self._offered(session, event)
            else:
                assert isinstance(event, Cancel) or session is self._session

    def _offered(self, session: NodeSession, offer: CallOffered) -> None:
        header, body, leg = offer.call, offer.body or b"", offer.call.id
        play = self.rng.choice(PLAYS)
        start = 0
        if header.resume is not None:
            self.resumes += 1
            start = header.resume.position
            if not _is_right(header.resume, offer.ids):
                self.bad_resumes += 1
                play = "busy"
        if play in {"busy", "leaving"}:
            self._say(session.decline(leg, play, now=self.loop.time()))
        elif play != "mute":
            self._say(session.accept(leg, prompt_tokens=PROMPT, prompt_digest=hashlib.sha256(body).digest()))
            _NodePlay(self, session, header, body, play=play, at=start).go_on()

    def say(self, message: bytes) -> None:
        """If the line still stands; a node does not know."""
        self._say(message)


def _is_right(resume: Resume, ids: bytes) -> bool:
    """Whether what it was told of the answer so far is what it would have said."""
    said = text(resume.position).encode()
    if ids != b"".join((at + 1).to_bytes(4, "little") for at in range(resume.position)):
        return False
    texts = [each for each in resume.channels if each.channel == StepKind.TEXT]
    return all(each.bytes == len(said) and each.digest == hashlib.sha256(said).digest() for each in texts)


class _NodePlay:
    """One answer of a node, word by word."""

    def __init__(
        self, node: PlayedNode, session: NodeSession, header: Call, body: bytes, *, play: str, at: int
    ) -> None:
        self._node = node
        self._session = session
        self._leg = header.id
        self._words, self._reason = _length(body, None if play == "chatters" else header.max_tokens)
        self._play = play
        self._at = at
        self._turns_at = node.rng.randint(at, self._words)
        self._pace = node.rng.choice((100.0, 20.0, 1.0))

    def go_on(self) -> None:
        if self._leg not in self._session._legs.open:
            return
        rng, loop = self._node.rng, self._node.loop
        if self._at >= self._turns_at and self._turn():
            return
        if self._at >= self._words:
            self._finish()
            return
        record = StepRecord(self._leg, 0, StepKind.TEXT, (self._at + 1).to_bytes(4, "little"), word(self._at).encode())
        self._at += 1
        self._say(self._session.step([record]))
        loop.call_later(rng.expovariate(self._pace), self.go_on)

    def _say(self, message: bytes) -> None:
        if self._session is self._node._session:
            self._node.say(message)

    def _turn(self) -> bool:
        """Whether this is where it turns out not to answer."""
        now = self._node.loop.time()
        match self._play:
            case "freezes":  # and thaws much later, with what it was about to say
                self._play = "answers"
                self._node.loop.call_later(self._node.rng.uniform(5, 60), self.go_on)
            case "fails":
                self._say(self._session.fail(self._leg, "worker_died", "the model's process ended", now=now))
            case "yields":
                self._say(self._session.yield_(self._leg, delivered_tokens=self._at, reason="input", now=now))
            case "drops":
                if self._session is self._node._session:
                    self._node.break_line()
            case _:
                return False
        return True

    def _finish(self) -> None:
        end = StepRecord(self._leg, 0, StepKind.END, b"", self._reason.encode())
        self._say(self._session.step([end]))
        usage = Usage(prompt_tokens=PROMPT, completion_tokens=self._at)
        self._say(self._session.finish(self._leg, self._reason, usage=usage, now=self._node.loop.time()))  # type: ignore[arg-type]
