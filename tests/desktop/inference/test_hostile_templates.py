"""Chat templates from strangers who mean harm: each is refused, in bounded time and memory, and the worker lives on."""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from desktop.inference import process, templates
from desktop.inference.keeper import Keeper
from desktop.inference.templates import ChatTemplate, TemplateRefused
from desktop.inference.worker_settings import WorkerSettings
from tests.desktop.inference.answers import PARIS, PARIS_ANSWER, a_call, ask
from tests.desktop.inference.conftest import Watch
from tests.desktop.inference.template_worker import HOSTILE

LOOP = "range(99999)"

HOSTILE_TEMPLATES = {
    # to Python and from there to everything
    "subclasses": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "globals of a function": "{{ raise_exception.__globals__['os'].system('id') }}",
    "globals of a method": "{{ self.__init__.__globals__.__builtins__ }}",
    "globals of a macro": "{% macro m() %}{% endmacro %}{{ m.__init__.__globals__.x }}",
    "globals of the cycler": "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "globals of lipsum": "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "globals of the namespace": "{{ namespace.__init__.__globals__['__builtins__']['eval']('1') }}",
    "attr filter": "{{ (''|attr('__class__')|attr('__mro__'))[1]|attr('__subclasses__')() }}",
    "attr filter in two steps": "{{ (''|attr('_'~'_class_'~'_')|attr('__base__')).x }}",
    "attribute by format": "{{ '{0.__class__.__init__.__globals__}'.format(raise_exception).x }}",
    "attribute by format_map": "{{ '{a.__class__.__mro__[9]}'.format_map({'a': 1}) }}",
    "format by name": "{% set f = '{0.__class__[1]}'.format %}{{ f(1) }}",
    "indirect format": "{{ ['{0.__class__.__base__[x]}']|map('format', 1)|first|attr('__class__')|int + '' }}",
    "map by attribute": "{{ messages|map(attribute='__class__.__mro__')|first|first|attr('mro')() }}",
    "sum by attribute": "{{ messages|sum(attribute='__class__') }}",
    "frame of a generator": "{{ (messages|map('string')).gi_frame.f_globals.x }}",
    "code of a function": "{{ strftime_now.__code__.co_consts }}",
    "closure of a function": "{{ strftime_now.__closure__[0].cell_contents.__class__ }}",
    "context": "{{ self._TemplateReference__context.parent.x }}",
    "environment": "{{ self._TemplateReference__context.environment.globals.x }}",
    # to other files
    "include": "{% include '/etc/passwd' %}",
    "import": "{% import 'os' as os %}{{ os }}",
    "from import": "{% from 'x.html' import y %}",
    "extends": "{% extends 'base.html' %}",
    # what is given to it must stay as it is
    "append": "{{ messages.append({'role': 'system', 'content': 'x'}) }}",
    "update": "{{ messages[0].update({'content': 'x'}) }}",
    "clear by a map": "{% set c = messages[0].clear %}{{ c() }}",
    # hours of work
    "a large range": "{% for x in range(1000000000) %}{% endfor %}",
    "loops in loops": f"{{% for a in {LOOP} %}}{{% for b in {LOOP} %}}{{% endfor %}}{{% endfor %}}",
    "a filtered loop": f"{{% for a in {LOOP} if {LOOP}|list|length == 0 %}}{{% endfor %}}",
    "a recursive loop": f"{{% for a in {LOOP} recursive %}}{{{{ loop({LOOP}) }}}}{{% endfor %}}",
    "a macro that grows": "{% macro m(n) %}{% if n %}{{ m(n-1) ~ m(n-1) }}{% endif %}{% endmacro %}{{ m(40) }}",
    "a macro without end": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "a block in itself": "{% block b %}{{ self.b() }}{% endblock %}",
    "powers": "{{ 9 ** 9 ** 9 }}",
    "rounding to a million places": "{{ 1.5|round(100000000, 'ceil') + '' }}",
    "so many slices": "{{ messages|slice(1000000000)|list }}",
    "filler text": "{{ lipsum(100000000) }}",
    "words to wrap": "{{ ('a ' * 1000000)|wordwrap(1) }}",
    # memory
    "a long repetition": "{{ 'a' * 10000000000 }}",
    "a list repeated": "{{ [1] * 1000000000 }}",
    "doubling text": "{% set s = namespace(t='a' * 16) %}{% for i in range(60) %}{% set s.t = s.t ~ s.t %}{% endfor %}",
    "doubling lists": "{% set s = namespace(t=[1]) %}{% for i in range(60) %}{% set s.t = s.t + s.t %}{% endfor %}",
    "a wide column": "{{ '%1000000000d' % 1 }}",
    "a wide format": "{{ '{:>10000000000}'.format(1) }}",
    "a wide field": "{{ 'a'.ljust(10000000000) }}",
    "centred while it is read": "{{ 'a'|center(10000000000) }}",
    "indented by much": "{{ 'a\n' | indent(10000000000) }}",
    "nothing replaced by much": "{{ ('a' * 1000000).replace('', 'b' * 1000000) }}",
    "joined by much": "{{ range(90000)|join('a' * 1000000) }}",
    "endless output": f"{{% for a in {LOOP} %}}{{{{ 'a' * 100000 }}}}{{% endfor %}}",
    # that break the compiler
    "nested deeper than Python goes": "{% for a in [1] %}" * 60 + "{% endfor %}" * 60,
    "brackets": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "a list in lists": "{{ " + "[" * 500 + "]" * 500 + " }}",
    "not closed": "{% for m in messages %}",
    "too long": "x" * (templates.MAX_SOURCE_CHARS + 1),
    "an unknown filter": "{{ 1|no_such_filter }}",
    "an unknown test": "{{ 1 is no_such_test }}",
    "an unknown tag": "{% debug %}",
    "a name of Python's": "{{ __import__('os') }}",
    "nothing": "",
    "division": "{{ 1 // 0 }}",
}
"""Forty and more. Each must be refused; none may give a prompt."""

