"""Which other engines run on this PC and what models they have; nobody is asked without the owner's consent.

Servers are looked for on this computer only, by the addresses they use when nobody changed them. A listing is all that
is asked for: nothing is loaded, unloaded or generated. What a server tells beyond OpenAI's listing is read where its
documentation gives it a place: context and quantisation decide what may be offered.
"""

from __future__ import annotations

import asyncio
import enum
import ipaddress
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import msgspec

from desktop.errors import DesktopError

MAX_LISTING_BYTES: Final = 4 * 1024 * 1024
_MAX_MODELS: Final = 256
_LISTING_S: Final = 2.0

OLLAMA_CONTEXT: Final = 4096
"""What Ollama gives a model that nobody told otherwise; a longer prompt it would cut without a word."""


class ServerKind(enum.StrEnum):
    """Whose server it is."""

    OLLAMA = "Ollama"
    LM_STUDIO = "LM Studio"
    LLAMA_SERVER = "llama-server"
    VLLM = "vLLM"
    OTHER = "OpenAI-format server"


DEFAULT_PORTS: Final = (11434, 1234, 1337, 8080, 8000)
"""Of Ollama, LM Studio, Jan, llama-server and vLLM."""


class NotLocal(DesktopError):
    """An address that is not this computer's own."""

    def __init__(self, url: str) -> None:
        super().__init__(f"{url} is not an address of this computer, such as http://127.0.0.1:11434.")


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model as its server lists it. `context` is what one answer may use, 0 if the server does not say.

    `slots` is how many answers the server says that it writes at once, 0 if it does not say. `loaded` is None where
    nobody can tell. `pictures`: the server says that it looks at images.
    """

    name: str
    context: int = 0
    quantisation: str = ""
    loaded: bool | None = None
    slots: int = 0
    digest: str = ""
    pictures: bool = False


@dataclass(frozen=True, slots=True)
class FoundServer:
    """An engine that answered. `problem` says in a sentence why its models are not known."""

    url: str
    kind: ServerKind
    models: tuple[ServedModel, ...] = ()
    problem: str = ""


def offered_name(model: str) -> str:
    """Under which a relay hears of a model that its owner gave no name: llama-server calls it by the path of its file,
    which is nobody's business.
    """
    path = model.replace("\\", "/")
    is_path = path != model or path.startswith("/")
    return PurePath(path).name.removesuffix(".gguf") if is_path else model


def local_url(url: str) -> str:
    """`http://host:port` of this computer. Raises NotLocal: a name would be looked up, and could lead anywhere."""
    parts = urlsplit(url if "//" in url else f"http://{url}")
    host = "127.0.0.1" if parts.hostname == "localhost" else parts.hostname or ""
    try:
        inside = ipaddress.ip_address(host).is_loopback
        port = parts.port or 80
    except ValueError:
        inside, port = False, 0
    if not inside or parts.scheme != "http" or parts.username or parts.path not in {"", "/", "/v1", "/v1/"}:
        raise NotLocal(url)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def local_client(*, key: str = "", timeout: httpx.Timeout | float = _LISTING_S) -> httpx.AsyncClient:
    """Without proxies and redirects: what is meant for this computer must not leave it."""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=timeout, headers=headers)


async def find_servers(*, consented: Callable[[], bool], ports: Iterable[int] = DEFAULT_PORTS) -> list[FoundServer]:
    """Those that answer, in the order of `ports`; nobody is asked unless `consented` says so."""
    if not consented():
        return []
    async with local_client() as client:
        found = await asyncio.gather(*(look_at(client, f"http://127.0.0.1:{port}") for port in ports))
    return [server for server in found if server is not None]


async def look_at(client: httpx.AsyncClient, url: str) -> FoundServer | None:
    """The server at one address, or None if none of these answers there."""
    status, listing = await _get(client, f"{url}/v1/models")
    if status in {401, 403}:
        return FoundServer(url, ServerKind.OTHER, problem="It wants an API key.")
    names = _names(listing)
    if status != 200 or names is None:
        return None
    for kind, ask in _DETAILS.items():
        models = await ask(client, url, names)
        if models is not None:
            return FoundServer(url, kind, tuple(models[:_MAX_MODELS]))
    return FoundServer(url, ServerKind.OTHER, tuple(map(ServedModel, names[:_MAX_MODELS])))


Listing = list[dict[str, Any]]


async def _get(client: httpx.AsyncClient, url: str, *, post: dict[str, str] | None = None) -> tuple[int, Any]:
    """Status and JSON; status 0 and None for everything that is not an answer in JSON."""
    try:
        async with client.stream("POST" if post else "GET", url, json=post, timeout=_LISTING_S) as response:
            content = b""
            async for part in response.aiter_bytes():
                content += part
                if len(content) > MAX_LISTING_BYTES:
                    return 0, None
        return response.status_code, msgspec.json.decode(content) if content else None
    except (httpx.HTTPError, httpx.InvalidURL, msgspec.DecodeError, RecursionError, OSError):
        return 0, None


def _items(answer: Any, field: str) -> Listing | None:
    """The objects in a list under `field`, if there is such a list."""
    items = answer.get(field) if isinstance(answer, dict) else None
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else None


def _names(answer: Any) -> list[str] | None:
    items = _items(answer, "data")
    return None if items is None else [name for item in items if (name := _text(item, "id"))]


def _text(item: Any, *path: str) -> str:
    value = _under(item, *path)
    return value[:256] if isinstance(value, str) else ""


def _number(item: Any, *path: str) -> int:
    value = _under(item, *path)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31 else 0


def _under(item: Any, *path: str) -> Any:
    for name in path:
        item = item.get(name) if isinstance(item, dict) else None
    return item


async def _ollama(client: httpx.AsyncClient, url: str, _names: list[str]) -> list[ServedModel] | None:
    """docs.ollama.com/api: `/api/tags`; `/api/show` for what a model was made for, `/api/ps` for what it has."""
    tags = _items((await _get(client, f"{url}/api/tags"))[1], "models")
    if tags is None:
        return None
    running = {_text(item, "name"): item for item in _items((await _get(client, f"{url}/api/ps"))[1], "models") or []}
    models = []
    for item in tags[:_MAX_MODELS]:
        name = _text(item, "name")
        shown = (await _get(client, f"{url}/api/show", post={"model": name}))[1]
        abilities = _under(shown, "capabilities") or ["completion"]
        if "completion" not in abilities:
            continue
        trained = _number(shown, "model_info", f"{_text(shown, 'model_info', 'general.architecture')}.context_length")
        context = _number(running.get(name), "context_length") or min(trained or OLLAMA_CONTEXT, OLLAMA_CONTEXT)
        quantisation = _text(item, "details", "quantization_level")
        models.append(
            ServedModel(
                name,
                context,
                quantisation,
                name in running,
                digest=_text(item, "digest"),
                pictures="vision" in abilities,
            )
        )
    return models


async def _lm_studio(client: httpx.AsyncClient, url: str, _names: list[str]) -> list[ServedModel] | None:
    """https://lmstudio.ai/docs/api/rest-api: `/api/v0/models`."""
    listed = _items((await _get(client, f"{url}/api/v0/models"))[1], "data")
    if listed is None:
        return None
    return [
        ServedModel(
            _text(item, "id"),
            _number(item, "loaded_context_length") or _number(item, "max_context_length"),
            _text(item, "quantization"),
            _text(item, "state") == "loaded",
            pictures=_text(item, "type") == "vlm",
        )
        for item in listed
        if _text(item, "type") in {"llm", "vlm"}
    ]


