"""From messages to the model's own prompt format, by a template that is untrusted code.

A chat template comes with the model file, from a stranger. It runs only in the worker, which has no secrets, and here
under these bounds, each with a test: Jinja's immutable sandbox (no attribute that leads to Python), no power and no
product that makes a number or a text large in one step, a limit of time that ends even a loop that writes nothing, a
limit of memory where the system can enforce one, and a limit of output. A template sees the messages, the two border
tokens, and one clock: the time at which the call was made, so that another node renders the same prompt.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import sys
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import jinja2
from jinja2 import ext, sandbox
from typing_extensions import override

from desktop.errors import DesktopError
from desktop.inference.parameters import Message

MAX_SOURCE_CHARS: Final = 256 * 1024
MAX_PROMPT_CHARS: Final = 32 * 1024 * 1024
MAX_RENDER_S: Final = 2.0
"""CPU time is what is meant; wall time is what a timer can see, and the worker does nothing else meanwhile."""
MAX_RENDER_BYTES: Final = 256 * 1024 * 1024

_MAX_FACTOR: Final = 1024 * 1024


if sys.platform == "linux":
    import resource


class TemplateRefused(DesktopError):
    """The template did not accept the messages, or broke a bound."""


class _TimeUp(BaseException):
    """Raised into the rendering thread. Not an Exception: a template must not be able to swallow it."""


class _Environment(sandbox.ImmutableSandboxedEnvironment):
    """The sandbox, with the two operators narrowed that make much out of little."""

    intercepted_binops = frozenset({"*", "**"})

    @override
    def call_binop(self, context: jinja2.runtime.Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "**":
            raise jinja2.TemplateRuntimeError("powers are not allowed")
        if any(isinstance(side, int) and abs(side) > _MAX_FACTOR for side in (left, right)):
            raise jinja2.TemplateRuntimeError("a factor is too large")
        for text, times in ((left, right), (right, left)):
            if isinstance(times, int) and isinstance(text, Sequence) and len(text) * times > _MAX_FACTOR:
                raise jinja2.TemplateRuntimeError("a repetition is too long")
        return super().call_binop(context, operator, left, right)


class ChatTemplate:
    """A compiled template. Raises TemplateRefused if `source` does not compile."""

    def __init__(self, source: str, *, bos: str, eos: str) -> None:
        if len(source) > MAX_SOURCE_CHARS:
            raise TemplateRefused("The model's chat template is too long.")
        environment = _Environment(trim_blocks=True, lstrip_blocks=True, extensions=[ext.loopcontrols])
        environment.filters["tojson"] = _to_json
        environment.globals |= {"raise_exception": _raise_exception, "bos_token": bos, "eos_token": eos}
        try:
            self._template = environment.from_string(source)
        except (jinja2.TemplateError, RecursionError, ValueError, MemoryError) as error:
            raise TemplateRefused(f"The model's chat template cannot be used: {error}.") from error

    def render(self, messages: Sequence[Message], *, created: int) -> str:
        """The prompt, ending where the answer begins. `created` is a Unix time in seconds."""
        now = datetime.fromtimestamp(created, UTC)
        conversation = [{"role": message.role, "content": message.content} for message in messages]
        try:
            with _memory_limit(MAX_RENDER_BYTES), _time_limit(MAX_RENDER_S):
                return _capped(
                    self._template.generate(
                        messages=conversation,
                        add_generation_prompt=True,
                        tools=None,
                        strftime_now=lambda form: now.strftime(str(form)[:256]),
                    )
                )
        except _TimeUp:
            raise TemplateRefused("The model's chat template took too long with these messages.") from None
        except MemoryError:
            raise TemplateRefused("The model's chat template used too much memory with these messages.") from None
        except (jinja2.TemplateError, ArithmeticError, LookupError, TypeError, ValueError, RecursionError) as error:
            raise TemplateRefused(f"The model's chat template does not accept these messages: {error}.") from error


def _capped(parts: Iterator[str]) -> str:
    kept, room = [], MAX_PROMPT_CHARS
    for part in parts:
        room -= len(part)
        if room < 0:
            raise TemplateRefused("The model's chat template wrote too much with these messages.")
        kept.append(part)
    return "".join(kept)


def _to_json(value: Any, indent: int | None = None, *, ensure_ascii: bool = False, **_: object) -> str:
    """As templates of the Hugging Face kind expect it: not escaped for HTML, and characters as they are."""
    return json.dumps(value, indent=min(int(indent), 16) if indent else None, ensure_ascii=ensure_ascii)


def _raise_exception(message: object) -> None:
    raise jinja2.TemplateRuntimeError(str(message)[:500])


@contextlib.contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Raises _TimeUp in this thread after `seconds`, between two of its byte codes, on every platform."""
    thread, lock, over = threading.get_ident(), threading.Lock(), False
    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc

    def fire() -> None:
        with lock:
            if not over:
                raise_in(ctypes.c_ulong(thread), ctypes.py_object(_TimeUp))

    timer = threading.Timer(seconds, fire)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        with lock:
            over = True
            raise_in(ctypes.c_ulong(thread), None)
        timer.cancel()


@contextlib.contextmanager
def _memory_limit(extra: int) -> Iterator[None]:
    """Lets this process grow by `extra` bytes and no more, where the system enforces such a limit (Linux)."""
    if sys.platform != "linux":
        yield
        return
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = pages * resource.getpagesize() + extra
    limit = limit if soft == resource.RLIM_INFINITY else min(limit, soft)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
