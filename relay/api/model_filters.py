"""Which models a list shows, and in what order: the query of `GET /v1/models`. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from relay.api.callers import whole
from relay.completions.refusal import bad_request
from relay.completions.targets import Offer

_Model = dict[str, Any]
_Query = Mapping[str, str]
_Offers = Mapping[str, Sequence[Offer]]

_MILLION: Final = 1_000_000


def _price(model: _Model) -> float:
    """Dollars per million tokens of the prompt."""
    return round(float(model["pricing"]["prompt"]) * _MILLION, 6)


_SORTS: Final[Mapping[str, Callable[[_Model], Any]]] = {
    "newest": lambda model: -model["created"],
    "pricing-low-to-high": _price,
    "pricing-high-to-low": lambda model: -_price(model),
    "context-high-to-low": lambda model: -model["context_length"],
}
_MODALITIES: Final = frozenset({"text", "image", "file", "audio", "video", "embeddings"})


def chosen(models: Sequence[_Model], offers: _Offers, query: _Query) -> tuple[int, list[_Model]]:
    """How many pass, and the page of them that was asked for.

    `q`, `supported_parameters`, `input_modalities`, `output_modalities`, `providers` (lists have commas), `context` (at
    least so many tokens), `min_price` and `max_price` (dollars per million tokens of the prompt), `sort`, `offset`,
    `limit`. Names that are not known are passed over, as OpenRouter does.

    Raises:
        Refusal: a value cannot be read.
    """
    kept = [each for each in models if all(test(each) for test in _tests(offers, query))]
    if (sort := query.get("sort")) is not None:
        if sort not in _SORTS:
            raise bad_request(f"'sort' must be one of {', '.join(_SORTS)}.", param="sort")
        kept.sort(key=_SORTS[sort])
    start = whole(query, "offset", 0)
    return len(kept), kept[start : start + whole(query, "limit", len(kept) or 1, least=1)]


def _tests(offers: _Offers, query: _Query) -> list[Callable[[_Model], bool]]:
    tests: list[Callable[[_Model], bool]] = []
    if words := query.get("q", "").lower().split():
        tests.append(lambda model: all(word in _text(model) for word in words))
    if wanted := _names(query, "supported_parameters"):
        tests.append(lambda model: wanted <= set(model.get("supported_parameters", ())))
    for side in ("input_modalities", "output_modalities"):
        if kinds := _names(query, side):
            _known(kinds, side)
            tests.append(lambda model, side=side, kinds=kinds: kinds <= set(model["architecture"][side]))  # type: ignore[misc]
    if providers := _names(query, "providers"):
        tests.append(lambda model: any(each.name in providers for each in offers[model["id"]]))
    if context := whole(query, "context", 0):
        tests.append(lambda model: model["context_length"] >= context)
    if (least := _amount(query, "min_price")) is not None:
        tests.append(lambda model: _price(model) >= least)
    if (most := _amount(query, "max_price")) is not None:
        tests.append(lambda model: _price(model) <= most)
    return tests


def _known(kinds: frozenset[str], side: str) -> None:
    if unknown := sorted(kinds - _MODALITIES):
        raise bad_request(f"{unknown[0]!r} is none of {', '.join(sorted(_MODALITIES))}.", param=side)


def _text(model: _Model) -> str:
    return f"{model['id']} {model['name']} {model['description']}".lower()


def _names(query: _Query, name: str) -> frozenset[str]:
    return frozenset(filter(None, (each.strip() for each in query.get(name, "").split(","))))


def _amount(query: _Query, name: str) -> float | None:
    text = query.get(name)
    if text is None:
        return None
    try:
        amount = float(text)
        if not 0 <= amount < 1e9:
            raise ValueError(text)
    except ValueError as error:
        raise bad_request(f"{name!r} must be dollars per million tokens, as 0.5.", param=name) from error
    return amount
