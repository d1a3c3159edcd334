"""Makes pages of templates, reads forms, and says which headers every page carries."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

MAX_FORM: Final = 16 * 1024
_HERE: Final = Path(__file__).parent
_HEADERS: Final = {
    # Nothing but our own style sheet: no script runs here, not even one that somebody smuggled into a PC's name.
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}

_STYLE: Final = (_HERE / "static" / "console.css").read_bytes()
STYLE_URL: Final = f"/console/static/{hashlib.sha256(_STYLE).hexdigest()[:12]}.css"
"""Changes with the content, so browsers may keep it for good."""

_templates = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.globals["style_url"] = STYLE_URL


class FormUnreadable(Exception):
    """What was posted is not a form of ours."""


def page(template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    return HTMLResponse(_templates.get_template(template).render(values), status, dict(_HEADERS))


def go_to(url: str) -> RedirectResponse:
    """After a form: the browser goes on with a GET."""
    return RedirectResponse(url, 303, dict(_HEADERS))


def site_of(request: Request) -> str:
    """The relay's address as this browser reached it, for people to copy. A proxy that ends TLS says so in a header."""
    site = request.base_url
    if request.headers.get("x-forwarded-proto") == "https":
        site = site.replace(scheme="https")
    return str(site).rstrip("/")


def is_only_here(site: str) -> bool:
    """Whether this address leads other computers to themselves."""
    return urlsplit(site).hostname in ("127.0.0.1", "::1", "localhost")


def no_such_page() -> Response:
    text = "There is no such page here. The address may be mistyped, or from an older version."
    return page("word.html", status=404, title="Page not found", text=text, tone="calm")


def style() -> Response:
    headers = {"cache-control": "public, max-age=31536000, immutable", "x-content-type-options": "nosniff"}
    return Response(_STYLE, headers=headers, media_type="text/css; charset=utf-8")


async def form(request: Request) -> Mapping[str, str]:
    """The fields of a posted form; of a field sent twice, the last. Raises FormUnreadable."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise FormUnreadable
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_FORM:
            raise FormUnreadable
    try:
        return dict(parse_qsl(data.decode(), keep_blank_values=True, max_num_fields=32))
    except ValueError as error:
        raise FormUnreadable from error


def local_path(wanted: str, *, otherwise: str) -> str:
    """A page of ours to go to after signing in; anything else could lead a person to a stranger's site."""
    known = any(wanted == start or wanted.startswith((start + "/", start + "?")) for start in ("/enrol", "/console"))
    return wanted if known and not set(wanted) & set("\\\r\n\t ") and "//" not in wanted else otherwise
