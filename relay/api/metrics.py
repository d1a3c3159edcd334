"""`GET /metrics` in the format of Prometheus, for who has the token of the settings. There only if there is a token.

Of a relay of several processes whichever is asked tells of all of them: every series has a label `worker`, since each
process counts for itself, and from nought when it is started again. One that does not answer in time is missing.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Protocol

from fastapi import APIRouter, Request, Response
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from relay.api.figures import Figures, WatchedServices, joined
from relay.completions.refusal import Refusal
from relay.ledger.tally import Tally
from relay.storage.secret import Secret


class Others(Protocol):
    """The other processes of a relay of several, and which of them this one is."""

    @property
    def number(self) -> int: ...

    async def figures_of_others(self) -> Mapping[int, bytes]:
        """What each of them has to tell, by number."""


class MetricsServices(WatchedServices, Protocol):
    """Whose figures there are to be told."""

    @property
    def shared(self) -> Others | None: ...


def router(services: MetricsServices, tally: Tally, token: Secret[str]) -> APIRouter:
    """The one route."""
    routes = APIRouter()
    figures = Figures(services, tally)
    expected = b"Bearer " + token.reveal().encode()

    @routes.get("/metrics")
    async def get_metrics(request: Request) -> Response:
        given = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, expected):
            message = "This needs the token that the relay's settings name as metrics.token."
            raise Refusal(401, message, kind="invalid_request_error", code="invalid_token")
        own, shared = figures.text(), services.shared
        text = own if shared is None else joined({shared.number: own, **await shared.figures_of_others()})
        return Response(text, headers={"content-type": CONTENT_TYPE_LATEST})

    return routes
