"""llama.cpp, and nothing else: this file alone knows its names, structures and traps (and `vision` those of pictures).

One `LlamaModel` is one loaded file with one context of several sequences. Decisions live elsewhere; this file turns a
list of chunks into a `llama_batch`, and the answer into a numpy view of the logits.

The sequences' memory has two forms. By default each has cells of its own: a token looks at its own sequence only, which
is 8-18 % less work per token at 8 short calls and more at long ones. With a smaller `pool` they share cells
(`kv_unified`): less memory, but every token passes over everyone's cells. Only there can part of a sequence be lent for
nothing; between sequences of their own a partial copy aborts the process, so all is copied and the rest forgotten.
"""

from __future__ import annotations

import ctypes
import enum
import sys
import weakref
from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar, Final, NamedTuple

import llama_cpp as llama
import numpy as np
import numpy.typing as npt

from desktop.errors import DesktopError
from desktop.inference.buffers import MARKS, Buffer, parse_buffer, parse_device
from desktop.inference.text import Piece, piece
from desktop.inference.token_grammar import Flags, GrammarVocabulary, TokenGrammar

BATCH: Final = 512
"""Ids of one step at most. Larger ones gain nothing on a CPU and make a cancel wait."""

MAX_BYTES_PER_TOKEN: Final = 256
"""A text longer than this times the context cannot fit, and is not given to the tokenizer at all."""

_CELLS: Final = 256
"""llama.cpp rounds a sequence's cells up to a multiple of this."""

_WARN: Final = 3
_ERROR: Final = 4
"""Levels of ggml.h; the Python package's own list of them is older than its library."""
_PIECE_BYTES: Final = 256


_told: Final[list[str]] = []
"""Lines of the log, since the last model began to load: llama.cpp has one log for all of a process."""


States = npt.NDArray[np.float32]
Positions = npt.NDArray[np.int32]


class ModelUnusable(DesktopError):
    """This file cannot be loaded here, as a sentence says."""


class EngineBroken(DesktopError):
    """llama.cpp reported what must not happen; its state is unknown and the process must end."""


class EmbedderUnavailable(DesktopError):
    """There is no memory for a second context."""


class GrammarUnusable(DesktopError):
    """llama.cpp does not take a grammar of ours."""


class Chunk(NamedTuple):
    """Ids to append to a sequence whose length is `start`; `wanted`: the logits after the last are needed."""

    sequence: int
    start: int
    ids: Sequence[int]
    wanted: bool


class Outcome(enum.Enum):
    """What became of a step. Unless DONE, any part of it may be in memory, and none of its logits can be used."""

    DONE = enum.auto()
    NO_ROOM = enum.auto()
    ABORTED = enum.auto()


class AbortFlag:
    """A byte that llama.cpp looks at between two nodes of its graph, without Python's lock.

    The callback it asks is the C library's `strlen` on this byte and a zero: 0 is "go on", anything else ends the step.
    """

    asked: ClassVar = False
    """Some step is to end, of which llama.cpp complains in its log."""

    def __init__(self) -> None:
        self._bytes = ctypes.create_string_buffer(2)
        library = ctypes.CDLL("msvcrt" if sys.platform == "win32" else None)
        self.callback = llama.ggml_abort_callback(ctypes.cast(library.strlen, ctypes.c_void_p).value or 0)
        self.data = ctypes.addressof(self._bytes)

    def set(self) -> None:
        """From any thread."""
        AbortFlag.asked = True
        self._bytes[0] = b"\x01"

    def clear(self) -> None:
        self._bytes[0] = b"\x00"
        AbortFlag.asked = False


