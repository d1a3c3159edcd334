"""Hypothesis strategies: any valid record, any valid frame, and messages that are nearly valid."""

from __future__ import annotations

import struct
from typing import Any

import msgspec
from hypothesis import strategies as st

from relay.wire import frames
from relay.wire.codec import Sender, encode, encode_body, encode_call
from relay.wire.deltas import Delta
from relay.wire.fields import INLINE_BODY
from relay.wire.frames import FINISH_REASONS, Call, Frame, LegId, StepKind
from relay.wire.steps import StepRecord, encode_steps

leg_ids = st.integers(1, 2**32 - 1).map(LegId)
words = st.text(max_size=20)
counts = st.integers(0, 2**31 - 1)
wide = st.integers(-(2**63), 2**63 - 1)
digests = st.binary(max_size=32)


def exactly(size: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=size, max_size=size)


def numbers(most: float) -> st.SearchStrategy[float]:
    return st.floats(0, most, allow_nan=False)


ids = st.lists(st.integers(0, 2**32 - 1), max_size=4).map(lambda numbers_: struct.pack(f"<{len(numbers_)}I", *numbers_))
_texts = words.map(str.encode)
_data = {
    StepKind.END: st.sampled_from(FINISH_REASONS).map(str.encode),
    StepKind.VECTOR: st.binary(min_size=8, max_size=64).map(lambda data: data[: len(data) & ~3]),
    StepKind.DELTA: words.map(lambda content: msgspec.json.encode(Delta(content=content))),
}


def step_records(leg: st.SearchStrategy[LegId] = leg_ids) -> st.SearchStrategy[StepRecord]:
    choices = st.integers(0, 127)
    return st.one_of(
        *(st.builds(StepRecord, leg, choices, st.just(kind.value), ids, _data.get(kind, _texts)) for kind in StepKind),
    )


asks = st.builds(frames.Ask, prompt=st.integers(0, 10**15), completion=st.integers(0, 10**15))
models = st.builds(
    frames.AdvertisedModel,
    model=words,
    digest=words,
    context=counts,
    slots=st.integers(0, 1024),
    quantisation=words,
    prefill_tps=numbers(1e9),
    decode_tps=numbers(1e9),
    features=st.lists(words, max_size=3),
    resume=st.sampled_from(["ids", "prefill", "none"]),
    numerics=words,
    ask=st.none() | asks,
)
limits = st.builds(frames.Limits, **dict.fromkeys(frames.Limits.__struct_fields__, st.integers(1, 2**31 - 1)))
usages = st.builds(frames.Usage, prompt_tokens=counts, completion_tokens=counts, cached_tokens=counts)
timings = st.builds(frames.Timings, queued_ms=numbers(1e9), prefill_ms=numbers(1e9), decode_ms=numbers(1e9))
close_codes = st.integers(1000, 4999)

from_relay: dict[type[Frame], st.SearchStrategy[Any]] = {
    frames.Challenge: st.builds(
        frames.Challenge,
        nonce=exactly(32),
        relay_id=words,
        relay_signature=exactly(64),
        versions=st.lists(st.integers(0, 255), min_size=1, max_size=16),
        time=st.integers(0, 2**63 - 1),
    ),
    frames.Welcome: st.builds(
        frames.Welcome,
        session=words,
        epoch=st.integers(0, 2**63 - 1),
        heartbeat_s=st.floats(0.001, 3600),
        limits=limits,
        link_secret=exactly(32),
        token=words,
    ),
    frames.Refuse: st.builds(frames.Refuse, code=close_codes, message=words, retry_after=st.none() | numbers(1e6)),
    frames.Cancel: st.builds(frames.Cancel, id=leg_ids),
    frames.Bye: st.builds(frames.Bye, code=close_codes, retry_after=st.none() | numbers(1e6)),
    frames.Prices: st.builds(frames.Prices, models=st.dictionaries(words, asks, max_size=3)),
    frames.Note: st.builds(frames.Note, level=st.sampled_from(["info", "warning"]), text=words),
    frames.Account: st.builds(frames.Account, today=wide, month=wide, lifetime=wide, answers_today=counts),
}
from_node: dict[type[Frame], st.SearchStrategy[Any]] = {
    frames.Hello: st.builds(frames.Hello, body=st.binary(max_size=100), signature=exactly(64), link=digests),
    frames.Advertise: st.builds(frames.Advertise, models=st.lists(models, max_size=2)),
    frames.Status: st.builds(
        frames.Status,
        sharing=st.booleans(),
        reason=words,
        free_slots=st.integers(0, 65535),
        until=st.none() | numbers(1e12),
        load=numbers(1e9),
    ),
    frames.Accept: st.builds(frames.Accept, id=leg_ids, prompt_tokens=counts, prompt_digest=digests),
    frames.Decline: st.builds(
        frames.Decline, id=leg_ids, reason=words, message=words, retry_after=st.none() | numbers(1e6)
    ),
    frames.Finish: st.builds(
        frames.Finish,
        id=leg_ids,
        reason=st.sampled_from(FINISH_REASONS),
        usage=usages,
        timings=timings,
        transcript=st.binary(max_size=50),
    ),
    frames.Fail: st.builds(
        frames.Fail, id=leg_ids, code=words, message=words, at_fault=st.sampled_from(["node", "request"])
    ),
    frames.Yield: st.builds(frames.Yield, id=leg_ids, delivered_tokens=counts, reason=words),
    frames.Drain: st.builds(frames.Drain, reason=words),
}
control_frames = st.one_of(
    st.tuples(st.just(Sender.RELAY), st.one_of(list(from_relay.values()))),
    st.tuples(st.just(Sender.NODE), st.one_of(list(from_node.values()))),
)

