"""From a snapshot to what the tray and the pages show: every word of the interface about the agent is chosen here.

Pure: no Qt, no clock. The translation, the language's number formats and `now` are given. The agent's own sentences
(problems, and reasons the interface has no words for) pass through untranslated: they are facts, better said in English
than left out.
"""

from __future__ import annotations

from typing import Protocol
from urllib.parse import urlsplit

from desktop.agent.sharing.decision import PLUGGED_IN
from desktop.agent.sharing.words import countdown, host_of, said_at, spelt
from desktop.agent.state import LinkState, ModelState, Reason, Snapshot
from desktop.ui.figures import CENT, Formats, dollars, exact_dollars, speed
from desktop.ui.views import (
    EarningsView,
    EnrolmentView,
    HomeView,
    ModelView,
    Money,
    RelayView,
    Shape,
    SpeedView,
    StateView,
    Tone,
    TrayView,
)

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


class Translate(Protocol):
    """`QCoreApplication.translate`, or in a test the text itself with `%n` filled in."""

    def __call__(self, context: str, text: str, disambiguation: str = "", n: int = -1, /) -> str: ...


class Presenter:
    """Makes views. Snapshots that would look the same give equal views: that is how needless redraws are spared."""

    def __init__(self, translate: Translate, formats: Formats) -> None:
        self._translate = translate
        self._formats = formats

    def tr(self, text: str, disambiguation: str = "", n: int = -1) -> str:
        """Named and shaped as `lupdate` wants it: the context is this class."""
        return self._translate("Presenter", text, disambiguation, n)

    # --- the two surfaces ------------------------------------------------------------------------------------------

    def home(self, snapshot: Snapshot | None, now: float, *, lost: bool = False) -> HomeView:
        """The home page. Without a snapshot the agent is still starting; `lost`: it ended by itself."""
        state = self.state(snapshot, now, lost=lost)
        if snapshot is None or lost:
            return self._home_without_agent(state)
        return HomeView(
            state=state,
            speed=self.speed(snapshot),
            earnings=self.earnings(snapshot),
            models=tuple(self.model(model) for model in snapshot.models),
            models_empty=self.tr("This PC has no model to share yet."),
            relay=self.relay(snapshot.link, snapshot.enrolment.relay, now),
            enrolment=self.enrolment(snapshot, now),
            ticking=_counts_down(snapshot),
        )

    def _home_without_agent(self, state: StateView) -> HomeView:
        nothing = Money("")
        return HomeView(
            state=state,
            speed=self._silence(),
            earnings=EarningsView(nothing, nothing, nothing, "", empty=self.tr("Nothing to show yet.")),
            models=(),
            models_empty=self.tr("No model is running."),
            relay=RelayView(self.tr("Not connected"), "", "", Tone.CALM),
            enrolment=None,
            ticking=False,
        )

    def tray(self, snapshot: Snapshot | None, now: float, *, lost: bool = False) -> TrayView:
        """The tray's rows. Where the page counts down, these name the time of the clock."""
        state = self.state(snapshot, now, lost=lost)
        if snapshot is None or lost:
            return self._tray_without_agent(state)
        line = self._tray_line(snapshot, state, now)
        return TrayView(
            shape=state.shape,
            tooltip=f"Nightjar: {line}",
            state=line,
            earnings=self._tray_earnings(snapshot),
            mode=snapshot.mode,
            can_choose=snapshot.sharing.reason is not Reason.SHUTTING_DOWN,
            can_pause=state.can_pause,
            can_resume=state.can_resume,
            can_free_memory=any(model.kind in {"ready", "loading"} for model in snapshot.models),
            quit=self._quit(snapshot),
        )

    def _tray_without_agent(self, state: StateView) -> TrayView:
        return TrayView(
            shape=state.shape,
            tooltip=f"Nightjar: {state.headline}",
            state=state.headline,
            earnings=self.tr("Nothing earned yet"),
            mode=None,
            can_choose=False,
            can_pause=False,
            can_resume=False,
            can_free_memory=False,
            quit=self.tr("Quit"),
        )

    # --- the state -------------------------------------------------------------------------------------------------

    def state(self, snapshot: Snapshot | None, now: float, *, lost: bool = False) -> StateView:
        if lost:
            headline, detail = self.tr("Nightjar stopped working"), self.tr("Quit it and start it again.")
            return StateView(Shape.NEEDS_YOU, Tone.BAD, headline, detail, None, can_pause=False, can_resume=False)
        if snapshot is None:
            headline, detail = self.tr("Starting…"), self.tr("One moment.")
            return StateView(Shape.NO_CONTACT, Tone.CALM, headline, detail, None, can_pause=False, can_resume=False)
        reason = snapshot.sharing.reason
        shape, tone = _SIGNS.get(reason, (Shape.WAITING, Tone.CALM))
        headline, detail = self._words(snapshot, now)
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

    def _words(self, snapshot: Snapshot, now: float) -> tuple[str, str]:
        """Headline and sentence."""
        reason = snapshot.sharing.reason
        if reason is Reason.NOT_ENROLLED:
            return self._words_not_enrolled(snapshot)
        if reason is Reason.RELAY_UNREACHABLE:
            return self._words_unreachable(snapshot.link, now)
        headlines = {
            Reason.NO_MODEL: self.tr("No model to share"),
            Reason.SHUTTING_DOWN: self.tr("Finishing up"),
            Reason.MODE_OFF: self.tr("Sharing is off"),
            Reason.SNOOZED: self.tr("Paused"),
            Reason.ASLEEP: self.tr("Going to sleep"),
            Reason.OUTSIDE_SCHEDULE: self.tr("Outside your hours"),
            Reason.ON_BATTERY: self.tr("Sparing the battery"),
            Reason.TOO_HOT: self.tr("Cooling down"),
            Reason.EXCLUSIVE_APP: self.tr("Making room for a program"),
            Reason.FULL_SCREEN: self.tr("Waiting: the screen is filled"),
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
            case Reason.MODE_OFF:
                return self.tr("Choose “When idle” or “Always” to share this PC.")
            case Reason.SNOOZED:
                return self._words_snoozed(snapshot, now)
            case Reason.READY:
                return self.tr("Waiting for the next call.")
            case Reason.SERVING:
                return self._writing(snapshot.running)
        return _agent_words(snapshot, now)

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
        if link.retry_at is None:
            return self.tr("No contact"), self.tr("%1 does not answer.").replace("%1", where)
        text = self.tr("%1 does not answer. Next try in %2.")
        return self.tr("No contact"), text.replace("%1", where).replace("%2", countdown(link.retry_at - now))

    def _words_snoozed(self, snapshot: Snapshot, now: float) -> str:
        if snapshot.snoozed_for == PLUGGED_IN:
            return self.tr("Sharing continues when this PC is plugged in.")
        if snapshot.snoozed_for:
            return self.tr("Sharing continues when %1 closes.").replace("%1", snapshot.snoozed_for)
        until = snapshot.snoozed_until if snapshot.snoozed_until is not None else snapshot.sharing.until
        if until is None:
            return self.tr("Sharing continues when you resume it.")
        text = self.tr("Sharing continues at %1, in %2.")
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

    # --- the cards -------------------------------------------------------------------------------------------------

    def speed(self, snapshot: Snapshot) -> SpeedView:
        figure = speed(snapshot.tokens_per_s, self._formats)
        unit = self.tr("tokens/s")
        peak = max(snapshot.rate_history, default=0.0)
        if peak > 0:
            caption = self.tr("Peak of the last minute: %1 tokens/s").replace("%1", speed(peak, self._formats))
        else:
            caption = self.tr("Nothing in the last minute")
        spoken = self.tr("Speed over the last minute, now %1 tokens per second").replace("%1", figure)
        return SpeedView(figure, unit, caption, snapshot.rate_history, spoken)

    def _silence(self) -> SpeedView:
        spoken = self.tr("Speed over the last minute, nothing yet")
        return SpeedView("0", self.tr("tokens/s"), self.tr("Nothing in the last minute"), (), spoken)

    def money(self, nano: int) -> Money:
        rounded, exact = dollars(nano, self._formats), exact_dollars(nano, self._formats)
        return Money(rounded, "" if exact == rounded else exact)

    def earnings(self, snapshot: Snapshot) -> EarningsView:
        earned = snapshot.earnings
        if earned is None:
            nothing = Money("")
            known = snapshot.enrolment.kind == "enrolled"
            empty = (
                self.tr("What this PC earns shows here once the relay has answered.")
                if known
                else self.tr("What this PC earns shows here once it is connected.")
            )
            return EarningsView(nothing, nothing, nothing, "", empty=empty)
        exact = exact_dollars(earned.today, self._formats) if 0 < earned.today < CENT else ""
        return EarningsView(
            today=self.money(earned.today),
            month=self.money(earned.month),
            lifetime=self.money(earned.lifetime),
            caption=self._answers_today(earned.answers_today),
            exact=self.tr("exactly %1").replace("%1", exact) if exact else "",
        )

    def _answers_today(self, count: int) -> str:
        if count == 0:
            return self.tr("No answers today yet")
        if count == 1:
            return self.tr("1 answer today")
        return self.tr("%Ln answers today", "", count)

    def model(self, model: ModelState) -> ModelView:
        match model.kind:
            case "loading":
                return ModelView(model.name, self.tr("Loading"), Tone.CALM, self.tr("Being read into memory…"))
            case "unloaded":
                return ModelView(
                    model.name, self.tr("Resting"), Tone.CALM, self.tr("Loaded into memory when it is needed.")
                )
            case "restarting":
                detail = model.problem or self.tr("It will be back in a moment.")
                return ModelView(model.name, self.tr("Restarting"), Tone.ATTENTION, detail)
            case "failed":
                detail = model.problem or self.tr("It could not be started.")
                return ModelView(model.name, self.tr("Failed"), Tone.BAD, detail)
        word, tone = (self.tr("Busy"), Tone.GOOD) if model.running else (self.tr("Ready"), Tone.GOOD)
        return ModelView(model.name, word, tone, self._model_facts(model))

    def _model_facts(self, model: ModelState) -> str:
        use = self.tr("%1 of %2 places in use").replace("%1", str(model.running)).replace("%2", str(model.slots))
        if model.decode_tps <= 0:
            return use
        alone = self.tr("up to %1 tokens/s for one answer").replace("%1", speed(model.decode_tps, self._formats))
        return f"{use} · {alone}"

    def relay(self, link: LinkState, enrolled_at: str, now: float) -> RelayView:
        address = host_of(link.relay or enrolled_at)
        match link.kind:
            case "ready":
                since = self.tr("Connected since %1").replace("%1", self._formats.moment(link.since, now))
                return RelayView(self.tr("Connected"), address, since, Tone.GOOD)
            case "connecting":
                return RelayView(self.tr("Connecting…"), address, self.tr("Opening the connection"), Tone.CALM)
            case "waiting":
                detail = link.problem or self.tr("The relay does not answer.")
                return RelayView(self.tr("No contact"), address, detail, Tone.ATTENTION)
        return RelayView(self.tr("Not connected"), "", self.tr("This PC belongs to no relay yet."), Tone.CALM)

    def enrolment(self, snapshot: Snapshot, now: float) -> EnrolmentView | None:
        enrolment = snapshot.enrolment
        if enrolment.kind == "enrolled":
            return None
        expiry = ""
        if enrolment.kind == "waiting" and enrolment.expires_at is not None:
            expiry = self.tr("The code is good for another %1.").replace("%1", countdown(enrolment.expires_at - now))
        code = spelt(enrolment.user_code) if enrolment.kind == "waiting" else ""
        return EnrolmentView(enrolment.relay, code, enrolment.approve_url, expiry, enrolment.problem)

    # --- the tray's rows -------------------------------------------------------------------------------------------

    def _tray_line(self, snapshot: Snapshot, state: StateView, now: float) -> str:
        match snapshot.sharing.reason:
            case Reason.SERVING:
                figure = speed(snapshot.tokens_per_s, self._formats)
                if snapshot.running == 1:
                    return self.tr("Sharing: 1 answer, %1 tok/s").replace("%1", figure)
                return self.tr("Sharing: %Ln answers, %1 tok/s", "", snapshot.running).replace("%1", figure)
            case Reason.SNOOZED if snapshot.snoozed_for == PLUGGED_IN:
                return self.tr("Paused until plugged in")
            case Reason.SNOOZED if snapshot.snoozed_for:
                return self.tr("Paused until %1 closes").replace("%1", snapshot.snoozed_for)
            case Reason.SNOOZED if snapshot.snoozed_until is not None:
                moment = self._formats.moment(snapshot.snoozed_until, now)
                return self.tr("Paused until %1").replace("%1", moment)
            case Reason.RELAY_UNREACHABLE if snapshot.link.kind == "waiting":
                return self.tr("No contact with %1").replace("%1", host_of(snapshot.link.relay) or self.tr("the relay"))
            case Reason.NOT_ENROLLED if snapshot.enrolment.kind == "waiting":
                return self.tr("Waiting for your approval: %1").replace("%1", spelt(snapshot.enrolment.user_code))
        return state.headline

    def _tray_earnings(self, snapshot: Snapshot) -> str:
        if snapshot.earnings is None:
            return self.tr("Nothing earned yet")
        text = self.tr("Today %1 · this month %2")
        today, month = dollars(snapshot.earnings.today, self._formats), dollars(snapshot.earnings.month, self._formats)
        return text.replace("%1", today).replace("%2", month)

    def _quit(self, snapshot: Snapshot) -> str:
        running = snapshot.running
        if snapshot.sharing.reason is Reason.SHUTTING_DOWN:
            return self.tr("Quit now")
        if running == 0:
            return self.tr("Quit")
        if running == 1:
            return self.tr("Quit (finishes 1 answer)")
        return self.tr("Quit (finishes %Ln answers)", "", running)


def relay_address(typed: str) -> str:
    """What the owner typed as an address the agent takes, or "" if it cannot be one.

    A bare name means https; only this PC's own names may do without.
    """
    text = typed.strip()
    if text and "://" not in text:
        host = text.rsplit(":", 1)[0]
        text = f"{'http' if host in {'localhost', '127.0.0.1', '[::1]'} else 'https'}://{text}"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return ""
    usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and " " not in text and port != 0
    return text.rstrip("/") if usable else ""


def _counts_down(snapshot: Snapshot) -> bool:
    """Whether the home page changes by the clock alone."""
    reason = snapshot.sharing.reason
    retrying = reason is Reason.RELAY_UNREACHABLE and snapshot.link.retry_at is not None
    waiting = snapshot.enrolment.kind == "waiting" and snapshot.enrolment.expires_at is not None
    snoozed = reason is Reason.SNOOZED and snapshot.snoozed_until is not None
    return retrying or waiting or snoozed or snapshot.sharing.until is not None


def _agent_words(snapshot: Snapshot, now: float) -> str:
    """The agent's sentence and remedy, without the opening words that the headline has said already."""
    said = said_at(snapshot.sharing, now)
    for opening in ("Not sharing for a moment: ", "Not sharing: ", "Waiting: ", "Starting: "):
        if said.startswith(opening):
            said = said[len(opening) :]
            said = said[:1].upper() + said[1:]
    return f"{said} {snapshot.sharing.remedy}".strip()
