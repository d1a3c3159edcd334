"""From messages to the model's own prompt format, by a template that is untrusted code.

A chat template comes with the model file, from a stranger. It runs only in the worker, which has no secrets, and here
under these bounds, each with a test: Jinja's immutable sandbox (no attribute that leads to Python), no power and no
product that makes a number or a text large in one step, a limit of time that ends even a loop that writes nothing, a
limit of memory where the system can enforce one, and a limit of output. A template sees the messages, the two border
tokens, and one clock: the time at which the call was made, so that another node renders the same prompt.
"""

from __future__ import annotations

import contextlib
import functools
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

import jinja2
from jinja2 import ext, nodes, sandbox
from typing_extensions import override

from desktop.errors import DesktopError

MAX_SOURCE_CHARS: Final = 256 * 1024
MAX_PROMPT_CHARS: Final = 32 * 1024 * 1024
MAX_RENDER_S: Final = 2.0
"""CPU time is what is meant; wall time is cheaper to read, and the worker does nothing else meanwhile."""
MAX_COMPILE_S: Final = 10.0
"""Constants are computed when a template is read, and the longest takes some tenths of a second for that."""
MAX_RENDER_BYTES: Final = 256 * 1024 * 1024

_MAX_FACTOR: Final = 1024 * 1024
_MAX_DECIMALS: Final = 32

_GLOBALS: Final = frozenset({"range", "dict", "namespace"})
_FILTERS: Final = frozenset(
    {
        "abs", "attr", "capitalize", "count", "d", "default", "dictsort", "e", "escape", "first", "float", "format",
        "indent", "int", "items", "join", "last", "length", "list", "lower", "map", "max", "min", "reject",
        "rejectattr", "replace", "reverse", "round", "safe", "select", "selectattr", "sort", "string", "sum", "title",
        "trim", "unique", "upper", "wordcount",
    }
)  # fmt: skip
"""What chat templates use. The others draw lots, or turn a small text into hours of work in one step."""


if sys.platform == "linux":
    import resource


class TemplateRefused(DesktopError):
    """The template did not accept the messages, or broke a bound."""


class MessagesRefused(TemplateRefused):
    """The template did not accept the messages in the form in which it was given them."""


class _TimeUp(jinja2.TemplateRuntimeError):
    """The template took too long."""


