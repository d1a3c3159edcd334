"""A manual page of a command line: read from its parser, so that it says what `--help` says."""

from __future__ import annotations

import argparse
import re


def manual(parser: argparse.ArgumentParser, *, version: str, summary: str) -> str:
    """The page in roff, section 1."""
    name = parser.prog
    lines = [
        f'.TH {name.upper()} 1 "" "{name} {version}" "User Commands"',
        ".SH NAME",
        f"{_text(name)} \\- {_text(summary)}",
        ".SH SYNOPSIS",
        f".B {_text(name)}",
        _text(_usage(parser)),
        ".SH DESCRIPTION",
        _text(parser.description or summary),
        ".SH OPTIONS",
        *_options(parser),
        ".SH COMMANDS",
        *(line for verb, at in _verbs(parser).items() for line in _command(name, verb, at)),
        ".SH EXIT STATUS",
        "0 if all went well, 1 if it did not, 2 for a command line that makes no sense.",
    ]
    return "\n".join(line for line in lines if line) + "\n"


def _usage(parser: argparse.ArgumentParser) -> str:
    return " ".join(parser.format_usage().split()[2:])


def _verbs(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Those that do something: where a verb has verbs of its own, theirs."""
    found: dict[str, argparse.ArgumentParser] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, at in action.choices.items():
                deeper = _verbs(at)
                found |= {f"{name} {verb}": each for verb, each in deeper.items()} or {name: at}
    return found


def _command(name: str, verb: str, parser: argparse.ArgumentParser) -> list[str]:
    usage = " ".join(parser.format_usage().split()[1:]).removeprefix(f"{name} {verb}").strip()
    about = parser.description or ""
    return [".SS", f"{_text(verb)} {_text(usage)}".strip(), _text(about), *_options(parser)]


def _options(parser: argparse.ArgumentParser) -> list[str]:
    lines: list[str] = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction | argparse._HelpAction) or action.help == argparse.SUPPRESS:
            continue
        value = action.metavar or ("" if action.nargs == 0 else action.dest.upper())
        shown = value if isinstance(value, str) else " ".join(value)
        head = f"{', '.join(action.option_strings)} {shown}".strip()
        says = (action.help or "") % {**vars(action), "prog": parser.prog} if action.help else ""
        lines += [".TP", f".B {_text(head)}", _text(says) or "."]
    return lines


def _text(words: str) -> str:
    """One line that roff takes for text."""
    line = re.sub(r"\s+", " ", words).strip().replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{line}" if line.startswith((".", "'")) else line
