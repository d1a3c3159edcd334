"""The verbs of `nightjar-relay`. Each works on the data folder; a running relay hears of changes within a second.

What a person did wrong is answered in one line on standard error, with exit status 1, or 2 for a wrong command line.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from relay import __doc__ as relay_doc
from relay.accounts.identity import DEFAULT_EXPOSURE
from relay.cli import models, presets, providers, rules, serving, verbs
from relay.cli.errors import INTERRUPTED, complaint
from relay.cli.output import render
from relay.cli.verbs import in_new_relay, in_prepared_relay, in_relay
from relay.configuration import data_folder, existing_folder, load, version
from relay.errors import RelayError


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, and how to learn more."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """What a verb does not know is its own error: the help of the whole program would not tell what it knows."""
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return parsed, unknown

    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"{self.prog}: {message} (see {self.prog} --help)\n")
        sys.exit(2)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    parsed = _parser().parse_args(arguments)
    try:
        settings = load(_folder(parsed), parsed.config)
        output = parsed.run(parsed, settings)
    except RelayError as error:
        sys.stderr.write(complaint(error))
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    if output is not None:
        sys.stdout.write(render(output, as_json=parsed.json))
    return 0


def _folder(parsed: argparse.Namespace) -> Path | None:
    """Which relay is meant. Somebody who only ever ran `nightjar local` means that one, and is told so."""
    if parsed.data is not None or parsed.config is not None or parsed.run is serving.run:
        folder: Path | None = parsed.data
        return folder
    folder = existing_folder()
    if folder != data_folder():
        sys.stderr.write(f"nightjar-relay: using the relay of `nightjar local`, in {folder}\n")
    return folder


# --- the command line -------------------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--data", type=Path, metavar="DIR", help="data folder (default: the user's, or $NIGHTJAR_HOME/relay)"
    )
    common.add_argument(
        "--config", type=Path, metavar="FILE", help="settings file (default: relay.toml in the data folder)"
    )
    common.add_argument("--json", action="store_true", help="print JSON")
    parser = _Parser("nightjar-relay", description=(relay_doc or "").splitlines()[0])
    parser.add_argument("--version", action="version", version=f"nightjar-relay {version()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)
    _serve_parser(commands, common)
    _key_parser(commands, common)
    _credit_parser(commands, common)
    providers.add_parsers(commands, common)
    _node_parser(commands, common)
    models.add_parsers(commands, common)
    rules.add_parsers(commands, common)
    presets.add_parsers(commands, common)
    return parser


def _serve_parser(commands: Any, common: argparse.ArgumentParser) -> None:
    parser = commands.add_parser("serve", parents=[common], help="run the relay")
    parser.add_argument("--host", help="address to listen on (default 127.0.0.1: this computer only)")
    parser.add_argument("--port", type=int, help="TCP port (default 8484; 0 takes a free one)")
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="processes that share the port, one for each core to use (default 1; Linux)",
    )
    parser.add_argument("--edge", choices=("http", "asgi"), help="who serves the hot routes (default http)")
    parser.add_argument("--demo", action="store_true", help="start with a little credit, so that a first call works")
    parser.add_argument("--announce", type=Path, metavar="FILE", help="write addresses and a key here when ready")
    parser.add_argument("--parent-pipe", action="store_true", help="stop when standard input ends")
    parser.set_defaults(run=serving.run)


def _key_parser(commands: Any, common: argparse.ArgumentParser) -> None:
    keys = commands.add_parser("key", help="make, list and revoke API keys").add_subparsers(
        metavar="ACTION", required=True
    )
    create = keys.add_parser("create", parents=[common], help="make a key; it is shown this once")
    create.add_argument("name", nargs="?", default="key", help="what you will know it by")
    create.add_argument("--pools", default=",".join(sorted(DEFAULT_EXPOSURE)), help="pools it may reach, with commas")
    create.set_defaults(run=in_new_relay(verbs.key_create))
    keys.add_parser("list", parents=[common], help="list keys").set_defaults(run=in_relay(verbs.key_list))
    revoke = keys.add_parser("revoke", parents=[common], help="end a key")
    revoke.add_argument("id", type=int, help="its number in the list")
    revoke.set_defaults(run=in_relay(verbs.key_revoke))


def _credit_parser(commands: Any, common: argparse.ArgumentParser) -> None:
    credit = commands.add_parser("credit", help="add and show what callers can spend").add_subparsers(
        metavar="ACTION", required=True
    )
    add = credit.add_parser("add", parents=[common], help="add credit; a running relay has it at once")
    add.add_argument("amount", metavar="AMOUNT_USD", help="dollars, for example 5 or 0.50")
    add.add_argument("--reference", metavar="R", help="what it is for; the same one a second time adds nothing")
    add.set_defaults(run=in_prepared_relay(verbs.credit_add))
    credit.add_parser("show", parents=[common], help="show what is left").set_defaults(run=in_relay(verbs.credit_show))


def _node_parser(commands: Any, common: argparse.ArgumentParser) -> None:
    nodes = commands.add_parser("node", help="list and revoke nodes, make enrolment tokens").add_subparsers(
        metavar="ACTION", required=True
    )
    nodes.add_parser("list", parents=[common], help="list nodes").set_defaults(run=in_relay(verbs.node_list))
    revoke = nodes.add_parser("revoke", parents=[common], help="end a node; its socket closes within seconds")
    revoke.add_argument("id")
    revoke.set_defaults(run=in_relay(verbs.node_revoke))
    token = nodes.add_parser("token", parents=[common], help="make a token that enrols a PC without a browser")
    token.add_argument("--uses", type=int, default=1, help="how many PCs (default 1)")
    token.add_argument("--hours", type=float, default=24.0, help="how long it is valid (default 24)")
    token.add_argument("--pool", choices=("own", "organisation"), default="own", help="who may use them")
    token.set_defaults(run=in_prepared_relay(verbs.node_token))
