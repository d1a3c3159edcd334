"""`nightjar-relay`: the command line of a relay."""

from __future__ import annotations

import sys

from relay.cli.command_line import main

if __name__ == "__main__":
    sys.exit(main())
