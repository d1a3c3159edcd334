"""uvicorn's HTTP protocol with one seam closed: bytes that came in the same read as an upgrade request's head.

uvicorn 0.54 forgets them. An honest node sends nothing before it has read our answer, but a proxy may join packets,
and a stream that has lost its first bytes can only be misread.
"""

from __future__ import annotations

import asyncio
from typing import cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class UpgradingHttpProtocol(HttpToolsProtocol):
    """As its base, but an upgraded protocol is given what followed the head. Base of the relay's HTTP edge."""

    def data_received(self, data: bytes) -> None:
        """The base's method, with the one `except` it lacks; the contract test notes when the base's changes."""
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            message = "Invalid HTTP request received."
            self.logger.warning(message)
            self.send_400_response(message)

    def _upgrade(self, rest: bytes) -> None:
        if not self._should_upgrade():
            self._unsupported_upgrade_warning()
            return
        self.handle_websocket_upgrade()
        if rest:
            cast("asyncio.Protocol", self.transport.get_protocol()).data_received(rest)
