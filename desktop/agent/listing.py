"""The catalogue as this PC has it: the relay's, checked against the key pinned at enrolment, or the one bundled.

What the relay sent is kept as it came and checked again at every reading, so neither a file that somebody changed nor a
relay that was swapped can name a model. An older list never replaces a newer one.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

import msgspec

from desktop.agent.membership import Member
from desktop.agent.relay_view import RelayView
from desktop.errors import DesktopError, FolderUnusable
from desktop.models.bundled import bundled_catalogue
from desktop.models.catalogue import Catalogue, merged, read_catalogue
from desktop.system.files import write_private
from relay.wire.identity import catalogue_text, fingerprint, is_signed
from relay.wire.owner import SignedCatalogue

log = logging.getLogger(__name__)

_FILE: Final = "catalogue.json"


class CatalogueForged(DesktopError):
    """The list is not signed by the relay this PC was enrolled at."""

    remedy = "Do not use it. If the relay was set up anew, enrol this PC again."

    def __init__(self, relay: str) -> None:
        super().__init__(f"The catalogue of models is not signed by the relay {relay}.")
        self.relay = relay


class _Kept(msgspec.Struct, frozen=True):
    relay_id: str
    signed: SignedCatalogue


class Listing:
    """One agent's catalogue, kept in `data`."""

    def __init__(self, data: Path) -> None:
        self._path = data / _FILE

    def current(self, member: Member | None) -> Catalogue:
        """What is known without asking anybody."""
        return merged(self._kept(member) if member is not None else None, bundled_catalogue())

    def stamp(self) -> int:
        """Another number after every refresh, whichever process made it."""
        try:
            return self._path.stat().st_mtime_ns
        except OSError:
            return 0

    async def refresh(self, member: Member) -> Catalogue:
        """What the relay says now. Raises RelaySilent, CatalogueForged, CatalogueUnreadable, FolderUnusable."""
        signed = await RelayView(member).catalogue()
        fresh, kept = checked(signed, member), self._kept(member)
        if kept is None or kept.issued_ms <= fresh.issued_ms:
            self._keep(_Kept(fingerprint(member.relay_key), signed))
        else:
            log.warning("the relay sent an older catalogue than it did before; keeping that one")
        return self.current(member)

    def _kept(self, member: Member) -> Catalogue | None:
        try:
            kept = msgspec.json.decode(self._path.read_bytes(), type=_Kept)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            log.warning("the kept catalogue cannot be read", extra={"why": str(error)})
            return None
        if kept.relay_id != fingerprint(member.relay_key):
            return None
        try:
            return checked(kept.signed, member)
        except DesktopError as error:
            log.warning("the kept catalogue is of no use", extra={"why": str(error)})
            return None

    def _keep(self, kept: _Kept) -> None:
        try:
            write_private(self._path, msgspec.json.encode(kept))
        except OSError as error:
            raise FolderUnusable(self._path.parent, (error.strerror or str(error)).lower()) from error


def checked(signed: SignedCatalogue, member: Member) -> Catalogue:
    """The list, if it is the relay's. Raises CatalogueForged, CatalogueUnreadable."""
    if not is_signed(catalogue_text(signed.body), signed.signature, by=member.relay_key):
        raise CatalogueForged(member.relay.url)
    return read_catalogue(signed.body)
