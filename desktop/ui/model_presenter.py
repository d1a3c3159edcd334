"""The words of the models card: how each model is, and how far each download has come. Pure, as `presenters` is."""

from __future__ import annotations

from desktop.agent.sharing.words import countdown
from desktop.agent.state import ModelState, Snapshot
from desktop.models.progress import Progress
from desktop.ui.agent_words import AgentWords, sentence, unopened
from desktop.ui.figures import Formats, data, percent, speed
from desktop.ui.views import ModelView, Tone, Translate


class ModelPresenter:
    """Models first, since they earn; then what is on its way, in the order of the queue."""

    def __init__(self, translate: Translate, formats: Formats) -> None:
        self._translate = translate
        self._formats = formats
        self._agent = AgentWords(translate, formats)

    def tr(self, text: str, disambiguation: str = "", n: int = -1) -> str:
        """Named and shaped as `lupdate` wants it: the context is this class."""
        return self._translate("ModelPresenter", text, disambiguation, n)

    def rows(self, snapshot: Snapshot, now: float) -> tuple[ModelView, ...]:
        models = (self.model(model) for model in snapshot.models)
        missing = (self._missing(name) for name in snapshot.missing)
        return (*models, *missing, *(self.download(progress, now) for progress in snapshot.downloads))

    def _missing(self, name: str) -> ModelView:
        detail = self.tr("Its file is gone. Bring the disk or the file back.")
        return ModelView(name, self.tr("Missing"), Tone.BAD, detail)

    def model(self, model: ModelState) -> ModelView:
        match model.kind:
            case "loading":
                return ModelView(model.name, self.tr("Loading"), Tone.CALM, self.tr("Being read into memory…"))
            case "unloaded":
                detail = self.tr("Loaded into memory when it is needed.")
                return ModelView(model.name, self.tr("Resting"), Tone.CALM, detail)
            case "restarting":
                detail = self._agent.said(model.problem) or self.tr("It will be back in a moment.")
                return ModelView(model.name, self.tr("Restarting"), Tone.ATTENTION, detail)
            case "failed":
                detail = self._agent.said(model.problem) or self.tr("It could not be started.")
                return ModelView(model.name, self.tr("Failed"), Tone.BAD, detail)
        word = self.tr("Busy") if model.running else self.tr("Ready")
        detail = " · ".join(filter(None, (self._facts(model), self._agent.said(model.blind))))
        return ModelView(model.name, word, Tone.GOOD, detail)

    def _facts(self, model: ModelState) -> str:
        use = self.tr("%1 of %2 places in use").replace("%1", str(model.running)).replace("%2", str(model.slots))
        if model.decode_tps <= 0:
            return use
        alone = self.tr("up to %1 tokens/s for one answer").replace("%1", speed(model.decode_tps, self._formats))
        return f"{use} · {alone}"

    # --- downloads -------------------------------------------------------------------------------------------------

    def download(self, seen: Progress, now: float) -> ModelView:
        done = seen.received / seen.size if seen.size else 0.0
        spoken = self.tr("Downloaded: %1").replace("%1", percent(done))
        word, tone, detail = self._download_words(seen, now)
        return ModelView(seen.name, word, tone, detail, done, spoken)

    def _download_words(self, seen: Progress, now: float) -> tuple[str, Tone, str]:
        match seen.kind:
            case "queued":
                return self.tr("Queued"), Tone.CALM, self._amount(seen)
            case "downloading":
                return self.tr("Downloading"), Tone.GOOD, self._pace(seen)
            case "waiting":
                return self.tr("Waiting"), Tone.CALM, self._waits(seen, now)
            case "paused":
                by_owner = self.tr("paused by you")
                return self.tr("Paused"), Tone.CALM, f"{self._amount(seen)} · {by_owner}"
        return self.tr("Stopped"), Tone.BAD, self._stopped(seen)

    def _stopped(self, seen: Progress) -> str:
        return f"{self._agent.said(seen.sentence)} {self._agent.said(seen.remedy)}".strip()

    def _amount(self, seen: Progress) -> str:
        size = data(seen.size, self._formats)
        if not seen.received:
            return size
        return self.tr("%1 of %2").replace("%1", data(seen.received, self._formats)).replace("%2", size)

    def _pace(self, seen: Progress) -> str:
        parts = [self._amount(seen)]
        if seen.left_s is not None:
            parts.append(self.tr("%1/s").replace("%1", data(round(seen.bytes_per_s), self._formats)))
            parts.append(self.left(seen.left_s))
        pace = " · ".join(parts)
        return f"{pace}. {self._agent.said(seen.sentence)}" if seen.sentence else pace

    def left(self, seconds: float) -> str:
        """Rounded up, in the unit one would say it in: a download's speed is not known better than that."""
        if seconds < 60:
            return self.tr("less than a minute left")
        if seconds < 90 * 60:
            return self.tr("%1 min left").replace("%1", str(-int(-seconds // 60)))
        return self.tr("%1 h left").replace("%1", str(-int(-seconds // 3600)))

    def _waits(self, seen: Progress, now: float) -> str:
        why = sentence(self._agent.said(unopened(seen.sentence)))
        if seen.retry_at is None or seen.retry_at <= now:
            return why
        again = self.tr("Next try in %1.").replace("%1", countdown(seen.retry_at - now))
        return f"{why} {again}"

    def on_its_way(self, snapshot: Snapshot) -> str:
        """A few words about all downloads, empty if there are none: `1 downloading, 43 %`."""
        moving = [seen for seen in snapshot.downloads if seen.kind in {"downloading", "queued", "waiting"}]
        if not moving:
            return self._stuck(snapshot)
        done = sum(seen.received for seen in moving) / max(1, sum(seen.size for seen in moving))
        if any(seen.kind == "downloading" for seen in moving):
            text = self.tr("%Ln downloading, %1", "", len(moving))
        else:
            text = self.tr("%Ln waiting to download, %1", "", len(moving))
        return text.replace("%1", percent(done))

    def _stuck(self, snapshot: Snapshot) -> str:
        stopped = sum(seen.kind == "stopped" for seen in snapshot.downloads)
        if stopped:
            return self.tr("%Ln stopped", "", stopped)
        paused = len(snapshot.downloads)
        return self.tr("%Ln paused", "", paused) if paused else ""
