"""Models that other programs have on this PC already: found, looked at, and used where they lie, read-only.

Known are folders the owner names, LM Studio's, Ollama's store and the cache of Hugging Face. Nothing is written there
and nothing copied. Everything here blocks: finding as long as listing folders takes, taking in as long as one reading.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec

from desktop.errors import DesktopError
from desktop.models.catalogue import Catalogue
from desktop.models.digest import file_sha256
from desktop.models.errors import ModelUnusable
from desktop.models.gguf import GgufRefused
from desktop.models.library import Model, Origin
from desktop.models.model_file import ModelFile, read_model_file
from desktop.models.projector import beside, is_part, projector_of
from desktop.models.store import Store, picture_part

MAX_DEPTH: Final = 6
MAX_FILES: Final = 5000
"""Files looked at below one folder: who names `/` by mistake should not wait for an hour."""

SMALLEST: Final = 1_000_000
MAX_NAME: Final = 90
"""Characters, a little less than a name of the catalogue may have."""

_PART: Final = re.compile(r"-\d{5}-of-\d{5}$")
_OLLAMA_MODEL: Final = "application/vnd.ollama.image.model"
_OLLAMA_PROJECTOR: Final = "application/vnd.ollama.image.projector"
_OLLAMA_HOST: Final = "registry.ollama.ai"
_DIGEST: Final = re.compile(r"^sha256:[0-9a-f]{64}$")
_MAX_MANIFEST: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Found:
    """A file that may be a model. `problem` says why it cannot be taken in, empty where it can.

    `projectors` may be its picture part, where that does not simply lie beside it.
    """

    name: str
    path: Path
    size: int
    origin: Origin
    problem: str = ""
    projectors: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Places:
    """Where other programs keep models for this user, those that exist."""

    lm_studio: tuple[Path, ...] = ()
    ollama: tuple[Path, ...] = ()
    hugging_face: tuple[Path, ...] = ()

    @classmethod
    def of_user(cls, home: Path, environment: Mapping[str, str]) -> Places:
        """By each program's own rules."""
        return cls(
            _existing(_lm_studio(home)), _existing(_ollama(home, environment)), _existing(_hub(home, environment))
        )


def find(places: Places) -> tuple[Found, ...]:
    """All models of other programs, each file once, by name."""
    found: dict[Path, Found] = {}
    for folder in places.ollama:
        _keep(found, _in_ollama(folder))
    for folder in places.lm_studio:
        _keep(found, _below(folder, "lm-studio"))
    for folder in places.hugging_face:
        _keep(found, _in_hub(folder))
    return tuple(sorted(found.values(), key=lambda each: each.name))


def find_in(path: Path) -> tuple[Found, ...]:
    """The models in a folder the owner named, or the one file. Raises ModelUnusable if there is nothing."""
    if not path.exists():
        raise ModelUnusable(path, "it is not there")
    if path.is_file():
        return (_judged(_word(path.stem), path, "file"),)
    found: dict[Path, Found] = {}
    _keep(found, _below(path, "file"))
    return tuple(sorted(found.values(), key=lambda each: each.name))


def take_in(
    store: Store, found: Found, catalogue: Catalogue, *, read: Callable[[int], None] = lambda _size: None
) -> Model:
    """Enters the file in the library, under the catalogue's name if it is a file of the catalogue.

    A model that is here already gets the picture part it has gained. Reads the file once, as long as that takes; `read`
    hears of the bytes. Raises ModelUnusable.
    """
    described = look_at(found)
    path = found.path.absolute()
    projector = projector_of(described, (*found.projectors, *beside(path)))
    try:
        before = path.stat()
        sha256 = file_sha256(path, read=read)
        after = path.stat()
    except OSError as error:
        raise ModelUnusable(path, (error.strerror or str(error)).lower()) from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise ModelUnusable(path, "another program is writing it just now", "Try again when that is done.")
    library = store.read()
    same = next((model for model in library.models if model.sha256 == sha256), None)
    if same is not None and store.condition(same, library) == "ready":
        return _with_sight(store, same, path, projector)
    # What was at this place before, or was this model at another place, is this one now.
    old = [model.name for model in library.models if model.path == str(path) or model.sha256 == sha256]
    entry = catalogue.of_file(sha256)
    model = Model(
        name=entry.id if entry else _free_name(found.name, library.names - set(old) | catalogue.names),
        path=str(path),
        size=after.st_size,
        mtime_ns=after.st_mtime_ns,
        sha256=sha256,
        origin=found.origin,
        added_at=store.now(),
        entry=entry,
        projector=str(projector) if projector else "",
    )
    store.add(model, instead_of=old)
    return model


def _with_sight(store: Store, model: Model, path: Path, projector: Path | None) -> Model:
    """The model that is here already, with another picture part. Raises ModelUnusable where `projector` is none."""
    if projector is None or projector == picture_part(model):
        raise ModelUnusable(path, f"the same model is here already, as {model.name}")
    seeing = msgspec.structs.replace(model, projector=str(projector))
    store.change(lambda library: library.changed(seeing))
    return seeing


def look_at(found: Found) -> ModelFile:
    """What the file says of itself. Raises ModelUnusable."""
    if found.problem:
        raise ModelUnusable(found.path, found.problem)
    try:
        described = read_model_file(found.path)
    except GgufRefused as error:
        raise ModelUnusable(found.path, error.why, "Choose another file.") from error
    except OSError as error:
        raise ModelUnusable(found.path, (error.strerror or str(error)).lower()) from error
    return described


# --- where programs keep them


