"""`python -m tests.benchmarks.relay [--json] [--short]`: the relay against nginx."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks import report
from tests.benchmarks.goals import goals_of
from tests.benchmarks.processes import Cores, Unmeasurable, allow_many_files, running, wait_until
from tests.benchmarks.relay import books
from tests.benchmarks.relay.gateways import Gateway, PreparedRelay, nginx
from tests.benchmarks.relay.peers import NAMES, installed, peer
from tests.benchmarks.relay.rounds import Bench, Measured, Plan
from tests.benchmarks.report import median
from tests.benchmarks.rig.build import tool


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench relay", description=__doc__)
    parser.add_argument("--json", action="store_true", help="figures and goals as JSON on the last line")
    parser.add_argument("--short", action="store_true", help="only to see that it works: the figures mean nothing")
    parser.add_argument("--rounds", type=int, help="interleaved rounds (default 5)")
    parser.add_argument("--peers", type=Path, metavar="FOLDER", help="programs to measure too: litellm, sglang-router")
    options = parser.parse_args(arguments)
    plan = Plan.short() if options.short else Plan(rounds=options.rounds or Plan().rounds)
    allow_many_files()
    try:
        with tempfile.TemporaryDirectory(prefix="nightjar-bench-") as folder:
            measured = measure(Path(folder), plan, Cores.of_this_machine(), options.peers)
    except Unmeasurable as problem:
        print(f"bench relay: {problem}", file=sys.stderr)
        return 1
    report.show_samples(measured.samples)
    report.warn_if_busy(
        [*measured.samples["relay core lost to others"], *measured.samples["nginx core lost to others"]]
    )
    found = figures(measured) | beside_peers(measured)
    goals = goals_of("relay") | {name: goal for name, goal in goals_of("peers").items() if name in found}
    report.show(found, goals, as_json=options.json)
    return 0


def measure(folder: Path, plan: Plan, cores: Cores, programs: Path | None = None) -> Measured:
    """Everything, in turns. Raises Unmeasurable when a load fails or the books are wrong afterwards."""
    measured = Measured()
    provider_log = folder / "provider.log"
    with running([str(tool("provider"))], core=cores.rig, log=provider_log):
        wait_until(lambda: provider_log.read_text().endswith("\n"), within_s=5, what="the mock provider's start")
        provider_port = int(provider_log.read_text())
        relay = PreparedRelay(folder / "relay", provider_port=provider_port, cores=cores)
        _starts(relay, plan, measured)
        with ExitStack() as stack:
            gateways = [
                stack.enter_context(nginx(folder / "nginx", provider_port=provider_port, cores=cores)),
                stack.enter_context(relay.started()),
            ]
            measured.calls += 1
            if programs is not None:
                peers = (
                    peer(each, programs, folder / each, at=provider_port, cores=cores) for each in installed(programs)
                )
                gateways += map(stack.enter_context, peers)
            for each in gateways:
                measured.note(f"{each.name} MB idle", each.running.resident_mb())
            _rounds(Bench(plan, cores, measured), gateways, plan, provider_port)
    if faults := books.read(relay.data).faults(calls=measured.calls):
        raise Unmeasurable("the books are wrong after the run: " + "; ".join(faults))
    print(f"{measured.calls} calls, each with its usage row; the books sum to zero and no hold is open")
    return measured


def _starts(relay: PreparedRelay, plan: Plan, measured: Measured) -> None:
    for _ in range(plan.starts):
        with relay.started() as gateway:
            measured.calls += 1
            measured.note("relay start s", gateway.start_s)


def _rounds(bench: Bench, gateways: list[Gateway], plan: Plan, provider_port: int) -> None:
    for number in range(plan.rounds):
        for gateway in gateways if number % 2 == 0 else reversed(gateways):
            print(f"round {number + 1} of {plan.rounds}: {gateway.name}", file=sys.stderr)
            bench.round(gateway, provider_port)


def figures(measured: Measured) -> dict[str, float]:
    """Medians over the rounds; of a ratio, over each round's own, so that a slow minute counts for both sides."""
    samples = measured.samples

    def ratio(name: str) -> float:
        return _ratio(measured, name, "nginx")

    return {
        "requests_vs_nginx": ratio("requests/s"),
        "chunk_cpu_vs_nginx": ratio("CPU us/chunk"),
        "added_p50_vs_nginx": ratio("added p50 us"),
        "resident_idle_mb": median(samples["relay MB idle"]),
        "resident_500_streams_mb": max(samples["relay MB after streams"]),
        "start_s": median(samples["relay start s"]),
        "request_cpu_vs_nginx": ratio("CPU us/request"),
        "request_cpu_us": median(samples["relay CPU us/request"]),
        "chunk_cpu_us": median(samples["relay CPU us/chunk"]),
        "added_p50_us": median(samples["relay added p50 us"]),
    }


def _ratio(measured: Measured, name: str, other: str) -> float:
    ours, theirs = measured.samples[f"relay {name}"], measured.samples[f"{other} {name}"]
    return median([a / b for a, b in zip(ours, theirs, strict=True)])


def beside_peers(measured: Measured) -> dict[str, float]:
    """The same of every peer that was measured."""
    found: dict[str, float] = {}
    for name in NAMES:
        if f"{name} requests/s" in measured.samples:
            found[f"requests_vs_{name}"] = _ratio(measured, "requests/s", name)
            found[f"request_cpu_vs_{name}"] = _ratio(measured, "CPU us/request", name)
            found[f"chunk_cpu_vs_{name}"] = _ratio(measured, "CPU us/chunk", name)
    return found


if __name__ == "__main__":
    sys.exit(main())
