"""The words of the Models page: the library, the queue, the catalogue ranked by what this PC would earn. Pure."""

from __future__ import annotations

from desktop.agent.state import ModelState, Snapshot
from desktop.models.fit import Badge
from desktop.models.progress import Progress
from desktop.models.ranking import Ranked
from desktop.models.store import Usage
from desktop.ui.agent_words import AgentWords
from desktop.ui.figures import Formats, data, dollars, speed
from desktop.ui.library_facts import Act, CatalogueSeen, LibraryFacts, ModelHere
from desktop.ui.library_views import (
    ActionView,
    ActView,
    DiskView,
    LibraryView,
    QuestionView,
    RowView,
    Wanted,
)
from desktop.ui.model_presenter import ModelPresenter
from desktop.ui.views import Tone, Translate

_MOST_FOUND = 40
"""Rows of the catalogue that are shown; more words find the rest."""

_LITTLE_FREE = 10_000_000_000
"""Bytes. Less free room than this is worth a colour."""

_TELLING_S = 3.0
"""An act's speed is not known before it has run so long."""


class LibraryPresenter:
    """Makes a `LibraryView` from facts; counts nothing itself."""

    def __init__(self, translate: Translate, formats: Formats) -> None:
        self._translate = translate
        self._formats = formats
        self._agent = AgentWords(translate, formats)
        self._downloads = ModelPresenter(translate, formats)

    def tr(self, text: str, disambiguation: str = "", n: int = -1) -> str:
        """Named and shaped as `lupdate` wants it: the context is this class."""
        return self._translate("LibraryPresenter", text, disambiguation, n)

    def page(self, facts: LibraryFacts, snapshot: Snapshot | None, now: float) -> LibraryView:
        """`snapshot` is None where no agent tells how models run."""
        library = facts.library
        queue = snapshot.downloads if snapshot is not None else ()
        running = {model.name: model for model in snapshot.models} if snapshot is not None else {}
        return LibraryView(
            models=tuple(self.model(each, running.get(each.name)) for each in library.models) if library else (),
            models_empty=self._models_empty(facts),
            downloads=tuple(self.download(each, now) for each in queue),
            found=self._found(facts, queue),
            found_empty=self._found_empty(facts),
            notice=self._agent.said(facts.catalogue.notice) if facts.catalogue else "",
            disk=self.disk(library.usage) if library else None,
            act=self.act(facts.act, now) if facts.act else None,
            problem=self._agent.said(facts.problem or facts.unread),
            told=facts.told,
            can_change=facts.act is None and library is not None,
            ticking=any(each.retry_at is not None for each in queue) or facts.act is not None,
        )

    def _models_empty(self, facts: LibraryFacts) -> str:
        if facts.unread:
            return ""
        if facts.library is None:
            return self.tr("Looking at your models…")
        return self.tr(
            "No model of your own yet, beside the small one that comes with Nightjar. "
            "Choose one below: those at the top earn most on this PC."
        )

    # --- on this PC ------------------------------------------------------------------------------------------------

    def model(self, here: ModelHere, running: ModelState | None) -> RowView:
        word, tone, note = self._condition(here, running)
        parts = [
            data(here.size, self._formats),
            self.fit(here.badge),
            self._pace(running),
            self._sight(here, running),
            self._origin(here),
        ]
        return RowView(
            name=here.name,
            detail=" · ".join(part for part in parts if part),
            state=word,
            tone=tone,
            note=note,
            note_tone=Tone.BAD if note else Tone.CALM,
            actions=self._model_actions(here),
        )

    def _condition(self, here: ModelHere, running: ModelState | None) -> tuple[str, Tone, str]:
        if here.condition == "missing":
            return self.tr("Missing"), Tone.BAD, self.tr("Its file is gone. Bring the disk or the file back.")
        if here.condition == "changed":
            why = self.tr("Its file was changed since it was checked. Import it again to use it.")
            return self.tr("Changed"), Tone.BAD, why
        if not here.active:
            return self.tr("Not offered"), Tone.CALM, ""
        if running is None:
            return self.tr("Offered"), Tone.CALM, ""
        row = self._downloads.model(running)
        trouble = running.problem if running.kind in {"failed", "restarting"} else ""
        return row.state, row.tone, self._agent.said(trouble or running.blind)

    def _pace(self, running: ModelState | None) -> str:
        if running is None or running.decode_tps <= 0:
            return ""
        return self.tr("%1 tokens/s").replace("%1", speed(running.decode_tps, self._formats))

    def _sight(self, here: ModelHere, running: ModelState | None) -> str:
        blind = running is not None and running.blind
        return self.tr("looks at images") if here.sees and not blind else ""

    def _origin(self, here: ModelHere) -> str:
        match here.origin:
            case "download":
                return ""
            case "file":
                return self.tr("your own file")
            case "lm-studio":
                return self.tr("from LM Studio")
            case "ollama":
                return self.tr("from Ollama")
        return self.tr("from Hugging Face")

    def _model_actions(self, here: ModelHere) -> tuple[ActionView, ...]:
        if here.active:
            first = self._action(Wanted.REST, self.tr("Stop offering"), self.tr("Stop offering %1"), here.name)
        else:
            first = self._action(Wanted.OFFER, self.tr("Offer"), self.tr("Offer %1"), here.name)
        if here.ours:
            last = self._action(Wanted.REMOVE, self.tr("Delete…"), self.tr("Delete %1"), here.name)
        else:
            last = self._action(Wanted.REMOVE, self.tr("Remove…"), self.tr("Remove %1"), here.name)
        return (last,) if here.condition != "ready" else (first, last)

    def _action(self, wanted: Wanted, text: str, spoken: str, name: str) -> ActionView:
        return ActionView(wanted, text, spoken.replace("%1", name))

    def removal(self, here: ModelHere) -> QuestionView:
        """What is asked before a model goes."""
        if here.ours:
            what = self.tr("Its file (%1) is deleted from this PC. To use it again, it has to be downloaded anew.")
            return QuestionView(
                self.tr("Delete %1?").replace("%1", here.name),
                what.replace("%1", data(here.size, self._formats)),
                self.tr("Delete the file"),
            )
        return QuestionView(
            self.tr("Remove %1 from Nightjar?").replace("%1", here.name),
            self.tr("It is no longer offered. Its file stays where it is: %1").replace("%1", here.path),
            self.tr("Remove"),
        )

    def removed(self, freed: int) -> str:
        if freed:
            return self.tr("Deleted; %1 are free again.").replace("%1", data(freed, self._formats))
        return self.tr("Removed; no file was deleted.")

    # --- on its way ------------------------------------------------------------------------------------------------

    def download(self, seen: Progress, now: float) -> RowView:
        row = self._downloads.download(seen, now)
        stop = self._action(Wanted.CANCEL, self.tr("Cancel…"), self.tr("Cancel the download of %1"), seen.name)
        if seen.kind in {"paused", "stopped"}:
            word = self.tr("Resume") if seen.kind == "paused" else self.tr("Try again")
            first = self._action(Wanted.RESUME, word, self.tr("Resume the download of %1"), seen.name)
        else:
            first = self._action(Wanted.PAUSE, self.tr("Pause"), self.tr("Pause the download of %1"), seen.name)
        return RowView(
            name=row.name,
            detail=row.detail,
            state=row.state,
            tone=row.tone,
            actions=(first, stop),
            done=row.done,
            spoken=row.spoken,
        )

    def cancellation(self, seen: Progress) -> QuestionView:
        """What is asked before a download is given up."""
        return QuestionView(
            self.tr("Give up the download of %1?").replace("%1", seen.name),
            self.tr("The %1 that are here already are deleted.").replace("%1", data(seen.received, self._formats))
            if seen.received
            else self.tr("Nothing of it is here yet."),
            self.tr("Give it up"),
        )

    # --- the catalogue ---------------------------------------------------------------------------------------------

    def _found(self, facts: LibraryFacts, queue: tuple[Progress, ...]) -> tuple[RowView, ...]:
        if facts.catalogue is None:
            return ()
        library = facts.library
        here = {model.name for model in library.models} if library else set()
        coming = {seen.name for seen in queue} | (library.wishes if library else frozenset())
        free = library.usage.free if library else None
        return tuple(self.candidate(each, here, coming, free) for each in facts.catalogue.found[:_MOST_FOUND])

    def candidate(
        self, each: Ranked, here: frozenset[str] | set[str], coming: frozenset[str] | set[str], free: int | None
    ) -> RowView:
        """A model one could have. `free`: bytes of the disk, None where they are not known."""
        entry = each.entry
        about = self.tr("about %1 tokens/s here").replace("%1", speed(each.estimate.tokens_per_s, self._formats))
        parts = [data(entry.size, self._formats), self.fit(each.badge), about, entry.licence]
        earns = bool(entry.url)
        actions = self._candidate_actions(each, here, coming, free)
        why_not = next((action.why_not for action in actions), "")
        worth = self._demand(each) if earns else self.tr("Comes with Nightjar, to try it out.")
        return RowView(
            name=entry.id,
            title=entry.title or entry.id,
            detail=" · ".join(part for part in parts if part),
            state=self._where(each, here, coming),
            note=why_not or worth,
            actions=actions,
            figure=self._per_hour(each) if earns else "",
            figure_unit=self.tr("an hour, about") if earns else "",
        )

    def _per_hour(self, each: Ranked) -> str:
        return dollars(round(each.estimate.nano_per_hour), self._formats)

    def _demand(self, each: Ranked) -> str:
        demand = each.entry.demand
        calls = self.tr("1 call last week") if demand.calls == 1 else self.tr("%Ln calls last week", "", demand.calls)
        nodes = self.tr("on 1 PC") if demand.nodes == 1 else self.tr("on %Ln PCs", "", demand.nodes)
        return f"{calls} · {nodes}"

    def _where(self, each: Ranked, here: frozenset[str] | set[str], coming: frozenset[str] | set[str]) -> str:
        if each.entry.id in here or not each.entry.url:
            return self.tr("On this PC")
        return self.tr("In the queue") if each.entry.id in coming else ""

    def _candidate_actions(
        self, each: Ranked, here: frozenset[str] | set[str], coming: frozenset[str] | set[str], free: int | None
    ) -> tuple[ActionView, ...]:
        entry = each.entry
        if entry.id in here or entry.id in coming or not entry.url:
            return ()
        why_not = ""
        if each.badge is Badge.NONE:
            why_not = self.tr("It needs more memory than this PC has to spare.")
        elif free is not None and free < entry.size:
            why_not = self.tr("It needs %1 of the disk; %2 are free.")
            why_not = why_not.replace("%1", data(entry.size, self._formats)).replace("%2", data(free, self._formats))
        spoken = self.tr("Download %1").replace("%1", entry.title or entry.id)
        return (ActionView(Wanted.DOWNLOAD, self.tr("Download"), spoken, not why_not, why_not),)

    def _found_empty(self, facts: LibraryFacts) -> str:
        if facts.search_problem:
            return self._agent.said(facts.search_problem)
        if facts.catalogue is None or facts.searching:
            return self.tr("Looking at what the network wants…")
        return self._nothing(facts.catalogue)

    def _nothing(self, seen: CatalogueSeen) -> str:
        if seen.words:
            return self.tr("No model of the catalogue fits “%1”. Try fewer words.").replace("%1", seen.words)
        return self.tr("The catalogue is empty: the relay wants no models at the moment.")

    def fit(self, badge: Badge | None) -> str:
        match badge:
            case Badge.ROOMY:
                return self.tr("fits with room")
            case Badge.TIGHT:
                return self.tr("fits, tightly")
            case Badge.PARTIAL:
                return self.tr("fits partly, slow")
            case Badge.NONE:
                return self.tr("does not fit")
        return ""

    # --- the disk, and long acts -----------------------------------------------------------------------------------

    def disk(self, usage: Usage) -> DiskView:
        taken = usage.models + usage.unfinished
        text = self.tr("%1 used by models, %2 free on this disk")
        text = text.replace("%1", data(taken, self._formats)).replace("%2", data(usage.free, self._formats))
        if usage.elsewhere:
            elsewhere = self.tr("%1 more in other programs' folders")
            text += " · " + elsewhere.replace("%1", data(usage.elsewhere, self._formats))
        share = taken / (taken + usage.free) if taken + usage.free else 0.0
        tone = Tone.ATTENTION if usage.free < _LITTLE_FREE else Tone.GOOD
        return DiskView(text, str(usage.folder), share, tone)

    def act(self, act: Act, now: float) -> ActView:
        text = self._act_text(act)
        if act.size:
            amount = self.tr("%1 of %2").replace("%1", data(act.done, self._formats))
            text += " · " + amount.replace("%2", data(act.size, self._formats))
            ran = now - act.began
            if act.done and ran >= _TELLING_S and not act.stopping:
                text += " · " + self._downloads.left((act.size - act.done) * ran / act.done)
        done = min(act.done / act.size, 1.0) if act.size else None
        return ActView(text, done, act.can_stop and not act.stopping, self.tr("Stop"))

    def _act_text(self, act: Act) -> str:
        if act.stopping:
            return self.tr("Stopping…")
        match act.what:
            case "import":
                return self.tr("Reading %1").replace("%1", act.name)
            case "move":
                return self.tr("Moving the models to %1").replace("%1", act.name)
            case "remove":
                return self.tr("Deleting %1").replace("%1", act.name)
        return self.tr("One moment…")

    def imported(self, name: str) -> str:
        return self.tr("Imported %1; the file stays where it is.").replace("%1", name)

    def moved(self, folder: str) -> str:
        return self.tr("The models are in %1 now.").replace("%1", folder)

    def stopped(self) -> str:
        return self.tr("Stopped; nothing was changed.")
