"""The command line: starts the app, or asks the agent that is already running.

A verb that fails says one line on standard error and ends with 1; a command line that makes no sense ends with 2. With
`--json` every verb prints one JSON object on standard output instead, failures too.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import msgspec
from typing_extensions import override

from desktop.agent.asking import ask, follow
from desktop.agent.control import Reply, Request
from desktop.agent.sharing.words import countdown, host_of, spelt, typed
from desktop.agent.state import Earnings, Mode, ModelState, Snapshot
from desktop.errors import CommandRefused, DesktopError
from desktop.settings import load_settings
from desktop.system.paths import Paths
from desktop.verbs import earnings, models

USAGE_ERROR = 2
_NOBODY_READS = 141
"""What a shell says of a program that SIGPIPE ended."""
_NANO = 1_000_000_000
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST_PAUSE_S = 30 * 86400


class _OneLineParser(argparse.ArgumentParser):
    """argparse prints the usage before an error; one line with the remedy is enough."""

    @override
    def error(self, message: str) -> NoReturn:
        self.exit(USAGE_ERROR, f"{self.prog}: {message}. See `{self.prog} --help`.\n")


def main(arguments: Sequence[str]) -> int:
    """Runs one command line and returns the exit status."""
    parser = _parser()
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
    parser.add_argument("--version", action="store_true", help="print the version and end")
    parser.set_defaults(act=_start)
    verbs = parser.add_subparsers(metavar="VERB", parser_class=_OneLineParser)
    for name, (describe, summary) in _VERBS.items():
        verb = verbs.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        verb.add_argument("--json", action="store_true", help="print one JSON object")
        describe(verb)
    return parser


def _status_verb(verb: argparse.ArgumentParser) -> None:
    verb.set_defaults(act=lambda options: _ask_and_show(Request(verb="status"), options))


def _pause_verb(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--for", dest="span", type=_span, default="1h", metavar="TIME", help="30m, 4h, 1d … (default: 1h)"
    )
    verb.set_defaults(act=lambda o: _ask_and_show(Request(verb="pause", until=time.time() + o.span), o))


def _resume_verb(verb: argparse.ArgumentParser) -> None:
    verb.set_defaults(act=lambda options: _ask_and_show(Request(verb="resume"), options))


def _mode_verb(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("mode", nargs="?", choices=[mode.value for mode in Mode], help="leave out to see the current one")
    verb.set_defaults(act=_mode)


def _enroll_verb(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--relay", default="", metavar="URL", help="the relay's address (default: the one in the settings)"
    )
    verb.add_argument("--token", metavar="TOKEN", help="an enrolment token; without one you approve in a browser")
    verb.set_defaults(act=_enroll)


def _quit_verb(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--now", action="store_true", help="do not finish running answers")
    verb.set_defaults(act=lambda o: _ask_and_show(Request(verb="quit", drain=not o.now), o))


def _local_verb(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--port", type=_port, help="the relay's port (default: 8484; 0 takes a free one)")
    verb.add_argument("--yes", action="store_true", help="for scripts: never ask anything (nothing is asked now)")
    verb.add_argument("--headless", action="store_true", help="no tray and no window")
    verb.add_argument("--json-ready", action="store_true", help="print one JSON line when ready instead of the text")
    verb.set_defaults(act=_local)


_VERBS: dict[str, tuple[Callable[[argparse.ArgumentParser], None], str]] = {
    "status": (_status_verb, "show whether this PC is sharing, and why"),
    "pause": (_pause_verb, "take no new calls for a while"),
    "resume": (_resume_verb, "end a pause"),
    "mode": (_mode_verb, "show or set when this PC shares: off, idle or always"),
    "models": (models.describe, "list, find, download, import and delete models"),
    "earnings": (earnings.describe_earnings, "show what this PC has earned, and why not more"),
    "activity": (earnings.describe_activity, "show the answers this PC gave; never their text"),
    "enroll": (_enroll_verb, "make this PC a node of a relay"),
    "quit": (_quit_verb, "end the running app, finishing its answers"),
    "local": (_local_verb, "start a private relay on this PC with this PC as its node"),
}


# --- what they do --------------------------------------------------------------------------------------------------


def _start(options: argparse.Namespace) -> int:
    from desktop import app

    if options.version:
        print(f"nightjar {app.version()}")
        return 0
    return app.start(Paths.for_user(), headless=options.headless)


def _local(options: argparse.Namespace) -> int:
    from desktop.local import session

    return session.run(
        Paths.for_user(),
        port=options.port,
        headless=options.headless,
        json_ready=_wants_json(options),
    )


def _mode(options: argparse.Namespace) -> int:
    mode = None if options.mode is None else Mode(options.mode)
    return _ask_and_show(Request(verb="mode", mode=mode), options)


def _ask_and_show(request: Request, options: argparse.Namespace) -> int:
    return _show(ask(_control(Paths.for_user()), request), options)


def _control(paths: Paths) -> Path:
    """The app's socket or, where only `nightjar local` runs, that of its node."""
    local = paths.local_node.control
    return local if local.exists() and not paths.control.exists() else paths.control


