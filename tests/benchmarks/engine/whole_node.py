"""What the agent costs beside its worker: a real relay and a real node with the demo model, eight callers who stream.

The demo model is so small that this is the worst case: a real one takes hundreds of times as long for a token, and the
agent's work for it is the same.
"""

import threading
from collections.abc import Iterator
from pathlib import Path

import openai
import psutil

from tests.benchmarks.engine.contenders import SLOTS
from tests.end_to_end.conftest import ENDLESS, MODEL
from tests.end_to_end.processes import first_key, running_node, running_relay


def agent_cpu_of_worker(folder: Path, *, rounds: int, tokens: int) -> Iterator[float]:
    """CPU time of the agent, as a share of the worker's, round by round."""
    with running_relay(folder / "relay") as relay:
        client = openai.OpenAI(base_url=relay.endpoint, api_key=first_key(relay.data), max_retries=0)
        with running_node(folder / "home", relay) as node:
            worker = node.worker()
            assert worker is not None
            agent = psutil.Process(node.process.pid)
            for _ in range(rounds):
                before = _cpu_seconds(agent), _cpu_seconds(worker)
                _stream(client, tokens)
                yield (_cpu_seconds(agent) - before[0]) / (_cpu_seconds(worker) - before[1])


def _cpu_seconds(process: psutil.Process) -> float:
    return float(sum(process.cpu_times()[:2]))


def _stream(client: openai.OpenAI, tokens: int) -> None:
    def read() -> None:
        with client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": ENDLESS}], max_tokens=tokens, stream=True
        ) as answer:
            for _ in answer:
                pass

    callers = [threading.Thread(target=read) for _ in range(SLOTS)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
