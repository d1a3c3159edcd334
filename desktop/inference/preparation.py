"""From an order to a model that is ready: inside the worker, before it is given any call.

The file's head is read and checked in Python first, then what it says is fitted into the memory that may be taken, and
only then does llama.cpp see the file.
"""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from desktop.inference import frames, speed
from desktop.inference.engine import LlamaModel, ModelUnusable, supports_graphics
from desktop.inference.speed import Speed
from desktop.inference.templates import ChatTemplate, TemplateRefused
from desktop.inference.text import PARSER_VERSION
from desktop.models import fit
from desktop.models.digest import file_sha256
from desktop.models.fit import Badge, Plan, Room, Wishes
from desktop.models.gguf import GgufRefused
from desktop.models.model_file import ModelFile, read_model_file
from desktop.models.projector import read_projector
from desktop.system.confinement import Confinement

if TYPE_CHECKING:
    from desktop.inference.sight import Sight

_LEAST_ENCODING: Final = 128 * 1024 * 1024
_MOST_ENCODING: Final = 768 * 1024 * 1024
"""Bytes beside the projector's weights: some 450 MiB to encode a picture in the largest in use, the rest for the pixels
of those that are looked at."""

_NO_ROOM: Final = "There is not enough memory for the model's picture part."


class MemoryShort(ModelUnusable):
    """There is too little memory now; `again`: there may be enough when other programs have given theirs back."""

    def __init__(self, why: str, *, again: bool) -> None:
        super().__init__(why)
        self.again = again


class Prepared(NamedTuple):
    """What a worker serves with, and what it tells its keeper."""

    model: LlamaModel
    template: ChatTemplate | None
    sight: Sight | None
    loaded: frames.Loaded


def uses_graphics(load: frames.Load) -> bool:
    """Whether a graphics driver will be in this process."""
    return bool(load.room.cards) and load.gpu_layers != 0 and supports_graphics()


def prepare(load: frames.Load, confined: Confinement) -> Prepared:
    """Raises ModelUnusable."""
    file = _checked(Path(load.path))
    if load.template and file.template_sha256 != load.template:
        raise ModelUnusable("The chat template in the model file is not the one that was approved for this model.")
    eyes = _eyes(load.projector)
    try:
        chosen = _planned(file, load, eyes.size, graphics=confined.graphics)
    except MemoryShort:
        if not eyes.size:
            raise
        chosen, eyes = _planned(file, load, 0, graphics=confined.graphics), Eyes(why_not=_NO_ROOM)
    model = LlamaModel(
        load.path,
        context=chosen.context,
        slots=chosen.slots,
        pool=chosen.pool,
        threads=load.threads,
        gpu_layers=chosen.gpu_layers,
    )
    source = model.template
    try:
        template = ChatTemplate(source, bos=model.bos, eos=model.eos, beside=eyes.size) if source else None
    except TemplateRefused as error:
        raise ModelUnusable(str(error)) from error
    sight, eyes = _sight(model, load, eyes, graphics=confined.graphics)
    measured = _speed(model, load.known)
    loaded = frames.Loaded(
        name=model.name or Path(load.path).stem,
        context=model.context,
        slots=model.slots,
        quantisation=model.quantisation,
        prefill_tps=measured.prefill,
        decode_tps=measured.decode,
        numerics=model.numerics,
        template=hashlib.sha256(source.encode()).hexdigest(),
        parser=PARSER_VERSION,
        unconfined=confined.missing,
        expected=chosen.expected,
        taken=sum(buffer.size for buffer in model.buffers),
        projector=eyes.sha256,
        projector_bytes=eyes.weights,
        blind=eyes.why_not,
        badge="partial" if chosen.badge is Badge.PARTIAL else "tight" if chosen.badge is Badge.TIGHT else "roomy",
    )
    return Prepared(model, template, sight, loaded)


def _checked(path: Path) -> ModelFile:
    try:
        return read_model_file(path)
    except GgufRefused as error:
        raise ModelUnusable(error.line()) from error
    except OSError as error:
        raise ModelUnusable(f"The model file cannot be read: {error.strerror or error}.") from error


class Eyes(NamedTuple):
    """A model's picture part: bytes of its weights, the hash of its file once it is loaded, or why it is left out."""

    weights: int = 0
    sha256: str = ""
    why_not: str = ""

    @property
    def size(self) -> int:
        """Bytes it can come to take."""
        return self.weights + min(_LEAST_ENCODING + 2 * self.weights, _MOST_ENCODING) if self.weights else 0


def _eyes(path: str) -> Eyes:
    """What is expected of the picture part. One that is no good costs the model its sight and nothing else."""
    if not path:
        return Eyes()
    try:
        return Eyes(read_projector(Path(path)).file_size)
    except GgufRefused as error:
        return Eyes(why_not=f"The model's picture part cannot be used: {error.why}.")
    except OSError as error:
        return Eyes(why_not=f"The model's picture part cannot be read: {error.strerror or error}.")


def _sight(model: LlamaModel, load: frames.Load, eyes: Eyes, *, graphics: bool) -> tuple[Sight | None, Eyes]:
    if not eyes.size:
        return None, eyes
    # Most models look at nothing, and their workers need none of these libraries in memory.
    from desktop.inference.sight import Sight  # noqa: PLC0415
    from desktop.inference.vision import Vision  # noqa: PLC0415

    try:
        sha256 = file_sha256(Path(load.projector))
        vision = Vision(model, load.projector, sha256=sha256, threads=load.threads, graphics=graphics)
    except ModelUnusable as error:
        return None, Eyes(why_not=str(error))
    return Sight(vision), eyes._replace(sha256=sha256)


def _planned(file: ModelFile, load: frames.Load, projector: int, *, graphics: bool) -> Plan:
    wishes = Wishes(context=load.context, slots=load.slots, pool=load.pool, gpu_layers=load.gpu_layers)
    factor = load.known.factor if load.known else 1.0
    now, most = (_beside(projector, room, graphics=graphics) for room in (load.room, load.most))
    chosen = fit.plan(file, now, wishes, factor=factor)
    if not chosen.fits:
        again = fit.plan(file, most, wishes, factor=factor).fits
        raise MemoryShort(fit.shortage(chosen, now), again=again)
    return chosen


def _beside(projector: int, room: frames.Room, *, graphics: bool) -> Room:
    """What is left beside a picture part, which goes where the model's own computing is done."""
    if not graphics:
        return Room(max(room.ram - projector, 0), ())
    first, *others = room.cards
    return Room(room.ram, (max(first - projector, 0), *others))


def _speed(model: LlamaModel, known: frames.Known | None) -> Speed:
    if known is not None and known.decode_tps:
        speed.warm_up(model)
        return Speed(known.prefill_tps, known.decode_tps)
    measured = speed.measure(model, time.monotonic)
    return Speed(round(measured.prefill, 1), round(measured.decode, 1))