async def _llama_server(client: httpx.AsyncClient, url: str, names: list[str]) -> list[ServedModel] | None:
    """llama.cpp, tools/server/README.md: `/props` has a slot's context, how many slots there are, what they take."""
    props = (await _get(client, f"{url}/props"))[1]
    context = _number(props, "default_generation_settings", "n_ctx")
    if not context:
        return None
    slots = _number(props, "total_slots")
    pictures = _under(props, "modalities", "vision") is True
    return [ServedModel(name, context, loaded=True, slots=slots, pictures=pictures) for name in names]


async def _vllm(client: httpx.AsyncClient, url: str, _names: list[str]) -> list[ServedModel] | None:
    """https://docs.vllm.ai: its listing says `max_model_len`."""
    listed = _items((await _get(client, f"{url}/v1/models"))[1], "data") or []
    if not any(_text(item, "owned_by") == "vllm" for item in listed):
        return None
    return [ServedModel(_text(item, "id"), _number(item, "max_model_len"), loaded=True) for item in listed]


_Ask = Callable[[httpx.AsyncClient, str, list[str]], Awaitable[list[ServedModel] | None]]

_DETAILS: Final[dict[ServerKind, _Ask]] = {
    ServerKind.OLLAMA: _ollama,
    ServerKind.LM_STUDIO: _lm_studio,
    ServerKind.LLAMA_SERVER: _llama_server,
    ServerKind.VLLM: _vllm,
}
