"""`./dev demo`: the main job without a human. Starts a private relay with this computer as its node, asks one streamed
question with the unmodified `openai` client, and looks the call up in the relay's books.

It succeeds only if all of it is real: the right answer came, it cost something, the node earned, and what node,
operator and provider got adds up to what was paid. It knows Nightjar by its command line and its HTTP interface alone.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import httpx
import openai

ROOT = Path(__file__).resolve().parent.parent.parent

QUESTION = "What is the capital of France?"
EXPECTED = "Paris"

READY_WITHIN_S = 120.0
"""From the start to a routable model. It takes seconds; a busy machine of two cores may need many more."""

ANSWER_WITHIN_S = 60.0

BOOKED_WITHIN_S = 10.0
"""From the answer's end to its row in the relay's books, which are written in batches."""

FINAL_STATES = {"completed", "failed", "cancelled", "expired"}

NANO = 1_000_000_000


class DemoFailed(Exception):
    """The demo could not be carried out; the text is the one line a person gets."""


@dataclass(frozen=True, slots=True)
class Local:
    """Where the private relay listens, as `nightjar local` announced it."""

    endpoint: str
    api_key: str
    model: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller saw."""

    generation: str
    text: str
    tokens: int
    ttft_ms: float
    tokens_per_s: float


@dataclass(frozen=True, slots=True)
class Booking:
    """What the relay wrote down about the call, money in nano-dollars."""

    state: str
    target: str
    tokens: int
    cost: int
    node: int
    operator: int
    provider: int


def faults(answer: Answer, booking: Booking) -> list[str]:
    """Why this was not the real thing; empty if it was."""
    shares = booking.node + booking.operator + booking.provider
    found = {
        f"the answer is not about {EXPECTED}: {answer.text!r}": EXPECTED not in answer.text,
        f"the relay counted {booking.tokens} tokens, the caller was told {answer.tokens}": booking.tokens
        != answer.tokens,
        f"the call is {booking.state}, not completed": booking.state != "completed",
        "the call cost nothing": booking.cost <= 0,
        "the node earned nothing": booking.node <= 0,
        f"the shares sum to {shares} nano-dollars, the cost is {booking.cost}": shares != booking.cost,
    }
    return [fault for fault, present in found.items() if present]


@contextlib.contextmanager
def local_nightjar(home: Path, log: IO[str]) -> Iterator[Local]:
    """A private relay and this computer as its node, both ended at exit. Raises DemoFailed."""
    environment = os.environ | {"NIGHTJAR_HOME": str(home)}
    command = [sys.executable, "-m", "desktop", "local", "--headless", "--json-ready"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True
    ) as process:
        try:
            yield announced(process)
        finally:
            end(process)


def announced(process: subprocess.Popen[str]) -> Local:
    """What the process says when it is ready. Raises DemoFailed if it ends or stays silent instead."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    output = process.stdout
    assert output is not None

    def pump() -> None:
        for line in output:
            lines.put(line)
        lines.put("")

    threading.Thread(target=pump, daemon=True).start()
    try:
        line = lines.get(timeout=READY_WITHIN_S)
    except queue.Empty:
        raise DemoFailed(f"nothing was ready within {READY_WITHIN_S:.0f} s") from None
    if not line:
        raise DemoFailed(f"`nightjar local` ended with status {process.wait()} before it was ready")
    ready: dict[str, Any] = json.loads(line)
    if not ready.get("ok", True):
        raise DemoFailed(f"`nightjar local` did not start: {ready.get('error', line)}")
    return Local(endpoint=ready["endpoint"], api_key=ready["api_key"], model=ready["model"])


def end(process: subprocess.Popen[str]) -> None:
    """Asks for a clean end, as Ctrl-C would; insists after a while."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        process.kill()


