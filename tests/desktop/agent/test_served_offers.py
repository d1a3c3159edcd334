"""Models of other engines on this PC, from the settings to an answer."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from desktop import app
from desktop.agent.desks import Desks
from desktop.agent.offers import Offers
from desktop.errors import SettingsUnreadable
from desktop.inference.fake import FakeEngine
from desktop.inference.local_server.discovery import NotLocal
from desktop.inference.worker_settings import WorkerSettings
from desktop.models.catalogue import Catalogue
from desktop.settings import EngineSettings, load_settings
from tests.desktop.inference.answers import PARIS, PARIS_ANSWER, Answer, a_call
from tests.desktop.inference.local_server.servers import MODEL, OLLAMA, Server, running

NOTHING = Catalogue(issued_ms=0, entries=())


def settings_of(folder: Path, text: str) -> tuple[EngineSettings, ...]:
    path = folder / "settings.toml"
    path.write_text(text)
    return load_settings(path).engines


def test_an_engine_is_offered_once_its_owner_has_named_it(tmp_path: Path) -> None:
    (chosen,) = settings_of(tmp_path, f'[[engines]]\nurl = "localhost:11434"\nmodel = "{MODEL}"\nname = "llama"\n')
    worker = WorkerSettings(model=tmp_path / "demo.gguf", name="demo")
    offers = Offers(worker, lambda _: FakeEngine, keeps_configured=True, served=(app._served(chosen),))

    assert [offer.name for offer in offers([], NOTHING)] == ["demo", "llama"]
    assert settings_of(tmp_path, "") == ()


def test_an_address_elsewhere_is_refused_by_name() -> None:
    with pytest.raises(NotLocal, match=r"192\.0\.2\.1 is not an address of this computer"):
        app._served(EngineSettings(url="http://192.0.2.1", model="m"))


def test_a_misspelt_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsUnreadable):
        settings_of(tmp_path, '[[engines]]\nadress = "x"\n')


async def test_a_call_for_it_is_answered_by_that_engine() -> None:
    moved, answer = asyncio.Event(), Answer()
    async with running(Server(OLLAMA)) as server:
        offer = app._served(EngineSettings(url=server.url, model=MODEL, slots=2))
        desks = Desks([offer], changed=moved.set, freed=lambda: None)
        async with asyncio.TaskGroup() as group:
            work = group.create_task(desks.run())
            desks.want(True)
            async with asyncio.timeout(10):
                while not [model for model in desks.advertised() if model.warm]:
                    moved.clear()
                    await moved.wait()
                (advertised,) = desks.advertised()
                desks.submit(advertised.model, a_call(PARIS), answer)
                await answer.over.wait()
            work.cancel()

    assert (advertised.model, advertised.slots, advertised.resume) == (MODEL, 2, "none")
    assert answer.text() == PARIS_ANSWER
