"""The command line: starts the app, or asks the agent that is already running.

A verb that fails says one line on standard error and ends with 1; a command line that makes no sense ends with 2. With
`--json` every verb prints one JSON object on standard output instead, failures too; `enroll` one with its code before.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import msgspec
from typing_extensions import override

from desktop.agent.asking import ask, follow
from desktop.agent.control import Reply, Request
from desktop.agent.sharing.words import countdown, host_of, spelt
from desktop.agent.state import Enrolment
from desktop.errors import CommandRefused, DesktopError
from desktop.settings import load_settings
from desktop.system.paths import Paths
from desktop.system.program import version
from desktop.verbs import doctor, earnings, models, sharing, upkeep
from desktop.verbs.running import ask_and_show, control, show, snapshot_of

USAGE_ERROR = 2
_NOBODY_READS = 141
"""What a shell says of a program that SIGPIPE ended."""
_NANO = 1_000_000_000
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST_PAUSE_S = 30 * 86400


class _OneLineParser(argparse.ArgumentParser):
    """argparse prints the usage before an error; one line with the remedy is enough."""

    @override
    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """What a verb does not know is its own error: the help of the whole program would not tell what it knows."""
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return parsed, unknown

    @override
    def error(self, message: str) -> NoReturn:
        self.exit(USAGE_ERROR, f"{self.prog}: {message}. See `{self.prog} --help`.\n")


def main(arguments: Sequence[str]) -> int:
    """Runs one command line and returns the exit status."""
    parser = _parser()
    if len(arguments) == 1 and _is_link(arguments[0]):
        parser.set_defaults(link=arguments[0])
        arguments = ()
    if (wrong := _unknown_verb(arguments)) is not None:
        verbs = ", ".join(_VERBS)
        sys.stderr.write(f"nightjar: there is no verb {wrong!r}; there are {verbs}. See `nightjar --help`.\n")
        return USAGE_ERROR
    options = parser.parse_args(arguments)
    try:
        return _act(options)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        _hush()
        return _NOBODY_READS


def _act(options: argparse.Namespace) -> int:
    act: Callable[[argparse.Namespace], int] = options.act
    try:
        status = act(options)
    except DesktopError as error:
        status = _say_failure(error, as_json=_wants_json(options))
    sys.stdout.flush()
    return status


def _hush() -> None:
    """Whoever read us has gone (`| head -1`): the interpreter must not try again at its end, and complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _is_link(argument: str) -> bool:
    """What a browser starts us with. No verb looks like it, and it is one argument whatever it holds."""
    return argument.lower().startswith("nightjar:")


def _unknown_verb(arguments: Sequence[str]) -> str | None:
    first = next((argument for argument in arguments if not argument.startswith("-")), None)
    return first if first is not None and first not in _VERBS else None


def _say_failure(error: DesktopError, *, as_json: bool) -> int:
    if as_json:
        _print_json({"ok": False, "error": str(error), "remedy": error.remedy})
    else:
        sys.stderr.write(f"nightjar: {error.line()}\n")
    return 1


def _wants_json(options: argparse.Namespace) -> bool:
    return any(getattr(options, name, False) for name in ("json", "json_ready"))


def _print_json(value: object) -> None:
    print(msgspec.json.encode(value).decode(), flush=True)


# --- what there is -------------------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = _OneLineParser(
        prog="nightjar",
        description="Lends this PC's idle time to run language models. Without a verb it starts the app.",
    )
    parser.add_argument("--headless", action="store_true", help="start without tray and window, for servers")
    parser.add_argument("--background", action="store_true", help="start in the tray, its window closed")
    parser.add_argument("--version", action="store_true", help="print the version and end")
    parser.set_defaults(act=_start, link="")
    verbs = parser.add_subparsers(metavar="VERB", parser_class=_OneLineParser)
    for name, (describe, summary) in _VERBS.items():
        verb = verbs.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        verb.add_argument("--json", action="store_true", help="print one JSON object")
        describe(verb)
    return parser


def _enroll_verb(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--relay", default="", metavar="URL", help="the relay's address (default: the one in the settings)"
    )
    verb.add_argument("--token", metavar="TOKEN", help="an enrolment token; without one you approve in a browser")
    verb.add_argument("--again", action="store_true", help="also where this PC is a node of that relay already")
    verb.set_defaults(act=_enroll)


