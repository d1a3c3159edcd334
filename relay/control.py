"""Everything human or rare, as ordinary FastAPI: models, enrolment, the pages.

Loaded at the first request that needs it (see `server`): a relay that only answers calls starts sooner, and stays
smaller by the whole framework.
"""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from relay.api import account, enrolment, models, owner
from relay.app import Services
from relay.completions.envelope import error_object
from relay.completions.refusal import Refusal
from relay.console import site
from relay.console.pages import no_such_page


def build(services: Services) -> FastAPI:
    """The application behind the hot route."""
    app = FastAPI(title="Nightjar Relay", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_api_route("/", lambda: RedirectResponse("/console"), include_in_schema=False)
    app.include_router(account.router(services))
    app.include_router(models.router(services))
    app.include_router(enrolment.router(services.enrolment))
    app.include_router(owner.router(services))
    app.include_router(
        site.router(
            services.database,
            services.keyring,
            services.enrolment,
            registry=services.registry,
            clock=services.clock,
        )
    )
    if services.watched is not None:
        from relay.api import metrics  # noqa: PLC0415 - with its library, which a relay nobody watches need not load

        app.include_router(metrics.router(services, *services.watched))
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(HTTPException, _http_error)
    return app


async def _refused(_request: Request, error: Exception) -> Response:
    if not isinstance(error, Refusal):
        raise error
    headers = {} if error.retry_after is None else {"retry-after": str(round(error.retry_after))}
    return JSONResponse({"error": error_object(error)}, error.status, headers)


async def _http_error(request: Request, error: Exception) -> Response:
    """Routing errors in the form every OpenAI client reads; to people, a page."""
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == 404 and request.url.path.startswith(("/console/", "/enrol/")):
        return no_such_page()
    if error.status_code == 404:
        text = f"There is no {request.method} {request.url.path} here. The API begins at /v1."
    elif error.status_code == 405:
        text = f"{request.method} is not allowed for {request.url.path}."
    else:
        text = error.detail
    refusal = Refusal(error.status_code, text, kind="invalid_request_error", code=f"http_{error.status_code}")
    return JSONResponse({"error": error_object(refusal)}, error.status_code, error.headers)
