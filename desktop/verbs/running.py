"""Asking the agent that runs, and saying what it answers."""

from __future__ import annotations

import argparse
from pathlib import Path

from desktop.agent.asking import ask
from desktop.agent.control import Reply, Request
from desktop.agent.sharing.words import host_of, typed
from desktop.agent.state import Earnings, ModelState, Snapshot
from desktop.errors import CommandRefused
from desktop.system.paths import Paths
from desktop.verbs.moments import moment
from desktop.verbs.output import dollars, say_json


def control() -> Path:
    """The app's socket or, where only `nightjar local` runs, that of its node."""
    paths = Paths.for_user()
    local = paths.local_node.control
    return local if local.exists() and not paths.control.exists() else paths.control


def ask_and_show(request: Request, options: argparse.Namespace) -> int:
    """Raises DesktopError."""
    return show(ask(control(), request), options)


def show(reply: Reply, options: argparse.Namespace) -> int:
    """The answer in words, or as one JSON object."""
    if options.json:
        say_json(reply)
    else:
        print("\n".join(lines(reply, history=getattr(options, "history", False))))
    return 0


def snapshot_of(reply: Reply) -> Snapshot:
    """Raises CommandRefused."""
    if reply.snapshot is None:
        raise CommandRefused("The running Nightjar speaks another version.", "Quit it and start it again.")
    return reply.snapshot


def lines(reply: Reply, *, history: bool = False) -> list[str]:
    """The sentence first; what else stands in the way; then the facts."""
    snapshot = snapshot_of(reply)
    said = [reply.sentence]
    said += [f"Also: {each.sentence.removeprefix('Waiting: ')}" for each in snapshot.obstacles[1:]]
    if remedy := typed(snapshot.sharing):
        said.append(remedy)
    said.append(f"Mode    {snapshot.mode}")
    if snapshot.enrolment.kind == "enrolled":
        said.append(f"Relay   {host_of(snapshot.enrolment.relay)}, node {snapshot.enrolment.node_id}")
    said += [f"Model   {_model(model)}" for model in snapshot.models]
    if snapshot.running:
        together = ", all answers together" if snapshot.running > 1 else ""
        said.append(f"Speed   {snapshot.tokens_per_s:.0f} tokens/s{together}")
    if snapshot.earnings is not None:
        said.append(f"Earned  {_earned(snapshot.earnings)}")
    return said + (_history(snapshot) if history else [])


def _history(snapshot: Snapshot) -> list[str]:
    """Newest first."""
    rows = [""]
    for switch in reversed(snapshot.switches):
        freed = f" (PC free after {switch.freed_s:.1f} s)" if switch.freed_s is not None else ""
        rows.append(f"{moment(switch.at)}  {switch.sentence}{freed}")
    return rows


def _model(model: ModelState) -> str:
    facts = f"{model.name}: {model.kind}"
    if model.kind == "ready":
        facts += f", {model.running} of {model.slots} slots in use"
    if trouble := model.problem or model.blind:
        facts += f" ({trouble})"
    return facts


def _earned(earnings: Earnings) -> str:
    answers = "1 answer" if earnings.answers_today == 1 else f"{earnings.answers_today} answers"
    return f"{dollars(earnings.today)} today ({answers}), {dollars(earnings.month)} this month"
