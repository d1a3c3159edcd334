"""The state in words: the sign, the headline, and the sentence with its countdown and what the owner can do.

Pure, as `presenters` is. The reason, its facts and its end are the agent's; the words are chosen here, except for
sentences that only the agent can say (what fills the screen, what is too hot).
"""

from __future__ import annotations

from desktop.agent.sharing.decision import PLUGGED_IN
from desktop.agent.sharing.words import Phrase, countdown, host_of, say
from desktop.agent.state import LinkState, Reason, Sharing, Snapshot
from desktop.ui.agent_words import AgentWords, sentence, unopened
from desktop.ui.figures import Formats
from desktop.ui.views import Shape, StateView, Tone, Translate

_SIGNS: dict[Reason, tuple[Shape, Tone]] = {
    Reason.NOT_ENROLLED: (Shape.NEEDS_YOU, Tone.ATTENTION),
    Reason.RELAY_UNREACHABLE: (Shape.NO_CONTACT, Tone.ATTENTION),
    Reason.NO_MODEL: (Shape.NEEDS_YOU, Tone.ATTENTION),
    Reason.SHUTTING_DOWN: (Shape.WAITING, Tone.CALM),
    Reason.ASLEEP: (Shape.PAUSED, Tone.CALM),
    Reason.MODE_OFF: (Shape.OFF, Tone.CALM),
    Reason.SNOOZED: (Shape.PAUSED, Tone.CALM),
    Reason.OUTSIDE_SCHEDULE: (Shape.WAITING, Tone.CALM),
    Reason.ON_BATTERY: (Shape.WAITING, Tone.CALM),
    Reason.TOO_HOT: (Shape.WAITING, Tone.CALM),
    Reason.EXCLUSIVE_APP: (Shape.WAITING, Tone.CALM),
    Reason.FULL_SCREEN: (Shape.WAITING, Tone.CALM),
    Reason.CALL_OR_VIDEO: (Shape.WAITING, Tone.CALM),
    Reason.OWNER_ACTIVE: (Shape.WAITING, Tone.CALM),
    Reason.CPU_BUSY: (Shape.WAITING, Tone.CALM),
    Reason.GPU_BUSY: (Shape.WAITING, Tone.CALM),
    Reason.LOW_MEMORY: (Shape.WAITING, Tone.CALM),
    Reason.LOW_DISK: (Shape.NEEDS_YOU, Tone.ATTENTION),
    Reason.WARMING_UP: (Shape.WAITING, Tone.CALM),
    Reason.READY: (Shape.READY, Tone.GOOD),
    Reason.SERVING: (Shape.SERVING, Tone.GOOD),
}
"""A reason that is not here shows the agent's sentence under the clock: it will pass."""

_PASSING = {
    Reason.TOO_HOT,
    Reason.EXCLUSIVE_APP,
    Reason.FULL_SCREEN,
    Reason.CALL_OR_VIDEO,
    Reason.CPU_BUSY,
    Reason.GPU_BUSY,
    Reason.LOW_MEMORY,
    Reason.LOW_DISK,
}
"""Reasons whose end is known only once they are over (`sharing.decision`)."""


