"""The self-test: what works on this PC, what does not, and what to do about it. Needs no running agent.

The command line and the window show the same findings.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

import httpx

from desktop.agent.asking import ask
from desktop.agent.control import Request
from desktop.agent.membership import Memberships
from desktop.agent.unreached import why_unreached
from desktop.errors import DesktopError, FolderUnusable
from desktop.models.bundled import DEMO_MODEL, asset
from desktop.models.errors import gigabytes
from desktop.models.model_file import read_model_file
from desktop.models.store import Store
from desktop.settings import Settings, load_settings
from desktop.system import confinement
from desktop.system.conditions import Unknown
from desktop.system.paths import Paths
from desktop.system.watch.choose import ask_sources, watch_over
from desktop.system.watch.port import Attention, Watch
from desktop.system.watch.self_test import Finding

AGENT: Final = "agent"
"""The concern of the finding about the agent itself. Who tests in a terminal need not have one running."""

_RELAY_S = 5.0
_HANDS_OFF_S = 10.0
_PROBE = 65_536
"""Bytes written to see whether a folder can be: more than any of its small files takes."""

Phase = Literal["away", "back"]
"""What is asked of whoever sits at the PC."""

MARKS: Final = {True: "ok", False: "!!", None: "--"}
"""In a list of findings as text."""


async def examine(paths: Paths) -> list[Finding]:
    """Everything that is looked at, in the order in which one thing needs another."""
    found = [_folders(paths)]
    settings, about = _settings(paths)
    found += [about, _agent(paths), *await _node(paths), _model(settings), *_library(paths), _confinement()]
    return found + await ask_sources(paths.data if paths.data.exists() else Path.home())


def as_lines(findings: list[Finding]) -> list[str]:
    """`ok`, `!!` for what does not work, `--` for what this PC does not have."""
    width = max(len(each.concern) for each in findings)
    source = max(len(each.source) for each in findings)
    return [f"{MARKS[each.ok]}  {each.concern:<{width}}  {each.source:<{source}}  {each.says}" for each in findings]


def _folders(paths: Paths) -> Finding:
    try:
        paths.make()
        with tempfile.TemporaryFile(dir=paths.data) as probe:
            probe.write(bytes(_PROBE))
    except DesktopError as error:
        return Finding("folders", str(paths.data), ok=False, says=error.line())
    except OSError as error:
        problem = FolderUnusable(paths.data, (error.strerror or str(error)).lower())
        return Finding("folders", str(paths.data), ok=False, says=problem.line())
    return Finding("folders", str(paths.data), ok=True, says="can be written")


def _settings(paths: Paths) -> tuple[Settings, Finding]:
    try:
        settings = load_settings(paths.settings)
    except DesktopError as error:
        return Settings(), Finding("settings", str(paths.settings), ok=False, says=error.line())
    says = "read" if paths.settings.exists() else "none: the defaults hold"
    return settings, Finding("settings", str(paths.settings), ok=True, says=says)


def _agent(paths: Paths) -> Finding:
    try:
        reply = ask(paths.control, Request(verb="status"))
    except DesktopError as error:
        return Finding(AGENT, "control socket", ok=None, says=error.line())
    return Finding(AGENT, "control socket", ok=True, says=reply.sentence)


async def _node(paths: Paths) -> list[Finding]:
    """Enrolment, its key, and whether the relay answers."""
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
    began = time.monotonic()
    try:
        async with httpx.AsyncClient(timeout=_RELAY_S, follow_redirects=False) as client:
            answer = await client.get(url)
    except (httpx.HTTPError, OSError) as error:  # OSError: certificates named by the environment that are not there
        return Finding("relay", url, ok=False, says=f"it does not answer ({why_unreached(error)})")
    if answer.is_server_error:  # as of a proxy before a relay that is down
        return Finding("relay", url, ok=False, says=f"it answered {answer.status_code}")
    return Finding("relay", url, ok=True, says=f"answers in {(time.monotonic() - began) * 1000:.0f} ms")


def _model(settings: Settings) -> Finding:
    model = Path(settings.inference.model).expanduser() if settings.inference.model else asset(DEMO_MODEL)
    try:
        file = read_model_file(model)
    except OSError as error:
        says = f"{(error.strerror or str(error)).lower()}: correct `model` in settings.toml"
        return Finding("model", str(model), ok=False, says=says)
    except DesktopError as error:
        return Finding("model", str(model), ok=False, says=error.line())
    says = f"{gigabytes(file.file_size)}, {file.quantisation}, made for {file.context} tokens"
    return Finding("model", str(model), ok=True, says=says)


def _library(paths: Paths) -> list[Finding]:
    """What of the models on this PC is not where it was."""
    store = Store(paths.data)
    try:
        return [
            Finding("model", name, ok=False, says="its file is gone; bring the disk or the file back")
            for name in store.missing()
        ]
    except DesktopError as error:
        return [Finding("models", str(paths.data), ok=False, says=error.line())]


def _confinement() -> Finding:
    """What keeps a model's process from the owner's files, from the network, and from starting programs."""
    here = confinement.possible()
    by = ", ".join(name for name, there in (("seccomp", here.filtered), ("Landlock", here.landlock)) if there)
    if not here.missing:
        return Finding("confinement", by, ok=True, says="the model's process reaches no files, network or programs")
    missing = " and ".join(here.missing)
    return Finding("confinement", by or "none", ok=None, says=f"nothing on this system keeps the model from {missing}")


async def hands_off(paths: Paths, say: Callable[[Phase], None], *, watch: Watch | None = None) -> Finding:
    """Ten seconds without input have to be seen as such, and the next input too. `say` hears what is waited for."""
    watch = watch or watch_over(paths.data)
    watch.attend(Attention(closely=True))
    async with asyncio.TaskGroup() as group:
        looking = group.create_task(watch.run(lambda: None))
        say("away")
        away = await _idle_for(watch, _HANDS_OFF_S, float("inf"))
        back = False
        if away:
            say("back")
            back = await _idle_for(watch, 0.0, 2.0)
        source = watch.conditions.presence.source or "no source"
        looking.cancel()
    if away and back:
        return Finding("hands off", source, ok=True, says="your absence and your return were noticed")
    missed = "your absence" if not away else "your return"
    return Finding("hands off", source, ok=False, says=f"{missed} was not noticed: When idle cannot be trusted here")


async def _idle_for(watch: Watch, fewer: float, more: float) -> bool:
    """Waits until the last input was so long ago, but not for ever."""
    try:
        async with asyncio.timeout(_HANDS_OFF_S * 2):
            while True:
                moment = watch.conditions.presence.input_at
                if not isinstance(moment, Unknown) and fewer <= time.time() - moment <= more:
                    return True
                await asyncio.sleep(0.2)
    except TimeoutError:
        return False
