"""`python -m tests.benchmarks relay|engine|handover|window [--json] [--short]`: one of the benchmarks by its name."""

import sys

from tests.benchmarks.engine.__main__ import main as engine
from tests.benchmarks.handover.__main__ import main as handover
from tests.benchmarks.relay.__main__ import main as relay
from tests.benchmarks.window.__main__ import main as window

_BENCHMARKS = {"relay": relay, "engine": engine, "handover": handover, "window": window}

if __name__ == "__main__":
    name, arguments = (sys.argv[1:2] or [""])[0], sys.argv[2:]
    if name not in _BENCHMARKS:
        sys.exit(f"a benchmark is one of: {', '.join(_BENCHMARKS)}")
    sys.exit(_BENCHMARKS[name](arguments))
