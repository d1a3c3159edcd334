"""Others that do a relay's work, to be seen beside it: whoever of them is installed in a folder of programs.

They are not among what `./dev` installs. A virtual environment for them:

    python3 -m venv peers && peers/bin/pip install 'litellm[proxy]' sglang-router
    ./dev bench relay --peers peers/bin

Both run with one worker and as they come: LiteLLM without its database, so without books; sglang-router without its
checks of health, which the mock provider does not answer.
"""

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.processes import Cores, Unmeasurable, free_port, running, wait_until
from tests.benchmarks.relay.gateways import Gateway, answers

NAMES = ("litellm", "sglang-router")
KEY = "sk-of-a-peer"
START_S = 90.0
_STREAMS = {"litellm": 20}
"""With 500 of them it falls behind and never ends: what a chunk costs it is seen with fewer."""


def installed(folder: Path) -> list[str]:
    """Which of them there are. Raises Unmeasurable if there is none."""
    found = [name for name in NAMES if os.access(folder / name, os.X_OK)]
    if not found:
        raise Unmeasurable(f"{folder} has neither of {', '.join(NAMES)}")
    return found


@contextmanager
def peer(name: str, programs: Path, folder: Path, *, at: int, cores: Cores) -> Iterator[Gateway]:
    """Started, and known to answer. `at` is the provider's port."""
    folder.mkdir()
    port, provider = free_port(), f"http://127.0.0.1:{at}"
    command = _litellm(folder, port, provider) if name == "litellm" else _sglang_router(port, provider)
    begun, log = time.monotonic(), folder / "output.log"
    line = [str(programs / name), *command]
    with running(line, core=cores.measured, log=log, environment=_QUIET, folder=folder) as process:

        def ready() -> bool:
            process.check()
            return answers(port, KEY)

        wait_until(ready, within_s=START_S, what=f"{name}'s first answer")
        yield Gateway(name, port, KEY, process, time.monotonic() - begun, _STREAMS.get(name))


_QUIET: Mapping[str, str] = {"LITELLM_LOG": "ERROR", "LITELLM_TELEMETRY": "False", "NO_PROXY": "127.0.0.1"}


def _litellm(folder: Path, port: int, provider: str) -> Sequence[str]:
    """Its settings are YAML, of which JSON is a part."""
    parameters = {"model": "openai/mock", "api_base": f"{provider}/v1", "api_key": "sk-upstream"}
    settings = {
        "model_list": [{"model_name": "mock", "litellm_params": parameters}],
        "general_settings": {"master_key": KEY},
        "litellm_settings": {"telemetry": False, "drop_params": True},
    }
    file = folder / "config.yaml"
    file.write_text(json.dumps(settings))
    return ("--config", str(file), "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1")


def _sglang_router(port: int, provider: str) -> Sequence[str]:
    where = ("--host", "127.0.0.1", "--port", str(port), "--worker-urls", provider)
    return ("launch", *where, "--policy", "round_robin", "--disable-health-check", "--log-level", "warn")
