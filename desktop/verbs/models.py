"""`nightjar models …`: which models are on this PC, which are worth having, and what is being downloaded.

Everything works on the library itself, so it does not matter whether the app runs; where it runs, it notices.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.models.errors import gigabytes

if TYPE_CHECKING:
    from desktop.models.library import Library, Model
    from desktop.models.progress import Progress
    from desktop.models.ranking import Ranked
    from desktop.models.store import Store


def describe(verb: argparse.ArgumentParser) -> None:
    """The actions below `models`."""
    from desktop.verbs import fetching

    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON object")
    verb.set_defaults(act=list_models)
    actions = verb.add_subparsers(metavar="ACTION", parser_class=type(verb))
    actions.add_parser("list", parents=[common], help="what is on this PC (default)")
    search = actions.add_parser("search", parents=[common], help="what the network wants, best for this PC first")
    search.add_argument("words", nargs="*", help="only models with these words")
    search.set_defaults(act=search_models)
    add = actions.add_parser("add", parents=[common], help="download models of the catalogue")
    add.add_argument("names", nargs="+", metavar="MODEL")
    add.add_argument("--no-wait", action="store_true", help="leave the download to the running app")
    add.set_defaults(act=fetching.add)
    for name, act, summary in (
        ("pause", pause, "hold a download, or no longer offer a model"),
        ("resume", resume, "go on with a download, or offer a model again"),
    ):
        switch = actions.add_parser(name, parents=[common], help=summary)
        switch.add_argument("name", metavar="MODEL")
        switch.set_defaults(act=act)
    remove = actions.add_parser("rm", parents=[common], help="delete a model; an imported file stays where it is")
    remove.add_argument("name", metavar="MODEL")
    remove.add_argument("--yes", action="store_true", help="do not ask")
    remove.set_defaults(act=rm)
    bring = actions.add_parser("import", parents=[common], help="use GGUF files that are on this PC, where they lie")
    bring.add_argument("what", nargs="*", metavar="FILE|FOLDER|NAME", help="leave out to see what other programs have")
    bring.add_argument("--all", action="store_true", help="all that other programs have")
    bring.set_defaults(act=fetching.bring_in)
    _settings(actions, common)


def _settings(actions: Any, common: argparse.ArgumentParser) -> None:
    from desktop.verbs import fetching

    move = actions.add_parser("move", parents=[common], help="keep downloaded models in another folder")
    move.add_argument("folder", type=Path)
    move.set_defaults(act=fetching.move_folder)
    limit = actions.add_parser("limit", parents=[common], help="how fast downloads may be")
    limit.add_argument("speed", metavar="SPEED", type=_speed, help="per second: 500k, 5M; off")
    limit.set_defaults(act=set_limit)
    what = actions.add_parser("describe", parents=[common], help="what a relay's catalogue needs to know of a file")
    what.add_argument("file", type=Path)
    what.set_defaults(act=describe_file)


# --- what there is -------------------------------------------------------------------------------------------------


def list_models(options: argparse.Namespace) -> int:
    """Raises DesktopError."""
    from desktop.models.downloads import Downloads
    from desktop.verbs import place
    from desktop.verbs.output import say_json

    shelf = place.store()
    library, usage, coming = shelf.read(), shelf.usage(), Downloads(shelf).progress()
    if options.json:
        models = [_fields(shelf, model, library) for model in library.models]
        say_json({"ok": True, "models": models, "downloads": coming, "usage": usage})
        return 0
    lines = list_lines(shelf, library, coming)
    used = gigabytes(usage.models + usage.unfinished)
    lines.append(f"{used} used in {usage.folder}, {gigabytes(usage.free)} free.")
    print("\n".join(lines))
    return 0


def list_lines(shelf: Store, library: Library, coming: tuple[Progress, ...]) -> list[str]:
    """Models, then downloads."""
    from desktop.verbs.output import table

    lines = []
    if library.models:
        rows = [
            (model.name, gigabytes(model.size), _state(shelf, model, library), _ORIGIN[model.origin])
            for model in library.models
        ]
        lines += [table(("Model", "Size", "State", "From"), rows), ""]
    else:
        lines += [
            "No models yet, beside the one that Nightjar starts with. See what is wanted: nightjar models search",
            "",
        ]
    if coming:
        lines += [*map(download_line, coming), ""]
    return lines


def download_line(seen: Progress) -> str:
    """One download with its bar and, where it does not run, why."""
    from desktop.verbs.output import progress

    figures = progress(seen.received, seen.size, seen.bytes_per_s, seen.left_s)
    text = f"{seen.name}  {figures}"
    if seen.kind == "queued":
        text += "  (next in the queue)"
    return f"{text}\n  {seen.sentence} {seen.remedy}".rstrip() if seen.sentence else text


def _fields(shelf: Store, model: Model, library: Library) -> dict[str, Any]:
    from desktop.models.store import picture_part

    return {
        "name": model.name,
        "path": str(shelf.path(model, library)),
        "size": model.size,
        "sha256": model.sha256,
        "origin": model.origin,
        "active": model.active,
        "condition": shelf.condition(model, library),
        "looks_at_images": picture_part(model) is not None,
    }


def _state(shelf: Store, model: Model, library: Library) -> str:
    from desktop.models.store import picture_part

    match shelf.condition(model, library):
        case "missing":
            return "missing: the file is gone"
        case "changed":
            return "changed: import it again"
        case _:
            sees = ", looks at images" if picture_part(model) else ""
            return f"{'offered' if model.active else 'paused'}{sees}"


_ORIGIN = {
    "download": "download",
    "file": "your file",
    "lm-studio": "LM Studio",
    "ollama": "Ollama",
    "hugging-face": "Hugging Face",
}


# --- what is wanted ------------------------------------------------------------------------------------------------


def search_models(options: argparse.Namespace) -> int:
    """Raises DesktopError."""
    from desktop.models.choice import ranked_here
    from desktop.verbs import place
    from desktop.verbs.output import say_json

    shelf = place.store()
    catalogue, notice = asyncio.run(place.catalogue_now())
    found = ranked_here(catalogue, " ".join(options.words), _measured())
    here = shelf.read().names
    if options.json:
        say_json({"ok": True, "models": [_ranked_fields(each, here) for each in found], "notice": notice})
        return 0
    if notice:
        sys.stderr.write(f"nightjar: {notice}\n")
    print("\n".join(search_lines(found, here)))
    return 0


def _measured() -> list[tuple[int, float]]:
    """Sizes and speeds of the models that the running app has loaded; nothing where none runs."""
    from desktop.agent.asking import ask
    from desktop.agent.control import Request
    from desktop.errors import DesktopError
    from desktop.verbs import place
    from desktop.verbs.running import control

    try:
        snapshot = ask(control(), Request(verb="status")).snapshot
    except DesktopError:
        return []
    sizes = {model.name: model.size for model in place.store().read().models}
    models = snapshot.models if snapshot is not None else ()
    return [(sizes.get(model.name, 0), model.decode_tps) for model in models]


def search_lines(found: list[Ranked], here: set[str]) -> list[str]:
    """One line a model."""
    from desktop.verbs.output import dollars, table

    if not found:
        return ["No model of the catalogue fits these words."]
    rows = [
        (
            each.entry.id,
            gigabytes(each.entry.size),
            _FIT[each.badge or ""],
            f"{each.estimate.tokens_per_s:.0f} tok/s",
            f"{dollars(each.estimate.nano_per_hour)}/h" if each.entry.url else "-",
            f"{each.entry.demand.calls:,}" if each.entry.url else "-",
            str(each.entry.demand.nodes) if each.entry.url else "-",
            each.entry.licence,
            "here" if _is_here(each, here) else "",
        )
        for each in found
    ]
    head = ("Model", "Size", "On this PC", "About", "Would earn", "Calls/7 d", "PCs", "Licence", "")
    return [table(head, rows), "", "Download one: nightjar models add MODEL"]


def _is_here(each: Ranked, here: set[str]) -> bool:
    """What comes with Nightjar is always here."""
    return each.entry.id in here or not each.entry.url


def _ranked_fields(each: Ranked, here: set[str]) -> dict[str, Any]:
    return {
        "id": each.entry.id,
        "title": each.entry.title,
        "summary": each.entry.summary,
        "size": each.entry.size,
        "licence": each.entry.licence,
        "licence_url": each.entry.licence_url,
        "quantisation": each.entry.quantisation,
        "badge": each.badge,
        "tokens_per_s": round(each.estimate.tokens_per_s, 1),
        "nano_per_hour": round(each.estimate.nano_per_hour),
        "limited_by": each.estimate.limit,
        "demand": each.entry.demand,
        "here": _is_here(each, here),
    }


_FIT = {
    "roomy": "fits with room",
    "tight": "tight",
    "partial": "part in RAM (slow)",
    "none": "does not fit",
    "": "not known",
}


# --- what can be done ----------------------------------------------------------------------------------------------


def pause(options: argparse.Namespace) -> int:
    """Raises NoSuchModel."""
    from desktop.verbs import place

    return _done(options, f"{place.store().pause(options.name)} is paused.")


def resume(options: argparse.Namespace) -> int:
    """Raises NoSuchModel."""
    from desktop.verbs import place

    return _done(options, f"{place.store().resume(options.name)} goes on.")


def rm(options: argparse.Namespace) -> int:
    """Raises NoSuchModel, ModelUnusable."""
    from desktop.verbs import place

    shelf = place.store()
    if not options.yes and not options.json and sys.stdin.isatty():
        answer = input(f"{_what_goes(shelf.read(), options.name)} [y/N] ")
        if answer.strip().casefold() not in ("y", "yes"):
            print("Nothing was deleted.")
            return 1
    freed = shelf.remove(options.name)
    return _done(options, f"Removed; {gigabytes(freed)} are free again." if freed else "Removed; no file was deleted.")


def _what_goes(library: Library, name: str) -> str:
    """The question before something is deleted. Raises NoSuchModel."""
    from desktop.models.errors import NoSuchModel

    try:
        return f"Give up the download of {library.wish(name).name}?"
    except NoSuchModel:
        model = library.model(name)
    if model.is_ours:
        return f"Delete {model.name} ({gigabytes(model.size)}) from this PC?"
    return f"No longer use {model.name}? Its file stays where it is."


def set_limit(options: argparse.Namespace) -> int:
    """Holds for all downloads together, at once."""
    import msgspec

    from desktop.verbs import place

    place.store().change(lambda library: msgspec.structs.replace(library, speed_limit=options.speed))
    text = (
        f"Downloads take at most {gigabytes(options.speed)} a second." if options.speed else "Downloads have no limit."
    )
    return _done(options, text)


def describe_file(options: argparse.Namespace) -> int:
    """JSON for `nightjar-relay model add --from`. Raises ModelUnusable."""
    import msgspec

    from desktop.models.digest import file_sha256
    from desktop.models.imports import find_in, look_at
    from desktop.verbs.output import say_json

    (found, *more) = find_in(options.file) or (None,)
    if found is None or more:
        from desktop.errors import CommandRefused

        raise CommandRefused(f"{options.file} is not one GGUF file.")
    shape = look_at(found)
    say_json(
        {
            "title": shape.name or found.path.stem,
            "file": found.path.name,
            "size": found.size,
            "sha256": file_sha256(found.path),
            "architecture": shape.architecture,
            "quantisation": shape.quantisation,
            "parameters": shape.parameters,
            "context": shape.context,
            "shape": msgspec.to_builtins(shape),
        }
    )
    return 0


def _done(options: argparse.Namespace, sentence: str) -> int:
    from desktop.verbs.output import say_json

    if options.json:
        say_json({"ok": True, "sentence": sentence})
    else:
        print(sentence)
    return 0


def _speed(text: str) -> int:
    """Bytes a second in `500k`, `5M`, `2.5M`; `off` is 0."""
    if text == "off":
        return 0
    units = {"k": 1_000, "m": 1_000_000, "g": 1_000_000_000}
    number, unit = text[:-1], text[-1:].casefold()
    try:
        speed = int(float(number) * units[unit])
    except (KeyError, ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no speed like 500k or 5M") from error
    if not 1000 <= speed <= 10**11:
        raise argparse.ArgumentTypeError("a limit lies between 1k and 100G a second")
    return speed
