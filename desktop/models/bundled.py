"""What comes with Nightjar: the demo model, and a catalogue that names it for a PC that has no relay yet."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from desktop.models.catalogue import Catalogue, read_catalogue

DEMO_MODEL: Final = "nightjar-demo.gguf"
_CATALOGUE: Final = "catalogue.json"


def asset(name: str) -> Path:
    """Beside the packages in a checkout, inside `desktop` once installed."""
    package = Path(__file__).parent.parent
    inside = package / "assets" / name
    return inside if inside.exists() else package.parent / "assets" / name


@cache
def bundled_catalogue() -> Catalogue:
    return read_catalogue(asset(_CATALOGUE).read_bytes())
