"""Whether this PC shares now, and why: one pure function of facts, with one fixed order of reasons.

The first reason that applies wins, so there is always exactly one, and one sentence that says it. Idle detection is
not here yet: while `Facts.owner_idle` is unknown, mode *When idle* counts the PC as in use, and the sentence says so.

Knows no clock and no I/O; `now` comes with the facts.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from desktop.agent.state import Enrolment, LinkState, Mode, ModelState, Reason, Sharing


@dataclass(frozen=True, slots=True)
class Facts:
    """All that decides. `owner_idle` is None where nothing on this PC can tell."""

    now: float
    mode: Mode
    snoozed_until: float | None
    enrolment: Enrolment
    link: LinkState
    models: tuple[ModelState, ...]
    running: int
    stopping: bool = False
    owner_idle: bool | None = None


def decide(facts: Facts) -> Sharing:
    """The one reason that holds now."""
    for rule in (_contact, _models, _wishes, _warming):
        if (verdict := rule(facts)) is not None:
            return verdict
    if facts.running:
        return Sharing(sharing=True, reason=Reason.SERVING, sentence=f"Sharing: {_answers(facts.running)}.")
    return Sharing(sharing=True, reason=Reason.READY, sentence="Sharing: ready, waiting for the next call.")


def wants_model(facts: Facts) -> bool:
    """Whether the owner's wishes call for a model in memory: while Off, paused or in use, the PC is theirs."""
    return facts.enrolment.kind == "enrolled" and _wishes(facts) is None


def said_at(sharing: Sharing, now: float) -> str:
    """The sentence with its countdown, as in "Paused by you; goes on in 29:10."."""
    if sharing.until is None or sharing.until <= now:
        return sharing.sentence
    stem = sharing.sentence.removesuffix(".")
    verb = "next try" if sharing.reason is Reason.RELAY_UNREACHABLE else "goes on"
    return f"{stem}; {verb} in {countdown(sharing.until - now)}."


def typed(sharing: Sharing) -> str:
    """The remedy for somebody at a terminal, where there is nothing to choose, only something to type."""
    match sharing.reason:
        case Reason.MODE_OFF | Reason.OWNER_ACTIVE:
            return "To share now: nightjar mode always"
        case Reason.SNOOZED:
            return "To share again: nightjar resume"
        case Reason.NO_MODEL:
            return "Name another GGUF file in settings.toml, then start again."
        case _:
            return sharing.remedy


def countdown(seconds: float) -> str:
    """`0:05`, `29:10`, `3:59:00`: rounded up, so that it never reads 0:00 while something is still to come."""
    whole = -int(-seconds // 1)
    minutes, rest = divmod(max(whole, 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def host_of(relay: str) -> str:
    """A relay's address as people read it."""
    return urlsplit(relay).netloc or relay


def _contact(facts: Facts) -> Sharing | None:
    if facts.enrolment.kind != "enrolled":
        return _not_enrolled(facts.enrolment)
    if facts.link.kind == "ready":
        return None
    relay = host_of(facts.enrolment.relay)
    if facts.link.kind == "waiting":
        problem = f" ({facts.link.problem})" if facts.link.problem else ""
        sentence = f"Not sharing: no contact with the relay {relay}{problem}."
        return Sharing(
            sharing=False,
            reason=Reason.RELAY_UNREACHABLE,
            sentence=sentence,
            until=facts.link.retry_at,
            remedy="Check that this PC is online; Nightjar keeps trying by itself.",
        )
    return _no(Reason.RELAY_UNREACHABLE, f"Connecting to the relay {relay}.")


def _not_enrolled(enrolment: Enrolment) -> Sharing:
    if enrolment.kind == "waiting":
        sentence = f"Not sharing yet: approve the code {spelt(enrolment.user_code)} in your browser."
        return Sharing(
            sharing=False,
            reason=Reason.NOT_ENROLLED,
            sentence=sentence,
            remedy=f"Open {enrolment.approve_url} and enter the code there.",
        )
    how = f"nightjar enroll --relay {enrolment.relay or 'URL'}"
    if not enrolment.problem:
        return _no(Reason.NOT_ENROLLED, "Not sharing: this PC is not enrolled at a relay yet.", f"Enrol it: {how}")
    # What went wrong with an attempt, or with a secret, often says itself what to do.
    remedy = "" if "nightjar enroll" in enrolment.problem else f"Enrol again: {how}"
    return _no(Reason.NOT_ENROLLED, f"Not sharing: {enrolment.problem}", remedy)


def spelt(user_code: str) -> str:
    """`BCDFGHJK` as `BCDF-GHJK`: two groups are read and typed with fewer mistakes."""
    return f"{user_code[:4]}-{user_code[4:]}" if len(user_code) == 8 else user_code


def _models(facts: Facts) -> Sharing | None:
    if any(model.kind != "failed" for model in facts.models):
        return None
    if not facts.models:
        return _no(Reason.NO_MODEL, "Not sharing: there is no model on this PC.", "Name a GGUF file in settings.toml.")
    first = facts.models[0]
    why = f": {first.problem.rstrip('.')}" if first.problem else ""
    return _no(Reason.NO_MODEL, f"Not sharing: the model {first.name} cannot be used{why}.", "Choose another model.")


def _wishes(facts: Facts) -> Sharing | None:
    """What the owner wants, in the order of `Reason`."""
    if facts.stopping:
        rest = f", finishing {_answers(facts.running, doing=False)} first" if facts.running else ""
        return _no(Reason.SHUTTING_DOWN, f"Nightjar is closing{rest}.")
    rest = f"; finishing {_answers(facts.running, doing=False)}" if facts.running else ""
    if facts.mode is Mode.OFF:
        return _no(Reason.MODE_OFF, f"Off: you turned sharing off{rest}.", "Choose When idle or Always to share.")
    if facts.snoozed_until is not None and facts.snoozed_until > facts.now:
        return Sharing(
            sharing=False,
            reason=Reason.SNOOZED,
            sentence=f"Paused by you{rest}.",
            until=facts.snoozed_until,
            remedy="Choose Resume now to share again.",
        )
    if facts.mode is Mode.IDLE and not facts.owner_idle:
        return _in_use(facts)
    return None


def _in_use(facts: Facts) -> Sharing:
    if facts.owner_idle is None:
        sentence = "Waiting: Nightjar cannot tell yet whether this PC is in use, so it counts it as in use."
        return _no(Reason.OWNER_ACTIVE, sentence, "Choose Always to share now.")
    return _no(Reason.OWNER_ACTIVE, "Waiting: you are using this PC.", "Choose Always to share now.")


def _warming(facts: Facts) -> Sharing | None:
    if any(model.kind in ("ready", "unloaded") for model in facts.models):
        return None
    if any(model.kind == "restarting" for model in facts.models):
        return _no(Reason.WARMING_UP, "Not sharing for a moment: the model stopped and is being started again.")
    return _no(Reason.WARMING_UP, f"Starting: loading the model {facts.models[0].name}.")


def _no(reason: Reason, sentence: str, remedy: str = "") -> Sharing:
    return Sharing(sharing=False, reason=reason, sentence=sentence, remedy=remedy)


def _answers(count: int, *, doing: bool = True) -> str:
    noun = "1 answer" if count == 1 else f"{count} answers"
    return f"writing {noun}" if doing else noun