channels = st.builds(
    frames.Channel, choice=st.integers(0, 127), channel=st.integers(0, 255), bytes=counts, digest=digests
)
resumes = st.builds(
    frames.Resume,
    leg=leg_ids,
    position=st.integers(0, 20_000),
    prompt_digest=digests,
    channels=st.lists(channels, max_size=3),
)
hello_bodies = st.builds(
    frames.HelloBody,
    node_id=words,
    key_id=words,
    version=st.integers(0, 255),
    app_version=words,
    os=words,
    hardware=st.dictionaries(words, words | wide | numbers(1e300), max_size=3),
    features=st.lists(words, max_size=3),
    parted=st.lists(leg_ids, max_size=3),
)


@st.composite
def calls(draw: st.DrawFn) -> tuple[Call, bytes]:
    """A call and its payload, small or large, resuming or not."""
    resume = draw(st.none() | resumes)
    body = draw(st.binary(max_size=100) | st.just(bytes(INLINE_BODY)) | st.just(bytes(INLINE_BODY + 1)))
    call = Call(
        id=draw(leg_ids),
        created=draw(st.integers(0, 2**63 - 1)),
        model=draw(words),
        kind=draw(st.sampled_from(["chat", "completion", "embedding"])),
        n=draw(st.integers(1, 128)),
        deadline_s=draw(numbers(1e6)),
        seed=draw(wide),
        tenant=draw(words),
        max_tokens=draw(counts),
        body_len=len(body),
        resume=resume,
    )
    return call, body + bytes(4 * resume.position if resume else 0)


def about_legs(sender: Sender, *legs: int) -> st.SearchStrategy[bytes]:
    """A valid message of one side about one of these legs."""
    leg = st.sampled_from(legs).map(LegId)
    own = from_relay if sender is Sender.RELAY else from_node
    with_id = [strategy for frame, strategy in own.items() if "id" in frame.__struct_fields__]
    control = st.builds(lambda frame, id_: encode(msgspec.structs.replace(frame, id=id_)), st.one_of(*with_id), leg)
    if sender is Sender.RELAY:
        return control | st.builds(encode_body, leg, st.binary(min_size=1, max_size=50))
    return control | st.lists(step_records(leg), min_size=1, max_size=3).map(encode_steps)


messages = st.one_of(
    control_frames.map(lambda said: encode(said[1])),
    st.lists(step_records(), min_size=1, max_size=3).map(encode_steps),
    calls().map(lambda offered: encode_call(*offered)),
    st.builds(encode_body, leg_ids, st.binary(min_size=1, max_size=50)),
)
"""Any valid message of either side."""


@st.composite
def malformed(draw: st.DrawFn) -> bytes:
    """Noise, or a valid message that was cut, flipped, stretched or given another kind."""
    if draw(st.booleans()):
        return bytes([draw(st.integers(0, 255))]) + draw(st.binary(max_size=200))
    message = bytearray(draw(messages))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(message) - 1)))
        match draw(st.sampled_from(["cut", "flip", "insert", "kind"])):
            case "cut":
                del message[at:]
            case "flip" if message:
                message[at] ^= 1 << draw(st.integers(0, 7))
            case "insert":
                message[at:at] = draw(st.binary(max_size=8))
            case _ if message:
                message[0] = draw(st.integers(0, 255))
    return bytes(message)
