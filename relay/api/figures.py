"""What Prometheus is told: the figures of this process, and those of several processes of one relay as one text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, Metric, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from relay.clock import Clock
from relay.completions.targets import Targets
from relay.ledger.service import Ledger
from relay.ledger.tally import OfModel, Spread, Sums, Tally
from relay.nodes.registry import Registry
from relay.upstreams.http import Pool

_NANO: Final = 1e9


class WatchedServices(Protocol):
    """What is told of."""

    @property
    def ledger(self) -> Ledger: ...
    @property
    def registry(self) -> Registry: ...
    @property
    def pool(self) -> Pool: ...
    @property
    def targets(self) -> Targets: ...
    @property
    def clock(self) -> Clock: ...


class Figures:
    """What this process has to tell."""

    def __init__(self, services: WatchedServices, tally: Tally) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Relay(services, tally))
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """At this moment; to be called on the event loop."""
        return generate_latest(self._registry)


def joined(texts: Mapping[int, bytes]) -> bytes:
    """The figures of several processes, by worker, as one text."""
    families: dict[str, Metric] = {}
    for worker, text in sorted(texts.items()):
        for family in text_string_to_metric_families(text.decode()):
            whole = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            for sample in family.samples:
                whole.add_sample(sample.name, {**sample.labels, "worker": str(worker)}, sample.value)
    registry = CollectorRegistry()
    registry.register(_Ready(families.values()))
    return generate_latest(registry)


class _Ready(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


class _Relay(Collector):
    def __init__(self, services: WatchedServices, tally: Tally) -> None:
        self._services = services
        self._tally = tally

    def collect(self) -> Iterator[Metric]:
        """Everything at this moment; called on the event loop, whose objects it looks at."""
        yield from self._now()
        sums = self._tally.read()
        yield from _of_models(sums.models)
        yield from _of_all(sums)

    def _now(self) -> Iterator[Metric]:
        nodes = self._services.registry.here()
        yield _gauge("calls_running", "Calls admitted and not yet ended.", self._services.ledger.open_calls)
        yield _gauge("nodes_connected", "Nodes with a link.", len(nodes))
        yield _gauge("nodes_sharing", "Nodes that take calls.", sum(each.takes_calls for each in nodes))
        opened = CounterMetricFamily("nightjar_provider_connections", "Connections opened to providers.")
        opened.add_metric((), self._services.pool.opened)
        yield opened
        yield from _of_targets(self._services.targets, self._services.clock.now())


def _of_targets(targets: Targets, now: float) -> Iterable[Metric]:
    resting = GaugeMetricFamily(
        "nightjar_target_rests_seconds",
        "How much longer a target that kept failing is left alone.",
        labels=("target", "model"),
    )
    for name, model, rests_s in targets.resting(now):
        resting.add_metric((name, model), rests_s)
    keys = GaugeMetricFamily("nightjar_provider_keys", "Keys of a provider.", labels=("provider", "state"))
    for provider, *counts in targets.keys(now):
        for state, count in zip(("ready", "resting", "refused"), counts, strict=True):
            keys.add_metric((provider, state), count)
    return resting, keys


def _of_models(models: Mapping[str, OfModel]) -> Iterable[Metric]:
    calls = CounterMetricFamily(
        "nightjar_calls", "Calls ended, by who delivered last.", labels=("model", "target", "state")
    )
    tokens = CounterMetricFamily(
        "nightjar_tokens", "Tokens billed; cached ones are of the prompt.", labels=("model", "kind")
    )
    cost = CounterMetricFamily("nightjar_cost_dollars", "What callers paid.", labels=("model",))
    duration = HistogramMetricFamily("nightjar_call_duration_seconds", "From request to end.", labels=("model",))
    first = HistogramMetricFamily("nightjar_first_token_seconds", "From request to first content.", labels=("model",))
    for name, model in models.items():
        for (target, state), count in model.calls.items():
            calls.add_metric((name, target, state), count)
        tokens.add_metric((name, "prompt"), model.prompt_tokens)
        tokens.add_metric((name, "completion"), model.completion_tokens)
        tokens.add_metric((name, "cached"), model.cached_tokens)
        cost.add_metric((name,), model.cost / _NANO)
        duration.add_metric((name,), _buckets(model.duration), model.duration.total)
        first.add_metric((name,), _buckets(model.first_token), model.first_token.total)
    return calls, tokens, cost, duration, first


def _of_all(sums: Sums) -> Iterable[Metric]:
    attempts = CounterMetricFamily("nightjar_attempts", "Targets tried, by target.", labels=("target",))
    for target, count in sums.attempts.items():
        attempts.add_metric((target,), count)
    errors = CounterMetricFamily("nightjar_errors", "Calls that ended in an error, by code.", labels=("code",))
    for code, count in sums.errors.items():
        errors.add_metric((code,), count)
    shares = CounterMetricFamily("nightjar_share_dollars", "Who got what callers paid.", labels=("of",))
    shares.add_metric(("owners",), sums.owner_share / _NANO)
    shares.add_metric(("operator",), sums.operator_share / _NANO)
    shares.add_metric(("providers",), sums.provider_share / _NANO)
    loss = CounterMetricFamily("nightjar_operator_loss_dollars", "What providers cost beyond what was held.")
    loss.add_metric((), sums.operator_loss / _NANO)
    return attempts, errors, shares, loss


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"nightjar_{name}", text, value=value)


def _buckets(spread: Spread) -> list[tuple[str, float]]:
    """Cumulative, as the format wants them."""
    found, upto = [], 0
    for bound, count in zip((*map(str, spread.bounds), "+Inf"), spread.counts, strict=True):
        upto += count
        found.append((bound, float(upto)))
    return found
