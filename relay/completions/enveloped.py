"""A node's answer on its way to the caller: the relay writes every envelope and counts every token.

A node sends records of (choice, kind, ids, text); nothing it says reaches the caller but text inside JSON strings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from relay.completions.envelope import DONE, ChatEnvelope, told
from relay.completions.metering import billable
from relay.completions.passthrough import MAX_PLAIN_BYTES
from relay.completions.phase import COMMITTED
from relay.completions.resume import Heard
from relay.completions.seam import Cut
from relay.completions.tool_calls import ForeignPiece, ToolCalls
from relay.upstreams.port import Failure, Fault
from relay.wire.deltas import Delta, TokenLogprob
from relay.wire.frames import Fail, Finish, StepKind, Yield
from relay.wire.steps import decode_delta

if TYPE_CHECKING:
    from relay.completions.call import Call

TEXT, REASONING, DELTA, END = (int(kind) for kind in (StepKind.TEXT, StepKind.REASONING, StepKind.DELTA, StepKind.END))
ARGUMENTS = int(StepKind.TOOL_ARGUMENTS)

DECLINED = {
    "busy": Fault.BUSY,
    "context": Fault.CONTEXT,
    "parameter": Fault.REQUEST,
    "template": Fault.REQUEST,
}
"""What a node's reasons for declining mean. Any other is about the node: it leaves, has not the model, or lost it."""


class _Choice:
    """One of the `n` answers of a call."""

    __slots__ = ("calls", "ids", "logprobs", "measured", "opened", "reason", "reasoning", "text", "text_bytes")

    def __init__(self, calls: ToolCalls) -> None:
        self.calls = calls
        self.ids = 0
        self.measured = 0
        self.text_bytes = 0
        self.opened = False
        self.reason = ""
        self.text: list[str] = []
        self.reasoning: list[str] = []
        self.logprobs: list[TokenLogprob] = []


