"""Choosing models for this very PC: the catalogue ranked by what it would earn here, and how a model here fits."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from desktop.models import fit
from desktop.models.catalogue import Catalogue, Entry
from desktop.models.gguf import GgufRefused
from desktop.models.model_file import read_model_file
from desktop.models.ranking import Ranked, bandwidth_of, ranked, shape_of
from desktop.system import hardware


def ranked_here(catalogue: Catalogue, words: str, measured: Iterable[tuple[int, float]] = ()) -> list[Ranked]:
    """What fits those words, best first, judged by the memory this PC has beside what its owner needs.

    `measured`: sizes in bytes and tokens a second of models that have run here.
    """
    room = _room()
    return ranked(
        catalogue,
        plan=lambda shape: fit.plan(shape, room, fit.Wishes()),
        bandwidth=bandwidth_of(measured),
        entries=catalogue.search(words),
    )


def fit_here(path: Path, entry: Entry | None) -> fit.Badge | None:
    """How the model at `path` fits; by the catalogue's word, else by the file's header. None: neither tells."""
    shape = shape_of(entry) if entry is not None else None
    if shape is None:
        try:
            shape = read_model_file(path)
        except (GgufRefused, OSError):
            return None
    return fit.plan(shape, _room(), fit.Wishes()).badge


def _room() -> fit.Room:
    total = hardware.memory().total
    return fit.room(total, total)
