"""The words of links: what is asked before a PC is connected by one, and why others do nothing. Pure."""

from __future__ import annotations

from desktop.agent.state import Snapshot
from desktop.ui.library_views import QuestionView
from desktop.ui.links import EnrolLink, Fault
from desktop.ui.views import Translate


class LinkPresenter:
    """Needs no numbers."""

    def __init__(self, translate: Translate) -> None:
        self._translate = translate

    def tr(self, text: str, disambiguation: str = "", n: int = -1) -> str:
        """Named and shaped as `lupdate` wants it: the context is this class."""
        return self._translate("LinkPresenter", text, disambiguation, n)

    def enrolment(self, link: EnrolLink, snapshot: Snapshot) -> QuestionView:
        """Before anything is done."""
        how = (
            self.tr("A page of that relay opens in your browser, where you approve it.")
            if link.token is None
            else self.tr("The link brings a token of its own, so the relay asks nothing more.")
        )
        said = [
            self.tr("A link asks for this. Agree only if you know who gave it to you."),
            how,
            self.tr("From then on this PC answers the calls that come from there, whenever your rules let it share."),
        ]
        if snapshot.enrolment.kind == "enrolled":
            said.append(self.tr("It ceases to share at %1.").replace("%1", snapshot.enrolment.relay))
        title = self.tr("Connect this PC to %1?").replace("%1", link.relay)
        return QuestionView(title, "\n\n".join(said), self.tr("Connect"))

    def known(self, link: EnrolLink) -> str:
        """This PC is there already."""
        return self.tr("This PC is connected to %1 already.").replace("%1", link.relay)

    def later(self) -> str:
        """During the first run there is but one page."""
        return self.tr("That page is there once the first steps are done.")

    def refusal(self, fault: Fault) -> str:
        texts = {
            Fault.TOO_LONG: self.tr("This link is longer than any of Nightjar's: nothing was done."),
            Fault.STRANGE: self.tr("This link has characters that no link of Nightjar's has: nothing was done."),
            Fault.NOT_OURS: self.tr("This is no link for Nightjar: nothing was done."),
            Fault.UNKNOWN: self.tr("Nightjar does not know what this link asks for: nothing was done."),
            Fault.NO_RELAY: self.tr("The address in this link is not one of a relay: nothing was done."),
        }
        return texts[fault]
