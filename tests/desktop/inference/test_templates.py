from __future__ import annotations

import contextlib

import pytest

from desktop.inference import templates
from desktop.inference.messages import Message
from desktop.inference.templates import ChatTemplate, TemplateRefused

HELLO = (Message("system", "Be brief."), Message("user", "Hello"))


def render(source: str, messages: tuple[Message, ...] = HELLO, *, created: int = 1_700_000_000) -> str:
    return ChatTemplate(source, bos="<s>", eos="</s>").render(_shown(messages), created=created)


def _shown(messages: tuple[Message, ...]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in messages]


def test_a_chatml_template_is_rendered_as_its_authors_meant() -> None:
    source = (
        "{% for message in messages %}\n"
        "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}\n"
        "{% endfor %}\n{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    )

    assert render(source).startswith("<|im_start|>system\nBe brief.<|im_end|>\n")
    assert render(source).endswith("<|im_start|>assistant\n")


def test_a_template_has_the_border_tokens_and_loop_controls() -> None:
    assert (
        render(
            "{{ bos_token }}{% for m in messages %}{% if loop.index > 1 %}{% break %}{% endif %}x{% endfor %}"
            "{{ eos_token }}"
        )
        == "<s>x</s>"
    )


def test_the_only_clock_is_that_of_the_call() -> None:
    assert render("{{ strftime_now('%Y-%m-%d %H:%M') }}", created=1_700_000_000) == "2023-11-14 22:13"


def test_text_reaches_json_unchanged() -> None:
    assert render("{{ messages[1].content | tojson }}", (Message("user", "a"), Message("user", "<é>"))) == '"<é>"'


def test_a_template_can_refuse_messages_in_its_own_words() -> None:
    with pytest.raises(TemplateRefused, match="only two roles"):
        render("{{ raise_exception('only two roles') }}")


@pytest.mark.parametrize(
    "source",
    [
        "{{ messages.__class__.__mro__ }}",
        "{{ ''.__class__.__base__.__subclasses__() }}",
        "{{ raise_exception.__globals__ }}",
        "{{ self.__init__.__globals__ }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ '{0.__class__.__init__.__globals__}'.format(strftime_now) }}",
        "{{ ''|attr('__class__')|attr('__mro__') }}",
        "{% set x = messages.append(1) %}",
        "{% set x = messages[0].update({'role': 'x'}) %}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
        "{% for x in range(10**9) %}{% endfor %}",
        "{{ 9**9**9 }}",
        "{{ 'a' * 10000000000 }}",
        "{{ [1] * 100000000 }}",
        "{{ 1 // 0 }}",
        "{{ undefined.attribute }}",
    ],
)
def test_a_hostile_template_reaches_nothing(source: str) -> None:
    with contextlib.suppress(TemplateRefused):
        assert not render(source)


BIG = "range(99999)"


@pytest.mark.parametrize(
    "source",
    [
        f"{{% for a in {BIG} %}}{{% for b in {BIG} %}}{{% endfor %}}{{% endfor %}}",
        f"{{% for a in {BIG} if ({BIG}|list|length) == 0 %}}{{% endfor %}}",
        f"{{% for a in {BIG} recursive %}}{{{{ loop({BIG}) }}}}{{% endfor %}}",
        "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(40) }}",
        f"{{% block b %}}{{{{ {BIG}|list|length }}}}{{{{ self.b() }}}}{{{{ self.b() }}}}{{% endblock %}}",
        f"{{{{ {BIG}|list|length }}}}" * 5000,
        "{% set t = messages[0].content %}" + "{{ t|upper|lower|length }}" * 5000,
        f"{{% set look = 1 %}}{{% for a in {BIG} %}}{{% for b in {BIG} %}}{{% endfor %}}{{% endfor %}}",
    ],
)
def test_a_template_that_would_run_for_hours_is_ended(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    monkeypatch.setattr(templates, "MAX_RENDER_S", 0.2)

    with pytest.raises(TemplateRefused, match=r"too long|recursion"):
        render(source, (Message("user", "a" * 2_000_000),))


def test_the_clock_of_one_render_does_not_run_on_into_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    template = ChatTemplate(
        f"{{% for a in {BIG} if messages|length > 1 %}}{{% for b in {BIG} %}}{{% endfor %}}{{% endfor %}}x",
        bos="",
        eos="",
    )
    monkeypatch.setattr(templates, "MAX_RENDER_S", 0.1)
    with pytest.raises(TemplateRefused, match="too long"):
        template.render(_shown(HELLO), created=0)
    monkeypatch.setattr(templates, "MAX_RENDER_S", 10)

    assert template.render(_shown(HELLO[:1]), created=0) == "x"


def test_text_that_doubles_itself_is_stopped_by_the_memory_limit() -> None:
    doubling = (
        "{% set s = namespace(t='aaaaaaaaaaaaaaaa') %}{% for i in range(40) %}{% set s.t = s.t ~ s.t %}{% endfor %}"
    )

    with pytest.raises(TemplateRefused, match="memory"):
        render(doubling)


def test_endless_output_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templates, "MAX_PROMPT_CHARS", 1000)
    with pytest.raises(TemplateRefused, match="too much"):
        render("{% for a in range(2000) %}x{% endfor %}")


@pytest.mark.parametrize(
    "source", ["{% if %}", "{{ 1", "x" * (templates.MAX_SOURCE_CHARS + 1), "{{ 1 | no_such_filter }}"]
)
def test_a_template_that_does_not_compile_is_refused(source: str) -> None:
    with pytest.raises(TemplateRefused):
        render(source)