MESSAGES = ({"role": "user", "content": "a" * 1000},)


def test_there_are_at_least_forty() -> None:
    assert len(HOSTILE_TEMPLATES) >= 40


@pytest.mark.parametrize("name", [name for name in HOSTILE_TEMPLATES if name != "nothing"])
def test_a_hostile_template_is_refused_within_its_bounds(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(templates, "MAX_RENDER_S", 0.3)
    monkeypatch.setattr(templates, "MAX_COMPILE_S", 0.3)
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()

    with pytest.raises(TemplateRefused) as refused:
        ChatTemplate(HOSTILE_TEMPLATES[name], bos="<s>", eos="</s>").render(MESSAGES, created=0)

    assert time.process_time() - begun < 5
    assert str(refused.value).endswith(".")
    assert len(str(refused.value)) < 700
    if sys.platform == "linux":
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 600 * 1024
    assert MESSAGES == ({"role": "user", "content": "a" * 1000},)


async def test_in_a_real_worker_each_is_a_decline_and_the_worker_lives_on(
    settings: Callable[..., WorkerSettings], watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "tests.desktop.inference.template_worker"
    monkeypatch.setattr(process, "command", lambda: [sys.executable, "-P", "-m", module])
    keeper = Keeper(settings(), on_change=watch)
    await keeper.start()
    await watch.ready()
    pid = keeper.pid
    declined = {}
    for number, (name, source) in enumerate(HOSTILE_TEMPLATES.items(), 1):
        answer = await ask(keeper, a_call(HOSTILE + source, id=number))
        declined[name] = answer.decline and answer.decline[0]
    after = await ask(keeper, a_call(PARIS, id=1000))
    same = keeper.pid == pid
    await keeper.stop()

    assert {name: reason for name, reason in declined.items() if reason != "template"} == {}
    assert same
    assert after.text() == PARIS_ANSWER


def test_a_template_draws_no_lots_so_that_another_node_renders_the_same_prompt() -> None:
    with pytest.raises(TemplateRefused):
        ChatTemplate("{{ [1, 2, 3]|random }}", bos="", eos="")


@pytest.mark.skipif(sys.platform != "linux", reason="the limit exists on Linux only")
def test_the_limit_of_memory_is_lifted_after_each_template() -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    with pytest.raises(TemplateRefused):
        ChatTemplate("{{ 'a' * 10000000000 }}", bos="", eos="").render(MESSAGES, created=0)

    assert resource.getrlimit(resource.RLIMIT_AS) == before
    assert Path(f"/proc/{os.getpid()}").exists()
