"""A model file is a stranger's: whatever it holds, it is refused in a sentence or means what a plain reading says."""

from __future__ import annotations

import io
import os
import random
import re
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.models import gguf
from desktop.models.gguf import GgufRefused, parse_header, read_header
from desktop.models.model_file import ModelFile, describe, read_model_file
from tests.desktop.models.gguf_files import (
    ARRAY,
    BOOL,
    DEMO_MODEL,
    F32,
    I32,
    LINES,
    TEXT,
    U8,
    U32,
    U64,
    a_gguf,
    entries_with,
    facts_of,
    naive_facts,
)


def model_of(content: bytes) -> ModelFile:
    return describe(parse_header(io.BytesIO(content), len(content)))


def test_the_demo_model_is_described_as_it_was_made() -> None:
    model = read_model_file(DEMO_MODEL)

    assert (model.architecture, model.name, model.quantisation) == ("llama", "Nightjar Demo", "Q8_0")
    assert (model.context, model.layers, model.width, model.vocabulary) == (2048, 4, 256, 1024)
    assert (model.heads, model.kv_heads, model.key_length, model.value_length) == (4, (2, 2, 2, 2), 64, 64)
    assert model.has_template
    assert model.parameters == 3_016_960
    assert facts_of(model) == naive_facts(DEMO_MODEL.read_bytes())


def test_a_small_file_is_described() -> None:
    model = model_of(a_gguf())

    assert facts_of(model) == naive_facts(a_gguf())
    assert model.key_length == 64
    assert model.weights.layers == (69632, 69632 + 1024)
    assert (model.weights.embedding, model.weights.output, model.weights.rest) == (816, 816, 0)


def test_a_window_and_heads_may_differ_by_layer() -> None:
    content = a_gguf(
        entries_with(
            llama__attention__head_count_kv=(ARRAY, (I32, [2, 0])),
            llama__attention__sliding_window=(U32, 512),
            llama__attention__sliding_window_pattern=(ARRAY, (BOOL, [True, False])),
            llama__ssm__inner_size=(U32, 64),
            llama__ssm__state_size=(U32, 16),
            llama__ssm__conv_kernel=(U32, 4),
        )
    )
    model = model_of(content)

    assert model.kv_heads == (2, 0)
    assert (model.window, model.windowed) == (512, (True, False))
    assert model.state_bytes == 4 * (3 * 64 + 16 * 64)


def test_the_window_of_a_family_that_does_not_say_which_layers_have_it_is_known() -> None:
    entries = [(key.replace("llama.", "gemma2."), *rest) for key, *rest in entries_with()]
    entries[0] = ("general.architecture", TEXT, "gemma2")
    model = model_of(a_gguf([*entries, ("gemma2.attention.sliding_window", U32, 4096)]))

    assert model.windowed == (True, False)


def test_a_file_that_does_not_name_its_quantisation_has_that_of_most_of_its_bytes() -> None:
    assert model_of(a_gguf(entries_with(general__file_type=None))).quantisation == "Q8_0"


def test_version_2_is_read_like_version_3() -> None:
    assert facts_of(model_of(a_gguf(version=2))) == facts_of(model_of(a_gguf()))


def test_a_file_without_a_template_says_so() -> None:
    assert not model_of(a_gguf(entries_with(tokenizer__chat_template=None))).has_template


def with_entry(key: str, kind: int, value: Any) -> bytes:
    return a_gguf((*entries_with(), (key, kind, value)))


def with_line(name: str, shape: tuple[int, ...], kind: int) -> bytes:
    return a_gguf(lines=(*LINES, (name, shape, kind)))


