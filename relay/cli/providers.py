"""The verbs for providers: which outside APIs calls may be sent to, what they offer, at what price."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec

from relay.cli.errors import UsageError
from relay.cli.output import Row
from relay.cli.verbs import in_prepared_relay, in_relay
from relay.ledger.pricing import Price
from relay.settings import RelaySettings
from relay.storage.engine import Database
from relay.storage.secret import Secret
from relay.upstreams.provider import parse_base_url
from relay.upstreams.providers import (
    DEFAULT_CONTEXT,
    OfferedModel,
    ProviderRecord,
    add_provider,
    disable_provider,
    find_provider,
    list_providers,
    replace_provider,
)
from relay.upstreams.reach import Reach, networks
from relay.upstreams.traits import Traits
from relay.wire.frames import PicoDollars

MICRO: Final = 1_000_000
"""Micro-dollars in a dollar. A price of $1 per million tokens is 1,000,000 pico-dollars a token."""

_POLICIES: Final[Mapping[str, tuple[bool, bool]]] = {
    "trains": (True, False),
    "no-training": (False, False),
    "zero-retention": (False, True),
}
"""Whether it collects data, and whether it keeps nothing."""


def add_parsers(commands: Any, common: argparse.ArgumentParser) -> None:
    """`nightjar-relay provider …`."""
    providers = commands.add_parser("provider", help="add, change, list and remove providers").add_subparsers(
        metavar="ACTION", required=True
    )
    add = providers.add_parser("add", parents=[common], help="add an OpenAI-format API")
    _fields(add, new=True)
    add.set_defaults(run=_provider_in_reach)
    edit = providers.add_parser(
        "edit",
        parents=[common],
        help="change one while the relay runs; calls on their way are not touched",
        description="What is not named stays as it is. Prices and promises are those of the models named with --model, "
        "which are added if the provider has not offered them before and both prices are given; of all its models if "
        "none is named.",
    )
    _fields(edit, new=False)
    edit.add_argument("--drop-model", action="append", default=[], metavar="NAME", help="no longer offered; repeatable")
    edit.set_defaults(run=_edit_in_reach)
    providers.add_parser("list", parents=[common], help="list providers").set_defaults(run=in_relay(_provider_list))
    show = providers.add_parser("show", parents=[common], help="show all of one, but for its keys")
    show.add_argument("name")
    show.set_defaults(run=in_relay(_provider_show))
    remove = providers.add_parser("remove", parents=[common], help="take a provider out of service")
    remove.add_argument("name")
    remove.set_defaults(run=in_relay(_provider_remove))


def _fields(verb: argparse.ArgumentParser, *, new: bool) -> None:
    verb.add_argument("name", help="what targets are called after")
    verb.add_argument("--base-url", required=new, help="for example https://api.openai.com/v1")
    verb.add_argument("--key", help="its API key; - reads it, or several to be used in turn, line by line")
    verb.add_argument(
        "--model",
        action="append",
        required=new,
        default=[],
        metavar="NAME[=UPSTREAM]",
        help="a model it offers; repeatable",
    )
    verb.add_argument("--price-prompt", type=float, metavar="USD", help="per million prompt tokens")
    verb.add_argument("--price-completion", type=float, metavar="USD", help="per million completion tokens")
    verb.add_argument(
        "--context", type=int, metavar="TOKENS", help=f"context of its models (default {DEFAULT_CONTEXT:,})"
    )
    verb.add_argument("--region", help="where it computes, as eu: for calls that ask for a region")
    verb.add_argument("--quantisation", help="as fp8: for calls that ask for one")
    verb.add_argument(
        "--parameters", metavar="NAME,…", help="fields of a request it supports, as tools,response_format"
    )
    policy = verb.add_mutually_exclusive_group()
    for name, what in (
        ("trains", "it may learn from prompts (the default)"),
        ("no-training", "it does not learn from prompts, by contract"),
        ("zero-retention", "it keeps nothing at all, by contract"),
    ):
        policy.add_argument(f"--{name}", action="store_const", const=name, dest="policy", help=what)
    verb.add_argument(
        "--continues",
        choices=("prefix", "continue_final_message", "prefill", "no"),
        help="how it is told to go on with an unfinished answer, if it can",
    )


def _provider_in_reach(parsed: argparse.Namespace, settings: RelaySettings) -> Row | list[Row]:
    _check_reach(parsed, settings)
    return in_prepared_relay(_provider_add)(parsed, settings)


def _edit_in_reach(parsed: argparse.Namespace, settings: RelaySettings) -> Row | list[Row]:
    _check_reach(parsed, settings)
    return in_relay(_provider_edit)(parsed, settings)


def _check_reach(parsed: argparse.Namespace, settings: RelaySettings) -> None:
    """Refuse an address that the relay could never connect to."""
    if parsed.base_url is not None:
        origin, _ = parse_base_url(parsed.base_url)
        Reach(networks(settings.upstreams.private_addresses)).check_literal(origin.host)


def _provider_add(parsed: argparse.Namespace, database: Database, at_ms: int) -> Row:
    key = Secret(_key(parsed) or "")
    models = [_changed(_named(text), parsed) for text in parsed.model]
    database.write_sync(
        lambda connection: add_provider(
            connection, parsed.name, base_url=parsed.base_url, key=key, models=models, at_ms=at_ms
        )
    )
    row: Row = {"name": parsed.name, "base_url": parsed.base_url, "models": [model.name for model in models]}
    return row | ({"note": _free_of_charge(unpriced)} if (unpriced := _unpriced(parsed)) else {})


def _unpriced(parsed: argparse.Namespace) -> list[str]:
    """The prices that the command line does not say."""
    prices = {"--price-prompt": parsed.price_prompt, "--price-completion": parsed.price_completion}
    return [option for option, price in prices.items() if price is None]


def _free_of_charge(unpriced: Sequence[str]) -> str:
    which = "calls of it cost" if len(unpriced) > 1 else f"{unpriced[0].removeprefix('--price-')} tokens cost"
    return f"{which} nothing: {' and '.join(unpriced)} not given; nightjar-relay provider edit sets prices"


def _provider_edit(parsed: argparse.Namespace, database: Database, _at_ms: int) -> Row | list[Row]:
    before = database.read_sync(lambda connection: find_provider(connection, parsed.name))
    key = _key(parsed)
    after = replace(
        before,
        base_url=parsed.base_url or before.base_url,
        key=before.key if key is None else Secret(key),
        models=tuple(_edited({model.name: model for model in before.models}, parsed)),
    )
    database.write_sync(lambda connection: replace_provider(connection, after))
    return _all_of(after, as_json=parsed.json)


def _edited(models: dict[str, OfferedModel], parsed: argparse.Namespace) -> Iterable[OfferedModel]:
    """The models after the change. Raises UsageError."""
    for name in parsed.drop_model:
        if models.pop(name, None) is None:
            raise UsageError(f"{parsed.name} does not offer {name!r}; it offers {', '.join(models) or 'nothing'}")
    named = [_named(text, models) for text in parsed.model]
    if both := {model.name for model in named}.intersection(parsed.drop_model):
        raise UsageError(f"{', '.join(sorted(both))}: named with --model and with --drop-model")
    unknown = [model.name for model in named if model.name not in models]
    if unknown and (unpriced := _unpriced(parsed)):
        raise UsageError(
            f"{parsed.name} does not offer {unknown[0]!r}; it offers {', '.join(models)}. "
            f"To add a model, give {' and '.join(unpriced)} too (0 for one that is free)"
        )
    for model in named or tuple(models.values()):
        models[model.name] = _changed(model, parsed)
    if not models:
        raise UsageError(f"{parsed.name} would offer nothing; nightjar-relay provider remove takes it out of service")
    return models.values()


def _named(text: str, known: Mapping[str, OfferedModel] | None = None) -> OfferedModel:
    """A model by `NAME[=UPSTREAM]`, as it was if it was `known`."""
    name, _, upstream = text.partition("=")
    before = (known or {}).get(name)
    if before is None:
        return OfferedModel(name=name, upstream=upstream or name)
    return msgspec.structs.replace(before, upstream=upstream) if upstream else before


def _changed(model: OfferedModel, parsed: argparse.Namespace) -> OfferedModel:
    """`model` with what the command line says of it."""
    price = Price(
        _pico(parsed.price_prompt, "--price-prompt", model.price.prompt),
        _pico(parsed.price_completion, "--price-completion", model.price.completion),
    )
    said: dict[str, object] = {
        "quantisation": parsed.quantisation,
        "region": parsed.region,
        "parameters": None if parsed.parameters is None else tuple(filter(None, parsed.parameters.split(","))),
        "continues": "" if parsed.continues == "no" else parsed.continues,
    }
    if parsed.policy is not None:
        said["collects_data"], said["keeps_nothing"] = _POLICIES[parsed.policy]
    traits = msgspec.structs.replace(model.traits, **{name: each for name, each in said.items() if each is not None})
    context = model.context if parsed.context is None else parsed.context
    return msgspec.structs.replace(model, price=price, traits=traits, context=context)


def _key(parsed: argparse.Namespace) -> str | None:
    """One a line; None if the command line says nothing of it. Raises UsageError."""
    given: str | None = parsed.key
    if given != "-":
        return given
    keys = "\n".join(filter(None, map(str.strip, sys.stdin)))
    if not keys:
        raise UsageError("there was no key on standard input; for a provider that needs none say --key ''")
    return keys


def _pico(dollars: float | None, option: str, otherwise: PicoDollars) -> PicoDollars:
    if dollars is None:
        return otherwise
    if not 0 <= dollars <= 1_000_000:
        raise UsageError(f"{option} must be between 0 and 1,000,000 dollars per million tokens")
    return PicoDollars(round(dollars * MICRO))


def _provider_list(_parsed: argparse.Namespace, database: Database, _at_ms: int) -> list[Row]:
    return [
        {
            "name": each.name,
            "base_url": each.base_url,
            "keys": _count(each.key),
            "models": [model.name for model in each.models],
        }
        for each in database.read_sync(list_providers)
    ]


def _provider_show(parsed: argparse.Namespace, database: Database, _at_ms: int) -> Row | list[Row]:
    found = database.read_sync(lambda connection: find_provider(connection, parsed.name))
    return _all_of(found, as_json=parsed.json)


def _all_of(found: ProviderRecord, *, as_json: bool) -> Row | list[Row]:
    """For people a line a model."""
    if not as_json:
        return [_line(model) for model in found.models]
    return {
        "name": found.name,
        "base_url": found.base_url,
        "keys": _count(found.key),
        "models": [_shown(model) for model in found.models],
    }


def _count(key: Secret[str]) -> int:
    return len(key.reveal().split("\n")) if key.reveal() else 0


def _shown(model: OfferedModel) -> Row:
    """Prices in dollars per million tokens."""
    return {
        "name": model.name,
        "upstream": model.upstream,
        "context": model.context,
        "price_prompt": model.price.prompt / MICRO,
        "price_completion": model.price.completion / MICRO,
        "policy": _policy(model.traits),
        "quantisation": model.traits.quantisation,
        "region": model.traits.region,
        "parameters": model.traits.parameters,
        "continues": model.traits.continues,
    }


def _line(model: OfferedModel) -> Row:
    """What is not declared is told as such."""
    row = _shown(model)
    prices = {name: f"${row[name]:g}/M" for name in ("price_prompt", "price_completion")}
    return {name: None if value in ("", ()) else value for name, value in (row | prices).items()}


def _policy(traits: Traits) -> str:
    if traits.keeps_nothing:
        return "zero-retention"
    return "trains" if traits.collects_data else "no-training"


def _provider_remove(parsed: argparse.Namespace, database: Database, at_ms: int) -> Row:
    database.write_sync(lambda connection: disable_provider(connection, parsed.name, at_ms=at_ms))
    return {"removed": parsed.name}