def ask(local: Local) -> Answer:
    """One streamed question, timed by the caller's clock."""
    client = openai.OpenAI(base_url=local.endpoint, api_key=local.api_key, timeout=ANSWER_WITHIN_S, max_retries=0)
    started = time.perf_counter()
    response = client.chat.completions.with_raw_response.create(
        model=local.model,
        messages=[{"role": "user", "content": QUESTION}],
        stream=True,
        stream_options={"include_usage": True},
        temperature=0,
    )
    text, tokens, first, last = "", 0, started, started
    for chunk in response.parse():
        if chunk.usage:
            tokens = chunk.usage.completion_tokens
        delta = chunk.choices[0].delta.content if chunk.choices else None
        if delta:
            last = time.perf_counter()
            first = first if text else last
            text += delta
    return Answer(
        generation=response.headers["x-generation-id"],
        text=text,
        tokens=tokens,
        ttft_ms=(first - started) * 1000,
        # Over the whole call: a short answer may arrive in one piece, and then has no rate of its own.
        tokens_per_s=tokens / (last - started) if text else 0.0,
    )


def look_up(local: Local, generation: str) -> Booking:
    """The call in the relay's books, as soon as it is settled there. Raises DemoFailed."""
    deadline = time.monotonic() + BOOKED_WITHIN_S
    said = "no answer"
    with httpx.Client(headers={"Authorization": f"Bearer {local.api_key}"}, timeout=BOOKED_WITHIN_S) as client:
        while time.monotonic() < deadline:
            reply = client.get(f"{local.endpoint}/generation", params={"id": generation})
            said = f"{reply.status_code} {reply.text[:200]}"
            if reply.is_success and (data := reply.json()["data"])["state"] in FINAL_STATES:
                return booked(data)
            time.sleep(0.05)
    raise DemoFailed(f"the relay has not settled {generation} within {BOOKED_WITHIN_S:.0f} s: {said}")


def booked(data: dict[str, Any]) -> Booking:
    shares = data["shares"]
    return Booking(
        state=data["state"],
        target=data["target"],
        tokens=data["tokens_completion"],
        cost=data["cost_nano_usd"],
        node=shares["node"],
        operator=shares["operator"],
        provider=shares["provider"],
    )


def carry_out(home: Path) -> tuple[Answer, Booking]:
    """The demo with everything kept under `home`. Raises DemoFailed."""
    with (home / "demo.log").open("w+") as log:
        try:
            with local_nightjar(home, log) as local:
                answer = ask(local)
                return answer, look_up(local, answer.generation)
        except (openai.OpenAIError, httpx.HTTPError) as error:
            raise DemoFailed(f"the call failed: {error}") from error
        except DemoFailed as error:
            log.flush()
            log.seek(0)
            said = log.read().strip().splitlines()
            raise DemoFailed(f"{error}: {said[-1]}" if said else str(error)) from error


def as_json(answer: Answer, booking: Booking, wrong: list[str]) -> str:
    figures: dict[str, Any] = {
        "ok": not wrong,
        "answer": answer.text,
        "ttft_ms": round(answer.ttft_ms, 1),
        "tokens_per_s": round(answer.tokens_per_s, 1),
        "cost_nano_usd": booking.cost,
        "earned_nano_usd": booking.node,
        "target": booking.target,
    }
    return json.dumps(figures | ({"faults": wrong} if wrong else {}))


def as_text(answer: Answer, booking: Booking) -> str:
    rows = {
        "question": QUESTION,
        "answer": answer.text,
        "served by": booking.target,
        "first token": f"{answer.ttft_ms:.0f} ms",
        "speed": f"{answer.tokens_per_s:.1f} tokens/s ({answer.tokens} tokens, first one's wait included)",
        "cost": dollars(booking.cost),
        "earned": f"{dollars(booking.node)} by this node, {dollars(booking.operator)} by the relay's operator",
    }
    return "\n".join(f"{name:>12}  {value}" for name, value in rows.items())


def dollars(nano: int) -> str:
    return f"${nano / NANO:.9f}"


def main() -> int:
    """The exit status: 0 only if everything was real."""
    parser = argparse.ArgumentParser(prog="./dev demo", description="Ask one question through relay, node and engine.")
    parser.add_argument("--json", action="store_true", help="print one JSON line")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nightjar-demo-") as home:
        try:
            answer, booking = carry_out(Path(home))
        except DemoFailed as error:
            if options.json:
                print(json.dumps({"ok": False, "error": str(error)}))
            print(f"demo: {error}", file=sys.stderr)
            return 1
    wrong = faults(answer, booking)
    print(as_json(answer, booking, wrong) if options.json else as_text(answer, booking), flush=True)
    for fault in wrong:
        print(f"demo: {fault}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