class LlamaModel:
    """A loaded model. Every method but `abort.set()` belongs to one thread. Raises ModelUnusable if it cannot load."""

    def __init__(self, path: str, *, context: int, slots: int, pool: int, threads: int, gpu_layers: int) -> None:
        llama.llama_log_set(on_log, ctypes.c_void_p(0))
        llama.llama_backend_init()
        self.abort = AbortFlag()
        _told.clear()
        self.gpu_layers = gpu_layers
        self._model = _load(path, gpu_layers)
        trained = int(llama.llama_model_n_ctx_train(self._model))
        self.context = min(context or trained, trained)
        self.slots = slots
        self.pool = min(pool or self.context * slots, self.context * slots)
        self.unified = self.pool < self.context * slots
        self._threads = threads
        self._ctx = self._make_context(threads)
        self.batch = int(llama.llama_n_batch(self._ctx))
        """Ids of one step at most: BATCH, or less in a small pool."""
        self._vocab = llama.llama_model_get_vocab(self._model)
        self._memory = llama.llama_get_memory(self._ctx)
        self.n_vocab = int(llama.llama_vocab_n_tokens(self._vocab))
        self.can_share = not (llama.llama_model_is_recurrent(self._model) or llama.llama_model_is_hybrid(self._model))
        self._pieces: dict[int, Piece | None] = {}
        self._batch = _Batch()
        self._states = _StateBatch()

    def _make_context(self, threads: int) -> int:
        params = llama.llama_context_default_params()
        # Each sequence's own part is rounded up, so that none is smaller than a call may become.
        params.n_ctx = self.pool if self.unified else -(-self.context // _CELLS) * _CELLS * self.slots
        params.n_batch = params.n_ubatch = BATCH
        params.n_seq_max = self.slots
        params.n_outputs_max = self.slots
        params.kv_unified = self.unified
        params.n_threads = params.n_threads_batch = threads
        params.no_perf = True
        params.offload_kqv = params.op_offload = self.gpu_layers > 0
        params.abort_callback = self.abort.callback
        params.abort_callback_data = self.abort.data
        context = llama.llama_init_from_model(self._model, params)
        if not context:
            raise ModelUnusable(
                f"There is not enough memory for {self.slots} answers of {self.context} tokens at once."
            )
        return context  # type: ignore[no-any-return]

    def close(self) -> None:
        """Gives the memory back, as far as llama.cpp does; a worker just ends instead."""
        llama.llama_free(self._ctx)
        llama.llama_model_free(self._model)

    # --- facts ---

    @property
    def buffers(self) -> tuple[Buffer, ...]:
        """What llama.cpp has allocated, as its log told since this model was loaded."""
        return tuple(buffer for line in _told if (buffer := parse_buffer(line)))

    @property
    def handle(self) -> int:
        """llama.cpp's own."""
        return self._model

    @property
    def width(self) -> int:
        """Floats of one state that can stand in a prompt in place of a token."""
        return int(llama.llama_model_n_embd_inp(self._model))

    @property
    def name(self) -> str:
        return self.metadata("general.name")

    @property
    def quantisation(self) -> str:
        return str(llama.llama_ftype_name(llama.llama_model_ftype(self._model)).decode())

    @property
    def template(self) -> str:
        """The chat template of the file, untrusted; empty if it has none."""
        source = llama.llama_model_chat_template(self._model, None)
        return source.decode(errors="replace") if source else ""

    @property
    def numerics(self) -> str:
        """Two models with equal numerics, that is not empty, compute the same logits however an answer is divided.

        Empty on a card: there the logits depend on how many tokens a step takes (seen on an H100), so that going on
        with an answer is not the same as not having stopped.
        """
        if self.devices:
            return ""
        features = llama.llama_print_system_info().decode()
        used = [item.split("=")[0].strip() for item in features.replace(":", "|").split("|") if "= 1" in item]
        return f"llama-cpp-python {llama.__version__} {'+'.join(used)}"

    @property
    def devices(self) -> tuple[str, ...]:
        """Names of the graphics cards this model is computed on."""
        return tuple(name for line in _told if (name := parse_device(line)))

    def metadata(self, key: str) -> str:
        buffer = ctypes.create_string_buffer(256)
        length = llama.llama_model_meta_val_str(self._model, key.encode(), buffer, len(buffer))
        return buffer.value.decode(errors="replace") if length >= 0 else ""

    @property
    def bos(self) -> str:
        return self._border(llama.llama_vocab_bos(self._vocab))

    @property
    def eos(self) -> str:
        return self._border(llama.llama_vocab_eos(self._vocab))

    def _border(self, token: int) -> str:
        return str(llama.llama_vocab_get_text(self._vocab, token).decode(errors="replace")) if token >= 0 else ""

    # --- text and ids ---

    def tokenize(self, text: str) -> list[int] | None:
        """Ids of a rendered prompt, or None if it cannot fit the context. A border token it has is not doubled."""
        raw = text.encode()
        if len(raw) > self.context * MAX_BYTES_PER_TOKEN:
            return None
        return self._ids(raw, border=self.adds_border(text), special=True)

    def adds_border(self, text: str) -> bool:
        """Whether a border token is missing before this prompt."""
        return bool(llama.llama_vocab_get_add_bos(self._vocab)) and not text.startswith(self.bos)

    def fill_in(self, before: str, after: str) -> list[int] | None:
        """Ids of a prompt that asks for what stands between two texts, or None if this model was not taught to."""
        begin, end, middle = (
            int(ask(self._vocab))
            for ask in (llama.llama_vocab_fim_pre, llama.llama_vocab_fim_suf, llama.llama_vocab_fim_mid)
        )
        if min(begin, end, middle) < 0:
            return None
        border = [int(llama.llama_vocab_bos(self._vocab))] if llama.llama_vocab_get_add_bos(self._vocab) else []
        return [*border, begin, *self._ids(before.encode()), end, *self._ids(after.encode()), middle]

    def _ids(self, raw: bytes, *, border: bool = False, special: bool = False) -> list[int]:
        ids = np.empty(len(raw) + 8, np.int32)
        pointer = ids.ctypes.data_as(ctypes.POINTER(llama.llama_token))
        count = llama.llama_tokenize(self._vocab, raw, len(raw), pointer, len(ids), border, special)
        if count < 0:
            raise EngineBroken(f"llama_tokenize wanted room for {-count} ids of {len(raw)} bytes.")
        return ids[:count].tolist()  # type: ignore[no-any-return]

    def piece(self, token: int) -> Piece | None:
        """A token as text, or None if it ends generation. Remembered, since asking costs more than all else."""
        try:
            return self._pieces[token]
        except KeyError:
            ends = llama.llama_vocab_is_eog(self._vocab, token)
            found = None if ends else piece(self._raw_piece(token, special=False))
            self._pieces[token] = found
            return found

    def label(self, token: int) -> bytes:
        """The bytes of a token, also of those that are no text."""
        return self._raw_piece(token, special=True)

    def is_control(self, token: int) -> bool:
        """A token that marks something and is not text."""
        return bool(llama.llama_vocab_is_control(self._vocab, token))

    def _raw_piece(self, token: int, *, special: bool) -> bytes:
        buffer = ctypes.create_string_buffer(_PIECE_BYTES)
        length = llama.llama_token_to_piece(self._vocab, token, buffer, len(buffer), 0, special)
        if length < 0:
            buffer = ctypes.create_string_buffer(-length)
            length = llama.llama_token_to_piece(self._vocab, token, buffer, len(buffer), 0, special)
        return buffer.raw[: max(length, 0)]

    def marker(self, text: str) -> int | None:
        """The control token that is written so, if there is one."""
        ids = self._ids(text.encode(), special=True)
        return ids[0] if len(ids) == 1 and self.is_control(ids[0]) else None

    def grammar(self, text: str, markers: frozenset[int] = frozenset()) -> TokenGrammar:
        """Holds one answer to a grammar in llama.cpp's notation, whose first rule is `root`. Raises GrammarUnusable.

        `markers` are the control tokens that may come.
        """
        sampler = llama.llama_sampler_init_grammar(self._vocab, text.encode(), b"root")
        if not sampler:
            raise GrammarUnusable("llama.cpp does not take this grammar.")
        return TokenGrammar(_Follower(sampler, self._candidates), self._grammar_vocabulary, markers)

    @cached_property
    def _candidates(self) -> _Candidates:
        return _Candidates(self.n_vocab)

    @cached_property
    def _grammar_vocabulary(self) -> GrammarVocabulary:
        return GrammarVocabulary(self.n_vocab, self.piece, self.is_control)

    # --- memory and steps ---

    def truncate(self, sequence: int, length: int) -> bool:
        """Forgets what follows the first `length` ids. False: this model cannot forget a part, all is forgotten."""
        if llama.llama_memory_seq_rm(self._memory, sequence, length, -1):
            return True
        llama.llama_memory_seq_rm(self._memory, sequence, -1, -1)
        return False

    def share(self, source: int, target: int, length: int) -> None:
        """Lets an empty `target` begin with what the first `length` ids of `source` left in memory."""
        if self.unified:
            llama.llama_memory_seq_cp(self._memory, source, target, 0, length)
        else:
            llama.llama_memory_seq_cp(self._memory, source, target, -1, -1)
            llama.llama_memory_seq_rm(self._memory, target, length, -1)

    def decode(self, chunks: Sequence[Chunk]) -> Outcome:
        """Computes one step; a chunk's sequences should rise, or llama.cpp computes them apart. Raises EngineBroken."""
        return _outcome(llama.llama_decode(self._ctx, self._batch.fill(chunks)))

    def decode_states(self, sequence: int, states: States, positions: Positions, *, whole: bool = False) -> Outcome:
        """Appends `states` (cells, width), at most a batch, in place of tokens; nothing is computed from them yet.

        `positions` are (cells,), or (4, cells) where they have two dimensions. `whole`: all look at all of each other.
        Raises EngineBroken.
        """
        batch = self._states.fill(sequence, states, positions)
        if not whole:
            return _outcome(llama.llama_decode(self._ctx, batch))
        llama.llama_set_causal_attn(self._ctx, False)  # noqa: FBT003
        try:
            return _outcome(llama.llama_decode(self._ctx, batch))
        finally:
            llama.llama_set_causal_attn(self._ctx, True)  # noqa: FBT003

    def logits(self, rows: int) -> npt.NDArray[np.float32]:
        """A view of the last step's logits, one row per wanted chunk in order; valid until the next step."""
        return results(llama.llama_get_logits(self._ctx), rows, self.n_vocab)

    def embedder(self) -> Embedder:
        """Takes as much memory as one more slot; whoever asks for it closes it."""
        return Embedder(self._model, context=self.context, threads=self._threads, graphics=self.gpu_layers > 0)


def _outcome(code: int) -> Outcome:
    match code:
        case 0:
            return Outcome.DONE
        case 1:
            return Outcome.NO_ROOM
        case 2:
            return Outcome.ABORTED
    raise EngineBroken(f"llama_decode returned {code}.")


class _Follower:
    """llama.cpp's grammar sampler, freed with this object."""

    def __init__(self, sampler: Any, candidates: _Candidates) -> None:
        self._sampler = sampler
        self._candidates = candidates
        weakref.finalize(self, llama.llama_sampler_free, sampler)

    def check(self, token: int) -> bool:
        return self._candidates.check(self._sampler, token)

    def check_all(self) -> Flags:
        return self._candidates.check_all(self._sampler)

    def accept(self, token: int) -> None:
        llama.llama_sampler_accept(self._sampler, token)


class _Candidates:
    """The arrays in which llama.cpp is asked about tokens; it lowers the logits of those it refuses."""

    def __init__(self, n_vocab: int) -> None:
        self._one, self._all = _token_data(1), _token_data(n_vocab)
        self._all["id"] = np.arange(n_vocab, dtype=np.int32)
        self._one_array, self._all_array = _token_array(self._one), _token_array(self._all)

    def check(self, sampler: Any, token: int) -> bool:
        self._one[0] = (token, 0.0, 0.0)
        llama.llama_sampler_apply(sampler, self._one_array)
        return bool(self._one["logit"][0] == 0.0)

    def check_all(self, sampler: Any) -> Flags:
        self._all["logit"] = 0.0
        llama.llama_sampler_apply(sampler, self._all_array)
        return self._all["logit"] == 0.0  # type: ignore[no-any-return]


def _token_data(length: int) -> npt.NDArray[Any]:
    """A `llama_token_data[length]`."""
    return np.zeros(length, np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)]))


