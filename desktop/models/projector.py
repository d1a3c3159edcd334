"""The picture part of a model: a second file, which programs that keep models put beside it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from desktop.models.gguf import GgufRefused, Header, read_header
from desktop.models.model_file import ModelFile

_PREFIX = "mmproj"
"""How the names of such files begin."""

_ARCHITECTURE = "clip"


def read_projector(path: Path) -> Header:
    """Its head, checked. Raises GgufRefused if it is none, and OSError."""
    header = read_header(path)
    if header.metadata.get("general.architecture") != _ARCHITECTURE:
        raise GgufRefused(f"{path.name} is not the picture part of a model")
    return header


def projector_of(model: ModelFile, candidates: Iterable[Path]) -> Path | None:
    """The first that is whole and writes what this model reads."""
    for path in candidates:
        try:
            width = read_projector(path).metadata.get("clip.vision.projection_dim")
        except (GgufRefused, OSError):
            continue
        if width == model.width:
            return path
    return None


def beside(model: Path) -> list[Path]:
    """Picture parts in the folder of a model, by name."""
    try:
        names = sorted(path for path in model.parent.iterdir() if path.suffix.lower() == ".gguf")
    except OSError:
        return []
    return [path for path in names if is_part(path)]


def is_part(path: Path) -> bool:
    """By its name."""
    return path.name.lower().startswith(_PREFIX)
