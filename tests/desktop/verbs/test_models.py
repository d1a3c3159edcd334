"""`nightjar models …` as an owner types it."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from desktop.models.bundled import asset
from desktop.models.digest import file_sha256
from desktop.models.store import Store
from tests.desktop.inference import seeing_models
from tests.desktop.models.conftest import CONTENT, content, put
from tests.desktop.models.file_server import FileServer
from tests.desktop.verbs.conftest import Terminal, offer
from tests.relay.running import RunningRelay

DEMO = str(asset("nightjar-demo.gguf"))


async def test_a_model_is_found_downloaded_verified_and_served(
    terminal: Terminal, relay: RunningRelay, server: FileServer, store: Store
) -> None:
    await offer(relay, server)
    found = await terminal.json("models", "search", "tiny")
    assert [(each["id"], each["here"]) for each in found["models"]] == [("tiny", False)]
    assert await terminal.json("models", "add", "tiny") == {"ok": True, "models": ["tiny"]}
    (model,) = store.servable()
    assert content(model.path) == CONTENT
    listed = await terminal.json("models")
    assert [(each["name"], each["condition"], each["active"]) for each in listed["models"]] == [("tiny", "ready", True)]
    assert listed["usage"]["models"] == len(CONTENT)
    assert (await terminal.json("models", "search"))["models"][0]["here"]


async def test_what_people_read_says_size_state_and_room(
    terminal: Terminal, relay: RunningRelay, server: FileServer
) -> None:
    await offer(relay, server)
    _, out, _ = await terminal.run("models", "search")
    assert "tiny" in out
    assert "nightjar models add MODEL" in out
    status, out, _ = await terminal.run("models", "add", "tiny")
    assert (status, out) == (0, "Downloaded and verified: tiny (3.0 MB).\n")
    _, out, _ = await terminal.run("models")
    assert out.splitlines()[1].split() == ["tiny", "3.0", "MB", "offered", "download"]
    assert "3.0 MB used in" in out


async def test_a_download_that_cannot_be_had_says_why_and_is_listed_with_it(
    terminal: Terminal, relay: RunningRelay, server: FileServer
) -> None:
    await offer(relay, server)
    server.status = 404
    status, out, err = await terminal.run("models", "add", "tiny")
    assert (status, out) == (1, "")
    assert err == "nightjar: tiny: The download stopped: the file is no longer at 127.0.0.1.\n"
    _, out, _ = await terminal.run("models", "list")
    assert "[........................]   0 %  0 MB of 3.0 MB" in out
    assert "no longer at 127.0.0.1" in out
    server.status = 200
    assert (await terminal.run("models", "add", "tiny"))[0] == 0


async def test_what_the_catalogue_does_not_offer_is_not_downloaded(
    terminal: Terminal, relay: RunningRelay, server: FileServer, store: Store
) -> None:
    assert "The catalogue does not have it" in (await terminal.run("models", "add", "tiny"))[2]
    assert "comes with Nightjar" in (await terminal.run("models", "add", "nightjar-demo"))[2]
    assert store.read().wishes == ()


async def test_without_a_wait_the_download_is_left_to_the_app(
    terminal: Terminal, relay: RunningRelay, server: FileServer, store: Store
) -> None:
    await offer(relay, server)
    assert (await terminal.run("models", "add", "tiny", "--no-wait"))[0] == 0
    assert [wish.name for wish in store.read().wishes] == ["tiny"]
    assert server.asked == []
    assert (await terminal.run("models", "pause", "ti"))[1] == "tiny is paused.\n"
    assert store.read().wishes[0].paused
    assert (await terminal.run("models", "rm", "tiny", "--yes"))[1] == "Removed; no file was deleted.\n"
    assert store.read().wishes == ()


async def test_a_file_is_used_where_it_lies(terminal: Terminal, store: Store, own_home: Path) -> None:
    status, out, err = await terminal.run("models", "import", DEMO)
    assert (status, out) == (0, "Imported nightjar-demo; the file stays where it is.\n")
    assert err == ""
    assert [(each.name, str(each.path)) for each in store.servable()] == [("nightjar-demo", DEMO)]
    assert "is here already" in (await terminal.run("models", "import", DEMO))[2]
    assert (await terminal.run("models", "pause", "nightjar-demo"))[0] == 0
    assert store.servable() == ()
    assert (await terminal.run("models", "resume", "nightjar-demo"))[0] == 0
    assert (await terminal.run("models", "rm", "night", "--yes"))[1] == "Removed; no file was deleted.\n"
    assert asset("nightjar-demo.gguf").exists()


async def test_a_folder_with_a_picture_part_is_taken_in_whole(terminal: Terminal, store: Store, tmp_path: Path) -> None:
    put(tmp_path / "llava" / "tiny.gguf", asset("nightjar-demo.gguf").read_bytes() + bytes(32))
    part = seeing_models.llava(tmp_path / "llava" / "mmproj-tiny.gguf")
    status, out, err = await terminal.run("models", "import", str(part.parent))
    assert (status, err) == (0, "")
    assert out == "Imported tiny; the file stays where it is. It looks at images.\n"
    assert "offered, looks at images" in (await terminal.run("models"))[1]
    assert [each["looks_at_images"] for each in (await terminal.json("models"))["models"]] == [True]
    assert "the same model is here already" in (await terminal.run("models", "import", str(part.parent)))[2]
    assert "is taken in with that" in (await terminal.run("models", "import", str(part)))[2]


async def test_a_picture_part_that_no_model_of_the_folder_takes_is_told(terminal: Terminal, tmp_path: Path) -> None:
    put(tmp_path / "mixed" / "tiny.gguf", asset("nightjar-demo.gguf").read_bytes() + bytes(32))
    put(tmp_path / "mixed" / "mmproj-other.gguf", bytes(2_000_000))
    status, out, err = await terminal.run("models", "import", str(tmp_path / "mixed"))
    assert (status, out) == (0, "Imported tiny; the file stays where it is.\n")
    assert "mmproj-other.gguf cannot be used: it is the picture part of a model" in err


async def test_other_programs_models_are_shown_and_taken_by_name_or_all(
    terminal: Terminal, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "me")
    studio = tmp_path / "me" / ".lmstudio" / "models"
    put(studio / "a" / "One.gguf", asset("nightjar-demo.gguf").read_bytes() + bytes(32))
    put(studio / "a" / "Two.gguf", bytes(2_000_000))
    _, out, _ = await terminal.run("models", "import")
    assert "one" in out
    assert "lm-studio" in out
    status, out, err = await terminal.run("models", "import", "--all")
    assert (status, out) == (0, "Imported one; the file stays where it is.\n")
    assert "Two.gguf cannot be used" in err
    assert [each.name for each in store.servable()] == ["one"]


async def test_nothing_to_import_is_said(terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "nobody")
    status, out, _ = await terminal.run("models", "import")
    assert (status, "nightjar models import PATH" in out) == (0, True)
    status, _, err = await terminal.run("models", "import", "nonsense")
    assert (status, "neither a file or folder" in err) == (1, True)
    status, _, err = await terminal.run("models", "import", str(tmp_path))
    assert (status, "no GGUF file in it" in err) == (1, True)


async def test_the_folder_moves_with_what_is_in_it(
    terminal: Terminal, relay: RunningRelay, server: FileServer, store: Store, tmp_path: Path
) -> None:
    await offer(relay, server)
    await terminal.json("models", "add", "tiny")
    status, out, _ = await terminal.run("models", "move", str(tmp_path / "big disk"))
    assert (status, out) == (0, f"3.0 MB of models are in {tmp_path / 'big disk'} now.\n")
    assert [each.path.parent for each in store.servable()] == [tmp_path / "big disk"]


@pytest.mark.parametrize(("text", "speed"), [("500k", 500_000), ("2.5M", 2_500_000), ("1G", 10**9), ("off", 0)])
async def test_downloads_can_be_slowed(text: str, speed: int, terminal: Terminal, store: Store) -> None:
    await terminal.json("models", "limit", text)
    assert store.read().speed_limit == speed


@pytest.mark.parametrize("text", ["fast", "5", "5X", "0k", "-1M", "1e400M", ""])
async def test_a_speed_that_is_none_is_a_wrong_command_line(text: str, terminal: Terminal) -> None:
    with pytest.raises(SystemExit) as ended:
        await terminal.run("models", "limit", text)
    assert ended.value.code == 2


async def test_a_description_is_what_a_relays_catalogue_takes(terminal: Terminal) -> None:
    status, out, _ = await terminal.run("models", "describe", DEMO)
    described = json.loads(out)
    assert status == 0
    assert (described["sha256"], described["context"]) == (file_sha256(Path(DEMO)), 2048)
    assert described["shape"]["layers"] == 4


async def test_without_a_relay_the_bundled_catalogue_is_shown_and_said_to_be(terminal: Terminal) -> None:
    status, out, err = await terminal.run("models", "search")
    assert status == 0
    assert "nightjar-demo" in out
    assert "not enrolled" in err


async def test_before_something_is_deleted_its_size_is_shown(
    terminal: Terminal, relay: RunningRelay, server: FileServer, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await offer(relay, server)
    await terminal.json("models", "add", "tiny")
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question)
        return "n" if len(asked) == 1 else "y"

    monkeypatch.setattr("builtins.input", answer)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    assert (await terminal.run("models", "rm", "tiny"))[:2] == (1, "Nothing was deleted.\n")
    assert (await terminal.run("models", "rm", "tiny"))[:2] == (0, "Removed; 3.0 MB are free again.\n")
    await terminal.run("models", "import", DEMO)
    await terminal.run("models", "rm", "nightjar-demo")
    assert asked[1:] == [
        "Delete tiny (3.0 MB) from this PC? [y/N] ",
        "No longer use nightjar-demo? Its file stays where it is. [y/N] ",
    ]
    assert store.servable() == ()


async def test_a_model_that_is_not_here_is_named(terminal: Terminal) -> None:
    for verb in ("pause", "resume"):
        status, _, err = await terminal.run("models", verb, "ghost")
        assert (status, "'ghost'" in err) == (1, True)
    assert (await terminal.run("models", "rm", "ghost", "--yes"))[0] == 1
    _, out, _ = await terminal.run("models")
    assert out.startswith("No models yet, beside the one that Nightjar starts with.")


async def test_an_interrupted_download_says_how_it_goes_on_and_goes_on(
    terminal: Terminal, relay: RunningRelay, server: FileServer, store: Store
) -> None:
    await offer(relay, server)
    server.hold_after = 2_000_000
    command = [sys.executable, "-m", "desktop", "models", "add", "tiny"]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    await server.until_sent(2_000_000)
    process.send_signal(signal.SIGINT)
    out, err = await process.communicate()
    assert (process.returncode, out) == (130, b"")
    assert b"nightjar models add tiny" in err
    assert b"Traceback" not in err
    server.hold_after = None
    assert (await terminal.run("models", "add", "tiny"))[0] == 0
    assert [each.name for each in store.servable()] == ["tiny"]
