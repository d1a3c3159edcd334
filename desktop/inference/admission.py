"""From a caller's body to a call that can run, or to the reason why it cannot: everything that is checked beforehand.

Here a request meets the model: its template, its vocabulary and its context. Room beside other calls is the host's
matter.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from desktop.inference import scheduler
from desktop.inference.call import Call, Choice
from desktop.inference.engine import MAX_BYTES_PER_TOKEN, LlamaModel
from desktop.inference.fields import ParameterRefused
from desktop.inference.forms import FREE, AnswerForm, Forms
from desktop.inference.frames import CallHead
from desktop.inference.generation import DeclineReason, Resume
from desktop.inference.parameters import (
    ChatRequest,
    CompletionRequest,
    EmbeddingRequest,
    Request,
    parse_chat,
    parse_completion,
    parse_embedding,
)
from desktop.inference.pictures import EncodedPicture
from desktop.inference.pipeline import Pipeline
from desktop.inference.prompt import FIRST_ID, Prompt
from desktop.inference.resume import ResumeMismatch, replay
from desktop.inference.sampling import Sampler
from desktop.inference.templates import ChatTemplate, TemplateRefused
from desktop.inference.token_grammar import GrammarTooWide


class Refused(Exception):
    """Why a call is not taken."""

    def __init__(self, reason: DeclineReason, message: str) -> None:
        super().__init__(message)
        self.reason: DeclineReason = reason


FULL: Final = "All of this node's slots are taken."
_MISMATCH: Final = "This node cannot continue the answer where it stopped"


@dataclass(frozen=True, slots=True)
class Arrived:
    """A call that has been read: a chat's `text` is its rendered prompt, with a marker for each of its pictures."""

    head: CallHead
    resume: Resume | None
    received_at: float
    request: Request | EmbeddingRequest
    text: str = ""
    gone: threading.Event = field(default_factory=threading.Event)
    """Set when its caller does not wait any more."""

    @property
    def pictures(self) -> tuple[EncodedPicture, ...]:
        return self.request.pictures if isinstance(self.request, ChatRequest) else ()


