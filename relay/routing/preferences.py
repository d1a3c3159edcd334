"""What one call asks of its targets: the `provider` object of the body, in OpenRouter's names and a few of ours. Pure.

A call can only restrict what its key may reach, and say in which order.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Names = Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=256)], ...], Meta(max_length=64)]
Dollars = Annotated[float, Meta(ge=0, le=1e6)]
Positive = Annotated[float, Meta(gt=0, le=1e6)]
Sort = Literal["price", "throughput", "latency"]
Pool = Literal["own", "organisation", "trusted", "community", "cloud"]


class MaxPrice(msgspec.Struct, frozen=True):
    """Dollars per million tokens, and for each request."""

    prompt: Dollars | None = None
    completion: Dollars | None = None
    request: Dollars | None = None


class SortBy(msgspec.Struct, frozen=True):
    """The long form of `sort`. Of several models `none` mixes the targets; `model` takes one model after another."""

    by: Sort
    partition: Literal["model", "none"] = "model"


class Percentiles(msgspec.Struct, frozen=True):
    """A wish for one or more percentiles; the median is what is known, and what is looked at."""

    p50: Positive | None = None
    p75: Positive | None = None
    p90: Positive | None = None
    p99: Positive | None = None


class Preferences(msgspec.Struct, frozen=True):
    """`provider` of the body. Names are those of targets, or of pools.

    `preferred_min_throughput` is in tokens a second, `preferred_max_latency` in seconds: both put others last, and
    leave none out. `pools` and `region` are this relay's own.
    """

    order: Names = ()
    only: Names = ()
    ignore: Names = ()
    allow_fallbacks: bool = True
    sort: Sort | SortBy | None = None
    max_price: MaxPrice | None = None
    require_parameters: bool = False
    data_collection: Literal["allow", "deny"] = "allow"
    zdr: bool = False
    quantizations: Names = ()
    preferred_min_throughput: Positive | Percentiles | None = None
    preferred_max_latency: Positive | Percentiles | None = None
    pools: tuple[Pool, ...] | None = None
    region: Names = ()

    @property
    def sort_by(self) -> Sort | None:
        return self.sort.by if isinstance(self.sort, SortBy) else self.sort

    @property
    def mixes_models(self) -> bool:
        return isinstance(self.sort, SortBy) and self.sort.partition == "none"

    @property
    def min_throughput(self) -> float:
        """Tokens a second; 0 if none is asked for."""
        return _median(self.preferred_min_throughput)

    @property
    def max_latency(self) -> float:
        """Seconds; 0 if none is asked for."""
        return _median(self.preferred_max_latency)


def _median(wish: float | Percentiles | None) -> float:
    if isinstance(wish, Percentiles):
        return next((each for each in (wish.p50, wish.p75, wish.p90, wish.p99) if each is not None), 0.0)
    return wish or 0.0


NONE = Preferences()
