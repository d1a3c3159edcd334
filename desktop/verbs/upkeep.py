"""The verbs that look after Nightjar itself: logs, report, purge, service, autostart."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from desktop.errors import AgentNotRunning, CommandRefused, DesktopError
from desktop.system.files import write_asked_for
from desktop.system.logs import LOG_FILE, plain, tail
from desktop.system.paths import Paths
from desktop.verbs.output import say_json

_POLL_S = 0.5


def describe_logs(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--lines", type=_lines, default=50, metavar="N", help="how many of the last lines (default: 50)")
    verb.add_argument("--follow", action="store_true", help="go on with what comes, until Ctrl-C")
    verb.set_defaults(act=_logs)


def describe_report(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--output", metavar="FILE", help="write it there instead of showing it")
    verb.set_defaults(act=_report)


def describe_purge(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--all", action="store_true", help="everything: enrolment, key and settings too, not only traces")
    verb.add_argument("--yes", action="store_true", help="do not ask")
    verb.set_defaults(act=_purge)


def describe_service(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "action", choices=["install", "remove", "show"], help="show prints the unit without installing it"
    )
    verb.set_defaults(act=_service)


def describe_autostart(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("wanted", nargs="?", choices=["on", "off"], help="change it (default: say how it is)")
    verb.set_defaults(act=_autostart)


# --- logs ----------------------------------------------------------------------------------------------------------


def _logs(options: argparse.Namespace) -> int:
    from desktop.verbs import place

    file = place.paths().logs / LOG_FILE
    lines, end = tail(file, options.lines)
    if options.json:
        say_json({"ok": True, "file": str(file), "lines": lines})
        return 0
    print("\n".join(map(plain, lines)) or f"There is no log yet; it will be {file}.", flush=True)
    if options.follow:
        _follow(file, end)
    return 0


def _follow(file: Path, end: tuple[int, int]) -> None:
    """Prints the lines that come after `end`. A log that was begun anew is read from its beginning."""
    number, place = end
    while True:
        time.sleep(_POLL_S)
        try:
            with file.open("rb") as log:
                status = os.fstat(log.fileno())
                if status.st_ino != number or status.st_size < place:
                    number, place = status.st_ino, 0
                log.seek(place)
                whole = log.read().rpartition(b"\n")[0]
        except FileNotFoundError:
            continue
        if whole:
            print("\n".join(map(plain, whole.decode(errors="replace").split("\n"))), flush=True)
            place += len(whole) + 1


# --- report --------------------------------------------------------------------------------------------------------


def _report(options: argparse.Namespace) -> int:
    from desktop.agent.report import report
    from desktop.verbs import place

    text = asyncio.run(report(place.paths()))
    if options.output:
        write_asked_for(Path(options.output), text)
    if options.json:
        say_json({"ok": True, "report": text, "file": options.output})
    else:
        print(f"Written to {options.output}. Read it before you send it." if options.output else text)
    return 0


# --- purge ---------------------------------------------------------------------------------------------------------


def _purge(options: argparse.Namespace) -> int:
    from desktop.agent import kept

    paths = Paths.for_user()
    if options.all:
        _refuse_while_running(paths)
    gone = [path for path in (kept.everything(paths) if options.all else kept.traces(paths)) if path.exists()]
    size = sum(kept.size_of(path) for path in gone)
    if gone and not options.yes and not options.json and not _agreed(gone, size, everything=options.all):
        print("Nothing was removed.")
        return 1
    if options.all:
        try:
            asyncio.run(kept.forget_key(paths))
        except DesktopError as error:
            sys.stderr.write(f"nightjar: the key stays where it is: {error.line()}\n")
    else:
        _forget_in_agent(paths)
    stays = kept.remove(gone)
    freed = size - sum(map(kept.size_of, stays))
    if options.json:
        removed = [str(path) for path in gone if path not in stays]
        say_json({"ok": not stays, "removed": removed, "stays": [str(path) for path in stays], "bytes": freed})
    else:
        print(f"Removed {kept.readable(freed)}." if gone else "There was nothing to remove.")
        for line in _left_to_the_owner(paths) if options.all else ():
            print(line)
        for path in stays:
            sys.stderr.write(f"nightjar: {path} cannot be removed; see to it that you may write there.\n")
    return 1 if stays else 0


def _left_to_the_owner(paths: Paths) -> Iterator[str]:
    """What is not ours alone: all Nightjars of this user have one entry and one unit, and a relay serves others."""
    from desktop.system import service
    from desktop.system.autostart import autostart

    with contextlib.suppress(CommandRefused):
        at_login = autostart().state()
        if at_login.on or at_login.blocked:
            yield f"Nightjar is still written in {at_login.place}, to start when you log in: nightjar autostart off"
    if service.unit_file().exists():
        yield f"It is still a service, by {service.unit_file()}: nightjar service remove"
    if paths.served_relay.exists():
        yield f"The relay in {paths.served_relay} stays, with its books and keys: delete the folder to be rid of it."


def _refuse_while_running(paths: Paths) -> None:
    """Raises CommandRefused."""
    if paths.control.exists() or paths.local_node.control.exists():
        from desktop.agent.asking import ask
        from desktop.agent.control import Request

        for control in (paths.control, paths.local_node.control):
            try:
                ask(control, Request(verb="status"))
            except AgentNotRunning:
                continue
            raise CommandRefused("Nightjar is running.", "End it first: nightjar quit")


def _forget_in_agent(paths: Paths) -> None:
    from desktop.agent.asking import ask
    from desktop.agent.control import Request

    try:
        ask(paths.control, Request(verb="forget"))
    except AgentNotRunning:
        return


def _agreed(gone: list[Path], size: int, *, everything: bool) -> bool:
    from desktop.agent import kept

    for path in gone:
        print(path)
    what = "enrolment, key, settings, models and logs" if everything else "logs and the history of switches"
    sys.stdout.write(f"Remove {what} ({kept.readable(size)})? [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


# --- service -------------------------------------------------------------------------------------------------------


def _service(options: argparse.Namespace) -> int:
    from desktop.system import service
    from desktop.system.paths import HOME_VARIABLE
    from desktop.system.program import own_command

    text = service.unit_text(own_command("--headless"), home=os.environ.get(HOME_VARIABLE, ""))
    if options.action == "show":
        says = text.rstrip("\n")
    elif options.action == "install":
        file = service.install()
        says = f"Installed {file}; Nightjar runs now, and whenever you are logged in.\n"
        says += "To let it run before that too: loginctl enable-linger"
    else:
        says = "Stopped and removed." if service.remove() else "There is no service of Nightjar here."
    if options.json:
        say_json({"ok": True, "unit": text, "file": str(service.unit_file()), "says": says})
    else:
        print(says)
    return 0


# --- autostart -----------------------------------------------------------------------------------------------------


def _autostart(options: argparse.Namespace) -> int:
    from desktop.system.autostart import autostart

    entry = autostart()
    act = {"on": entry.turn_on, "off": entry.turn_off}.get(options.wanted or "", entry.state)
    at_login = act()
    if options.json:
        say_json({"ok": True, "on": at_login.on, "place": at_login.place, "blocked": at_login.blocked})
        return 0
    print("Nightjar starts when you log in." if at_login.on else "Nightjar does not start when you log in.")
    if at_login.on or at_login.blocked:
        print(at_login.blocked or f"Written in {at_login.place}; no longer with: nightjar autostart off")
    return 0


def _lines(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 100_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to 100000")
    return int(text)
