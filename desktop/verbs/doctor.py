"""`nightjar doctor`: what works here, what does not, and what to do about it. Needs no running agent."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING

from desktop.verbs.output import say_json

if TYPE_CHECKING:
    from desktop.agent.self_test import Phase


def describe(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--hands-off",
        action="store_true",
        help="try whether your absence and your return are noticed: takes ten seconds and a move of the mouse",
    )
    verb.set_defaults(act=_doctor)


def _doctor(options: argparse.Namespace) -> int:
    from desktop.agent.self_test import as_lines, examine, hands_off
    from desktop.verbs import place

    paths = place.paths()
    findings = asyncio.run(examine(paths))
    if options.hands_off:
        findings.append(asyncio.run(hands_off(paths, _say)))
    if options.json:
        say_json({"ok": all(each.ok is not False for each in findings), "findings": findings})
    else:
        print("\n".join(as_lines(findings)))
    return 1 if any(each.ok is False for each in findings) else 0


def _say(phase: Phase) -> None:
    if phase == "away":
        sys.stderr.write("Take your hands off mouse and keyboard for 10 seconds …\n")
    else:
        sys.stderr.write("Now move the mouse or press a key …\n")