def _lm_studio(home: Path) -> Iterator[Path]:
    pointer = home / ".lmstudio-home-pointer"
    base = _line(pointer)
    roots = [Path(base)] if base else []
    for root in (*roots, home / ".lmstudio"):
        if chosen := _json_text(root / "settings.json", "downloadsFolder"):
            yield Path(chosen)
        yield root / "models"
    yield home / ".cache" / "lm-studio" / "models"


def _ollama(home: Path, environment: Mapping[str, str]) -> Iterator[Path]:
    if chosen := environment.get("OLLAMA_MODELS"):
        yield Path(chosen)
    yield home / ".ollama" / "models"
    yield Path("/usr/share/ollama/.ollama/models")  # where its service for all users keeps them


def _hub(home: Path, environment: Mapping[str, str]) -> Iterator[Path]:
    if chosen := environment.get("HF_HUB_CACHE"):
        yield Path(chosen)
    elif base := environment.get("HF_HOME"):
        yield Path(base) / "hub"
    else:
        yield Path(environment.get("XDG_CACHE_HOME") or home / ".cache") / "huggingface" / "hub"


def _existing(folders: Iterator[Path]) -> tuple[Path, ...]:
    kept: dict[Path, Path] = {}
    for folder in folders:
        try:
            if folder.is_dir():
                kept.setdefault(folder.resolve(), folder)
        except OSError:
            continue
    return tuple(kept.values())


# --- what is there


def _below(folder: Path, origin: Origin) -> Iterator[Found]:
    for path in _files(folder):
        if path.suffix.lower() == ".gguf":
            yield _judged(_word(path.stem), path, origin)


def _in_ollama(folder: Path) -> Iterator[Found]:
    """One model a manifest; `manifests/HOST/NAMESPACE/MODEL/TAG` names the blob that is its GGUF file."""
    root = folder / "manifests"
    for manifest in _files(root):
        layers = _layers(manifest)
        digest = next((digest for kind, digest in layers if kind == _OLLAMA_MODEL), None)
        parts = manifest.relative_to(root).parts
        if digest is None or len(parts) < 4:
            continue
        host, *middle, model, tag = parts
        names = [] if host == _OLLAMA_HOST else [_word(host)]
        names += [_word(each) for each in middle if each != "library"]
        blobs = folder / "blobs"
        found = _judged("/".join([*names, f"{_word(model)}:{_word(tag)}"]), blobs / _blob(digest), "ollama")
        parts_of = tuple(blobs / _blob(digest) for kind, digest in layers if kind == _OLLAMA_PROJECTOR)
        yield replace(found, projectors=parts_of)


def _blob(digest: str) -> str:
    return digest.replace(":", "-")


def _layers(manifest: Path) -> list[tuple[str, str]]:
    try:
        data = manifest.read_bytes()[:_MAX_MANIFEST]
        layers = json.loads(data).get("layers", [])
        return [
            (layer["mediaType"], layer["digest"]) for layer in layers if _DIGEST.fullmatch(str(layer.get("digest", "")))
        ]
    except (OSError, ValueError, AttributeError, KeyError, TypeError, RecursionError):
        return []  # not a manifest


def _in_hub(folder: Path) -> Iterator[Found]:
    """`models--OWNER--NAME/snapshots/REVISION/FILE`, where a file is a link to a blob."""
    for snapshot in sorted(folder.glob("models--*/snapshots/*")):
        owner = snapshot.parent.parent.name.removeprefix("models--").partition("--")[0]
        for path in _files(snapshot):
            if path.suffix.lower() == ".gguf":
                yield _judged(f"{_word(owner)}/{_word(path.stem)}", path, "hugging-face")


def _files(folder: Path) -> Iterator[Path]:
    """Files below `folder`, a bounded number to a bounded depth; folders that are links are not entered."""
    left = MAX_FILES
    deepest = len(folder.parts) + MAX_DEPTH
    for where, folders, names in os.walk(folder):
        if len(Path(where).parts) >= deepest:
            folders.clear()
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            left -= 1
            if left < 0:
                return
            yield Path(where, name)


def _judged(name: str, path: Path, origin: Origin) -> Found:
    try:
        size = path.stat().st_size
    except OSError as error:
        return Found(name, path, 0, origin, (error.strerror or str(error)).lower())
    problem = ""
    if not os.access(path, os.R_OK):
        problem = "you may not read it"
    elif _PART.search(path.stem):
        problem = "it is one of several parts, which Nightjar cannot join"
    elif is_part(path):
        problem = "it is the picture part of a model, which is taken in with that"
    elif size < SMALLEST:
        problem = "it is too small to be a model"
    return Found(name, path, size, origin, problem)


def _keep(found: dict[Path, Found], more: Iterator[Found]) -> None:
    for each in more:
        try:
            found.setdefault(each.path.resolve(), each)
        except (OSError, RuntimeError):  # the latter for links in circles, before Python 3.13
            continue


# --- words


def _word(text: str) -> str:
    """A name as the catalogue writes them: small letters, no spaces."""
    return re.sub(r"[^a-z0-9._+-]+", "-", text.casefold()).strip("-._") or "model"


def _free_name(name: str, taken: Collection[str]) -> str:
    """A name of the catalogue is for the catalogue's own file."""
    name, number = name[:MAX_NAME], 2
    free = name
    while free in taken:
        free, number = f"{name}-{number}", number + 1
    return free


def _line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")[:4096].strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _json_text(path: Path, key: str) -> str:
    try:
        value = msgspec.json.decode(path.read_bytes()[:_MAX_MANIFEST])
    except (OSError, DesktopError, msgspec.DecodeError, UnicodeDecodeError):
        return ""
    text = value.get(key) if isinstance(value, dict) else None
    return text if isinstance(text, str) else ""