def _show(reply: Reply, options: argparse.Namespace) -> int:
    if options.json:
        _print_json(reply)
    else:
        print("\n".join(_lines(reply)))
    return 0


def _enroll(options: argparse.Namespace) -> int:
    paths = Paths.for_user()
    relay = options.relay or load_settings(paths.settings).enrolment.relay
    if not relay:
        raise CommandRefused("Which relay?", "Give its address: nightjar enroll --relay https://relay.example")
    control = _control(paths)
    if control == paths.local_node.control:
        raise CommandRefused(
            "Only `nightjar local` runs here, and its node stays with its own relay.",
            "Start it again if that relay barred it; to share elsewhere, start the app: nightjar --headless",
        )
    try:
        with _ended_by_signals():
            reply = ask(control, Request(verb="enroll", relay=relay, token=options.token))
            reply = _await_enrolment(control, reply, quiet=options.json)
    except BaseException:
        # Nobody waits for the code any more: approved later, it would make a node that nobody expects.
        with contextlib.suppress(DesktopError):
            ask(control, Request(verb="cancel_enrolment"))
        raise
    enrolment = _snapshot(reply).enrolment
    if enrolment.problem or enrolment.kind != "enrolled":
        raise CommandRefused(enrolment.problem or "The enrolment was cancelled.")
    return _show(reply, options)


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


def _await_enrolment(control: Path, reply: Reply, *, quiet: bool) -> Reply:
    """Follows the agent until the enrolment is decided; shows the code once, on standard error, when there is one."""
    shown = ""
    for latest in follow(control):
        reply = latest
        enrolment = _snapshot(reply).enrolment
        if enrolment.kind != "waiting":
            break
        if enrolment.user_code and enrolment.user_code != shown and not quiet:
            shown = enrolment.user_code
            left = countdown((enrolment.expires_at or 0) - time.time())
            sys.stderr.write(f"Open {enrolment.approve_url}\nand enter the code {spelt(shown)} (valid for {left}).\n")
    return reply


def _snapshot(reply: Reply) -> Snapshot:
    if reply.snapshot is None:
        raise CommandRefused("The running Nightjar speaks another version.", "Quit it and start it again.")
    return reply.snapshot


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; ports go from 0 to 65535")
    return int(text)


def _span(text: str) -> float:
    """Seconds in `90s`, `30m`, `1h30m`, `2d`."""
    pieces = re.findall(r"(\d+)([smhd])", text)
    if not pieces or "".join(number + unit for number, unit in pieces) != text:
        raise argparse.ArgumentTypeError(f"{text!r} is no span of time like 30m, 4h or 1h30m")
    seconds = float(sum(int(number) * _UNITS[unit] for number, unit in pieces))
    if not 0 < seconds <= _LONGEST_PAUSE_S:
        raise argparse.ArgumentTypeError("a pause lasts between one second and 30 days")
    return seconds


# --- in words ------------------------------------------------------------------------------------------------------


def _lines(reply: Reply) -> list[str]:
    snapshot = _snapshot(reply)
    lines = [reply.sentence]
    if remedy := typed(snapshot.sharing):
        lines.append(remedy)
    lines.append(f"Mode    {snapshot.mode}")
    if snapshot.enrolment.kind == "enrolled":
        lines.append(f"Relay   {host_of(snapshot.enrolment.relay)}, node {snapshot.enrolment.node_id}")
    lines += [f"Model   {_model(model)}" for model in snapshot.models]
    if snapshot.running:
        together = ", all answers together" if snapshot.running > 1 else ""
        lines.append(f"Speed   {snapshot.tokens_per_s:.0f} tokens/s{together}")
    if snapshot.earnings is not None:
        lines.append(f"Earned  {_earned(snapshot.earnings)}")
    return lines


def _model(model: ModelState) -> str:
    facts = f"{model.name}: {model.kind}"
    if model.kind == "ready":
        facts += f", {model.running} of {model.slots} slots in use"
    if model.problem:
        facts += f" ({model.problem})"
    return facts


def _earned(earnings: Earnings) -> str:
    answers = "1 answer" if earnings.answers_today == 1 else f"{earnings.answers_today} answers"
    return f"{_dollars(earnings.today)} today ({answers}), {_dollars(earnings.month)} this month"


def _dollars(nano: int) -> str:
    """Cents where there are any; below, as many digits as show that something came in."""
    amount = nano / _NANO
    return f"${amount:.2f}" if amount >= 0.01 or nano == 0 else f"${amount:.6f}"
