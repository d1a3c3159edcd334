"""From a snapshot to what the tray and the pages show: every word of the interface about the agent is chosen here.

Pure: no Qt, no clock. The translation, the language's number formats and `now` are given. The agent's own sentences
(problems, and reasons the interface has no words for) pass through untranslated: they are facts, better said in English
than left out.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from desktop.agent.sharing.decision import PLUGGED_IN
from desktop.agent.sharing.words import countdown, host_of, spelt
from desktop.agent.state import Enrolment, LinkState, Reason, Snapshot
from desktop.ui.agent_words import AgentWords, sentence
from desktop.ui.figures import CENT, Formats, dollars, exact_dollars, speed
from desktop.ui.model_presenter import ModelPresenter
from desktop.ui.state_presenter import StatePresenter
from desktop.ui.views import (
    EarningsView,
    EnrolmentView,
    HomeView,
    Money,
    RelayView,
    SpeedView,
    StateView,
    Tone,
    Translate,
    TrayView,
)

_TOOLTIP = 120
"""Characters: Windows cuts a tray's tooltip at 127, without a sign that it did."""

_NAME = 40
"""Characters of a name in a tray's row: menus do not wrap."""


class Presenter:
    """Makes views. Snapshots that would look the same give equal views: that is how needless redraws are spared."""

    def __init__(self, translate: Translate, formats: Formats) -> None:
        self._translate = translate
        self._formats = formats
        self._agent = AgentWords(translate, formats)
        self.models = ModelPresenter(translate, formats)
        self._states = StatePresenter(translate, formats)

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
            models=self.models.rows(snapshot, now),
            models_empty=self.tr("This PC has no model to share yet."),
            relay=self.relay(snapshot.link, snapshot.enrolment, now),
            enrolment=self.enrolment(snapshot, now),
            ticking=_counts_down(snapshot, now),
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
            tooltip=shortened(f"Nightjar: {line}", _TOOLTIP),
            state=line,
            earnings=self._tray_earnings(snapshot),
            mode=snapshot.mode,
            can_choose=snapshot.sharing.reason is not Reason.SHUTTING_DOWN,
            can_pause=state.can_pause,
            can_resume=state.can_resume,
            can_free_memory=any(model.kind in {"ready", "loading"} for model in snapshot.models),
            models=self._tray_models(snapshot),
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
            models=self.tr("Models…"),
            quit=self.tr("Quit"),
        )

    def state(self, snapshot: Snapshot | None, now: float, *, lost: bool = False) -> StateView:
        """The state card, and the tray's sign."""
        return self._states.state(snapshot, now, lost=lost)

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

    def relay(self, link: LinkState, enrolment: Enrolment, now: float) -> RelayView:
        """With why it could not be another relay, where a PC that has one tried that in vain."""
        view = self._link(link, enrolment.relay, now)
        if enrolment.kind == "enrolled" and enrolment.problem:
            return replace(view, detail=self._agent.said(enrolment.problem))
        return view

    def _link(self, link: LinkState, enrolled_at: str, now: float) -> RelayView:
        address = host_of(link.relay or enrolled_at)
        match link.kind:
            case "ready":
                since = self.tr("Connected since %1").replace("%1", self._formats.moment(link.since, now))
                return RelayView(self.tr("Connected"), address, since, Tone.GOOD)
            case "connecting":
                return RelayView(self.tr("Connecting…"), address, self.tr("Opening the connection"), Tone.CALM)
            case "waiting":
                if link.refused:
                    return RelayView(self.tr("Refused"), address, "", Tone.ATTENTION)
                detail = sentence(self._agent.said(link.problem)) or self.tr("The relay does not answer.")
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
        return EnrolmentView(enrolment.relay, code, enrolment.approve_url, expiry, self._agent.said(enrolment.problem))

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
                return self.tr("Paused until %1 closes").replace("%1", shortened(snapshot.snoozed_for, _NAME))
            case Reason.SNOOZED if snapshot.snoozed_until is not None:
                moment = self._formats.moment(snapshot.snoozed_until, now)
                return self.tr("Paused until %1").replace("%1", moment)
            case Reason.RELAY_UNREACHABLE if snapshot.link.kind == "waiting" and not snapshot.link.refused:
                where = shortened(host_of(snapshot.link.relay), _NAME) or self.tr("the relay")
                return self.tr("No contact with %1").replace("%1", where)
            case Reason.NOT_ENROLLED if snapshot.enrolment.kind == "waiting":
                return self.tr("Waiting for your approval: %1").replace("%1", spelt(snapshot.enrolment.user_code))
        return self._with_start(state.headline, snapshot, now)

    def _with_start(self, headline: str, snapshot: Snapshot, now: float) -> str:
        until, reason = snapshot.sharing.until, snapshot.sharing.reason
        if until is None or until <= now or reason is Reason.RELAY_UNREACHABLE:
            return headline
        text = self.tr("%1; starts at %2") if snapshot.sharing.firm else self.tr("%1; starts at %2 at the earliest")
        return text.replace("%2", self._formats.moment(until, now)).replace("%1", headline)

    def _tray_models(self, snapshot: Snapshot) -> str:
        arriving = self.models.on_its_way(snapshot)
        return self.tr("Models… (%1)").replace("%1", arriving) if arriving else self.tr("Models…")

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


def _counts_down(snapshot: Snapshot, now: float) -> bool:
    """Whether the home page changes by the clock alone."""
    reason = snapshot.sharing.reason
    moments = [
        snapshot.sharing.until,
        snapshot.link.retry_at if reason is Reason.RELAY_UNREACHABLE else None,
        snapshot.enrolment.expires_at if snapshot.enrolment.kind == "waiting" else None,
        snapshot.snoozed_until if reason is Reason.SNOOZED and not snapshot.snoozed_for else None,
        *(seen.retry_at for seen in snapshot.downloads),
    ]
    return any(moment is not None and moment > now for moment in moments)


def shortened(text: str, most: int) -> str:
    """At most `most` characters; the middle goes, since names differ at both ends."""
    if len(text) <= most:
        return text
    tail = most // 3
    return f"{text[: most - tail - 1]}…{text[-tail:]}"
