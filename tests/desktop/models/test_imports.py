"""Models of other programs, laid out as those programs do it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from desktop.app import demo_model
from desktop.models.catalogue import Catalogue
from desktop.models.digest import file_sha256
from desktop.models.errors import ModelUnusable
from desktop.models.imports import Found, Places, find, find_in, take_in
from desktop.models.store import Store
from tests.desktop.inference import seeing_models
from tests.desktop.models.conftest import an_offer, content, put

NO_CATALOGUE = Catalogue(issued_ms=0, entries=())


@pytest.fixture
def demo() -> Path:
    return demo_model()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "data")


def a_manifest(layers: list[tuple[str, str]]) -> bytes:
    listed = [{"mediaType": kind, "digest": digest, "size": 1} for kind, digest in layers]
    return json.dumps({"schemaVersion": 2, "config": {}, "layers": listed}).encode()


@pytest.fixture
def home(tmp_path: Path, demo: Path) -> Path:
    """A user who has tried everything."""
    home = tmp_path / "home"
    sha256 = file_sha256(demo)
    ollama = home / ".ollama" / "models"
    put(ollama / "blobs" / f"sha256-{sha256}", demo.read_bytes())
    model, licence = (
        ("application/vnd.ollama.image.model", f"sha256:{sha256}"),
        (
            "application/vnd.ollama.image.license",
            "sha256:" + "0" * 64,
        ),
    )
    manifests = ollama / "manifests"
    put(manifests / "registry.ollama.ai" / "library" / "tiny" / "3b", a_manifest([licence, model]))
    missing = ("application/vnd.ollama.image.model", "sha256:" + "1" * 64)
    put(manifests / "registry.ollama.ai" / "me" / "gone" / "latest", a_manifest([missing]))
    put(manifests / "registry.ollama.ai" / "library" / "broken" / "latest", b"{")
    evil = ("application/vnd.ollama.image.model", "sha256:../../../../etc/passwd")
    put(manifests / "registry.ollama.ai" / "library" / "evil" / "latest", a_manifest([evil]))
    studio = home / ".lmstudio" / "models" / "maker" / "Tiny-Chat-GGUF"
    put(studio / "Tiny Chat Q8_0.gguf", demo.read_bytes() + bytes(32))
    put(studio / "mmproj-Tiny.gguf", bytes(2_000_000))
    put(studio / "Huge-00001-of-00003.gguf", bytes(2_000_000))
    put(studio / "README.md", b"# Tiny")
    hub = home / ".cache" / "huggingface" / "hub" / "models--maker--Tiny"
    blob = put(hub / "blobs" / "abc", demo.read_bytes() + bytes(64))
    snapshot = hub / "snapshots" / "rev1"
    snapshot.mkdir(parents=True)
    (snapshot / "tiny.gguf").symlink_to(os.path.relpath(blob, snapshot))
    return home


def seen(found: tuple[Found, ...]) -> list[tuple[str, str, str]]:
    return [(each.name, each.origin, each.problem) for each in found]


def test_all_programs_models_are_found_with_what_speaks_against_them(home: Path) -> None:
    assert seen(find(Places.of_user(home, {}))) == [
        ("huge-00001-of-00003", "lm-studio", "it is one of several parts, which Nightjar cannot join"),
        ("maker/tiny", "hugging-face", ""),
        ("me/gone:latest", "ollama", "no such file or directory"),
        ("mmproj-tiny", "lm-studio", "it is the picture part of a model, which is taken in with that"),
        ("tiny-chat-q8_0", "lm-studio", ""),
        ("tiny:3b", "ollama", ""),
    ]


def test_programs_are_asked_where_they_keep_their_models(tmp_path: Path, home: Path) -> None:
    moved = tmp_path / "moved"
    shutil.move(home / ".lmstudio" / "models", moved / "studio")
    put(home / ".lmstudio" / "settings.json", json.dumps({"downloadsFolder": str(moved / "studio")}).encode())
    shutil.move(home / ".ollama" / "models", moved / "ollama")
    shutil.move(home / ".cache" / "huggingface", moved / "hf")
    found = find(Places.of_user(home, {"OLLAMA_MODELS": str(moved / "ollama"), "HF_HOME": str(moved / "hf")}))
    assert [each.name for each in found if not each.problem] == ["maker/tiny", "tiny-chat-q8_0", "tiny:3b"]


def test_a_pc_without_any_of_these_programs_has_nothing_to_offer(tmp_path: Path) -> None:
    places = Places.of_user(tmp_path, {})
    assert (places.lm_studio, places.hugging_face) == ((), ())


def test_an_import_is_served_where_it_lies_and_nothing_is_copied(store: Store, home: Path, tmp_path: Path) -> None:
    (blob,) = (home / ".ollama" / "models" / "blobs").iterdir()
    before = sorted(home.rglob("*"))
    (found,) = [each for each in find(Places.of_user(home, {})) if each.origin == "ollama" and not each.problem]
    take_in(store, found, NO_CATALOGUE)
    (model,) = store.servable()
    assert (model.name, model.path, model.sha256) == ("tiny:3b", blob, file_sha256(blob))
    assert sorted(home.rglob("*")) == before
    assert not (tmp_path / "data" / "models").exists()
    store.remove("tiny:3b")
    assert blob.exists()


def test_a_file_of_the_catalogue_gets_its_name_and_can_be_offered_to_all(store: Store, demo: Path) -> None:
    entry = an_offer(id="nightjar-demo", sha256=file_sha256(demo))
    model = take_in(store, find_in(demo)[0], Catalogue(issued_ms=0, entries=(entry,)))
    assert (model.name, model.entry) == ("nightjar-demo", entry)


def test_the_same_file_is_not_taken_in_twice(store: Store, home: Path, demo: Path) -> None:
    take_in(store, find_in(demo)[0], NO_CATALOGUE)
    (again,) = [each for each in find(Places.of_user(home, {})) if each.name == "tiny:3b"]
    with pytest.raises(ModelUnusable, match="is here already, as nightjar-demo"):
        take_in(store, again, NO_CATALOGUE)


def test_a_file_that_moved_is_found_again_under_its_name(store: Store, tmp_path: Path, demo: Path) -> None:
    first = put(tmp_path / "a" / "x.gguf", demo.read_bytes())
    take_in(store, find_in(first)[0], NO_CATALOGUE)
    second = first.rename(tmp_path / "x.gguf")
    assert store.servable() == ()
    take_in(store, find_in(second)[0], NO_CATALOGUE)
    assert [(each.name, each.path) for each in store.servable()] == [("x", second)]


def test_a_file_that_was_replaced_is_another_model_at_the_same_place(store: Store, tmp_path: Path, demo: Path) -> None:
    file = put(tmp_path / "x.gguf", demo.read_bytes())
    first = take_in(store, find_in(file)[0], NO_CATALOGUE)
    file.write_bytes(demo.read_bytes() + bytes(32))
    assert store.servable() == ()
    second = take_in(store, find_in(file)[0], NO_CATALOGUE)
    assert first.sha256 != second.sha256
    assert [each.name for each in store.servable()] == ["x"]


def test_two_files_of_one_name_get_two_names(store: Store, tmp_path: Path, demo: Path) -> None:
    for folder in ("a", "b"):
        file = put(tmp_path / folder / "x.gguf", demo.read_bytes() + bytes(32 * (folder == "b")))
        take_in(store, find_in(file)[0], NO_CATALOGUE)
    assert [each.name for each in store.servable()] == ["x", "x-2"]


def test_a_name_of_the_catalogue_is_for_the_catalogues_own_file(store: Store, tmp_path: Path, demo: Path) -> None:
    catalogue = Catalogue(issued_ms=0, entries=(an_offer(id="tiny"),))
    file = put(tmp_path / "Tiny.gguf", demo.read_bytes())
    assert take_in(store, find_in(file)[0], catalogue).name == "tiny-2"


def test_names_hold_nothing_that_could_mislead_and_are_not_endless(store: Store, home: Path, demo: Path) -> None:
    manifests = home / ".ollama" / "models" / "manifests" / "registry.ollama.ai" / "library"
    shutil.copytree(manifests / "tiny", manifests / "\x1b[31mRed\u202e")
    shutil.rmtree(manifests / "tiny")
    (found,) = [each for each in find(Places.of_user(home, {})) if each.origin == "ollama" and not each.problem]
    assert found.name == "31mred:3b"
    file = put(home / f"{'x' * 200}.gguf", demo.read_bytes() + bytes(96))
    assert len(take_in(store, find_in(file)[0], NO_CATALOGUE).name) == 90


def test_reading_a_large_file_is_told_as_it_goes(store: Store, demo: Path) -> None:
    read: list[int] = []
    take_in(store, find_in(demo)[0], NO_CATALOGUE, read=read.append)
    assert read == sorted(read)
    assert read[-1] == demo.stat().st_size


@pytest.mark.parametrize(
    ("data", "why"), [(bytes(2_000_000), "GGUF"), (b"GGUF" + bytes(2_000_000), "version"), (b"x", "too small")]
)
def test_what_is_no_model_is_refused_and_not_entered(data: bytes, why: str, store: Store, tmp_path: Path) -> None:
    file = put(tmp_path / "x.gguf", data)
    with pytest.raises(ModelUnusable, match=why):
        take_in(store, find_in(file)[0], NO_CATALOGUE)
    assert store.read().models == ()


def test_a_file_that_is_being_written_is_left_for_later(store: Store, tmp_path: Path, demo: Path) -> None:
    file = put(tmp_path / "x.gguf", demo.read_bytes())

    def write(size: int) -> None:
        if size == demo.stat().st_size:
            with file.open("ab") as more:
                more.write(b"more")

    with pytest.raises(ModelUnusable, match="writing it just now"):
        take_in(store, find_in(file)[0], NO_CATALOGUE, read=write)


def test_a_place_without_a_model_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelUnusable, match="not there"):
        find_in(tmp_path / "nowhere")
    assert find_in(tmp_path) == ()


def test_a_folder_too_deep_or_too_full_is_not_walked_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path.joinpath(*"abcdefgh")
    put(deep / "x.gguf", bytes(2_000_000))
    put(tmp_path / "y.gguf", bytes(2_000_000))
    assert [each.name for each in find_in(tmp_path)] == ["y"]


def test_a_link_that_leads_in_circles_is_no_trap(tmp_path: Path) -> None:
    put(tmp_path / "y.gguf", bytes(2_000_000))
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "self.gguf").symlink_to(tmp_path / "self.gguf")
    assert [each.name for each in find_in(tmp_path) if not each.problem] == ["y"]


def test_content_is_never_changed_by_an_import(store: Store, tmp_path: Path, demo: Path) -> None:
    file = put(tmp_path / "x.gguf", demo.read_bytes())
    before = file.stat().st_mtime_ns
    take_in(store, find_in(file)[0], NO_CATALOGUE)
    assert content(file) == demo.read_bytes()
    assert file.stat().st_mtime_ns == before


# --- picture parts


@pytest.fixture
def projector(tmp_path: Path) -> Path:
    return seeing_models.llava(tmp_path / "projector.gguf")


def taken_in(store: Store, path: Path) -> str:
    [found] = [each for each in find_in(path) if not each.problem]
    return take_in(store, found, NO_CATALOGUE).projector


def test_a_model_is_taken_in_with_the_picture_part_beside_it(
    tmp_path: Path, store: Store, demo: Path, projector: Path
) -> None:
    model = put(tmp_path / "llava" / "tiny.gguf", demo.read_bytes())
    part = put(tmp_path / "llava" / "mmproj-tiny.gguf", projector.read_bytes())
    assert taken_in(store, model) == str(part)
    assert [each.projector for each in store.servable()] == [part]
    part.unlink()
    assert [each.projector for each in store.servable()] == [None], "without it the model still writes"


def test_a_picture_part_that_came_later_is_taken_up_by_another_import(
    tmp_path: Path, store: Store, demo: Path, projector: Path
) -> None:
    model = put(tmp_path / "llava" / "tiny.gguf", demo.read_bytes())
    assert taken_in(store, model) == ""
    part = put(tmp_path / "llava" / "mmproj-tiny.gguf", projector.read_bytes())
    assert taken_in(store, model) == str(part)
    assert [(each.name, each.projector) for each in store.servable()] == [("tiny", part)]
    with pytest.raises(ModelUnusable, match="the same model is here already, as tiny"):
        taken_in(store, model)


def test_another_models_picture_part_is_passed_over(tmp_path: Path, store: Store, demo: Path) -> None:
    model = put(tmp_path / "mixed" / "tiny.gguf", demo.read_bytes())
    put(tmp_path / "mixed" / "mmproj-a-broken.gguf", bytes(64))
    seeing_models.gemma3(tmp_path / "mixed" / "mmproj-b-text.gguf", tmp_path / "mixed" / "mmproj-c-narrow.gguf")
    assert taken_in(store, model) == ""


def test_the_picture_part_of_an_ollama_model_is_a_blob_of_its_own(
    tmp_path: Path, store: Store, demo: Path, projector: Path
) -> None:
    root = tmp_path / "home" / ".ollama" / "models"
    blobs = {kind: f"sha256:{file_sha256(path)}" for kind, path in (("model", demo), ("projector", projector))}
    for kind, path in (("model", demo), ("projector", projector)):
        put(root / "blobs" / blobs[kind].replace(":", "-"), path.read_bytes())
    layers = [(f"application/vnd.ollama.image.{kind}", digest) for kind, digest in blobs.items()]
    put(root / "manifests" / "registry.ollama.ai" / "library" / "llava" / "tiny", a_manifest(layers))
    [found] = find(Places.of_user(tmp_path / "home", {}))
    model = take_in(store, found, NO_CATALOGUE)
    assert Path(model.projector).read_bytes() == projector.read_bytes()