class StatePresenter:
    """Headline and sentence never say the same thing twice, and promise only what the agent's verdict holds."""

    def __init__(self, translate: Translate, formats: Formats) -> None:
        self._translate = translate
        self._formats = formats
        self._agent = AgentWords(translate, formats)

    def tr(self, text: str, disambiguation: str = "", n: int = -1) -> str:
        """Named and shaped as `lupdate` wants it: the context is this class."""
        return self._translate("StatePresenter", text, disambiguation, n)

    def state(self, snapshot: Snapshot | None, now: float, *, lost: bool = False) -> StateView:
        if lost:
            headline, detail = self.tr("Nightjar stopped working"), self.tr("Quit it and start it again.")
            return StateView(Shape.NEEDS_YOU, Tone.BAD, headline, detail, None, can_pause=False, can_resume=False)
        if snapshot is None:
            headline, detail = self.tr("Starting…"), self.tr("One moment.")
            return StateView(Shape.NO_CONTACT, Tone.CALM, headline, detail, None, can_pause=False, can_resume=False)
        reason = snapshot.sharing.reason
        shape, tone = _sign(snapshot)
        headline, detail = self._words(snapshot, now)
        detail = f"{detail} {self._unkept(snapshot)}".strip()
        pausable = reason not in {Reason.NOT_ENROLLED, Reason.MODE_OFF, Reason.SHUTTING_DOWN}
        return StateView(
            shape,
            tone,
            headline,
            detail,
            snapshot.mode,
            can_pause=pausable and snapshot.snoozed_until is None,
            can_resume=snapshot.snoozed_until is not None and reason is not Reason.SHUTTING_DOWN,
        )

    def _unkept(self, snapshot: Snapshot) -> str:
        if not snapshot.unkept:
            return ""
        text = self.tr("What you chose last holds until Nightjar ends, but could not be kept: %1")
        return text.replace("%1", self._agent.said(snapshot.unkept))

    def _words(self, snapshot: Snapshot, now: float) -> tuple[str, str]:
        """Headline and sentence."""
        reason = snapshot.sharing.reason
        if reason is Reason.NOT_ENROLLED:
            return self._words_not_enrolled(snapshot)
        if reason is Reason.RELAY_UNREACHABLE:
            return self._words_unreachable(snapshot.link, now)
        if _is_over(snapshot.sharing):
            return self.tr("Waiting for a quiet moment"), self._detail(snapshot, now)
        headlines = {
            Reason.NO_MODEL: self._without_model(snapshot),
            Reason.SHUTTING_DOWN: self.tr("Finishing up"),
            Reason.MODE_OFF: self.tr("Sharing is off"),
            Reason.SNOOZED: self.tr("Paused"),
            Reason.ASLEEP: self.tr("Going to sleep"),
            Reason.OUTSIDE_SCHEDULE: self.tr("Outside your hours"),
            Reason.ON_BATTERY: self.tr("Saving energy"),
            Reason.TOO_HOT: self.tr("Cooling down"),
            Reason.EXCLUSIVE_APP: self.tr("Making room for a program"),
            Reason.FULL_SCREEN: self.tr("Waiting for the full screen to end"),
            Reason.CALL_OR_VIDEO: self.tr("Waiting for a call or video"),
            Reason.OWNER_ACTIVE: self.tr("Waiting until you are away"),
            Reason.CPU_BUSY: self.tr("Waiting for the processor"),
            Reason.GPU_BUSY: self.tr("Waiting for the graphics card"),
            Reason.LOW_MEMORY: self.tr("Waiting for free memory"),
            Reason.LOW_DISK: self.tr("The disk is almost full"),
            Reason.WARMING_UP: self.tr("Getting ready"),
            Reason.READY: self.tr("Ready to share"),
            Reason.SERVING: self.tr("Sharing"),
        }
        return headlines.get(reason) or self.tr("Waiting"), self._detail(snapshot, now)

    def _detail(self, snapshot: Snapshot, now: float) -> str:
        match snapshot.sharing.reason:
            case Reason.SHUTTING_DOWN:
                return self._finishing(snapshot.running)
            case Reason.READY:
                return self.tr("Waiting for the next call.")
            case Reason.SERVING:
                return self._writing(snapshot.running)
        return self._with_answers(self._why(snapshot, now), snapshot)

    def _why(self, snapshot: Snapshot, now: float) -> str:
        """Why nothing is shared, when that ends, and what the owner can do."""
        sharing = snapshot.sharing
        match sharing.reason:
            case Reason.MODE_OFF:
                return self.tr("Choose “When idle” or “Always” to share this PC.")
            case Reason.SNOOZED:
                return self._words_snoozed(snapshot, now)
            case Reason.ASLEEP:
                return self.tr("Nothing is shared until this PC wakes up.")
            case Reason.LOW_DISK if sharing.remedy and not _is_over(sharing):
                return self._agent.said(sharing.remedy)
            case Reason.OUTSIDE_SCHEDULE if sharing.until is not None:
                free = self.tr("Your schedule keeps this time free.")
                return f"{free} {self._begins(sharing, now)} {self._remedy(snapshot)}"
            case Reason.NO_MODEL if _arriving(snapshot):
                return self._remedy(snapshot)
        return f"{self._agent.why(sharing, now)} {self._remedy(snapshot)}".strip()

    def _remedy(self, snapshot: Snapshot) -> str:
        """What the owner can do, and on which page."""
        match snapshot.sharing.reason:
            case Reason.NO_MODEL:
                return self._way_to_a_model(snapshot)
            case Reason.OUTSIDE_SCHEDULE:
                return self.tr("You can change your hours under “Sharing rules”.")
            case Reason.ON_BATTERY if snapshot.sharing.remedy == say(Phrase.ON_BATTERY_REMEDY):
                return self.tr("Plug it in, or allow sharing on battery under “Sharing rules”.")
            case Reason.EXCLUSIVE_APP if snapshot.sharing.remedy:
                return self.tr("Close it, or take it off the list under “Sharing rules”.")
        return self._agent.said(snapshot.sharing.remedy)

    def _without_model(self, snapshot: Snapshot) -> str:
        return self.tr("A model is on its way") if _arriving(snapshot) else self.tr("No model to share")

    def _way_to_a_model(self, snapshot: Snapshot) -> str:
        if _arriving(snapshot):
            return self.tr("Sharing starts when the first one is here.")
        if any(seen.kind == "stopped" for seen in snapshot.downloads):
            return self.tr("A download has stopped; its row says why.")
        if snapshot.downloads:
            return self.tr("You can go on with the download under “Models”.")
        return (
            self.tr("You find another under “Models”.") if snapshot.models else self.tr("You find one under “Models”.")
        )

    def _with_answers(self, words: str, snapshot: Snapshot) -> str:
        """Answers that still run although no new ones are taken: hand-over takes a moment, and the owner may grace."""
        running, reason = snapshot.running, snapshot.sharing.reason
        if not running or reason in {Reason.NO_MODEL, Reason.WARMING_UP}:
            return words
        if running == 1:
            rest = self.tr("One answer is still running; it is handed over to another PC or finished.")
        else:
            rest = self.tr(
                "%Ln answers are still running; they are handed over to another PC or finished.", "", running
            )
        return f"{words} {rest}"

    def _words_not_enrolled(self, snapshot: Snapshot) -> tuple[str, str]:
        if snapshot.enrolment.kind == "waiting":
            return self.tr("Waiting for your approval"), self.tr("Approve this PC in your browser to start sharing.")
        return (
            self.tr("Connect this PC"),
            self.tr("Nothing is shared yet. Connect to a relay, and this PC can start to earn."),
        )

    def _words_unreachable(self, link: LinkState, now: float) -> tuple[str, str]:
        where = host_of(link.relay) or self.tr("the relay")
        if link.kind == "connecting":
            return self.tr("Connecting…"), self.tr("Reaching %1.").replace("%1", where)
        if link.refused:
            headline, fact = self.tr("The relay refuses this PC"), sentence(self._agent.said(link.problem))
        else:
            headline, fact = self.tr("No contact"), self.tr("%1 does not answer.").replace("%1", where)
        if link.retry_at is None or link.retry_at <= now:
            return headline, fact
        again = self.tr("Next try in %1.").replace("%1", countdown(link.retry_at - now))
        return headline, f"{fact} {again}".strip()

    def _words_snoozed(self, snapshot: Snapshot, now: float) -> str:
        end = snapshot.snoozed_until
        if snapshot.snoozed_for:
            ends = (
                self.tr("The pause ends when this PC is plugged in, at %1 at the latest.")
                if snapshot.snoozed_for == PLUGGED_IN
                else self.tr("The pause ends when %2 closes, at %1 at the latest.").replace("%2", snapshot.snoozed_for)
            )
            return ends.replace("%1", self._formats.moment(end, now) if end is not None else "")
        sharing = snapshot.sharing
        if sharing.until is None or end is None:
            return self.tr("Sharing continues when you resume it.")
        if sharing.firm and sharing.until <= end:
            text = self.tr("Sharing continues at %1, in %2.")
            return text.replace("%1", self._formats.moment(end, now)).replace("%2", countdown(end - now))
        paused = self.tr("The pause ends at %1, in %2.")
        paused = paused.replace("%1", self._formats.moment(end, now)).replace("%2", countdown(end - now))
        after = self._begins(sharing, now) if sharing.until > end else self._besides(snapshot)
        return f"{paused} {after}".strip()

    def _besides(self, snapshot: Snapshot) -> str:
        """What else is in the way, nobody knows until when."""
        others = [each for each in snapshot.obstacles[1:] if each.until is None]
        if not others:
            return ""
        why = self._agent.said(unopened(others[0].sentence))
        return self.tr("This PC also waits for something else: %1").replace("%1", why)

    def _begins(self, sharing: Sharing, now: float) -> str:
        until = sharing.until if sharing.until is not None else now
        text = (
            self.tr("Sharing starts at %1, in %2.")
            if sharing.firm
            else self.tr("Sharing starts at %1 at the earliest, in %2.")
        )
        return text.replace("%1", self._formats.moment(until, now)).replace("%2", countdown(until - now))

    def _writing(self, running: int) -> str:
        if running == 1:
            return self.tr("One answer is being written on this PC.")
        return self.tr("%Ln answers are being written on this PC.", "", running)

    def _finishing(self, running: int) -> str:
        if running == 0:
            return self.tr("Nightjar is about to quit.")
        if running == 1:
            return self.tr("One answer is being finished; then Nightjar quits.")
        return self.tr("%Ln answers are being finished; then Nightjar quits.", "", running)


