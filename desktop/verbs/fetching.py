"""The verbs that bring models here, or elsewhere, and take a while: `nightjar models add | import | move`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.models.errors import gigabytes

if TYPE_CHECKING:
    from desktop.models.catalogue import Catalogue
    from desktop.models.downloads import Downloads
    from desktop.models.imports import Found
    from desktop.models.library import Model
    from desktop.models.store import Store
    from desktop.verbs.output import Bar


def add(options: argparse.Namespace) -> int:
    """Queues, then follows the downloads to their end, or does them where no app runs. Raises DesktopError."""
    from desktop.verbs import place

    shelf = place.store()
    names = asyncio.run(_want(shelf, options.names))
    if options.no_wait:
        return _told(options, names, "Queued; the running app downloads it.")
    try:
        asyncio.run(_follow(shelf, names, quiet=options.json))
    except KeyboardInterrupt:
        sys.stderr.write(
            f"\nnightjar: what came is kept; it goes on when Nightjar runs, or with: nightjar models add {names[0]}\n"
        )
        raise
    return _result(shelf, names, options)


async def _want(shelf: Store, names: list[str]) -> list[str]:
    from desktop.models.errors import ModelUnusable, NoSuchModel
    from desktop.verbs import place

    catalogue, notice = await place.catalogue_now()
    entries = [(name, catalogue.find(name)) for name in names]
    for name, entry in entries:
        if entry is None:
            raise NoSuchModel(name, f"The catalogue does not have it. {notice or 'See: nightjar models search'}")
        if entry.retired:
            raise ModelUnusable(Path(entry.file), "the relay no longer wants it", "See: nightjar models search")
    return [shelf.want(entry).name for _, entry in entries if entry is not None]


async def _follow(shelf: Store, names: list[str], *, quiet: bool) -> None:
    """Until none of `names` goes on by itself. Raises DesktopError."""
    from desktop.errors import DesktopError
    from desktop.models.downloads import Downloads
    from desktop.verbs.output import Bar

    downloads, bar = Downloads(shelf), Bar(quiet=quiet)
    try:
        async with asyncio.TaskGroup() as group:
            work = group.create_task(downloads.run())
            show = group.create_task(_show(downloads, names, bar))
            for name in names:
                await downloads.until_done(name)
            show.cancel()
            work.cancel()
    except* DesktopError as several:
        raise several.exceptions[0] from None
    finally:
        bar.clear()


async def _show(downloads: Downloads, names: list[str], bar: Bar) -> None:
    from desktop.verbs.output import progress

    loop = asyncio.get_running_loop()
    began: dict[str, tuple[float, int]] = {}
    while True:
        seen = next((each for each in downloads.progress() if each.name in names), None)
        if seen is not None:
            # Where the app downloads, its speed is not known here: only how the file grows.
            since, first = began.setdefault(seen.name, (loop.time(), seen.received))
            speed = seen.bytes_per_s or (seen.received - first) / max(loop.time() - since, 0.5)
            left = (seen.size - seen.received) / speed if speed > 0 else None
            text = f"{seen.name}  {progress(seen.received, seen.size, speed, left)}"
            bar.show(f"{text}  {seen.sentence}".rstrip())
        await asyncio.sleep(0.5)


def _result(shelf: Store, names: list[str], options: argparse.Namespace) -> int:
    from desktop.errors import CommandRefused
    from desktop.models.errors import gigabytes

    library = shelf.read()
    stopped = [wish for wish in library.wishes if wish.name in names]
    for wish in stopped:
        problem = wish.problem or "It was paused."
        raise CommandRefused(f"{wish.name}: {problem}", wish.remedy)
    there = [model for model in library.models if model.name in names]
    size = gigabytes(sum(model.size for model in there))
    return _told(options, [model.name for model in there], f"Downloaded and verified: {', '.join(names)} ({size}).")


def _told(options: argparse.Namespace, names: list[str], sentence: str) -> int:
    from desktop.verbs.output import say_json

    if options.json:
        say_json({"ok": True, "models": names})
    else:
        print(sentence)
    return 0


# --- import --------------------------------------------------------------------------------------------------------


def bring_in(options: argparse.Namespace) -> int:
    """Takes in what is named, or shows what other programs have. Raises DesktopError."""
    from desktop.verbs import place
    from desktop.verbs.output import say_json

    if not options.what and not options.all:
        return _show_found(options)
    shelf, chosen = place.store(), _chosen(options)
    catalogue, _ = asyncio.run(place.catalogue_now())
    taken, refused = _take_all(shelf, chosen, catalogue, quiet=options.json)
    if options.json:
        say_json({"ok": not refused or bool(taken), "models": [model.name for model in taken], "refused": refused})
    else:
        for model in taken:
            sees = " It looks at images." if model.projector else ""
            print(f"Imported {model.name}; the file stays where it is.{sees}")
        for sentence in refused:
            sys.stderr.write(f"nightjar: {sentence}\n")
    return 0 if taken else 1


def _take_all(shelf: Store, chosen: list[Found], catalogue: Catalogue, *, quiet: bool) -> tuple[list[Model], list[str]]:
    """What was taken in, and sentences about what was not: none about a picture part that came with its model."""
    from desktop.models.errors import ModelUnusable
    from desktop.models.imports import take_in
    from desktop.models.projector import is_part
    from desktop.verbs.output import Bar, progress

    taken, refused, line = [], [], Bar(quiet=quiet)
    for found in sorted(chosen, key=lambda each: is_part(each.path)):
        if len(chosen) > 1 and str(found.path.absolute()) in {model.projector for model in shelf.read().models}:
            continue
        try:
            model = take_in(
                shelf,
                found,
                catalogue,
                read=lambda done, found=found: line.show(  # type: ignore[misc]
                    f"Reading {found.name}  {progress(done, found.size, 0, None)}"
                ),
            )
            taken.append(model)
        except ModelUnusable as error:
            refused.append(error.line())
        line.clear()
    return taken, refused


def _chosen(options: argparse.Namespace) -> list[Found]:
    """Raises ModelUnusable, NoSuchModel."""
    from desktop.models.errors import ModelUnusable, NoSuchModel
    from desktop.models.imports import find_in

    others = _others()
    chosen = [found for found in others if not found.problem] if options.all else []
    for word in options.what:
        by_name = [found for found in others if found.name.casefold() == word.casefold()]
        path = Path(word).expanduser()
        if by_name:
            chosen += by_name[:1]
        elif path.exists():
            inside = find_in(path)
            if not inside:
                raise ModelUnusable(path, "there is no GGUF file in it")
            chosen += inside
        else:
            raise NoSuchModel(word, "It is neither a file or folder nor a model of another program here.")
    return chosen


def _others() -> tuple[Found, ...]:
    import os

    from desktop.models.imports import Places, find

    return find(Places.of_user(Path.home(), os.environ))


def _show_found(options: argparse.Namespace) -> int:
    from desktop.verbs.output import say_json, table

    found = _others()
    if options.json:
        fields = [_found_fields(each) for each in found]
        say_json({"ok": True, "found": fields})
        return 0
    if not found:
        print(
            "LM Studio, Ollama and Hugging Face have no models here. Name a file or folder: nightjar models import PATH"
        )
        return 0
    rows = [
        (each.name, gigabytes(each.size), each.origin, each.problem and f"not usable: {each.problem}") for each in found
    ]
    print(table(("Model", "Size", "Of", ""), rows))
    print("\nUse one where it lies: nightjar models import MODEL (or --all)")
    return 0


def _found_fields(found: Found) -> dict[str, Any]:
    return {
        "name": found.name,
        "path": str(found.path),
        "size": found.size,
        "origin": found.origin,
        "problem": found.problem,
    }


# --- move ----------------------------------------------------------------------------------------------------------


def move_folder(options: argparse.Namespace) -> int:
    """Raises MoveFailed, DiskFull, FileInUse."""
    from desktop.models.moving import move
    from desktop.verbs import place
    from desktop.verbs.output import Bar, say_json

    shelf, line = place.store(), Bar(quiet=options.json)
    with contextlib.ExitStack() as stack:
        stack.callback(line.clear)
        size = move(shelf, options.folder, copied=lambda done: line.show(f"Copying: {gigabytes(done)}"))
    folder = shelf.folder()
    if options.json:
        say_json({"ok": True, "folder": str(folder), "size": size})
    else:
        print(f"{gigabytes(size)} of models are in {folder} now.")
    return 0
