"""The picture half of llama.cpp (`mtmd`), and nothing else.

A second file, the projector, turns a picture into states that stand in a prompt where tokens stand.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import secrets
import weakref
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from llama_cpp import mtmd_cpp as mtmd

from desktop.inference.engine import BATCH, LlamaModel, ModelUnusable, on_log, results
from desktop.inference.pixels import Pixels
from desktop.inference.prompt import FIRST_ID, Picture, Prompt

MAX_TOKENS: Final = 4096
"""Of one picture, where a card encodes it; a relay holds no more than that for each."""

MAX_TOKENS_OF_PROCESSOR: Final = 1024
"""A processor would take minutes for more, and callers do not wait so long."""


class PicturesMisplaced(Exception):
    """A rendered prompt does not hold each picture once, or one cannot be prepared."""


class Vision:
    """A loaded projector. `look` may be called from any thread, `encode` from one at a time.

    Raises ModelUnusable if it cannot be loaded for this model.
    """

    def __init__(self, model: LlamaModel, path: str, *, sha256: str, threads: int, graphics: bool) -> None:
        self.marker = f"<picture {secrets.token_hex(16)}>"
        """Stands for a picture in a rendered prompt; new in each process, so that no text holds it by design."""
        self._model = model
        self._salt = bytes.fromhex(sha256)
        mtmd.mtmd_helper_log_set(on_log, ctypes.c_void_p(0))
        params = mtmd.mtmd_context_params_default()
        params.use_gpu = graphics
        params.print_timings = params.warmup = False
        params.n_threads = threads
        params.media_marker = self.marker.encode()
        params.image_max_tokens = MAX_TOKENS if graphics else MAX_TOKENS_OF_PROCESSOR
        self._context = mtmd.mtmd_init_from_file(path.encode(), model.handle, params)
        if not self._context:
            raise ModelUnusable("llama.cpp cannot read this model's picture part, or it is another model's.")
        weakref.finalize(self, mtmd.mtmd_free, self._context)
        if not mtmd.mtmd_support_vision(self._context):
            raise ModelUnusable("This model's picture part is not made for pictures.")
        self._in_two_dimensions = bool(mtmd.mtmd_decode_use_mrope(self._context))

    def look(self, text: str, pictures: Iterable[Pixels]) -> Prompt:
        """Ids of a rendered prompt with a marker for each picture. Raises PicturesMisplaced."""
        raw = text.encode()
        given = mtmd.mtmd_input_text(raw, len(raw), self._model.adds_border(text), True)  # noqa: FBT003
        with contextlib.ExitStack() as stack:
            bitmaps = []
            for each in pictures:
                bitmaps.append(_bitmap(each))
                stack.callback(mtmd.mtmd_bitmap_free, bitmaps[-1])
            if text.count(self.marker) != len(bitmaps):
                raise PicturesMisplaced
            chunks = mtmd.mtmd_input_chunks_init()
            stack.callback(mtmd.mtmd_input_chunks_free, chunks)
            array = (mtmd.mtmd_bitmap_p_ctypes * len(bitmaps))(*bitmaps)
            if mtmd.mtmd_tokenize(self._context, chunks, ctypes.byref(given), array, len(bitmaps)):
                raise PicturesMisplaced
            return self._placed(chunks)

    def encode(self, picture: Picture) -> None:
        """Computes its states, which takes as long as some hundred tokens."""
        if mtmd.mtmd_encode_chunk(self._context, picture.chunk):
            picture.broken = True
        else:
            states = mtmd.mtmd_get_output_embd(self._context)
            picture.states = results(states, picture.cells, self._model.width).copy()

    def _placed(self, chunks: Any) -> Prompt:
        """One picture can become several chunks, with tokens between them."""
        prompt: list[int] = []
        placed: list[Picture] = []
        parts: Counter[bytes] = Counter()
        for at in range(mtmd.mtmd_input_chunks_size(chunks)):
            chunk = mtmd.mtmd_input_chunks_get(chunks, at)
            if mtmd.mtmd_input_chunk_get_type(chunk) == mtmd.MTMD_INPUT_CHUNK_TYPE_TEXT:
                prompt += _text_ids(chunk)
                continue
            digest = mtmd.mtmd_input_chunk_get_id(chunk) or b""
            parts[digest] += 1
            placed.append(self._picture(chunk, len(prompt), digest + b" %d" % parts[digest]))
            prompt += placed[-1].ids
        return Prompt(prompt, tuple(placed))

    def _picture(self, chunk: Any, start: int, name: bytes) -> Picture:
        cells = int(mtmd.mtmd_input_chunk_get_n_tokens(chunk))
        whole = bool(mtmd.mtmd_decode_use_non_causal(self._context, chunk))
        if whole and cells > BATCH:
            raise PicturesMisplaced
        ids = _ids(self._salt + name, int(mtmd.mtmd_input_chunk_get_n_pos(chunk)))
        grid = _grid(chunk, cells) if self._in_two_dimensions else None
        copy = mtmd.mtmd_input_chunk_copy(chunk)
        picture = Picture(start, ids, cells, whole, grid, copy)
        weakref.finalize(picture, mtmd.mtmd_input_chunk_free, copy)
        return picture


def _bitmap(picture: Pixels) -> Any:
    bytes_of = (ctypes.c_uint8 * len(picture.rgb)).from_buffer_copy(picture.rgb)
    bitmap = mtmd.mtmd_bitmap_init(picture.width, picture.height, bytes_of)
    size = b"%d %d " % (picture.width, picture.height)
    mtmd.mtmd_bitmap_set_id(bitmap, hashlib.sha256(size + picture.rgb).hexdigest().encode())
    return bitmap


def _ids(seed: bytes, count: int) -> list[int]:
    drawn = np.frombuffer(hashlib.shake_256(seed).digest(4 * count), "<u4")
    return (drawn | FIRST_ID).tolist()  # type: ignore[no-any-return]


def _text_ids(chunk: Any) -> list[int]:
    count = ctypes.c_size_t()
    ids = mtmd.mtmd_input_chunk_get_tokens_text(chunk, ctypes.byref(count))
    return ids[: count.value]  # type: ignore[no-any-return]


def _grid(chunk: Any, cells: int) -> npt.NDArray[np.int32]:
    tokens = mtmd.mtmd_input_chunk_get_tokens_image(chunk)
    places = (mtmd.mtmd_image_tokens_get_decoder_pos(tokens, 0, at) for at in range(cells))
    return np.array([(place.t, place.y, place.x, place.z) for place in places], np.int32).T.copy()