def _sign(snapshot: Snapshot) -> tuple[Shape, Tone]:
    """The reason's own, but for what only its owner can end, or what is over already."""
    sharing = snapshot.sharing
    never = sharing.reason is Reason.OUTSIDE_SCHEDULE and sharing.until is None
    refused = sharing.reason is Reason.RELAY_UNREACHABLE and snapshot.link.refused
    if never or refused:
        return Shape.NEEDS_YOU, Tone.ATTENTION
    if sharing.reason is Reason.RELAY_UNREACHABLE and snapshot.link.kind == "connecting":
        return Shape.NO_CONTACT, Tone.CALM
    if _is_over(sharing) or (sharing.reason is Reason.NO_MODEL and _arriving(snapshot)):
        return Shape.WAITING, Tone.CALM
    return _SIGNS.get(sharing.reason, (Shape.WAITING, Tone.CALM))


def _is_over(sharing: Sharing) -> bool:
    """What kept this PC from sharing is gone, and has to stay away for a while."""
    return sharing.reason in _PASSING and sharing.until is not None


def _arriving(snapshot: Snapshot) -> bool:
    """Whether a model comes without the owner's help. One that cannot be used is theirs to see to, all the same."""
    return not snapshot.models and any(seen.kind in {"downloading", "queued", "waiting"} for seen in snapshot.downloads)