REFUSED = {
    "begin with the letters": b"GGML" + a_gguf()[4:],
    "version 1": a_gguf(version=1),
    "version 4": a_gguf(version=4),
    "version 50331648": a_gguf(version=3 << 24),
    "tensors, and": a_gguf()[:8] + b"\xff" * 8 + a_gguf()[16:],
    "entries, and": a_gguf()[:16] + b"\xff" * 8 + a_gguf()[24:],
    "in the middle": a_gguf()[:300],
    "twice": a_gguf((*entries_with(), entries_with()[0])),
    "a key has a length of 0": with_entry("", U32, 1),
    "a key has a length of 257": with_entry("k" * 257, U32, 1),
    "a key is not printable": with_entry("a\nb", U32, 1),
    "unknown type 13": a_gguf().replace(b"file_type\x04", b"file_type\x0d"),
    "array of arrays": with_entry("x", ARRAY, (ARRAY, [(U8, [1])])),
    "neither true nor false": with_entry("x", BOOL, 2),
    "items in": a_gguf().replace(
        b"tokens\x09\0\0\0\x08\0\0\0\x03\0\0\0\0\0\0\0", b"tokens\x09\0\0\0\x08\0\0\0" + b"\xff" * 8
    ),
    "not UTF-8": a_gguf(entries_with(general__name=b"\xff\xfe")),
    "zero byte": a_gguf(entries_with(general__name="a\0b")),
    "alignment": with_entry("general.alignment", U32, 0),
    "sensible power": with_entry("general.alignment", U32, 48),
    "sensible": with_entry("general.alignment", U32, 1 << 30),
    "power of two": with_entry("general.alignment", TEXT, "32"),
    "0 dimensions": with_line("x", (), 0),
    "5 dimensions": with_line("x", (1, 1, 1, 1, 1), 0),
    "shape that cannot be": with_line("x", (32, 0), 8),
    "cannot be": with_line("x", (2**62, 2**62), 0),
    "x has a shape": with_line("x", (33, 2), 8),
    "the unknown type 4": with_line("x", (32,), 4),
    "the unknown type 99": with_line("x", (32,), 99),
    "name has a length of 64": with_line("n" * 64, (32,), 0),
    "two tensors": with_line("output.weight", (32,), 0),
    "not where it should be": a_gguf(offsets={"blk.1.attn_q.weight": 64}),
    "behind the end": a_gguf()[:-900],
    "which architecture": a_gguf(entries_with(general__architecture=None)),
    "no text": a_gguf(entries_with(general__architecture=(U32, 3))),
    "block_count is missing": a_gguf(entries_with(llama__block_count=None)),
    "no layers": a_gguf(entries_with(llama__block_count=0)),
    "block_count is 513": a_gguf(entries_with(llama__block_count=513)),
    "no whole number": a_gguf(entries_with(llama__context_length=(F32, 4096.0))),
    "context_length is 0": a_gguf(entries_with(llama__context_length=0)),
    "context_length is 18446744073709551615": a_gguf(entries_with(llama__context_length=(U64, 2**64 - 1))),
    "number for each layer": a_gguf(entries_with(llama__attention__head_count_kv=(ARRAY, (U32, [2])))),
    "a number that cannot be": a_gguf(entries_with(llama__attention__head_count_kv=(ARRAY, (I32, [2, -1])))),
    "tokens are no texts": a_gguf(entries_with(tokenizer__ggml__tokens=(ARRAY, (U32, [1, 2, 3])))),
    "scores does not": a_gguf(entries_with(tokenizer__ggml__scores=(ARRAY, (F32, [0.0])))),
    "token_type does not": a_gguf(entries_with(tokenizer__ggml__token_type=(ARRAY, (U8, [1, 1, 3])))),
    "has a text of": with_entry("x", ARRAY, (TEXT, ["a" * (gguf.MAX_WORD_BYTES + 1)])),
    "same token twice": a_gguf(entries_with(tokenizer__ggml__tokens=(ARRAY, (TEXT, ["a", "b\0c", "b"])))),
    "epsilon is -1.0": with_entry("llama.attention.layer_norm_rms_epsilon", F32, -1.0),
    "epsilon is nan": with_entry("llama.attention.layer_norm_rms_epsilon", F32, float("nan")),
    "several parts": with_entry("split.count", U32, 3),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_cannot_be_is_refused_in_a_sentence_that_says_why(why: str) -> None:
    with pytest.raises(GgufRefused, match=re.escape(why)) as refused:
        model_of(REFUSED[why])

    assert str(refused.value).endswith(".")


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_only_a_regular_file_is_opened(tmp_path: Path, make: Any) -> None:
    make(tmp_path / "x.gguf")
    with pytest.raises(GgufRefused, match="regular file"):
        read_header(tmp_path / "x.gguf")


def test_a_file_that_gets_shorter_while_it_is_read_is_refused() -> None:
    content = a_gguf()
    with pytest.raises(GgufRefused, match="in the middle"):
        parse_header(io.BytesIO(content[:200]), len(content))


# --- mutations ---


def agrees(content: bytes) -> bool:
    """Whether the file is accepted; then it means what a plain reading says. Nothing but our own error may come out."""
    try:
        model = model_of(content)
    except GgufRefused:
        return False
    assert facts_of(model) == naive_facts(content)
    return True


def demo_head() -> tuple[bytes, int]:
    """The demo model, and how long its head is."""
    return DEMO_MODEL.read_bytes(), read_header(DEMO_MODEL).data_at


def positions(step: int) -> Iterator[int]:
    _, end = demo_head()
    yield from range(random.Random(step).randrange(step), end, step)


def check_flips(step: int) -> int:
    """How many mutants were accepted."""
    content, end = demo_head()
    chance, accepted = random.Random(7), 0
    head = bytearray(content[:end])
    for at in positions(step):
        mask = 1 << chance.randrange(8)
        head[at] ^= mask
        accepted += agrees_beside(bytes(head), content)
        head[at] ^= mask
    return accepted


def agrees_beside(head: bytes, content: bytes) -> bool:
    """As `agrees`, without copying the data each time."""
    try:
        model = describe(parse_header(io.BytesIO(head), len(content)))
    except GgufRefused:
        return False
    naive = naive_facts(head)
    assert facts_of(model) | {"file_size": 0} == naive | {"file_size": 0}
    return True


def check_cuts(step: int) -> None:
    content, _ = demo_head()
    for at in positions(step):
        with pytest.raises(GgufRefused):
            model_of(content[:at])


def test_a_flipped_bit_is_refused_or_read_like_any_other_file() -> None:
    assert check_flips(97) > 0


def test_a_file_cut_anywhere_in_its_head_is_refused() -> None:
    check_cuts(97)


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_a_flipped_bit_at_any_byte_is_refused_or_read_like_any_other_file() -> None:
    assert check_flips(1) > 0


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_a_file_cut_at_any_byte_of_its_head_is_refused() -> None:
    check_cuts(1)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_several_bytes_at_once_change_nothing_about_that(data: st.DataObject) -> None:
    content = bytearray(a_gguf())
    end = read_small_head_length()
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, end - 1))
        patch = data.draw(st.sampled_from([b"\0", b"\xff", b"\x7f" * 8, b"\xff" * 8, b"\0" * 8, b"\x01", b"\x80" * 4]))
        content[at : at + len(patch)] = patch
    agrees(bytes(content))


