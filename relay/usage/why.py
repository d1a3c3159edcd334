"""Why a node gets few calls, or none: the facts its relay has, in the order in which they decide. Pure.

One finding is one sentence for the owner. What keeps every call away comes first and alone; what only makes a node less
likely to be chosen is said per model.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ModelStanding:
    """One model of the node as routing sees it. Counts are of the last 24 hours.

    `rivals` are the other nodes that take calls for it now, `cheaper` those of them that ask for less.
    """

    model: str
    asked: int
    served: int
    rivals: int
    cheaper: int
    vouched: bool = True
    """Whether its file is the one that the catalogue stands for."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A node as the relay sees it now. `reason` is the word the node gave with its last status."""

    connected: bool
    pool: str
    sharing: bool
    reason: str
    models: tuple[ModelStanding, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """`hinders` is False for what is said only because all is well."""

    code: str
    sentence: str
    model: str = ""
    hinders: bool = True


def why(standing: Standing) -> tuple[Finding, ...]:
    """At least one finding."""
    first = _nothing_at_all(standing)
    if first is not None:
        return (first,)
    found = tuple(map(_of_model, standing.models))
    if standing.pool in ("own", "organisation"):
        return (*found, _private(standing))
    return found


def _nothing_at_all(standing: Standing) -> Finding | None:
    """What keeps every call away."""
    if standing.pool == "none":
        sentence = "This PC is enrolled but in no pool yet, so nobody may use it. Somebody of its organisation adds it."
        return Finding("no_pool", sentence)
    if not standing.connected:
        return Finding("not_connected", "This PC is not connected to the relay.")
    if not standing.models:
        return Finding("no_model", "This PC offers no model.")
    if not standing.sharing:
        return Finding(
            "not_sharing", f"This PC takes no calls just now: {_SHARING.get(standing.reason, 'it said so')}."
        )
    return None


def _of_model(model: ModelStanding) -> Finding:
    name, rivals = model.model, _count(model.rivals, "other PC")
    if not model.vouched:
        sentence = f"{name} here is not the file that the relay's catalogue stands for, so no call for it comes here."
        return Finding("wrong_file", sentence, name)
    if not model.asked:
        sentence = f"Nobody asked for {name} in the last 24 hours. Another model may be wanted more."
        return Finding("no_demand", sentence, name)
    asked = _count(model.asked, "call")
    share = f"This PC answered {model.served} of {asked} for {name} in the last 24 hours"
    if model.cheaper:
        sentence = f"{share}; {_count(model.cheaper, 'other PC')} can answer for less."
        return Finding("cheaper_elsewhere", sentence, name)
    if model.rivals and model.served * (model.rivals + 1) < model.asked:
        return Finding("others_chosen", f"{share}; {rivals} can answer too, and callers reached them first.", name)
    return Finding("in_demand", f"{share}.", name, hinders=False)


def _private(standing: Standing) -> Finding:
    who = "its owner's own keys" if standing.pool == "own" else "its organisation's keys"
    sentence = f"This PC is in the pool {standing.pool!r}: only calls of {who} can reach it."
    return Finding("private_pool", sentence, hinders=False)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


_SHARING = {
    "mode_off": "its owner turned sharing off",
    "snoozed": "its owner paused it",
    "outside_schedule": "its schedule says so",
    "on_battery": "it runs on its battery",
    "too_hot": "it is too hot",
    "exclusive_app": "a program runs that has the PC for itself",
    "full_screen": "something fills its screen",
    "call_or_video": "a call or a video is on",
    "owner_active": "it is in use",
    "cpu_busy": "other programs need its processor",
    "gpu_busy": "other programs need its graphics card",
    "low_memory": "its memory is short",
    "low_disk": "its disk is nearly full",
    "no_model": "it has no model that works",
    "warming_up": "its model is being loaded",
    "asleep": "it is going to sleep",
    "shutting_down": "it is being closed",
}
"""Words of the agent, as its owner knows them."""
