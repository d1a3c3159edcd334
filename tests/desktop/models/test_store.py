"""The library on disk: what it promises over processes, crashes and other people's files."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from desktop.errors import DesktopError, FolderUnusable, SettingsUnreadable
from desktop.models import moving
from desktop.models import store as store_module
from desktop.models.disk import RealDisk
from desktop.models.errors import DiskFull, FileInUse, LibraryBusy, ModelUnusable, NoSuchModel
from desktop.models.library import Model
from desktop.models.moving import MoveFailed, move
from desktop.models.partial import Head, PartFile, part_paths, received
from desktop.models.store import Store
from desktop.system.lock import FileLock
from tests.desktop.models.conftest import CONTENT, SHA256, an_offer, content, put


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "data", clock=lambda: 1000.0)


def a_download(store: Store, **changed: Any) -> Model:
    """A model that was downloaded and verified."""
    entry = an_offer(**changed)
    store.want(entry)
    target = store.target(entry)
    put(target, CONTENT)
    assert store.finished(entry, target)
    return store.read().model(entry.id)


def an_import(store: Store, path: Path, **changed: Any) -> Model:
    status = path.stat()
    values: dict[str, Any] = {
        "name": "mine",
        "path": str(path),
        "size": status.st_size,
        "mtime_ns": status.st_mtime_ns,
        "sha256": SHA256,
        "origin": "file",
        "added_at": 1.0,
    }
    model = Model(**values | changed)
    store.add(model)
    return model


def test_what_is_written_is_read_by_the_next_process(store: Store, tmp_path: Path) -> None:
    a_download(store)
    store.want(an_offer(id="other"))
    library = Store(tmp_path / "data").read()
    assert [model.name for model in library.models] == ["tiny"]
    assert [wish.name for wish in library.wishes] == ["other"]


def test_nobody_else_may_read_which_models_somebody_has(store: Store, tmp_path: Path) -> None:
    a_download(store)
    assert (tmp_path / "data" / "library.json").stat().st_mode & 0o077 == 0


def test_changes_of_many_processes_at_once_all_count(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from desktop.models.store import Store\n"
        "from tests.desktop.models.conftest import an_offer\n"
        f"for n in range(10): Store(Path({str(tmp_path)!r})).want(an_offer(id=f'{{sys.argv[1]}}-{{n}}'))"
    )
    writers = [subprocess.Popen([sys.executable, "-c", script, str(number)]) for number in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert len(Store(tmp_path).read().wishes) == 30


def test_a_library_that_another_process_holds_for_long_is_said_to_be_busy(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "_PATIENCE_S", 0.05)
    (tmp_path / "data").mkdir()
    lock = FileLock(tmp_path / "data" / "library.lock")
    assert lock.acquire()
    with pytest.raises(LibraryBusy):
        store.want(an_offer())


@pytest.mark.parametrize("damage", [b"{", b"[]", b'{"models": [{"name": "x"}]}', b"\xff"])
def test_a_damaged_library_is_named_and_not_overwritten(damage: bytes, store: Store, tmp_path: Path) -> None:
    path = put(tmp_path / "data" / "library.json", damage)
    with pytest.raises(SettingsUnreadable, match="library"):
        store.want(an_offer())
    assert path.read_bytes() == damage


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    put(tmp_path / "data", b"a file")
    with pytest.raises(FolderUnusable):
        Store(tmp_path / "data").want(an_offer())


def test_only_unchanged_active_models_are_served(store: Store, tmp_path: Path) -> None:
    a_download(store)
    file = put(tmp_path / "mine.gguf", CONTENT)
    an_import(store, file)
    assert [each.name for each in store.servable()] == ["tiny", "mine"]
    store.pause("mine")
    assert [each.name for each in store.servable()] == ["tiny"]
    store.resume("mine")
    file.write_bytes(CONTENT + b"!")
    assert [each.name for each in store.servable()] == ["tiny"]
    assert store.condition(store.read().model("mine")) == "changed"
    file.unlink()
    assert store.condition(store.read().model("mine")) == "missing"


def test_a_file_that_only_looks_changed_is_read_again_and_forgiven(store: Store, tmp_path: Path) -> None:
    file = put(tmp_path / "mine.gguf", CONTENT)
    an_import(store, file)
    os.utime(file, (1, 1))
    assert store.servable() == ()
    assert store.recheck() == ()
    assert [each.name for each in store.servable()] == ["mine"]
    file.write_bytes(CONTENT[::-1])
    assert [model.name for model in store.recheck()] == ["mine"]
    assert store.servable() == ()


def test_a_file_that_is_another_one_is_read_once_and_not_at_every_look(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = put(tmp_path / "mine.gguf", CONTENT)
    an_import(store, file)
    file.write_bytes(CONTENT[::-1])
    os.utime(file, (1, 1))
    assert [model.name for model in store.recheck()] == ["mine"]
    monkeypatch.setattr(store_module, "file_sha256", lambda *_: pytest.fail("it was read again"))
    assert [model.name for model in store.recheck()] == ["mine"]
    file.unlink()
    assert store.recheck() == ()


def test_giving_up_a_download_that_has_arrived_deletes_no_model(store: Store) -> None:
    model = a_download(store)
    with pytest.raises(NoSuchModel):
        store.give_up(model.name)
    assert store.path(model).read_bytes() == CONTENT


def test_deleting_a_model_that_is_gone_deletes_none_of_a_longer_name(store: Store, tmp_path: Path) -> None:
    model = a_download(store, id="tiny-instruct")
    with pytest.raises(NoSuchModel):
        store.delete("tiny")
    assert store.path(model).read_bytes() == CONTENT
    assert store.delete("tiny-instruct") == len(CONTENT)


def test_removing_deletes_what_is_ours_and_leaves_what_is_not(store: Store, tmp_path: Path) -> None:
    model = a_download(store)
    file = put(tmp_path / "mine.gguf", CONTENT)
    an_import(store, file)
    path = store.path(model)
    assert store.remove("tiny") == len(CONTENT)
    assert store.remove("mine") == 0
    assert not path.exists()
    assert file.exists()
    assert store.read().models == ()


def test_a_download_that_was_given_up_at_the_last_moment_is_no_model(store: Store) -> None:
    entry = an_offer()
    store.want(entry)
    target = store.target(entry)
    put(target, CONTENT)
    store.change(lambda library: library.without_wish("tiny"))
    assert not store.finished(entry, target)
    assert not target.exists()
    assert store.read().models == ()


def test_a_name_may_be_cut_short_while_it_is_clear(store: Store) -> None:
    a_download(store, id="Qwen-3-4b")
    a_download(store, id="qwen-3-8b")
    assert store.read().model("qwen-3-4B").name == "Qwen-3-4b"
    assert store.read().model("qwen-3-8").name == "qwen-3-8b"
    with pytest.raises(NoSuchModel) as caught:
        store.read().model("qwen")
    assert "Qwen-3-4b, qwen-3-8b" in caught.value.remedy


def test_what_is_here_or_has_no_address_is_not_downloaded(store: Store) -> None:
    a_download(store)
    with pytest.raises(ModelUnusable, match="on this PC already"):
        store.want(an_offer())
    with pytest.raises(ModelUnusable, match="comes with Nightjar"):
        store.want(an_offer(id="bundled", url=""))


def test_two_files_of_one_name_from_two_places_do_not_meet(store: Store) -> None:
    assert store.target(an_offer(id="a")) != store.target(an_offer(id="b", sha256="1" * 64))


def test_disk_use_is_told_by_what_it_is_for(store: Store, tmp_path: Path) -> None:
    a_download(store)
    an_import(store, put(tmp_path / "mine.gguf", CONTENT))
    entry = an_offer(id="other", sha256="1" * 64)
    store.want(entry)
    part, _ = part_paths(store.target(entry))
    put(part, CONTENT[:1_000_000])
    usage = store.usage()
    assert (usage.models, usage.elsewhere) == (len(CONTENT), len(CONTENT))
    assert 900_000 <= usage.unfinished <= 1_100_000
    assert usage.free > 0


# --- moving


def a_half_download(store: Store, **changed: Any) -> Path:
    entry = an_offer(id="half", sha256="1" * 64, **changed)
    store.want(entry)
    target = store.target(entry)
    part = PartFile(target, Head(url=entry.url, size=entry.size, sha256=entry.sha256), RealDisk())
    part.acquire()
    part.open()
    part.write(CONTENT[:1000])
    part.close()
    return target


def test_moving_takes_models_and_unfinished_downloads_along(store: Store, tmp_path: Path) -> None:
    a_download(store)
    half = a_half_download(store)
    old, new = store.folder(), tmp_path / "elsewhere"
    move(store, new)
    assert store.folder() == new
    assert [each.path.parent for each in store.servable()] == [new]
    assert received(new / half.name) == 1000
    assert [wish.runnable for wish in store.read().wishes] == [True]
    assert not old.exists()


class OtherDisk(RealDisk):
    """The target of a move on a disk of its own."""

    def __init__(self, room: int = 10**12) -> None:
        self.room = room

    def free(self, folder: Path) -> int:
        return self.room


@pytest.fixture
def no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "link", refuse)


@pytest.mark.usefixtures("no_links")
def test_moving_to_another_disk_copies_and_checks(store: Store, tmp_path: Path) -> None:
    copied: list[int] = []
    model, new = a_download(store), tmp_path / "elsewhere"
    path = store.path(model)
    move(store, new, disk=OtherDisk(), copied=copied.append)
    assert copied[-1] == len(CONTENT)
    assert [content(each.path) for each in store.servable()] == [CONTENT]
    assert not path.exists()


@pytest.mark.usefixtures("no_links")
def test_a_move_that_finds_no_room_changes_nothing(store: Store, tmp_path: Path) -> None:
    a_download(store)
    a_half_download(store)
    old = store.folder()
    with pytest.raises(DiskFull):
        move(store, tmp_path / "elsewhere", disk=OtherDisk(room=1000))
    assert store.folder() == old
    assert len(store.servable()) == 1
    assert [wish.runnable for wish in store.read().wishes] == [True]


@pytest.mark.usefixtures("no_links")
def test_a_damaged_file_is_not_moved_on_as_if_it_were_whole(store: Store, tmp_path: Path) -> None:
    path = store.path(a_download(store))
    status = path.stat()
    path.write_bytes(CONTENT[::-1])
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(MoveFailed, match="damaged"):
        move(store, tmp_path / "elsewhere", disk=OtherDisk())
    assert store.folder() == path.parent
    assert not list((tmp_path / "elsewhere").glob("*"))


@pytest.mark.usefixtures("no_links")
def test_somebody_elses_file_at_the_new_place_is_left_alone(store: Store, tmp_path: Path) -> None:
    name = store.path(a_download(store)).name
    theirs = put(tmp_path / "elsewhere" / name, b"theirs")
    with pytest.raises(MoveFailed, match="another file"):
        move(store, tmp_path / "elsewhere", disk=OtherDisk())
    assert content(theirs) == b"theirs"


@pytest.mark.usefixtures("no_links")
def test_a_move_that_was_cut_short_is_taken_up_where_it_was(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_download(store)
    new = tmp_path / "elsewhere"
    monkeypatch.setattr(moving, "_moved", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        move(store, new, disk=OtherDisk())
    monkeypatch.undo()
    assert [content(each.path) for each in store.servable()] == [CONTENT]
    assert len(list(new.iterdir())) == 1
    move(store, new)
    assert store.folder() == new


@pytest.mark.usefixtures("no_links")
def test_a_move_that_its_owner_stops_leaves_nothing_behind(store: Store, tmp_path: Path) -> None:
    class Stopped(DesktopError):
        pass

    def stop(_size: int) -> None:
        raise Stopped

    a_download(store)
    for new in (tmp_path / "made for it", tmp_path / "there before"):
        (tmp_path / "there before").mkdir(exist_ok=True)
        with pytest.raises(Stopped):
            move(store, new, disk=OtherDisk(), copied=stop)
        assert not new.exists() or not list(new.iterdir())
    assert not (tmp_path / "made for it").exists()
    assert [content(each.path) for each in store.servable()] == [CONTENT]


def test_a_folder_that_cannot_be_used_is_said_and_nothing_changes(store: Store, tmp_path: Path) -> None:
    a_download(store)
    with pytest.raises(MoveFailed, match=r"not a directory|file exists"):
        move(store, put(tmp_path / "file", b""))
    with pytest.raises(MoveFailed, match="already"):
        move(store, store.folder())
    assert len(store.servable()) == 1


def test_a_download_that_another_process_writes_is_waited_for_and_then_refused(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "_PATIENCE_S", 0.1)
    half = a_half_download(store)
    part = PartFile(half, Head(url="", size=1, sha256=""), RealDisk())
    part.acquire()
    with pytest.raises(FileInUse):
        move(store, tmp_path / "elsewhere")
    part.close()
    assert [wish.runnable for wish in store.read().wishes] == [True]
    assert json.loads((tmp_path / "data" / "library.json").read_bytes())["folder"] == ""
