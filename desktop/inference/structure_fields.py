"""Reading what a body says of an answer's form: tools, which of them may be called, and a schema to keep. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from desktop.inference.fields import ParameterRefused, boolean, missing, wrong_type
from desktop.inference.structure import ANY_OBJECT, Form, Structure, Tool

MAX_TOOLS: Final = 128

_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_NOTHING: Final[Mapping[str, Any]] = {"type": "object", "properties": {}}
"""The parameters of a tool that names none."""


def structure(fields: dict[str, Any]) -> Structure:
    """From the fields of a body. Raises ParameterRefused."""
    tools = _tools(fields.get("tools", []))
    chosen = _choice(fields.get("tool_choice"), tools)
    several = "parallel_tool_calls" not in fields or boolean(fields, "parallel_tool_calls")
    return replace(chosen, several=several, content=_content(fields.get("response_format")))


def _tools(value: Any) -> tuple[Tool, ...]:
    if not isinstance(value, list):
        raise wrong_type("tools", "an array of tools", value)
    if len(value) > MAX_TOOLS:
        raise ParameterRefused(f"Invalid 'tools': expected at most {MAX_TOOLS} tools, but got {len(value)}.", "tools")
    tools = tuple(_tool(tool, f"tools[{at}]") for at, tool in enumerate(value))
    names = [tool.name for tool in tools]
    for at, name in enumerate(names):
        if name in names[:at]:
            named = f"tools[{at}].function.name"
            raise ParameterRefused(f"Invalid '{named}': there is another tool of the name '{name}'.", named)
    return tools


def _tool(value: Any, at: str) -> Tool:
    if not isinstance(value, dict):
        raise wrong_type(at, "an object", value)
    if value.get("type") != "function":
        raise ParameterRefused(f"Invalid value for '{at}.type'. Supported values are: 'function'.", f"{at}.type")
    at += ".function"
    function = value.get("function")
    if not isinstance(function, dict):
        raise missing(at) if function is None else wrong_type(at, "an object", function)
    name = _named(function, at)
    description = _text(function, "description", at)
    parameters = function.get("parameters") or _NOTHING
    if not isinstance(parameters, dict):
        raise wrong_type(f"{at}.parameters", "an object", parameters)
    shown = {"name": name, "description": description, "parameters": parameters}
    return Tool(function | shown, Form(parameters, strict=_strict(function, at)))


def _choice(value: Any, tools: tuple[Tool, ...]) -> Structure:
    names = frozenset(tool.name for tool in tools)
    if value is None or value == "auto":
        return Structure(tools, names)
    if value == "none":
        return Structure()
    if not tools:
        raise ParameterRefused("Invalid 'tool_choice': it is only allowed when 'tools' are specified.", "tool_choice")
    if value == "required":
        return Structure(tools, names, required=True)
    if not isinstance(value, dict):
        supported = "'none', 'auto', 'required', or an object that names a tool"
        raise ParameterRefused(f"Invalid value for 'tool_choice'. Supported values are: {supported}.", "tool_choice")
    if value.get("type") == "allowed_tools":
        return _allowed(value.get("allowed_tools"), tools)
    return Structure(tools, frozenset({_chosen(value, "tool_choice", names)}), required=True)


def _allowed(value: Any, tools: tuple[Tool, ...]) -> Structure:
    at = "tool_choice.allowed_tools"
    if not isinstance(value, dict):
        raise wrong_type(at, "an object", value)
    if value.get("mode") not in {"auto", "required"}:
        raise ParameterRefused(
            f"Invalid value for '{at}.mode'. Supported values are: 'auto', 'required'.", f"{at}.mode"
        )
    chosen = value.get("tools")
    if not isinstance(chosen, list) or not chosen:
        raise wrong_type(f"{at}.tools", "an array of tools", chosen)
    known = frozenset(tool.name for tool in tools)
    names = frozenset(_chosen(tool, f"{at}.tools[{index}]", known) for index, tool in enumerate(chosen))
    return Structure(tools, names, required=value["mode"] == "required")


def _chosen(value: Any, at: str, known: frozenset[str]) -> str:
    """The name of one of the tools."""
    if not isinstance(value, dict):
        raise wrong_type(at, "an object", value)
    if value.get("type") != "function":
        raise ParameterRefused(f"Invalid value for '{at}.type'. Supported values are: 'function'.", f"{at}.type")
    function = value.get("function")
    if not isinstance(function, dict):
        raise wrong_type(f"{at}.function", "an object", function)
    name = _named(function, f"{at}.function")
    if name not in known:
        named = f"{at}.function.name"
        raise ParameterRefused(f"Invalid '{named}': there is no tool '{name}' in 'tools'.", named)
    return name


def _content(value: Any) -> Form | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise wrong_type("response_format", "an object", value)
    kind = value.get("type")
    if kind == "text":
        return None
    if kind == "json_object":
        return Form(ANY_OBJECT, strict=True)
    if kind != "json_schema":
        supported = "'text', 'json_object', 'json_schema'"
        raise ParameterRefused(
            f"Invalid value for 'response_format.type'. Supported values are: {supported}.", "response_format.type"
        )
    at = "response_format.json_schema"
    named = value.get("json_schema")
    if not isinstance(named, dict):
        raise missing(at) if named is None else wrong_type(at, "an object", named)
    _named(named, at)
    schema = named.get("schema", ANY_OBJECT)
    if not isinstance(schema, dict):
        raise wrong_type(f"{at}.schema", "an object", schema)
    return Form(schema, strict=_strict(named, at))


def _named(value: Mapping[str, Any], at: str) -> str:
    name = value.get("name")
    if not isinstance(name, str):
        raise missing(f"{at}.name") if name is None else wrong_type(f"{at}.name", "a string", name)
    if not _NAME.fullmatch(name):
        raise ParameterRefused(
            f"Invalid '{at}.name': expected 1 to 64 letters, digits, underscores, dots or dashes.", f"{at}.name"
        )
    return name


def _strict(value: Mapping[str, Any], at: str) -> bool:
    strict = value.get("strict")
    if strict is not None and not isinstance(strict, bool):
        raise wrong_type(f"{at}.strict", "a boolean", strict)
    return bool(strict)


def _text(value: Mapping[str, Any], key: str, at: str) -> str:
    text = value.get(key)
    if text is not None and not isinstance(text, str):
        raise wrong_type(f"{at}.{key}", "a string", text)
    return text or ""
