"""`nightjar`: one executable for tray, headless node, inference worker and command line.

The worker is dispatched before anything else is imported: it must load neither Qt nor the agent, and starts often.
"""

from __future__ import annotations

import multiprocessing
import sys


def main() -> int:
    """The exit status."""
    multiprocessing.freeze_support()
    arguments = sys.argv[1:]
    if arguments[:1] == ["--worker"]:
        from desktop.inference import worker

        return worker.main()
    from desktop import cli

    return cli.main(arguments)


if __name__ == "__main__":
    sys.exit(main())