class Enveloped:
    """The sink of a leg on a node, and of the legs on other nodes that go on with its answer.

    `heard` are the records that it came of, kept where another node may have to go on; None where none can.
    """

    __slots__ = (
        "_call",
        "_choices",
        "_envelope",
        "_events",
        "_gathered",
        "_limit",
        "_open",
        "_stream",
        "heard",
        "prompt_digest",
    )

    def __init__(self, call: Call, *, resumable: bool = False) -> None:
        self._call = call
        self.heard: list[Heard] | None = [] if resumable else None
        self.prompt_digest = b""
        self._envelope = call.envelope
        self._limit = call.max_tokens
        self._stream = call.request.stream
        self._choices = [
            _Choice(ToolCalls(f"{call.id:016x}{at:02x}", gather=not self._stream)) for at in range(call.request.n)
        ]
        self._gathered = 0
        self._open = call.request.n
        self._events: list[bytes] = []

    @property
    def may_go_on(self) -> bool:
        """Whether another node can go on with it: there is something of it, and all of that is known by its ids."""
        return bool(self.heard and self.prompt_digest)

    def cut(self) -> Cut | None:
        """What the caller has of the answer, for a provider that goes on with it; None if none can."""
        heard = self.heard
        if not heard:
            return None
        text = b"".join(data for kind, _, data in heard if kind == TEXT)
        return Cut(text.decode(), tool_calls=any(kind not in (TEXT, END) for kind, _, _ in heard))

    def envelope(self) -> ChatEnvelope:
        """The writer of its events."""
        return self._envelope

    def tokens(self) -> int:
        """Billable completion tokens so far, over all choices."""
        return sum(billable(choice.ids, choice.text_bytes, self._limit) for choice in self._choices)

    # --- LegSink ----------------------------------------------------------------------------------------------------

    def accepted(self, prompt_tokens: int, prompt_digest: bytes) -> None:
        if not self.prompt_digest:
            self.prompt_digest = prompt_digest
        self._call.accepted(prompt_tokens)

    def declined(self, reason: str, message: str, retry_after: float | None) -> None:
        fault = DECLINED.get(reason, Fault.GONE)
        text = message or f"the node declined: {reason}"
        param = message.split("'")[1] if fault is Fault.REQUEST and message.count("'") >= 2 else None
        self._call.attempt_failed(Failure(fault, text, reason, 0, param, retry_after))

    def step(self, choice: int, kind: int, n_ids: int, ids: bytes, data: bytes) -> None:
        state = self._choices[choice]
        if state.reason:
            return
        if self.heard is not None:
            self.heard.append((kind, ids, data))
        state.ids += n_ids
        if not self._stream:
            self._gathered += len(data)
        if state.ids > self._limit:
            self._cut(choice, state)
        elif self._gathered > MAX_PLAIN_BYTES:  # text without a token costs a node nothing
            self._refuse(f"the answer is larger than {MAX_PLAIN_BYTES // 2**20} MiB")
        elif kind == TEXT:
            if data:
                self._text(choice, state, data)
        elif kind == END:
            self._end_choice(choice, state, data.decode())
        elif kind == REASONING:
            if data:
                self._reasoning(choice, state, data)
        else:
            self._more_than_text(choice, state, kind, data)

    def flush(self) -> None:
        """What one socket read brought leaves in one write."""
        events = self._events
        if events:
            data = events[0] if len(events) == 1 else b"".join(events)
            self._events = []
            self._call.emit(data, self.tokens())
        elif self._call.phase >= COMMITTED:
            self._call.touch()

    def finished(self, finish: Finish) -> None:
        for index, choice in enumerate(self._choices):
            if not choice.reason:
                self._end_choice(index, choice, finish.reason)
        self._complete()

    def failed(self, fail: Fail) -> None:
        fault = Fault.REQUEST if fail.at_fault == "request" else Fault.ILL
        self.flush()
        self._call.attempt_failed(Failure(fault, fail.message, fail.code))

    def yielded(self, _yield: Yield) -> None:
        self.flush()
        reason = "the computer is needed by its owner"
        self._call.attempt_failed(Failure(Fault.GONE, reason, "node_yielded", announced=True))

    def lost(self, reason: str) -> None:
        self.flush()
        self._call.attempt_failed(Failure(Fault.GONE, f"the node is gone: {reason}", "node_lost"))

    # --- records ----------------------------------------------------------------------------------------------------

    def _more_than_text(self, index: int, choice: _Choice, kind: int, data: bytes) -> None:
        if kind == ARGUMENTS and choice.calls:
            self._argued(index, choice, data)
        elif kind == DELTA:
            self._delta(index, choice, data)
        else:
            self._refuse_record(kind)

    def _text(self, index: int, choice: _Choice, data: bytes) -> None:
        choice.text_bytes += len(data)
        text = data.decode()
        self._call.commit_stream()
        if self._stream:
            self._open_choice(index, choice)
            self._events.append(self._envelope.content(index, text))
        else:
            choice.text.append(text)

    def _reasoning(self, index: int, choice: _Choice, data: bytes) -> None:
        choice.text_bytes += len(data)
        self._call.commit_stream()
        if self._stream:
            self._open_choice(index, choice)
            self._events.append(self._envelope.reasoning(index, data.decode()))
        else:
            choice.reasoning.append(data.decode())

    def _delta(self, index: int, choice: _Choice, data: bytes) -> None:
        """One event of more than text, if all that it holds was asked for."""
        delta, request = decode_delta(data), self._call.request
        measured = delta.content is not None or delta.reasoning is not None or delta.logprobs
        if delta.refusal is not None or (measured and not request.logprobs) or (delta.tool_calls and not request.tools):
            self._refuse_record(DELTA)
            return
        choice.measured += len(delta.logprobs)
        if choice.measured > self._limit + 1:  # the token that ends a turn may be told of, but is not counted
            self._refuse("the node told of more tokens than were asked for")
            return
        if measured:
            self._measured(index, choice, delta)
        if delta.tool_calls:
            try:
                pieces, size = choice.calls.take(delta.tool_calls)
            except ForeignPiece:
                self._refuse_record(DELTA)
                return
            self._called(index, choice, pieces, size)

    def _measured(self, index: int, choice: _Choice, delta: Delta) -> None:
        """Text with the log-probabilities of its tokens."""
        choice.text_bytes += len((delta.content or "").encode()) + len((delta.reasoning or "").encode())
        self._call.commit_stream()
        if self._stream:
            self._open_choice(index, choice)
            text = {"reasoning_content": delta.reasoning} if delta.reasoning else {}
            if delta.content or not text:
                text["content"] = delta.content or ""
            self._events.append(self._envelope.measured(index, text, told(delta.logprobs)))
            return
        choice.text.append(delta.content or "")
        if delta.reasoning:
            choice.reasoning.append(delta.reasoning)
        choice.logprobs += delta.logprobs

    def _argued(self, index: int, choice: _Choice, data: bytes) -> None:
        if data:
            self._called(index, choice, [choice.calls.argue(data.decode())], len(data))

    def _called(self, index: int, choice: _Choice, pieces: list[dict[str, Any]], size: int) -> None:
        if not pieces:
            return
        choice.text_bytes += size
        self._call.commit_stream()
        if self._stream:
            self._open_choice(index, choice)
            self._events.append(self._envelope.calls(index, pieces))

    def _open_choice(self, index: int, choice: _Choice) -> None:
        if not choice.opened:
            choice.opened = True
            self._events.append(self._envelope.role(index))

    def _end_choice(self, index: int, choice: _Choice, reason: str) -> None:
        if reason in {"stop", "tool_calls"}:
            reason = "tool_calls" if choice.calls else "stop"
        choice.reason = reason
        self._open -= 1
        self._call.commit_stream()
        if self._stream:
            self._open_choice(index, choice)
            self._events.append(self._envelope.finish(index, reason))
        if not self._open:
            self._call.all_said(self._complete)

    def _cut(self, index: int, choice: _Choice) -> None:
        """More tokens than were asked for: the relay ends the choice itself, and the call with the last of them."""
        self._end_choice(index, choice, "length")
        if not self._open:
            self._call.drop_attempt()
            self._complete()

    def _refuse_record(self, kind: int) -> None:
        self._refuse(f"the node sent a record of kind {kind}, which this call did not ask for")

    def _refuse(self, problem: str) -> None:
        self.heard = None
        self._call.drop_attempt()
        self._call.attempt_failed(Failure(Fault.ILL, problem, "bad_answer"))

    # --- the end ----------------------------------------------------------------------------------------------------

    def _complete(self) -> None:
        call, tokens, reason = self._call, self.tokens(), self._choices[0].reason
        prompt = call.prompt_tokens
        if not self._stream:
            cost = call.cost(prompt, tokens)
            body = self._envelope.whole([self._whole(i, c) for i, c in enumerate(self._choices)], prompt, tokens, cost)
            call.answer(body, reason=reason, prompt_tokens=prompt, tokens=tokens, cost=cost)
            return
        self.flush()
        tail = DONE
        if call.request.include_usage:
            tail = self._envelope.usage(prompt, tokens, call.cost(prompt, tokens)) + DONE
        call.complete(reason=reason, prompt_tokens=prompt, tokens=tokens, tail=tail)

    def _whole(self, index: int, choice: _Choice) -> dict[str, Any]:
        text = "".join(choice.text)
        message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
        if choice.calls:
            message |= {"content": text or None, "tool_calls": choice.calls.whole()}
        if choice.reasoning:
            message["reasoning_content"] = "".join(choice.reasoning)
        logprobs = told(choice.logprobs) if self._call.request.logprobs else None
        return {"index": index, "message": message, "logprobs": logprobs, "finish_reason": choice.reason}
