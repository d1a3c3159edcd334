"""`nightjar`: one executable for tray, headless node, inference worker, X11 helper and command line.

Worker and X11 helper are dispatched before anything else is imported: they load neither Qt nor the agent.
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
    if arguments[:1] == ["--x11-helper"]:
        from desktop.system.idle import x11_helper

        return x11_helper.main()
    from desktop import cli
    from desktop.system.program import restore_environment

    restore_environment()

    return cli.main(arguments)


if __name__ == "__main__":
    sys.exit(main())
