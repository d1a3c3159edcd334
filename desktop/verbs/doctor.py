"""`nightjar doctor`: what works here, what does not, and what to do about it. Needs no running agent."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from desktop.errors import DesktopError
from desktop.settings import Settings, load_settings
from desktop.system.paths import Paths
from desktop.verbs.output import say_json

if TYPE_CHECKING:
    from desktop.system.watch.self_test import Finding

_HANDS_OFF_S = 10.0
_RELAY_S = 5.0
_MARKS = {True: "ok", False: "!!", None: "--"}


def describe(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--hands-off",
        action="store_true",
        help="try whether your absence and your return are noticed: takes ten seconds and a move of the mouse",
    )
    verb.set_defaults(act=_doctor)


def _doctor(options: argparse.Namespace) -> int:
    from desktop.verbs import place

    paths = place.paths()
    findings = asyncio.run(examine(paths))
    if options.hands_off:
        findings.append(asyncio.run(_hands_off(paths)))
    if options.json:
        say_json({"ok": all(each.ok is not False for each in findings), "findings": findings})
    else:
        print("\n".join(doctor_lines(findings)))
    return 1 if any(each.ok is False for each in findings) else 0


async def examine(paths: Paths) -> list[Finding]:
    """Everything that is looked at, in the order in which one thing needs another."""
    from desktop.system.watch.choose import ask_sources

    found = [_folders(paths)]
    settings, about = _settings(paths)
    found += [about, _agent(paths), *await _node(paths), _model(settings), _confinement()]
    return found + await ask_sources(paths.data if paths.data.exists() else Path.home())


def doctor_lines(findings: list[Finding]) -> list[str]:
    """`ok`, `!!` for what does not work, `--` for what this PC does not have."""
    width = max(len(each.concern) for each in findings)
    source = max(len(each.source) for each in findings)
    return [f"{_MARKS[each.ok]}  {each.concern:<{width}}  {each.source:<{source}}  {each.says}" for each in findings]


def _folders(paths: Paths) -> Finding:
    from desktop.system.watch.self_test import Finding

    try:
        paths.make()
    except DesktopError as error:
        return Finding("folders", str(paths.data), ok=False, says=error.line())
    return Finding("folders", str(paths.data), ok=True, says="can be written")


def _settings(paths: Paths) -> tuple[Settings, Finding]:
    from desktop.system.watch.self_test import Finding

    try:
        settings = load_settings(paths.settings)
    except DesktopError as error:
        return Settings(), Finding("settings", str(paths.settings), ok=False, says=error.line())
    says = "read" if paths.settings.exists() else "none: the defaults hold"
    return settings, Finding("settings", str(paths.settings), ok=True, says=says)


def _agent(paths: Paths) -> Finding:
    from desktop.agent.asking import ask
    from desktop.agent.control import Request
    from desktop.system.watch.self_test import Finding

    try:
        reply = ask(paths.control, Request(verb="status"))
    except DesktopError as error:
        return Finding("agent", "control socket", ok=None, says=error.line())
    return Finding("agent", "control socket", ok=True, says=reply.sentence)


async def _node(paths: Paths) -> list[Finding]:
    """Enrolment, its key, and whether the relay answers."""
    from desktop.agent.membership import Memberships
    from desktop.system.watch.self_test import Finding

    try:
        memberships = Memberships(paths)
        await memberships.load()
    except DesktopError as error:
        return [Finding("enrolment", "key", ok=False, says=error.line())]
    member = memberships.member
    if member is None:
        return [Finding("enrolment", "record", ok=None, says="this PC is not enrolled: nightjar enroll --relay URL")]
    key = Finding("enrolment", "key", ok=True, says=f"kept in {member.store.where}")
    return [key, await _relay(member.relay.url)]


async def _relay(url: str) -> Finding:
    import httpx

    from desktop.system.watch.self_test import Finding

    began = time.monotonic()
    try:
        async with httpx.AsyncClient(timeout=_RELAY_S, follow_redirects=False) as client:
            await client.get(url)
    except httpx.HTTPError as error:
        return Finding("relay", url, ok=False, says=f"it does not answer ({str(error) or type(error).__name__})")
    return Finding("relay", url, ok=True, says=f"answers in {(time.monotonic() - began) * 1000:.0f} ms")


def _model(settings: Settings) -> Finding:
    from desktop.app import demo_model
    from desktop.models.errors import gigabytes
    from desktop.models.model_file import read_model_file
    from desktop.system.watch.self_test import Finding

    model = Path(settings.inference.model).expanduser() if settings.inference.model else demo_model()
    try:
        file = read_model_file(model)
    except OSError as error:
        says = f"{(error.strerror or str(error)).lower()}: correct `model` in settings.toml"
        return Finding("model", str(model), ok=False, says=says)
    except DesktopError as error:
        return Finding("model", str(model), ok=False, says=error.line())
    says = f"{gigabytes(file.file_size)}, {file.quantisation}, made for {file.context} tokens"
    return Finding("model", str(model), ok=True, says=says)


def _confinement() -> Finding:
    """What keeps a model's process from the owner's files, from the network, and from starting programs."""
    from desktop.system import confinement
    from desktop.system.watch.self_test import Finding

    here = confinement.possible()
    by = ", ".join(name for name, there in (("seccomp", here.filtered), ("Landlock", here.landlock)) if there)
    if not here.missing:
        return Finding("confinement", by, ok=True, says="the model's process reaches no files, network or programs")
    missing = " and ".join(here.missing)
    return Finding("confinement", by or "none", ok=None, says=f"nothing on this system keeps the model from {missing}")


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
