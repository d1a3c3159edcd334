"""The verbs for rules: what an organisation, one key or one model allows its calls."""

from __future__ import annotations

import argparse
from typing import Any, Final, cast, get_args

import msgspec

from relay.accounts import directory
from relay.cli.errors import UsageError
from relay.cli.output import Row
from relay.cli.verbs import in_relay
from relay.completions.rules import Subject, list_rules, remove_rule, set_rule
from relay.routing.preferences import Preferences
from relay.routing.rules import Rule, Scope
from relay.storage.engine import Database
from relay.storage.ids import OrganisationId

_LISTS: Final = {
    "only": "targets or pools it may go to, and no others",
    "ignore": "targets or pools it may not go to",
    "order": "targets or pools to be tried first, in this order",
    "pools": "pools it may go to: own, organisation, trusted, community, cloud",
    "region": "regions it may be computed in",
    "quantizations": "as fp8: quantisations it may be computed with",
}
"""Fields of a call's `provider` object that are lists of names."""

_WHOM: Final = "organisation, key:NUMBER or model:NAME"


def add_parsers(commands: Any, common: argparse.ArgumentParser) -> None:
    """`nightjar-relay rule …`."""
    rules = commands.add_parser(
        "rule", help="what all calls, those of a key, or those for a model may use"
    ).add_subparsers(metavar="ACTION", required=True)
    set_ = rules.add_parser(
        "set",
        parents=[common],
        help="set a rule, in place of the one before",
        description="Each option means what the same field of a call's `provider` object means. Where rules and a call "
        "say different things, a target must be allowed by all of them; the narrowest decides on the order.",
    )
    set_.add_argument("whom", metavar="WHOM", help=_WHOM)
    set_.add_argument("--models", metavar="NAME,…", help="models that may be asked for (not of a model's own rule)")
    for name, summary in _LISTS.items():
        set_.add_argument(f"--{name}", metavar="NAME,…", help=summary)
    set_.add_argument("--sort", choices=("price", "throughput", "latency"), help="what comes first where order is open")
    set_.add_argument("--max-price-prompt", type=float, metavar="USD", help="per million prompt tokens")
    set_.add_argument("--max-price-completion", type=float, metavar="USD", help="per million completion tokens")
    set_.add_argument("--no-training", action="store_true", help="only where prompts are not learnt from")
    set_.add_argument("--zero-retention", action="store_true", help="only where nothing is kept; nor does this relay")
    set_.set_defaults(run=in_relay(_set))
    rules.add_parser("list", parents=[common], help="list the rules").set_defaults(run=in_relay(_list))
    remove = rules.add_parser("remove", parents=[common], help="end a rule")
    remove.add_argument("whom", metavar="WHOM", help=_WHOM)
    remove.set_defaults(run=in_relay(_remove))


def _set(parsed: argparse.Namespace, database: Database, at_ms: int) -> Row:
    subject, rule = _subject(parsed.whom, database), _rule(parsed)
    if rule == Rule():
        raise UsageError("a rule must say something: see nightjar-relay rule set --help")
    if subject.scope == "model" and rule.models:
        raise UsageError("--models is for the organisation or a key; a model's own rule says where it may be computed")
    if subject.scope == "key":
        known = {str(key.id) for key in database.read_sync(directory.list_keys)}
        if subject.name not in known:
            raise UsageError(f"there is no key {subject.name!r}; nightjar-relay key list shows their numbers")
    database.write_sync(lambda connection: set_rule(connection, subject, rule, at_ms=at_ms))
    return _line(subject, rule)


def _rule(parsed: argparse.Namespace) -> Rule:
    """Raises UsageError."""
    said: dict[str, Any] = {name: names for name in _LISTS if (names := _names(parsed, name)) is not None}
    prices = {"prompt": parsed.max_price_prompt, "completion": parsed.max_price_completion}
    if any(each is not None for each in prices.values()):
        said["max_price"] = prices
    said |= {"sort": parsed.sort, "zdr": parsed.zero_retention}
    said["data_collection"] = "deny" if parsed.no_training else "allow"
    try:
        return Rule(models=_names(parsed, "models") or (), provider=msgspec.convert(said, Preferences))
    except msgspec.ValidationError as error:
        raise UsageError(str(error)) from error


def _names(parsed: argparse.Namespace, option: str) -> tuple[str, ...] | None:
    """None without the option. An empty list bars nothing, which is not what it looks like: raises UsageError."""
    text: str | None = getattr(parsed, option)
    if text is None:
        return None
    names = tuple(filter(None, map(str.strip, text.split(","))))
    if not names:
        raise UsageError(f"--{option} names nothing; leave it out if it is to bar nothing")
    return names


def _subject(whom: str, database: Database) -> Subject:
    """Raises UsageError."""
    scope, _, name = whom.partition(":")
    if scope not in get_args(Scope) or bool(name) is (scope == "organisation"):
        raise UsageError(f"WHOM is {_WHOM}, not {whom!r}")
    organisation: OrganisationId = database.read_sync(directory.first_organisation)
    return Subject(organisation, cast("Scope", scope), name)


def _list(_parsed: argparse.Namespace, database: Database, _at_ms: int) -> list[Row]:
    return [_line(subject, rule) for subject, rule in database.read_sync(list_rules).items()]


def _line(subject: Subject, rule: Rule) -> Row:
    """Only what it says."""
    default = msgspec.to_builtins(Preferences())
    says = {name: value for name, value in msgspec.to_builtins(rule.provider).items() if value != default[name]}
    whom = f"{subject.scope}:{subject.name}" if subject.name else subject.scope
    return {"whom": whom, "models": rule.models or None, "provider": msgspec.json.encode(says).decode()}


def _remove(parsed: argparse.Namespace, database: Database, _at_ms: int) -> Row:
    subject = _subject(parsed.whom, database)
    database.write_sync(lambda connection: remove_rule(connection, subject))
    return {"removed": parsed.whom}
