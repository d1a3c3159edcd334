from __future__ import annotations

from typing import Any

import pytest

from desktop.inference.fields import ParameterRefused
from desktop.inference.thinking import thinking


@pytest.mark.parametrize(
    ("fields", "values"),
    [
        ({}, {"enable_thinking": True}),
        ({"reasoning_effort": "none"}, {"enable_thinking": False, "thinking": False}),
        ({"reasoning_effort": "high"}, {"enable_thinking": True, "thinking": True, "reasoning_effort": "high"}),
        ({"reasoning_effort": "minimal"}, {"enable_thinking": True, "thinking": True, "reasoning_effort": "low"}),
        ({"chat_template_kwargs": {"enable_thinking": False}}, {"enable_thinking": False, "thinking": False}),
        ({"chat_template_kwargs": {"thinking": True, "x": 1}}, {"enable_thinking": True, "thinking": True}),
    ],
)
def test_a_template_is_told_by_the_names_it_asks_by(fields: dict[str, Any], values: dict[str, Any]) -> None:
    assert thinking(fields).values() == values


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"reasoning_effort": "much"}, "reasoning_effort"),
        ({"reasoning_effort": 7}, "reasoning_effort"),
        ({"chat_template_kwargs": []}, "chat_template_kwargs"),
        ({"chat_template_kwargs": {"enable_thinking": "no"}}, "chat_template_kwargs.enable_thinking"),
    ],
)
def test_what_is_wrong_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(ParameterRefused) as refused:
        thinking(fields)
    assert refused.value.param == param