class Admission:
    """Reads calls for one model. `marker` stands for a picture in a prompt; None: the model takes none."""

    def __init__(self, model: LlamaModel, template: ChatTemplate | None, *, marker: str | None = None) -> None:
        self._model = model
        self._marker = marker
        self._forms = None if template is None else Forms(model, template)

    def read(self, head: CallHead, body: bytes, resume: Resume | None, *, free: int, received_at: float) -> Arrived:
        """What a call asks for; `free` is how many choices could begin now. Raises Refused."""
        request = self._request(head, body)
        if isinstance(request, EmbeddingRequest):
            return Arrived(head, resume, received_at, request)
        self._check_free(head, request, free)
        text = self._rendered(request, head) if isinstance(request, ChatRequest) else ""
        if len(text) > self._model.context * MAX_BYTES_PER_TOKEN:
            raise Refused("context", f"This model's maximum context length is {self._model.context} tokens.")
        return Arrived(head, resume, received_at, request, text)

    def admit(self, arrived: Arrived, prompt: Prompt | None = None, *, free: int) -> Call:
        """A call with no place yet; `prompt` is that of one with pictures. Raises Refused."""
        head, request = arrived.head, arrived.request
        if isinstance(request, EmbeddingRequest):
            return self._embedding(head, request, arrived.received_at)
        self._check_free(head, request, free)
        form = FREE
        if isinstance(request, ChatRequest):
            form = self._answer(request, arrived.text, tenant=head.tenant)
            prompt = prompt or Prompt(self._tokens(arrived.text, "messages"))
        elif isinstance(request, CompletionRequest):
            prompt = Prompt(self._completion(request))
        if prompt is None or not prompt.ids:
            raise Refused("template", "These messages result in an empty prompt.")
        if prompt.ids[-1] >= FIRST_ID:
            raise Refused("template", "This model's chat template lets no answer follow an image.")
        return self._call(arrived, request, prompt, form)

    def _request(self, head: CallHead, body: bytes) -> Request | EmbeddingRequest:
        try:
            if head.kind == "embedding":
                return parse_embedding(body)
            request = parse_chat(body, marker=self._marker) if head.kind == "chat" else parse_completion(body)
            self._check(head, request)
        except ParameterRefused as refused:
            raise Refused("parameter", str(refused)) from refused
        return request

    @staticmethod
    def _check_free(head: CallHead, request: Request, free: int) -> None:
        if free < request.n and head.max_tokens:
            raise Refused("busy", FULL)

    def _check(self, head: CallHead, request: Request) -> None:
        """What a body cannot know of itself."""
        if request.n != head.n:
            raise ParameterRefused(f"Invalid 'n': the call is for {head.n} choices, its body for {request.n}.", "n")
        if request.n > self._model.slots:
            raise ParameterRefused(f"Invalid 'n': this model writes at most {self._model.slots} choices at once.", "n")
        if any(token >= self._model.n_vocab for token in request.sampling.bias):
            raise ParameterRefused("Invalid key in 'logit_bias': this model has no such token.", "logit_bias")
        if any(token >= self._model.n_vocab for token in request.stop_ids):
            raise ParameterRefused("Invalid 'stop_token_ids': this model has no such token.", "stop_token_ids")

    # --- prompts ---

    def _rendered(self, request: ChatRequest, head: CallHead) -> str:
        if self._forms is None:
            raise Refused("template", "This model has no chat template.")
        try:
            return self._forms.prompt(request, head.created)
        except TemplateRefused as refused:
            raise Refused("template", str(refused)) from refused

    def _answer(self, request: ChatRequest, text: str, *, tenant: str) -> AnswerForm:
        assert self._forms is not None, "rendered before"  # noqa: S101
        try:
            return self._forms.answer(request.structure, text, tenant=tenant)
        except TemplateRefused as refused:
            raise Refused("template", str(refused)) from refused
        except ParameterRefused as refused:
            raise Refused("parameter", str(refused)) from refused

    def _completion(self, request: CompletionRequest) -> list[int]:
        return self._between(request) if request.suffix else self._tokens(request.prompt, "prompt")

    def _tokens(self, text: str | tuple[int, ...], named: str) -> list[int]:
        if isinstance(text, str):
            prompt = self._model.tokenize(text)
            if prompt is None:
                raise Refused("context", f"This model's maximum context length is {self._model.context} tokens.")
            return prompt
        if any(token >= self._model.n_vocab for token in text):
            raise Refused("parameter", f"Invalid '{named}': this model has no such token.")
        return list(text)

    def _between(self, request: CompletionRequest) -> list[int]:
        if not isinstance(request.prompt, str):
            raise Refused("parameter", "Invalid 'prompt': with 'suffix' it must be a string.")
        if len(request.prompt) + len(request.suffix) > self._model.context * MAX_BYTES_PER_TOKEN:
            raise Refused("context", f"This model's maximum context length is {self._model.context} tokens.")
        prompt = self._model.fill_in(request.prompt, request.suffix)
        if prompt is None:
            raise Refused("parameter", "Invalid 'suffix': this model was not made to fill in the middle of a text.")
        return prompt

    # --- calls ---

    def _call(self, arrived: Arrived, request: Request, given: Prompt, form: AnswerForm) -> Call:
        head, resume, prompt, cells = arrived.head, arrived.resume, given.ids, given.cells
        room = self._model.context - cells
        if room < 1:
            raise Refused(
                "context",
                f"This model's maximum context length is {self._model.context} tokens, and there must be room for an "
                f"answer. However, your messages resulted in {cells} tokens.",
            )
        limit = min(room, head.max_tokens, room if request.max_tokens is None else request.max_tokens)
        reserved = scheduler.reserve(cells, limit, request.n, sharing=self._model.can_share)
        if reserved > self._model.pool:
            raise Refused("context", f"{request.n} choices of this length do not fit this node's memory.")
        digest = hashlib.sha256(np.array(prompt, "<u4").tobytes()).digest()
        delivered = self._delivered(request, resume, digest)
        preface = self._preface(request, prompt)

        def fresh(index: int) -> Callable[[], Pipeline]:
            return lambda: Pipeline(
                self._model,
                Sampler(request.sampling, head.seed, index),
                limit=limit,
                stops=request.stop,
                stop_ids=request.stop_ids,
                top=request.logprobs,
                preface=preface,
                grammar=form.grammar(),
                parser=form.parser(),
            )

        channels = resume.channels if resume else ()
        try:
            choices = [
                Choice(
                    index,
                    prompt,
                    ids,
                    replay(fresh(index), ids, [c for c in channels if c.choice == index]),
                    given.pictures,
                )
                for index, ids in enumerate(delivered)
            ]
        except ResumeMismatch as mismatch:
            raise Refused("resume_mismatch", f"{_MISMATCH}: {mismatch}.") from mismatch
        except GrammarTooWide as error:
            raise Refused("parameter", str(error)) from error
        return Call(
            serial=head.serial,
            tenant=head.tenant,
            kind=head.kind,
            prompt_tokens=cells,
            prompt_length=len(prompt),
            prompt_digest=digest,
            reserved=reserved if limit else 0,
            choices=choices,
            received_at=arrived.received_at,
        )

    @staticmethod
    def _delivered(request: Request, resume: Resume | None, digest: bytes) -> list[list[int]]:
        """The ids of each choice that are there already."""
        if resume is None:
            return [[] for _ in range(request.n)]
        if resume.prompt_digest != digest:
            raise Refused("resume_mismatch", f"{_MISMATCH}: its prompt is another here.")
        if len(resume.ids) != request.n or any(channel.choice >= request.n for channel in resume.channels):
            raise Refused("resume_mismatch", f"{_MISMATCH}: it has other choices.")
        return [np.frombuffer(packed, "<u4").tolist() for packed in resume.ids]

    def _preface(self, request: Request, prompt: list[int]) -> str:
        if not (isinstance(request, CompletionRequest) and request.echo):
            return ""
        if isinstance(request.prompt, str):
            return request.prompt
        return b"".join(map(self._model.label, prompt)).decode(errors="replace")

    def _embedding(self, head: CallHead, request: EmbeddingRequest, received_at: float) -> Call:
        inputs = []
        for at, text in enumerate(request.inputs):
            ids = self._tokens(text, "input")
            if not 1 <= len(ids) <= self._model.context:
                raise Refused(
                    "context",
                    f"This model's maximum context length is {self._model.context} tokens. However, "
                    f"'input[{at}]' resulted in {len(ids)} tokens.",
                )
            inputs.append(ids)
        everything = np.array([token for ids in inputs for token in ids], "<u4")
        return Call(
            serial=head.serial,
            tenant=head.tenant,
            kind=head.kind,
            prompt_tokens=len(everything),
            prompt_length=len(everything),
            prompt_digest=hashlib.sha256(everything.tobytes()).digest(),
            reserved=0,
            choices=[],
            received_at=received_at,
            inputs=inputs,
        )