def _token_array(data: npt.NDArray[Any]) -> Any:
    """A pointer to a `llama_token_data_array` over `data`, which must outlive it."""
    items = data.ctypes.data_as(ctypes.POINTER(llama.llama_token_data))
    return ctypes.pointer(llama.llama_token_data_array(items, len(data), -1, False))  # noqa: FBT003 - not sorted


class Embedder:
    """A context for hidden states beside that for writing, on the same weights."""

    def __init__(self, model: int, *, context: int, threads: int, graphics: bool) -> None:
        params = llama.llama_context_default_params()
        params.n_ctx = -(-context // _CELLS) * _CELLS
        params.n_batch = params.n_ubatch = BATCH
        params.n_seq_max = 1
        params.n_outputs_max = BATCH
        params.embeddings = True
        params.pooling_type = llama.LLAMA_POOLING_TYPE_NONE
        params.n_threads = params.n_threads_batch = threads
        params.no_perf = True
        params.offload_kqv = params.op_offload = graphics
        self._ctx = llama.llama_init_from_model(model, params)
        if not self._ctx:
            raise EmbedderUnavailable("There is not enough memory to embed texts.")
        self._memory = llama.llama_get_memory(self._ctx)
        self._width = int(llama.llama_model_n_embd_out(model))
        self._batch = _Batch()

    def compute(self, ids: Sequence[int], start: int) -> npt.NDArray[np.float32]:
        """Hidden states, one row per id, of ids that follow the `start` computed last; at 0 a text begins anew.

        A view that is valid until the next call. At most BATCH ids.
        """
        if start == 0:
            llama.llama_memory_seq_rm(self._memory, 0, -1, -1)
        chunk = Chunk(0, start, ids, wanted=True)
        if code := llama.llama_decode(self._ctx, self._batch.fill([chunk], every=True)):
            raise EngineBroken(f"llama_decode returned {code} for an embedding.")
        return results(llama.llama_get_embeddings(self._ctx), len(ids), self._width)

    def close(self) -> None:
        llama.llama_free(self._ctx)


def results(pointer: Any, rows: int, width: int) -> npt.NDArray[np.float32]:
    """A view of `rows` results of `width` floats that llama.cpp computed."""
    address = ctypes.cast(pointer, ctypes.c_void_p).value
    if address is None:
        raise EngineBroken("llama.cpp gave no results.")
    values: Any = (ctypes.c_float * (rows * width)).from_address(address)
    return np.frombuffer(values, np.float32).reshape(rows, width)


class _Batch:
    """A `llama_batch` over arrays of our own: filled by slices, its pointers made once."""

    def __init__(self) -> None:
        self._token = np.zeros(BATCH, np.int32)
        self._position = np.zeros(BATCH, np.int32)
        self._sequence = np.zeros(BATCH, np.int32)
        self._wanted = np.zeros(BATCH, np.int8)
        self._one = np.ones(BATCH, np.int32)
        self._range = np.arange(BATCH, dtype=np.int32)
        pointer = ctypes.POINTER(ctypes.c_int32)
        base = self._sequence.ctypes.data
        self._sequence_of = (pointer * BATCH)(*[ctypes.cast(base + 4 * at, pointer) for at in range(BATCH)])
        self._c = _empty_batch()
        self._c.token = self._token.ctypes.data_as(pointer)
        self._c.pos = self._position.ctypes.data_as(pointer)
        self._c.n_seq_id = self._one.ctypes.data_as(pointer)
        self._c.seq_id = ctypes.cast(self._sequence_of, ctypes.POINTER(pointer))
        self._c.logits = self._wanted.ctypes.data_as(ctypes.POINTER(ctypes.c_int8))

    def fill(self, chunks: Sequence[Chunk], *, every: bool = False) -> Any:
        """`every`: results are wanted of each id, not only of a chunk's last."""
        end = 0
        for sequence, start, ids, wanted in chunks:
            begin, end = end, end + len(ids)
            if len(ids) == 1:
                self._token[begin], self._position[begin], self._sequence[begin] = ids[0], start, sequence
            else:
                self._token[begin:end] = ids
                self._position[begin:end] = self._range[: end - begin] + start
                self._sequence[begin:end] = sequence
                self._wanted[begin : end - 1] = every
            self._wanted[end - 1] = wanted
        self._c.n_tokens = end
        return self._c


class _StateBatch:
    """A `llama_batch` of states of one sequence, none of which is asked for logits."""

    def __init__(self) -> None:
        self._one = np.ones(BATCH, np.int32)
        self._nothing = np.zeros(BATCH, np.int8)
        self._sequence = np.zeros(1, np.int32)
        pointer = ctypes.POINTER(ctypes.c_int32)
        self._sequence_of = (pointer * BATCH)(*[self._sequence.ctypes.data_as(pointer)] * BATCH)
        self._c = _empty_batch()
        self._c.n_seq_id = self._one.ctypes.data_as(pointer)
        self._c.seq_id = ctypes.cast(self._sequence_of, ctypes.POINTER(pointer))
        self._c.logits = self._nothing.ctypes.data_as(ctypes.POINTER(ctypes.c_int8))

    def fill(self, sequence: int, states: States, positions: Positions) -> Any:
        self._sequence[0] = sequence
        # Kept here for as long as llama.cpp may look at them.
        self._kept = np.ascontiguousarray(states, np.float32), np.ascontiguousarray(positions, np.int32)
        self._c.embd = self._kept[0].ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        self._c.pos = self._kept[1].ctypes.data_as(ctypes.POINTER(ctypes.c_int32))
        self._c.n_tokens = len(states)
        return self._c


def _empty_batch() -> Any:
    return llama.llama_batch()


def supports_graphics() -> bool:
    """Whether this llama.cpp was built for a kind of graphics card."""
    return bool(llama.llama_supports_gpu_offload())


def _load(path: str, gpu_layers: int) -> int:
    params = llama.llama_model_default_params()
    params.n_gpu_layers = gpu_layers
    nowhere = (ctypes.c_void_p * 1)()
    if not gpu_layers:  # Else a build for cards puts buffers and large products there whatever the number of layers is.
        params.devices = ctypes.addressof(nowhere)
    model = llama.llama_model_load_from_file(path.encode(), params)
    if not model:
        raise ModelUnusable("llama.cpp cannot read this model file.")
    if llama.llama_model_has_encoder(model):
        raise ModelUnusable("This is not a model that writes text from text alone.")
    return model  # type: ignore[no-any-return]


@llama.llama_log_callback  # type: ignore[untyped-decorator]
def on_log(level: int, text: bytes, _data: object) -> None:
    """Warnings and errors go to stderr, which the keeper keeps the end of; other facts are told nowhere else."""
    if MARKS[0] in text or MARKS[1] in text:
        _told.append(text.decode(errors="replace"))
    if level in {_WARN, _ERROR} and not AbortFlag.asked:
        sys.stderr.buffer.write(text)
        sys.stderr.buffer.flush()
