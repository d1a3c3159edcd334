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

_ENCODING: Final = 128 * 1024 * 1024
"""Bytes that encoding a picture takes beside the projector's weights: the largest in use take about so many."""


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
    projector = _projector(load.projector)
    chosen = _planned(file, load, projector, graphics=confined.graphics)
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
        template = ChatTemplate(source, bos=model.bos, eos=model.eos) if source else None
    except TemplateRefused as error:
        raise ModelUnusable(str(error)) from error
    sight = _sight(model, load, graphics=confined.graphics) if projector else None
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
        pictures=sight is not None,
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


def _projector(path: str) -> int:
    """Bytes that the picture part will take, 0 if there is none. Raises ModelUnusable."""
    if not path:
        return 0
    try:
        header = read_projector(Path(path))
    except GgufRefused as error:
        raise ModelUnusable(f"The model's picture part cannot be used: {error.why}.") from error
    except OSError as error:
        raise ModelUnusable(f"The model's picture part cannot be read: {error.strerror or error}.") from error
    return header.file_size + _ENCODING


def _sight(model: LlamaModel, load: frames.Load, *, graphics: bool) -> Sight:
    """Raises ModelUnusable."""
    # Most models look at nothing, and their workers need none of these libraries in memory.
    from desktop.inference.sight import Sight  # noqa: PLC0415
    from desktop.inference.vision import Vision  # noqa: PLC0415

    sha256 = file_sha256(Path(load.projector))
    return Sight(Vision(model, load.projector, sha256=sha256, threads=load.threads, graphics=graphics))


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
