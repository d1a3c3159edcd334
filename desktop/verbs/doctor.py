"""`nightjar doctor`: what works here, what does not, and what to do about it. Needs no running agent."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from typing import TYPE_CHECKING

from desktop.system.paths import Paths
from desktop.verbs.output import say_json

if TYPE_CHECKING:
    from desktop.system.watch.self_test import Finding

_HANDS_OFF_S = 10.0


def describe(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--hands-off",
        action="store_true",
        help="try whether your absence and your return are noticed: takes ten seconds and a move of the mouse",
    )
    verb.set_defaults(act=_doctor)


def _doctor(options: argparse.Namespace) -> int:
    from desktop.agent.self_test import as_lines, examine
    from desktop.verbs import place

    paths = place.paths()
    findings = asyncio.run(examine(paths))
    if options.hands_off:
        findings.append(asyncio.run(_hands_off(paths)))
    if options.json:
        say_json({"ok": all(each.ok is not False for each in findings), "findings": findings})
    else:
        print("\n".join(as_lines(findings)))
    return 1 if any(each.ok is False for each in findings) else 0


async def _hands_off(paths: Paths) -> Finding:
    """Ten seconds without input have to be seen as such, and the next input too."""
    from desktop.system.conditions import Unknown
    from desktop.system.watch.choose import watch_over
    from desktop.system.watch.port import Attention
    from desktop.system.watch.self_test import Finding

    watch = watch_over(paths.data)
    watch.attend(Attention(closely=True))

    async def idle_for(fewer: float, more: float) -> bool:
        try:
            async with asyncio.timeout(_HANDS_OFF_S * 2):
                while True:
                    moment = watch.conditions.presence.input_at
                    if not isinstance(moment, Unknown) and fewer <= time.time() - moment <= more:
                        return True
                    await asyncio.sleep(0.2)
        except TimeoutError:
            return False

    async with asyncio.TaskGroup() as group:
        task = group.create_task(watch.run(lambda: None))
        sys.stderr.write(f"Take your hands off mouse and keyboard for {_HANDS_OFF_S:.0f} seconds …\n")
        away = await idle_for(_HANDS_OFF_S, float("inf"))
        sys.stderr.write("Now move the mouse or press a key …\n")
        back = await idle_for(0.0, 2.0)
        source = watch.conditions.presence.source or "no source"
        task.cancel()
    if away and back:
        return Finding("hands off", source, ok=True, says="your absence and your return were noticed")
    missed = "your absence" if not away else "your return"
    return Finding("hands off", source, ok=False, says=f"{missed} was not noticed: When idle cannot be trusted here")
