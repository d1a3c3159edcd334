"""A provider that goes on with an answer which another target began: its words are joined on by the rules of `seam`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from relay.completions.chunks import Choice, Event, Usage, given
from relay.completions.envelope import DONE, ChatEnvelope
from relay.completions.kinds import CHAT
from relay.completions.passthrough import PassThrough
from relay.completions.seam import Cut, Method, Seam, further_fields, last_message
from relay.upstreams.port import Failure, Fault

if TYPE_CHECKING:
    from relay.completions.call import Call
    from relay.completions.request import CallRequest

CONSTRAINTS: Final = frozenset(
    {
        "grammar", "guided_choice", "guided_grammar", "guided_json", "guided_regex", "json_schema", "response_format",
        "structured_outputs",
    }
)  # fmt: skip
"""Fields that bind an answer to a form whose state no text carries over."""


def movable(request: CallRequest) -> bool:
    """Whether another may go on with an answer to this by its text alone."""
    plain = request.n == 1 and not request.logprobs and not request.tools
    return request.kind is CHAT and request.stream and plain and not request.has_any(CONSTRAINTS)


def going_on(request: CallRequest, cut: Cut, method: Method, max_tokens: int) -> dict[str, object]:
    """What of the body changes for whoever goes on: one more message, and what is left of the tokens."""
    return {
        "messages": [*request.messages, last_message(method, cut.text)],
        "max_tokens": max_tokens,
        "stream_options": {"include_usage": True},
        **further_fields(method),
    }


class Rejoined(PassThrough):
    """The sink of a leg that goes on by text. Every event is read; the relay writes its own."""

    def __init__(self, call: Call, cut: Cut, envelope: ChatEnvelope) -> None:
        super().__init__(call, first=False)
        self._seam = Seam(cut.text)
        self._written = [cut.text]
        self._envelope = envelope
        self._before = self._tokens = call.tokens_shown

    def cut(self) -> Cut | None:
        return Cut("".join(self._written))

    def envelope(self) -> ChatEnvelope:
        return self._envelope

    def body(self, data: bytes) -> None:
        if self._head == 200:
            self._events(data)
        else:
            self._gather(data)

    def _take(self, _event: bytes, parsed: Event, passed: list[bytes]) -> Failure | None:
        self._count_usage(parsed)
        for choice in parsed.choices or ():
            failure = self._join(choice, passed)
            if failure is not None:
                return failure
        return None

    def _join(self, choice: Choice, passed: list[bytes]) -> Failure | None:
        delta = choice.delta
        if delta is not None:
            if delta.reasoning or delta.reasoning_content or given(delta.tool_calls) or isinstance(delta.content, list):
                return Failure(Fault.GONE, "it did not go on with the text", "not_continued")
            if delta.content:
                self._tokens += 1
                if (failure := self._write(self._seam.feed(delta.content), passed)) is not None:
                    return failure
        if choice.finish_reason:
            if (failure := self._write(self._seam.end(), passed)) is not None:
                return failure
            self._reason = choice.finish_reason
            self._call.commit()
            passed.append(self._envelope.finish(0, choice.finish_reason))
            self._whole_stream = True
            self._call.all_said(self._stream_ended)
        return None

    def _write(self, new: str | None, passed: list[bytes]) -> Failure | None:
        if new is None:
            return Failure(Fault.GONE, "it began the answer anew instead of going on with it", "begun_anew")
        if new:
            self._call.commit()
            self._written.append(new)
            passed.append(self._envelope.content(0, new))
        return None

    def _completed(self, usage: Usage | None) -> None:
        call = self._call
        prompt = call.prompt_tokens or call.prompt_estimate
        tokens = self._before + usage.completion_tokens if usage else self._tokens
        tail = DONE
        if call.request.include_usage:
            tail = self._envelope.usage(prompt, tokens, call.cost(prompt, tokens)) + DONE
        call.complete(reason=self._reason, prompt_tokens=prompt, tokens=tokens, tail=tail)
