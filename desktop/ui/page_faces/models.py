"""Every state of the Models page."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget

from desktop.models.catalogue import Demand, Entry, Price
from desktop.models.fit import Badge, Buffers, Plan
from desktop.models.ranking import Estimate, Ranked
from desktop.models.store import Usage
from desktop.ui.examples import MODEL, NOW, snapshot
from desktop.ui.faces import every_face
from desktop.ui.figures import Formats
from desktop.ui.library_facts import Act, CatalogueSeen, LibraryFacts, LibrarySeen, ModelHere
from desktop.ui.library_presenter import LibraryPresenter
from desktop.ui.page_faces.fixed import FOLDER, GB, USAGE, Make
from desktop.ui.pages.models import ModelsPage
from desktop.ui.theme import Theme

HERE = (
    ModelHere(MODEL.name, 4_680_000_000, "download", True, "ready", Badge.ROOMY, ours=True),
    ModelHere("llama-3.2-3b-instruct-q5_k_m", 2_320_000_000, "download", False, "ready", Badge.ROOMY, ours=True),
    ModelHere(
        "mistral-small:24b",
        14_300_000_000,
        "ollama",
        True,
        "missing",
        Badge.TIGHT,
        ours=False,
        path="/usr/share/ollama/.ollama/models/blobs/sha256-0f8ac3",
    ),
)

LIBRARY = LibrarySeen(HERE, USAGE)


def candidate(
    name: str,
    title: str,
    size: int,
    *,
    badge: Badge | None = Badge.ROOMY,
    hour: int = 31_000_000,
    speed: float = 38.0,
    calls: int = 12_408,
    nodes: int = 3,
    url: str = "https://models.example.org/file.gguf",
    licence: str = "Apache-2.0",
) -> Ranked:
    """A model of the catalogue, judged."""
    entry = Entry(
        id=name,
        title=title,
        file="file.gguf",
        size=size,
        sha256="0" * 64,
        url=url,
        licence=licence,
        price=Price(100_000, 400_000),
        demand=Demand(calls, 900_000, 4_000_000, nodes),
    )
    plan = None if badge is None else _plan(badge, size)
    return Ranked(entry, plan, Estimate(speed, hour, "speed"))


def _plan(badge: Badge, size: int) -> Plan:
    memory, none = Buffers(size, 0, 0), Buffers(0, 0, 0)
    return Plan(badge, context=8192, slots=4, pool=8192, gpu_layers=0, ram=memory, card=none, used=0.5)


FOUND = (
    candidate(
        "gemma-3-12b-it-q4_k_m", "Gemma 3 12B Instruct", 7_300_000_000, hour=48_000_000, speed=21, licence="Gemma"
    ),
    candidate(MODEL.name, "Qwen 2.5 7B Instruct", 4_680_000_000, hour=31_000_000, calls=9_911, nodes=7),
    candidate("gemma-3-4b-it-q4_k_m", "Gemma 3 4B Instruct", 2_490_000_000, hour=9_400_000, speed=64, calls=1, nodes=1),
    candidate(
        "qwen2.5-72b-instruct-q4_k_m",
        "Qwen 2.5 72B Instruct",
        47_400_000_000,
        badge=Badge.NONE,
        hour=88_000_000,
        speed=3,
    ),
    candidate("nightjar-demo", "Nightjar demo", 140_000_000, url="", licence="MIT"),
)

CATALOGUE = CatalogueSeen("", FOUND)

_FULL = LibraryFacts(LIBRARY, catalogue=CATALOGUE)


def _models(facts: LibraryFacts, face: str = "downloads", *, freed: int = 0) -> Make:
    def make(theme: Theme, formats: Formats) -> QWidget:
        page = ModelsPage(theme)
        presenter = LibraryPresenter(QCoreApplication.translate, formats)
        told = replace(facts, told=presenter.removed(freed)) if freed else facts
        page.show_view(presenter.page(told, every_face()[face] if face else snapshot(), NOW))
        return page

    return make


FACES: dict[str, Make] = {
    "models": _models(_FULL),
    "models-held": _models(_FULL, "downloads-held"),
    "models-looking": _models(LibraryFacts(), "starting"),
    "models-empty": _models(
        LibraryFacts(
            LibrarySeen((), Usage(FOLDER, 0, 0, 0, 118 * GB)),
            catalogue=CatalogueSeen(
                "", FOUND[-1:], "This PC is not enrolled at a relay; this is what comes with Nightjar."
            ),
        ),
        "",
    ),
    "models-importing": _models(
        LibraryFacts(
            LIBRARY,
            catalogue=CatalogueSeen("zephyr", ()),
            act=Act("import", "phi-4-q4_k_m.gguf", 3_100_000_000, 8_890_000_000, NOW - 12, can_stop=True),
        ),
        "",
    ),
    "models-error": _models(
        LibraryFacts(
            LIBRARY,
            search_problem="The relay relay.example.org does not answer: it cannot be reached. "
            "Check that this PC is online, and try again.",
            problem="/home/maria/phi-4.gguf cannot be used: it is too small to be a model. Choose another file.",
        ),
        "",
    ),
    "models-done": _models(LibraryFacts(LIBRARY, catalogue=CATALOGUE), "", freed=4_680_000_000),
}