def read_small_head_length() -> int:
    content = a_gguf()
    return parse_header(io.BytesIO(content), len(content)).data_at


@given(st.binary(max_size=400))
@settings(max_examples=300, deadline=None)
def test_any_bytes_behind_the_magic_are_survived(tail: bytes) -> None:
    agrees(b"GGUF\x03\0\0\0" + tail)


def test_a_lie_about_a_length_allocates_nothing() -> None:
    lies = [
        a_gguf()[:8] + (2**40).to_bytes(8, "little") + a_gguf()[16:],
        a_gguf()[:16] + (4000).to_bytes(8, "little") + a_gguf()[24:],
        a_gguf()[:24] + (2**60).to_bytes(8, "little") + a_gguf()[32:],
        with_entry("x", ARRAY, (U8, [])).replace(
            b"x\x09\0\0\0\0\0\0\0" + bytes(8), b"x\x09\0\0\0\0\0\0\0\0\0\x10\0\0\0\0\0"
        ),
    ]
    tracemalloc.start()
    try:
        for content in lies:
            with pytest.raises(GgufRefused):
                model_of(content)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 2_000_000


def test_a_long_description_of_a_tokeniser_is_read_over() -> None:
    content = with_entry("tokenizer.huggingface.json", TEXT, "{}" * 4_000_000)

    assert facts_of(model_of(content)) == naive_facts(content)


def test_no_tensor_data_is_read(tmp_path: Path) -> None:
    """The file claims a terabyte, which the system keeps as a hole."""
    content = a_gguf(lines=(("token_embd.weight", (2**20, 2**18), 0),))
    path = tmp_path / "huge.gguf"
    path.write_bytes(content)
    os.truncate(path, 2**40 + len(content))

    assert read_model_file(path).weights.embedding == 2**40


def test_a_vocabulary_of_the_largest_kind_is_passed_over_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gguf, "_BLOCK", 64)
    words = [f"word{number}" * (number % 9) for number in range(3000)]
    content = a_gguf(
        entries_with(
            tokenizer__ggml__tokens=(ARRAY, (TEXT, words)),
            tokenizer__ggml__scores=None,
            tokenizer__ggml__token_type=None,
        )
    )

    assert facts_of(model_of(content)) == naive_facts(content)
