"""`python -m tests.benchmarks.handover [--json] [--short]`: how soon owners have their PC, and callers go on."""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from desktop.app import demo_model
from tests.benchmarks import report
from tests.benchmarks.engine import random_model
from tests.benchmarks.goals import goals_of
from tests.benchmarks.handover import gaps
from tests.benchmarks.handover.gaps import Gap
from tests.benchmarks.handover.returns import RealDesktop, Return, one_return
from tests.benchmarks.processes import Unmeasurable
from tests.fakes import FakeRelay


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench handover", description=__doc__)
    parser.add_argument("--json", action="store_true", help="figures and goals as JSON on the last line")
    parser.add_argument("--short", action="store_true", help="only to see that it works: the figures mean nothing")
    parser.add_argument("--rounds", type=int, default=100, help="returns, half of them while prompts are read")
    parser.add_argument("--answers", type=int, default=50, help="answers handed on from one node to another")
    parser.add_argument("--large", action="store_true", help="ten returns to a PC with a model of 4 GB, and no answers")
    options = parser.parse_args(arguments)
    if options.large:
        return _large(as_json=options.json)
    try:
        model = demo_model() if options.short else random_model.path()
    except Unmeasurable as problem:
        print(f"bench handover: {problem}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="nightjar-bench-") as folder:
        returns = asyncio.run(measure(Path(folder), model, rounds=2 if options.short else options.rounds))
        handed_on = gaps.measure(Path(folder), rounds=2 if options.short else options.answers)
    report.show(figures(returns) | gap_figures(handed_on), goals_of("handover"), as_json=options.json)
    return 0


def _large(*, as_json: bool) -> int:
    with tempfile.TemporaryDirectory(prefix="nightjar-bench-") as folder:
        model = random_model.path(random_model.LARGE)
        returns = asyncio.run(measure(Path(folder), model, rounds=10, sentences=1))
    found = figures(returns)
    goals = {name: goal for name, goal in goals_of("handover").items() if name in found}
    report.show(found, goals, as_json=as_json)
    return 0


async def measure(folder: Path, model: Path, *, rounds: int, sentences: int = 60) -> list[Return]:
    """Every other return comes while answers are written, the rest while prompts are read."""
    desktop = RealDesktop(folder / "pc", model, sentences=sentences)
    listening = FakeRelay()
    listening.patience_s = desktop.patience_s
    async with listening.serving() as relay, desktop.running():
        await desktop.join(relay)
        return [await one_return(desktop, relay, number, decoding=number % 2 == 0) for number in range(rounds)]


def figures(returns: Sequence[Return]) -> dict[str, float]:
    return {
        "rounds": len(returns),
        "handed_over_worst_s": max(each.handed_over for each in returns),
        "free_median_s": report.median([each.free for each in returns]),
        "free_worst_s": max(each.free for each in returns),
    }


def gap_figures(handed_on: Sequence[Gap]) -> dict[str, float]:
    """Beyond the prefill is beyond the first piece of the same answer, for which a node had to read the prompt too."""
    return {
        "gap_median_s": report.median([each.gap for each in handed_on]),
        "first_token_median_s": report.median([each.first_token for each in handed_on]),
        "gap_beyond_prefill_median_s": report.median([each.gap - each.first_token for each in handed_on]),
    }


if __name__ == "__main__":
    sys.exit(main())
