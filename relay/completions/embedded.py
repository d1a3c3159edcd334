"""A node's vectors on their way to the caller: gathered, checked, and written in the form that was asked for."""

from __future__ import annotations

import base64
import math
import struct
from typing import TYPE_CHECKING, Any, Final

import msgspec

from relay.completions.body import EmbeddingBody
from relay.completions.enveloped import DECLINED
from relay.completions.usage import NANO
from relay.upstreams.port import Failure, Fault
from relay.wire.frames import Fail, Finish, StepKind, Yield

if TYPE_CHECKING:
    from relay.completions.call import Call

VECTOR: Final = int(StepKind.VECTOR)
MOST_BYTES: Final = 64 * 1024 * 1024
"""All vectors of a call: 2,048 of 8,192 numbers each."""

_encode = msgspec.json.encode


class Embedded:
    """The sink of a leg on a node. Nothing reaches the caller before all is there, so any failure moves on."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._vectors: dict[int, bytes] = {}
        self._size = 0

    # --- LegSink ----------------------------------------------------------------------------------------------------

    def accepted(self, prompt_tokens: int, prompt_digest: bytes) -> None:  # noqa: ARG002 - the port's
        self._call.accepted(prompt_tokens)

    def declined(self, reason: str, message: str, retry_after: float | None) -> None:
        fault = DECLINED.get(reason, Fault.GONE)
        text = message or f"the node declined: {reason}"
        self._call.attempt_failed(Failure(fault, text, reason, 0, None, retry_after))

    def step(self, choice: int, kind: int, n_ids: int, ids: bytes, data: bytes) -> None:  # noqa: ARG002 - the port's
        if kind != VECTOR:
            return
        self._call.touch()
        self._vectors[int.from_bytes(data[:4], "little")] = data[4:]
        self._size += len(data)
        if self._size > MOST_BYTES:
            self._refuse(f"the vectors are larger than {MOST_BYTES // 2**20} MiB")

    def flush(self) -> None:
        """Nothing leaves before the end."""

    def finished(self, finish: Finish) -> None:  # noqa: ARG002 - the port's
        call, wanted = self._call, self._call.request.inputs
        if sorted(self._vectors) != list(range(wanted)):
            self._refuse(f"the node sent {len(self._vectors)} vectors, for {wanted} texts")
            return
        if len({len(vector) for vector in self._vectors.values()}) != 1:
            self._refuse("the node's vectors are of different lengths")
            return
        body = call.request.body
        as_text = isinstance(body, EmbeddingBody) and body.encoding_format == "base64"
        try:
            data = [_written(at, self._vectors[at], as_text=as_text) for at in range(wanted)]
        except ValueError as error:
            self._refuse(str(error))
            return
        tokens = call.prompt_tokens
        cost = call.cost(tokens, 0)
        answer = {
            "object": "list",
            "data": data,
            "model": call.target.model,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens, "cost": cost / NANO, "is_byok": False},
        }
        call.answer(_encode(answer), reason="stop", prompt_tokens=tokens, tokens=0, cost=cost)

    def failed(self, fail: Fail) -> None:
        fault = Fault.REQUEST if fail.at_fault == "request" else Fault.ILL
        self._call.attempt_failed(Failure(fault, fail.message, fail.code))

    def yielded(self, _yield: Yield) -> None:
        reason = "the computer is needed by its owner"
        self._call.attempt_failed(Failure(Fault.GONE, reason, "node_yielded", announced=True))

    def lost(self, reason: str) -> None:
        self._call.attempt_failed(Failure(Fault.GONE, f"the node is gone: {reason}", "node_lost"))

    def _refuse(self, problem: str) -> None:
        self._call.drop_attempt()
        self._call.attempt_failed(Failure(Fault.ILL, problem, "bad_answer"))


def _written(index: int, vector: bytes, *, as_text: bool) -> dict[str, Any]:
    """Raises ValueError for what is no number."""
    numbers = struct.unpack(f"<{len(vector) // 4}f", vector)
    if not all(map(math.isfinite, numbers)):
        raise ValueError("a vector has something in it that is no number")
    written = base64.b64encode(vector).decode() if as_text else numbers
    return {"object": "embedding", "index": index, "embedding": written}