def _quit_verb(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--now", action="store_true", help="do not finish running answers")
    verb.set_defaults(act=lambda o: ask_and_show(Request(verb="quit", drain=not o.now), o))


def _local_verb(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--port", type=_port, help="the relay's port (default: 8484; 0 takes a free one)")
    verb.add_argument("--yes", action="store_true", help="for scripts: never ask anything (nothing is asked now)")
    verb.add_argument("--headless", action="store_true", help="no tray and no window")
    verb.add_argument("--json-ready", action="store_true", help="print one JSON line when ready instead of the text")
    verb.set_defaults(act=_local)


_VERBS: dict[str, tuple[Callable[[argparse.ArgumentParser], None], str]] = {
    "status": (sharing.describe_status, "show whether this PC is sharing, and why"),
    "pause": (sharing.describe_pause, "take no new calls for a while"),
    "resume": (sharing.describe_resume, "end a pause"),
    "mode": (sharing.describe_mode, "show or set when this PC shares: off, idle or always"),
    "schedule": (sharing.describe_schedule, "show or set the hours of the week in which this PC may share"),
    "rules": (sharing.describe_rules, "show or change what this PC waits for, and its limits"),
    "models": (models.describe, "list, find, download, import and delete models"),
    "earnings": (earnings.describe_earnings, "show what this PC has earned, and why not more"),
    "activity": (earnings.describe_activity, "show the answers this PC gave; never their text"),
    "enroll": (_enroll_verb, "make this PC a node of a relay"),
    "doctor": (doctor.describe, "test what works on this PC, and say what to do about the rest"),
    "logs": (upkeep.describe_logs, "show the last lines of the log"),
    "report": (upkeep.describe_report, "show facts for a bug report, without names and addresses"),
    "purge": (upkeep.describe_purge, "remove logs and history, or everything Nightjar keeps"),
    "service": (upkeep.describe_service, "run Nightjar as a service of yours (systemd)"),
    "autostart": (upkeep.describe_autostart, "say whether Nightjar starts when you log in, or change it"),
    "quit": (_quit_verb, "end the running app, finishing its answers"),
    "local": (_local_verb, "start a private relay on this PC with this PC as its node"),
}


# --- what they do --------------------------------------------------------------------------------------------------


def _start(options: argparse.Namespace) -> int:
    from desktop import app

    if options.version:
        print(f"nightjar {version()}")
        return 0
    return app.start(Paths.for_user(), headless=options.headless, background=options.background, link=options.link)


def _local(options: argparse.Namespace) -> int:
    from desktop.local import session

    return session.run(
        Paths.for_user(),
        port=options.port,
        headless=options.headless,
        json_ready=_wants_json(options),
    )


def _enroll(options: argparse.Namespace) -> int:
    paths = Paths.for_user()
    relay = options.relay or load_settings(paths.settings).enrolment.relay
    if not relay:
        raise CommandRefused("Which relay?", "Give its address: nightjar enroll --relay https://relay.example")
    socket = control()
    if socket == paths.local_node.control:
        raise CommandRefused(
            "Only `nightjar local` runs here, and its node stays with its own relay.",
            "Start it again if that relay barred it; to share elsewhere, start the app: nightjar --headless",
        )
    before = snapshot_of(ask(socket, Request(verb="status"))).enrolment
    if before.kind == "enrolled" and host_of(before.relay) == host_of(relay) and not options.again:
        raise CommandRefused(
            f"This PC is a node of {host_of(relay)} already.", "To enrol it anew all the same: nightjar enroll --again"
        )
    try:
        with _ended_by_signals():
            reply = ask(socket, Request(verb="enroll", relay=relay, token=options.token))
            reply = _await_enrolment(socket, reply, as_json=options.json)
    except BaseException:
        # Nobody waits for the code any more: approved later, it would make a node that nobody expects.
        with contextlib.suppress(DesktopError):
            ask(socket, Request(verb="cancel_enrolment"))
        raise
    enrolment = snapshot_of(reply).enrolment
    if enrolment.problem or enrolment.kind != "enrolled":
        raise CommandRefused(enrolment.problem or "The enrolment was cancelled.")
    return show(reply, options)


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """A closed terminal or a `kill` ends what is inside as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = [signal.signal(number, signal.default_int_handler) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _await_enrolment(control: Path, reply: Reply, *, as_json: bool) -> Reply:
    """Follows the agent until the enrolment is decided; shows the code once, when there is one."""
    shown = ""
    for latest in follow(control):
        reply = latest
        enrolment = snapshot_of(reply).enrolment
        if enrolment.kind != "waiting":
            break
        if enrolment.user_code and enrolment.user_code != shown:
            shown = enrolment.user_code
            _show_code(enrolment, as_json=as_json)
    return reply


def _show_code(enrolment: Enrolment, *, as_json: bool) -> None:
    """For people on standard error, as it is not yet the answer."""
    code, expires_at = spelt(enrolment.user_code), enrolment.expires_at or 0
    if as_json:
        url = enrolment.approve_url
        _print_json({"state": "waiting", "code": code, "approve_url": url, "expires_at": expires_at})
        return
    left = countdown(expires_at - time.time())
    sys.stderr.write(f"Open {enrolment.approve_url}\nand enter the code {code} (valid for {left}).\n")


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; ports go from 0 to 65535")
    return int(text)