class _Environment(sandbox.ImmutableSandboxedEnvironment):
    """The sandbox, with a clock, and with the two operators narrowed that make much out of little.

    Everything that can happen more often than it is written looks at the clock: each pass of a loop (also one whose
    condition lets nothing through), each call, macro, block and filter. So what runs between two looks is one operation
    on what the memory limit allows to exist. (An alarm from outside is no way: Python may lose the exception in a
    finaliser.)
    """

    intercepted_binops = frozenset({"*", "**"})

    def __init__(self) -> None:
        super().__init__(trim_blocks=True, lstrip_blocks=True, extensions=[ext.loopcontrols])
        self._deadline = math.inf
        kept = {name: work for name, work in self.filters.items() if name in _FILTERS} | {"round": _round}
        self.filters = {name: self._watched(work) for name, work in kept.items()} | {"tojson": _to_json}
        self.globals = {name: value for name, value in self.globals.items() if name in _GLOBALS}

    @contextlib.contextmanager
    def time_limit(self, seconds: float) -> Iterator[None]:
        """For one render; an environment serves one at a time."""
        self._deadline = time.monotonic() + seconds
        try:
            yield
        finally:
            self._deadline = math.inf

    def look(self) -> bool:
        """True, while there is time."""
        if time.monotonic() > self._deadline:
            raise _TimeUp
        return True

    def _watched(self, work: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(work)  # keeps what Jinja noted on the function: which argument it wants first
        def watched(*given: Any, **named: Any) -> Any:
            self.look()
            return work(*given, **named)

        return watched

    @override
    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for node in tree.find_all((nodes.For, nodes.Macro, nodes.CallBlock, nodes.Block)):
            node.body.insert(0, nodes.ExprStmt(_look(node), lineno=node.lineno))  # type: ignore[attr-defined]
            if isinstance(node, nodes.For) and node.test is not None:
                node.test = nodes.And(_look(node), node.test, lineno=node.lineno)
        return tree.set_environment(self)  # type: ignore[return-value]

    @override
    def call(self, context: jinja2.runtime.Context, work: Any, /, *given: Any, **named: Any) -> Any:
        self.look()
        return super().call(context, work, *given, **named)

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


def _look(node: nodes.Node) -> nodes.Call:
    clock = nodes.EnvironmentAttribute("look", lineno=node.lineno)
    return nodes.Call(clock, [], [], None, None, lineno=node.lineno)


class ChatTemplate:
    """A compiled template. Raises TemplateRefused if `source` does not compile.

    `beside`: bytes that other threads of this process may need while it renders. The limit of memory is the whole
    process's, and they must not meet it.
    """

    def __init__(self, source: str, *, bos: str, eos: str, beside: int = 0) -> None:
        if len(source) > MAX_SOURCE_CHARS:
            raise TemplateRefused("The model's chat template is too long.")
        if sys.platform == "linux":
            _own_memory()
        self._beside = beside
        environment = self._environment = _Environment()
        environment.globals |= {"raise_exception": _raise_exception, "bos_token": bos, "eos_token": eos}
        try:
            with _memory_limit(MAX_RENDER_BYTES), environment.time_limit(MAX_COMPILE_S):
                self._template = environment.from_string(source)
        except (_TimeUp, MemoryError):
            raise TemplateRefused("The model's chat template takes too much to be read.") from None
        except Exception as error:  # a stranger's code may raise whatever it likes
            raise TemplateRefused(f"The model's chat template cannot be used: {_short(error)}.") from error

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        created: int,
        tools: Sequence[Mapping[str, Any]] | None = None,
        values: Mapping[str, Any] = MappingProxyType({}),
    ) -> str:
        """The prompt, ending where the answer begins. `created` is a Unix time in seconds. Raises TemplateRefused.

        `values` are further names that a template may ask for.
        """
        now = datetime.fromtimestamp(created, UTC)
        given = {
            **values,
            "messages": messages,
            "add_generation_prompt": True,
            "tools": tools,
            "strftime_now": lambda form: now.strftime(str(form)[:256]),
        }
        try:
            with _memory_limit(MAX_RENDER_BYTES + self._beside), self._environment.time_limit(MAX_RENDER_S):
                return _capped(self._template.generate(given))
        except _TimeUp:
            raise TemplateRefused("The model's chat template took too long with these messages.") from None
        except MemoryError:
            raise TemplateRefused("The model's chat template used too much memory with these messages.") from None
        except TemplateRefused:
            raise
        except Exception as error:  # a stranger's code may raise whatever it likes
            raise MessagesRefused(
                f"The model's chat template does not accept these messages: {_short(error)}."
            ) from error


def _capped(parts: Iterator[str]) -> str:
    kept, room = [], MAX_PROMPT_CHARS
    for part in parts:
        room -= len(part)
        if room < 0:
            raise TemplateRefused("The model's chat template wrote too much with these messages.")
        kept.append(part)
    return "".join(kept)


def _short(error: Exception) -> str:
    return str(error)[:500]


def _round(value: float, precision: int = 0, method: str = "common") -> float:
    """As Jinja's, which computes ten to the power of whatever it is given."""
    return jinja2.filters.do_round(value, max(-_MAX_DECIMALS, min(int(precision), _MAX_DECIMALS)), method)  # type: ignore[arg-type]


def _to_json(value: Any, indent: int | None = None, *, ensure_ascii: bool = False, **_: object) -> str:
    """As templates of the Hugging Face kind expect it: not escaped for HTML, and characters as they are."""
    return json.dumps(value, indent=min(int(indent), 16) if indent else None, ensure_ascii=ensure_ascii)


def _raise_exception(message: object) -> None:
    raise jinja2.TemplateRuntimeError(str(message)[:500])


@functools.cache
def _own_memory() -> int:
    """A file that says how large this process is, open for good: a worker that serves can open none."""
    return os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)


@contextlib.contextmanager
def _memory_limit(extra: int) -> Iterator[None]:
    """Lets this process grow by `extra` bytes and no more, where the system enforces such a limit (Linux)."""
    if sys.platform != "linux":
        yield
        return
    pages = int(os.pread(_own_memory(), 128, 0).split()[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = pages * resource.getpagesize() + extra
    limit = limit if soft == resource.RLIM_INFINITY else min(limit, soft)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
