"""`python -m tests.benchmarks.engine [--json] [--short]`: our worker against llama-server."""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from tests.benchmarks import report
from tests.benchmarks.engine import llama_server, random_model
from tests.benchmarks.engine.contenders import SERVER_FLAGS, Contender, our_worker
from tests.benchmarks.engine.contenders import llama_server as started_server
from tests.benchmarks.engine.rounds import FEWER_STREAMS, Measured, Plan, measure_cancels, measure_round
from tests.benchmarks.engine.whole_node import agent_cpu_of_worker
from tests.benchmarks.goals import goals_of
from tests.benchmarks.processes import Cores, Unmeasurable
from tests.benchmarks.report import median


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench engine", description=__doc__)
    parser.add_argument("--json", action="store_true", help="figures and goals as JSON on the last line")
    parser.add_argument("--short", action="store_true", help="only to see that it works: the figures mean nothing")
    parser.add_argument("--rounds", type=int, help="interleaved rounds (default 5)")
    options = parser.parse_args(arguments)
    plan = Plan.short() if options.short else Plan(rounds=options.rounds or Plan().rounds)
    try:
        program, model = llama_server.build(), random_model.path()
        with tempfile.TemporaryDirectory(prefix="nightjar-bench-") as folder:
            measured = asyncio.run(measure(Path(folder), plan, program=program, model=model))
            for share in agent_cpu_of_worker(Path(folder), rounds=plan.starts, tokens=plan.streamed):
                measured.note("agent: CPU of the worker's, demo model", share)
    except Unmeasurable as problem:
        print(f"bench engine: {problem}", file=sys.stderr)
        return 1
    report.show_samples(measured.samples)
    lost = [value for name, values in measured.samples.items() if name.endswith("lost to others") for value in values]
    report.warn_if_busy(lost)
    report.show(figures(measured), goals_of("engine"), as_json=options.json)
    return 0


async def measure(folder: Path, plan: Plan, *, program: Path, model: Path) -> Measured:
    """Everything, in turns. All engines stay loaded; only the one that is asked has work."""
    cores, measured = Cores.of_this_machine(), Measured()
    for _ in range(plan.starts):
        async with our_worker(model, cores) as (_, start_s):
            measured.note("worker: start s", start_s)
    async with AsyncExitStack() as stack:
        worker, _ = await stack.enter_async_context(our_worker(model, cores))
        engines: list[Contender] = [worker]
        for name in SERVER_FLAGS:
            server = started_server(program, name, model=model, cores=cores, folder=folder)
            engines.append(await stack.enter_async_context(server))
        for number in range(plan.rounds):
            for engine in engines if number % 2 == 0 else reversed(engines):
                print(f"round {number + 1} of {plan.rounds}: {engine.name}", file=sys.stderr)
                await measure_round(engine, plan, measured, number=number, core=cores.measured)
            await measure_cancels(worker, plan, measured, number=number)
    return measured


def figures(measured: Measured) -> dict[str, float]:
    """Medians of the rounds' own ratios, each against the flag set of llama-server that does better in it."""
    samples = measured.samples

    def ratio(name: str, *, more: bool) -> float:
        ratios = [
            median([a / b for a, b in zip(samples[f"worker: {name}"], samples[f"{server}: {name}"], strict=True)])
            for server in SERVER_FLAGS
        ]
        return min(ratios) if more else max(ratios)

    return {
        "tokens_per_cpu_second_vs_llama_server": ratio("tokens per CPU-second", more=True),
        "first_token_p50_vs_llama_server": ratio("first token p50 ms", more=False),
        "second_turn_p50_vs_llama_server": ratio("second turn p50 ms", more=False),
        "start_s": median(samples["worker: start s"]),
        "cancel_between_steps_ms": max(samples["worker: cancel between steps ms"]),
        "cancel_in_prompt_ms": max(samples["worker: cancel in a prompt ms"]),
        **{
            f"tokens_per_cpu_second_vs_llama_server_at_{streams}": ratio(
                f"tokens per CPU-second, streams: {streams}", more=True
            )
            for streams in FEWER_STREAMS
        },
        "tokens_per_second_vs_llama_server": ratio("tokens/s", more=True),
        "tokens_per_cpu_second": median(samples["worker: tokens per CPU-second"]),
        "first_token_p50_ms": median(samples["worker: first token p50 ms"]),
        "agent_cpu_of_worker": median(samples["agent: CPU of the worker's, demo model"]),
        "keeper_cpu_of_worker": median(samples["worker: client CPU of the engine's"]),
    }


if __name__ == "__main__":
    sys.exit(main())
