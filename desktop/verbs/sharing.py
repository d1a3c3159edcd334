"""The verbs that say when this PC shares: status, pause, resume, mode, schedule, rules."""

from __future__ import annotations

import argparse
import time
from typing import Any, get_type_hints

import msgspec

from desktop.agent.asking import ask
from desktop.agent.control import Request
from desktop.agent.sharing.decision import PLUGGED_IN
from desktop.agent.sharing.schedule import DAY_SLOTS, DAYS, Schedule, parse_schedule, schedule_text
from desktop.agent.sharing.words import span
from desktop.agent.state import Mode
from desktop.errors import CommandRefused
from desktop.settings import SharingSettings, in_words
from desktop.verbs.moments import next_moment, pause_span
from desktop.verbs.output import say_json, table
from desktop.verbs.running import ask_and_show, control, snapshot_of

_WHILE_AT_MOST_S = 7 * 86400.0
"""A pause that waits for something ends by itself at last: nobody should find out in spring."""

MEANINGS = {
    "first_mode": "mode before you have chosen one",
    "idle_s": "seconds without input before When idle shares",
    "idle_locked_s": "the same while the screen is locked",
    "clear_s": "seconds for which calls, games, load or heat must be over",
    "grace_s": "seconds a running answer may go on when you return (0 to 10)",
    "drain_s": "seconds that quitting waits for running answers",
    "schedule": "hours of the week in which this PC may share (see: nightjar schedule)",
    "on_battery": "share on battery too",
    "battery_stop_percent": "stop below this charge",
    "battery_start_percent": "once stopped, start above this charge",
    "hot_stop_c": "stop at this temperature (°C) of processor or graphics card",
    "hot_start_c": "once stopped, start below this temperature",
    "cpu_others_percent": "wait while other programs use more of the processor",
    "gpu_others_percent": "wait while other programs use more of the graphics card",
    "keep_memory_mib": "memory in MiB that stays free",
    "keep_disk_mib": "disk space in MiB below which nothing is shared",
    "exclusive_apps": "programs that want the whole PC while they run, with commas between",
}
"""One line a rule, for people."""

_YES, _NO = frozenset({"yes", "on", "true"}), frozenset({"no", "off", "false"})


def describe_status(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--history", action="store_true", help="add the last 50 switches and their reasons")
    verb.set_defaults(act=lambda options: ask_and_show(Request(verb="status"), options))


def describe_pause(verb: argparse.ArgumentParser) -> None:
    how = verb.add_mutually_exclusive_group()
    how.add_argument("--for", dest="span", type=pause_span, metavar="TIME", help="30m, 4h, 1d … (default: 1h)")
    how.add_argument("--until", metavar="WHEN", help="18:00, tomorrow, 2026-12-01T09:30 or plugged-in")
    how.add_argument("--while", dest="program", metavar="PROGRAM", help="until this program closes")
    verb.set_defaults(act=_pause)


def describe_resume(verb: argparse.ArgumentParser) -> None:
    verb.set_defaults(act=lambda options: ask_and_show(Request(verb="resume"), options))


def describe_mode(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("mode", nargs="?", choices=[mode.value for mode in Mode], help="leave out to see the current one")
    verb.set_defaults(act=_mode)


def describe_schedule(verb: argparse.ArgumentParser) -> None:
    what = 'hours to share in, as in "mon-fri 18:00-08:00, sat-sun 00:00-24:00", always or never; leave out to see them'
    verb.add_argument("hours", nargs="*", help=what)
    verb.set_defaults(act=_schedule)


def describe_rules(verb: argparse.ArgumentParser) -> None:
    what = "as in idle_s=600, on_battery=yes or exclusive_apps=blender,game; NAME= goes back to settings.toml"
    verb.add_argument("changes", nargs="*", metavar="NAME=VALUE", help=what)
    verb.set_defaults(act=_rules)


def _pause(options: argparse.Namespace) -> int:
    now, until, ends_with = time.time(), 0.0, ""
    if options.program:
        from desktop.system.contention import running_programs

        if not running_programs(frozenset({options.program.lower()})):
            raise CommandRefused(f"No program {options.program!r} runs now.", "Name it as `ps -e` does.")
        until, ends_with = now + _WHILE_AT_MOST_S, options.program
    elif options.until in ("plugged-in", PLUGGED_IN):
        until, ends_with = now + _WHILE_AT_MOST_S, PLUGGED_IN
    elif options.until:
        try:
            until = next_moment(options.until, now)
        except ValueError as error:
            raise CommandRefused(f"{error}.", "See: nightjar pause --help") from error
    else:
        until = now + (options.span or 3600.0)
    return ask_and_show(Request(verb="pause", until=until, ends_with=ends_with), options)


def _mode(options: argparse.Namespace) -> int:
    mode = None if options.mode is None else Mode(options.mode)
    return ask_and_show(Request(verb="mode", mode=mode), options)


def _schedule(options: argparse.Namespace) -> int:
    request = Request(verb="rules")
    if options.hours:
        try:
            hours = parse_schedule(" ".join(options.hours))
        except ValueError as error:
            raise CommandRefused(f"{error}.", "See: nightjar schedule --help") from error
        request = Request(verb="rules", rules={"schedule": schedule_text(hours)})
    reply = ask(control(), request)
    schedule = parse_schedule(snapshot_of(reply).rules.schedule)
    if options.json:
        say_json({"ok": True, "schedule": schedule_text(schedule), "half_hours": sorted(schedule.slots)})
    else:
        print("\n".join(schedule_lines(schedule)))
    return 0


def schedule_lines(schedule: Schedule) -> list[str]:
    """A row a day, a sign each half hour; then the same in words."""
    hours = "".join(f"{hour:<6}" for hour in range(0, 24, 3))
    rows = [
        f"{name}  {''.join('#' if day * DAY_SLOTS + slot in schedule.slots else '.' for slot in range(DAY_SLOTS))}"
        for day, name in enumerate(DAYS)
    ]
    return [f"     {hours}".rstrip(), *rows, "", f"Shares: {schedule_text(schedule)}"]


def _rules(options: argparse.Namespace) -> int:
    changes = dict(_change(text) for text in options.changes)
    rules = snapshot_of(ask(control(), Request(verb="rules", rules=changes))).rules
    if options.json:
        say_json({"ok": True, "rules": rules})
    else:
        rows = [(name, _shown(name, getattr(rules, name)), meaning) for name, meaning in MEANINGS.items()]
        print(table(("Rule", "Now", "Meaning"), rows))
    return 0


def _change(text: str) -> tuple[str, object]:
    """Raises CommandRefused."""
    name, equals, value = text.partition("=")
    if not equals or name not in MEANINGS:
        known = ", ".join(MEANINGS)
        raise CommandRefused(f"{text!r} is no rule with a value; rules are {known}.", "See: nightjar rules --help")
    if not value:
        return name, None
    hint = get_type_hints(SharingSettings, include_extras=True)[name]
    if name == "exclusive_apps":
        return name, [each.strip() for each in value.split(",") if each.strip()]
    if value.lower() in _YES | _NO and hint is bool:
        return name, value.lower() in _YES
    try:
        return name, msgspec.convert(value, hint, strict=False)
    except msgspec.ValidationError as error:
        raise CommandRefused(f"{value!r} cannot be {name}: {in_words(error)}.", "See: nightjar rules") from error


def _shown(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(value) or "-"
    if name.endswith("_s"):
        return span(value) if value >= 120 else f"{value:g} s"
    return f"{value:g}" if isinstance(value, int | float) else (value or "-")
