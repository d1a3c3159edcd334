"""The words of notifications, and where their button leads. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from desktop.agent.state import Snapshot
from desktop.ui.agent_words import AgentWords
from desktop.ui.figures import Formats, dollars
from desktop.ui.notices import Kind, Notice
from desktop.ui.places import Place
from desktop.ui.views import Translate


@dataclass(frozen=True, slots=True)
class NoticeView:
    """`act` names the button; it and a click on the rest open `place`."""

    title: str
    body: str
    act: str
    place: Place


class NoticePresenter:
    """Makes a `NoticeView` of a notice and the snapshot that it came with."""

    def __init__(self, translate: Translate, formats: Formats) -> None:
        self._translate = translate
        self._formats = formats
        self._agent = AgentWords(translate, formats)

    def tr(self, text: str, disambiguation: str = "", n: int = -1) -> str:
        """Named and shaped as `lupdate` wants it: the context is this class."""
        return self._translate("NoticePresenter", text, disambiguation, n)

    def notice(self, notice: Notice, snapshot: Snapshot) -> NoticeView:
        models = self.tr("Open Models"), Place.MODELS
        said = self._agent.said(notice.said)
        match notice.kind:
            case Kind.FIRST_EARNED:
                earned = snapshot.earnings.lifetime if snapshot.earnings is not None else 0
                text = self.tr("It gave its first answer, and earned %1.")
                body = text.replace("%1", dollars(earned, self._formats))
                return NoticeView(self.tr("This PC has begun to earn"), body, self.tr("Show earnings"), Place.EARNINGS)
            case Kind.ARRIVED:
                text = self.tr("%1 is downloaded, and checked byte for byte.")
                return NoticeView(self.tr("A model has arrived"), text.replace("%1", notice.subject), *models)
            case Kind.NOT_KNOWN:
                title = self.tr("This PC is not connected any more")
                return NoticeView(title, said, self.tr("Open Nightjar"), Place.HOME)
            case Kind.DOWNLOAD_STOPPED:
                return NoticeView(self.tr("A download stopped"), f"{notice.subject}: {said}", *models)
            case Kind.DISK_FULL:
                body = self.tr("There is hardly any room left where Nightjar keeps its data: this PC does not share.")
                return NoticeView(self.tr("The disk is almost full"), body, *models)
            case Kind.MISSING:
                text = self.tr("The files of %1 are not where they were. Were they deleted, or is their disk away?")
                return NoticeView(self.tr("Models are missing"), text.replace("%1", notice.said), *models)
