"""The sentences: one for each reason, and how countdowns and names are written.

A catalogue maps every phrase to a text; `{names}` are facts that are filled in. What the agent says is English: it is
printed, kept and sent. The window knows its sentences again by this catalogue, and says them in its own language.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from urllib.parse import urlsplit

from desktop.agent.state import Reason, Sharing


class Phrase(enum.Enum):
    """Everything the decision says. Reasons that need two sentences have two phrases."""

    NOT_ENROLLED = enum.auto()
    NOT_ENROLLED_REMEDY = enum.auto()
    ENROLMENT_PROBLEM = enum.auto()
    ENROL_AGAIN = enum.auto()
    APPROVE = enum.auto()
    APPROVE_REMEDY = enum.auto()
    UNREACHABLE = enum.auto()
    UNREACHABLE_REMEDY = enum.auto()
    CONNECTING = enum.auto()
    NO_MODEL = enum.auto()
    NO_MODEL_REMEDY = enum.auto()
    MODEL_UNUSABLE = enum.auto()
    MODEL_UNUSABLE_REMEDY = enum.auto()
    CLOSING = enum.auto()
    CLOSING_FINISHING = enum.auto()
    ASLEEP = enum.auto()
    OFF = enum.auto()
    OFF_REMEDY = enum.auto()
    PAUSED = enum.auto()
    PAUSED_FOR_APP = enum.auto()
    PAUSED_UNTIL_PLUGGED = enum.auto()
    PAUSED_REMEDY = enum.auto()
    OUTSIDE_SCHEDULE = enum.auto()
    NEVER_IN_SCHEDULE = enum.auto()
    SCHEDULE_REMEDY = enum.auto()
    ON_BATTERY = enum.auto()
    ON_BATTERY_REMEDY = enum.auto()
    SAVING_ENERGY = enum.auto()
    SAVING_ENERGY_REMEDY = enum.auto()
    BATTERY_LOW = enum.auto()
    TOO_HOT = enum.auto()
    COOLED_DOWN = enum.auto()
    EXCLUSIVE_APP = enum.auto()
    EXCLUSIVE_APP_OVER = enum.auto()
    EXCLUSIVE_APP_REMEDY = enum.auto()
    FULL_SCREEN = enum.auto()
    FULL_SCREEN_OVER = enum.auto()
    CALL_OR_VIDEO = enum.auto()
    CALL_OR_VIDEO_OVER = enum.auto()
    OWNER_MEASURING = enum.auto()
    OWNER_UNKNOWN = enum.auto()
    OWNER_ACTIVE = enum.auto()
    OWNER_WAS_ACTIVE = enum.auto()
    ALWAYS_REMEDY = enum.auto()
    CPU_MEASURING = enum.auto()
    CPU_BUSY = enum.auto()
    CPU_WAS_BUSY = enum.auto()
    GPU_BUSY = enum.auto()
    GPU_WAS_BUSY = enum.auto()
    LOW_MEMORY = enum.auto()
    MEMORY_WAS_LOW = enum.auto()
    LOW_MEMORY_REMEDY = enum.auto()
    LOW_DISK = enum.auto()
    DISK_WAS_LOW = enum.auto()
    LOW_DISK_REMEDY = enum.auto()
    WARMING_UP = enum.auto()
    RESTARTING = enum.auto()
    READY = enum.auto()
    SERVING_ONE = enum.auto()
    SERVING_MANY = enum.auto()
    USED_AGO = enum.auto()
    STARTS_IN = enum.auto()
    STARTS_AT_EARLIEST = enum.auto()
    GOES_ON_IN = enum.auto()
    GOES_ON_AT_EARLIEST = enum.auto()
    NEXT_TRY_IN = enum.auto()


Catalogue = Mapping[Phrase, str]

ENGLISH: Catalogue = {
    Phrase.NOT_ENROLLED: "Not sharing: this PC is not enrolled at a relay yet.",
    Phrase.NOT_ENROLLED_REMEDY: "Enrol it: {command}",
    Phrase.ENROLMENT_PROBLEM: "Not sharing: {problem}",
    Phrase.ENROL_AGAIN: "Enrol again: {command}",
    Phrase.APPROVE: "Not sharing yet: approve the code {code} in your browser.",
    Phrase.APPROVE_REMEDY: "Open {url} and enter the code there.",
    Phrase.UNREACHABLE: "Not sharing: no contact with the relay {relay}{problem}.",
    Phrase.UNREACHABLE_REMEDY: "Check that this PC is online; Nightjar keeps trying by itself.",
    Phrase.CONNECTING: "Connecting to the relay {relay}.",
    Phrase.NO_MODEL: "Not sharing: there is no model on this PC.",
    Phrase.NO_MODEL_REMEDY: "See what is wanted: nightjar models search",
    Phrase.MODEL_UNUSABLE: "Not sharing: the model {model} cannot be used{why}.",
    Phrase.MODEL_UNUSABLE_REMEDY: "Choose another model.",
    Phrase.CLOSING: "Nightjar is closing.",
    Phrase.CLOSING_FINISHING: "Nightjar is closing, finishing {answers} first.",
    Phrase.ASLEEP: "Not sharing: this PC is going to sleep.",
    Phrase.OFF: "Off: sharing is switched off.",
    Phrase.OFF_REMEDY: "Choose When idle or Always to share.",
    Phrase.PAUSED: "Paused by you.",
    Phrase.PAUSED_FOR_APP: "Paused by you, until {app} closes.",
    Phrase.PAUSED_UNTIL_PLUGGED: "Paused by you, until the PC is plugged in.",
    Phrase.PAUSED_REMEDY: "Choose Resume now to share again.",
    Phrase.OUTSIDE_SCHEDULE: "Waiting: your schedule keeps this time free.",
    Phrase.NEVER_IN_SCHEDULE: "Not sharing: your schedule has no open hour in the whole week.",
    Phrase.SCHEDULE_REMEDY: "Change the hours of the week in which this PC shares.",
    Phrase.ON_BATTERY: "Waiting: this PC runs on battery.",
    Phrase.ON_BATTERY_REMEDY: "Plug it in, or allow sharing on battery.",
    Phrase.SAVING_ENERGY: "Waiting: this PC is saving energy.",
    Phrase.SAVING_ENERGY_REMEDY: "Turn the system's power saver off to share.",
    Phrase.BATTERY_LOW: "Waiting: the battery is low; sharing starts when it is above {percent} %.",
    Phrase.TOO_HOT: "Waiting: the {part} is too hot; sharing starts when it is below {celsius} °C.",
    Phrase.COOLED_DOWN: "Waiting: the {part} was too hot and has cooled down.",
    Phrase.EXCLUSIVE_APP: "Waiting: you keep the PC free while this runs: {app}.",
    Phrase.EXCLUSIVE_APP_OVER: "Waiting: a program you keep the PC free for has just closed.",
    Phrase.EXCLUSIVE_APP_REMEDY: "Close it, or take it off the list of programs to wait for.",
    Phrase.FULL_SCREEN: "Waiting: {what} fills the screen.",
    Phrase.FULL_SCREEN_OVER: "Waiting: the screen was filled until a moment ago.",
    Phrase.CALL_OR_VIDEO: "Waiting: {what}.",
    Phrase.CALL_OR_VIDEO_OVER: "Waiting: a call or video has just ended.",
    Phrase.OWNER_MEASURING: "Waiting: looking whether this PC is in use.",
    Phrase.OWNER_UNKNOWN: "Waiting: Nightjar cannot tell whether this PC is in use{why}, so it counts it as in use.",
    Phrase.OWNER_ACTIVE: "Waiting: you are using this PC; sharing starts after {wait} without input.",
    Phrase.OWNER_WAS_ACTIVE: "Waiting: you used this PC a moment ago.",
    Phrase.ALWAYS_REMEDY: "Choose Always to share now.",
    Phrase.CPU_MEASURING: "Waiting: measuring what other programs use.",
    Phrase.CPU_BUSY: "Waiting: other programs are using the processor.",
    Phrase.CPU_WAS_BUSY: "Waiting: other programs used the processor until a moment ago.",
    Phrase.GPU_BUSY: "Waiting: other programs are using the graphics card.",
    Phrase.GPU_WAS_BUSY: "Waiting: other programs used the graphics card until a moment ago.",
    Phrase.LOW_MEMORY: "Waiting: there is too little free memory for the model.",
    Phrase.MEMORY_WAS_LOW: "Waiting: memory was short until a moment ago.",
    Phrase.LOW_MEMORY_REMEDY: "Close programs that need much memory, or share a smaller model.",
    Phrase.LOW_DISK: "Waiting: the disk is almost full.",
    Phrase.DISK_WAS_LOW: "Waiting: the disk was almost full until a moment ago.",
    Phrase.LOW_DISK_REMEDY: "Make room on the disk that holds Nightjar's data.",
    Phrase.WARMING_UP: "Starting: loading the model {model}.",
    Phrase.RESTARTING: "Not sharing for a moment: the model stopped and is being started again.",
    Phrase.READY: "Sharing: ready, waiting for the next call.",
    Phrase.SERVING_ONE: "Sharing: writing 1 answer.",
    Phrase.SERVING_MANY: "Sharing: writing {count} answers.",
    Phrase.USED_AGO: "Waiting: you used this PC {ago} ago.",
    Phrase.STARTS_IN: "sharing starts in {countdown}",
    Phrase.STARTS_AT_EARLIEST: "sharing starts in {countdown} at the earliest",
    Phrase.GOES_ON_IN: "goes on in {countdown}",
    Phrase.GOES_ON_AT_EARLIEST: "goes on in {countdown} at the earliest",
    Phrase.NEXT_TRY_IN: "next try in {countdown}",
}


def say(phrase: Phrase, catalogue: Catalogue = ENGLISH, /, **facts: object) -> str:
    """The phrase with its facts filled in."""
    return catalogue[phrase].format(**facts)


def said_at(sharing: Sharing, now: float) -> str:
    """The sentence with its countdown, as in "Paused by you; goes on in 29:10."."""
    sentence, coming = sentence_at(sharing, now), countdown_at(sharing, now)
    return f"{sentence.removesuffix('.')}; {coming}." if coming else sentence


def sentence_at(sharing: Sharing, now: float) -> str:
    """The sentence alone. It tells how long ago the PC was used, where that is the reason."""
    if sharing.used_at is not None and now - sharing.used_at >= 60:
        return say(Phrase.USED_AGO, ago=span(now - sharing.used_at))
    return sharing.sentence


def countdown_at(sharing: Sharing, now: float) -> str:
    """What comes next and in what time, to follow the sentence; empty where nobody knows."""
    if sharing.until is None or sharing.until <= now:
        return ""
    return say(_countdown(sharing), countdown=countdown(sharing.until - now))


def _countdown(sharing: Sharing) -> Phrase:
    if sharing.reason is Reason.RELAY_UNREACHABLE:
        return Phrase.NEXT_TRY_IN
    if sharing.reason is Reason.SNOOZED:
        return Phrase.GOES_ON_IN if sharing.firm else Phrase.GOES_ON_AT_EARLIEST
    return Phrase.STARTS_IN if sharing.firm else Phrase.STARTS_AT_EARLIEST


def typed(sharing: Sharing) -> str:
    """The remedy for somebody at a terminal, where there is nothing to choose, only something to type."""
    match sharing.reason:
        case Reason.MODE_OFF | Reason.OWNER_ACTIVE | Reason.FULL_SCREEN | Reason.CALL_OR_VIDEO:
            return "To share now: nightjar mode always"
        case Reason.CPU_BUSY | Reason.GPU_BUSY:
            return "To share now: nightjar mode always. To see or change the limits: nightjar rules"
        case Reason.SNOOZED:
            return "To share again: nightjar resume"
        case Reason.NO_MODEL:
            return "To see your models and what is wrong: nightjar models list. To find others: nightjar models search"
        case Reason.OUTSIDE_SCHEDULE:
            return "To see or change the hours: nightjar schedule"
        case Reason.ON_BATTERY | Reason.EXCLUSIVE_APP | Reason.TOO_HOT:
            return "To see or change what it waits for: nightjar rules"
        case _:
            return sharing.remedy


def countdown(seconds: float) -> str:
    """`0:05`, `29:10`, `3:59:00`: rounded up, so that it never reads 0:00 while something is still to come."""
    whole = -int(-seconds // 1)
    minutes, rest = divmod(max(whole, 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def span(seconds: float) -> str:
    """`45 s`, `2 min`, `3 h`: how long something takes, or is past."""
    if seconds < 60:
        return f"{max(seconds, 0):.0f} s"
    return f"{seconds // 60:.0f} min" if seconds < 3600 else f"{seconds // 3600:.0f} h"


def host_of(relay: str) -> str:
    """A relay's address as people read it."""
    return urlsplit(relay).netloc or relay


def spelt(user_code: str) -> str:
    """`BCDFGHJK` as `BCDF-GHJK`: two groups are read and typed with fewer mistakes."""
    return f"{user_code[:4]}-{user_code[4:]}" if len(user_code) == 8 else user_code


def answers(count: int) -> str:
    """`1 answer`, `2 answers`."""
    return "1 answer" if count == 1 else f"{count} answers"
