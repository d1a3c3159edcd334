"""A provider's answer on its way to the caller: bytes pass through, the relay reads only what it must.

Until the commit point every event is decoded, because an error in the first event is still a failover. Afterwards an
event is looked into only if it may carry usage, an end or an error. Events leave whole, however the provider cut them.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec

from relay.completions.chunks import (
    Answer,
    AnswerChoice,
    Choice,
    Event,
    Usage,
    decode_answer,
    decode_event,
    given,
    has_content,
    read_usage,
)
from relay.completions.envelope import DONE, ChatEnvelope
from relay.completions.failover import classify
from relay.completions.kinds import EMBEDDING
from relay.completions.phase import COMMITTED
from relay.completions.request import BYTES_PER_TOKEN
from relay.completions.seam import Cut
from relay.completions.shown import envelope_of, shown_in
from relay.completions.usage import with_cost
from relay.upstreams.port import Failure, Fault, ResponseSink

if TYPE_CHECKING:
    from relay.completions.call import Call

_log = logging.getLogger(__name__)

MAX_PLAIN_BYTES = 32 * 1024 * 1024
MAX_ERROR_BYTES = 64 * 1024
MAX_EVENT_BYTES = 1024 * 1024
_CUT = "the stream ended before the answer did"


class PassThrough(ResponseSink):
    """The sink of one attempt at a provider."""

    # What most attempts never change stands here once, not in every instance.
    _head = 0
    _retry_after: float | None = None
    _partial = b""
    _tokens = 0
    _reason = ""
    _usage: Usage | None = None
    _done = False
    _ended: tuple[int | None, ...] = ()
    """The choices of several that have ended."""
    _whole_stream = False
    _gathered = 0

    def __init__(self, call: Call, *, first: bool = True) -> None:
        """`first` unless another target began the answer."""
        self._call = call
        call.source = "estimate"
        if first:
            call.prompt_estimate = call.request.prompt_estimate
        self._keeps_all = first and call.may_move
        kept = self._keeps_all or (first and call.request.explains)
        self._shown: list[bytes] | None = [] if kept else None
        """What was written, kept where another may have to go on with it; its beginning, where the relay has a word to
        add."""
        self._stream = call.request.stream
        self._single = call.request.n == 1
        self._parts: list[bytes] = []
        """What is kept back: a plain answer until it is whole, the events of a stream before its commit point."""

    def cut(self) -> Cut | None:
        """What the caller has of the answer, for whoever goes on with it; None if nobody can."""
        return shown_in(self._shown) if self._shown else None

    def envelope(self) -> ChatEnvelope:
        """The writer of events like those that were written."""
        return envelope_of(self._shown or (), self._call.envelope)

    # --- ResponseSink -----------------------------------------------------------------------------------------------

    def connected(self) -> None:
        self._call.connected()

    def head(self, status: int, content_type: bytes, retry_after: float | None) -> None:
        self._head = status
        self._retry_after = retry_after
        if status == 200 and self._stream and not content_type.lower().startswith(b"text/event-stream"):
            self._head = 0  # an answer that claims success in another form: read as an error body
        if status == 200:
            self._call.accepted()

    def body(self, data: bytes) -> None:
        if self._stream and self._head == 200:
            if self._call.phase == COMMITTED and self._single and not self._partial:
                # Whole events that all say "not finished" are content and nothing else: no error, no end, no usage.
                # With several choices one event can say it twice, and hide another that does not.
                events = data.count(b"\n\n")
                if data.count(b'"finish_reason":null') == events and data.endswith(b"\n\n"):
                    self._tokens += events
                    self._emit(data)
                    return
            self._events(data)
        else:
            self._gather(data)

    def end(self) -> None:
        if self._done:
            return
        if self._head != 200:
            self._refused()
        elif not self._stream:
            self._answered()
        elif self._whole_stream:
            self._stream_ended()
        else:
            self._broken(_CUT)

    def lost(self, reason: str, *, fast: bool) -> None:
        if not self._done:
            self._call.attempt_failed(Failure(Fault.ILL, reason, "connection_lost", fast=fast))

    # --- plain answers and refusals ---------------------------------------------------------------------------------

    def _gather(self, data: bytes) -> None:
        self._gathered += len(data)
        if self._gathered <= (MAX_PLAIN_BYTES if self._head == 200 else MAX_ERROR_BYTES):
            self._parts.append(data)
        elif self._head == 200:
            self._broken("the answer is larger than 32 MiB")

    def _whole_body(self) -> bytes:
        parts = self._parts
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _refused(self) -> None:
        status = self._head or 502
        failure = classify(status, self._whole_body(), retry_after=self._retry_after, fast=True)
        if failure.fault is Fault.KEY_DEAD:
            _log.warning("provider %s refuses the key it was given (status %d)", self._call.target.name, status)
        self._call.attempt_failed(failure)

    def _answered(self) -> None:
        body = self._whole_body()
        try:
            answer = decode_answer(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self._broken(f"the answer is not a completion: {error}")
            return
        if self._call.request.kind is EMBEDDING:
            self._embedded(answer, body)
            return
        if given(answer.error) or not answer.choices:
            self._call.attempt_failed(classify(502, body, retry_after=None, fast=True))
            return
        if not all(bytes(choice.message) or bytes(choice.text) for choice in answer.choices):
            self._broken("the answer is not a completion: a choice says nothing")
            return
        counted = read_usage(answer.usage)
        if counted is not None:
            self._call.source = "provider"
        usage = counted or Usage(self._call.prompt_estimate, _size(answer.choices) // BYTES_PER_TOKEN)
        cost = self._call.cost(usage.prompt_tokens, usage.completion_tokens)
        self._call.answer(
            with_cost(body, cost),
            reason=answer.choices[0].finish_reason or "stop",
            prompt_tokens=usage.prompt_tokens,
            tokens=usage.completion_tokens,
            cost=cost,
        )

    def _embedded(self, answer: Answer, body: bytes) -> None:
        wanted = self._call.request.inputs
        if given(answer.error) or answer.data is None:
            self._call.attempt_failed(classify(502, body, retry_after=None, fast=True))
            return
        if len(answer.data) != wanted:
            self._broken(f"the answer has {len(answer.data)} vectors, for {wanted} texts")
            return
        usage = read_usage(answer.usage)
        if usage is not None:
            self._call.source = "provider"
        prompt = usage.prompt_tokens if usage else self._call.prompt_estimate
        cost = self._call.cost(prompt, 0)
        self._call.answer(with_cost(body, cost), reason="stop", prompt_tokens=prompt, tokens=0, cost=cost)

    # --- streams ----------------------------------------------------------------------------------------------------

    def _events(self, data: bytes) -> None:
        if self._done:
            return
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"")
        if self._partial:
            data = self._partial + data
            self._partial = b""
        if not data.endswith(b"\n\n"):
            cut = data.rfind(b"\n\n") + 2
            data, self._partial = (data[:cut], data[cut:]) if cut > 1 else (b"", data)
            if len(self._partial) > MAX_EVENT_BYTES:
                self._broken("an event is larger than 1 MiB")
                return
        if data:
            self._whole(data)

    def _whole(self, data: bytes) -> None:
        """Look into every event."""
        passed: list[bytes] = []
        failure = None
        for event in data.split(b"\n\n"):
            failure = self._look_into(event, passed)
            if failure is not None or self._done:
                break
        self._pass(b"".join(passed))
        if failure is not None:
            self._fail(failure)
        elif self._done:
            self._stream_ended()

    def _pass(self, data: bytes) -> None:
        if self._call.phase < COMMITTED:
            self._parts.append(data)
            return
        if self._parts:
            data = b"".join(self._parts) + data
            self._parts.clear()
        if data:
            self._emit(data)

    def _emit(self, data: bytes) -> None:
        if self._shown is not None and (self._keeps_all or not self._shown):
            self._shown.append(data)
        self._call.emit(data, self._tokens)

    def _look_into(self, event: bytes, passed: list[bytes]) -> Failure | None:
        """Read one event, add it to `passed` if it is the caller's; a failure if the attempt ends because of it."""
        if not event.startswith(b"data:") or b"\n" in event:
            event = _data_of(event)
            if not event:
                return None
        payload = event[5:].strip()
        if payload == b"[DONE]":
            self._done = True
            return None
        try:
            parsed = decode_event(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return _bad_answer(f"an event is not a chat completion chunk: {error}")
        if given(parsed.error):
            return classify(502, payload, retry_after=None, fast=True)
        return self._take(event, parsed, passed)

    def _take(self, event: bytes, parsed: Event, passed: list[bytes]) -> Failure | None:
        """An event that is sound; what of it is the caller's goes to `passed`."""
        self._count(parsed)
        if parsed.choices or self._call.request.include_usage or not given(parsed.usage):
            if self._usage is not None and given(parsed.usage):
                usage = self._usage
                event = with_cost(event, self._call.cost(usage.prompt_tokens, usage.completion_tokens))
            passed.append(event + b"\n\n")
        return None

    def _count_usage(self, parsed: Event) -> None:
        if usage := read_usage(parsed.usage):
            self._usage = usage

    def _count(self, parsed: Event) -> None:
        self._count_usage(parsed)
        for choice in parsed.choices or ():
            if has_content(choice.delta) or choice.text:
                self._tokens += 1
                self._call.commit()
            if choice.finish_reason:
                self._reason = choice.finish_reason
                self._call.commit()
                if self._single or self._is_last_to_end(choice):
                    self._whole_stream = True
                    self._call.all_said(self._stream_ended)

    def _is_last_to_end(self, choice: Choice) -> bool:
        self._ended = (*self._ended, choice.index)
        return len(set(self._ended)) >= self._call.request.n

    def _stream_ended(self) -> None:
        """The provider has no more to say. Without a finish reason the answer was cut, and is never shown as whole."""
        self._done = True
        if not self._reason:
            self._broken(_CUT)
            return
        usage = self._usage
        if usage is not None:
            self._call.source = "provider"
        self._completed(usage)

    def _completed(self, usage: Usage | None) -> None:
        self._call.complete(
            reason=self._reason,
            prompt_tokens=usage.prompt_tokens if usage else self._call.prompt_estimate,
            tokens=usage.completion_tokens if usage else self._tokens,
            tail=DONE,
        )

    def _broken(self, problem: str) -> None:
        self._fail(_bad_answer(problem))

    def _fail(self, failure: Failure) -> None:
        self._done = True
        self._call.drop_attempt()
        self._call.attempt_failed(failure)


def _data_of(event: bytes) -> bytes:
    """An event's data in one line, without comments and the fields that OpenAI's format does not use; empty if none."""
    lines = [line[5:].strip() for line in event.split(b"\n") if line.startswith(b"data:")]
    return b"data: " + b" ".join(lines) if lines else b""


def _size(choices: list[AnswerChoice]) -> int:
    """Bytes of what was said, and little else."""
    return sum(len(bytes(choice.message)) + len(bytes(choice.text)) for choice in choices)


def _bad_answer(problem: str) -> Failure:
    return Failure(Fault.ILL, problem, "bad_answer", 502)
