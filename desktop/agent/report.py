"""The report for whoever helps: hardware, self-test and log, without what tells who or where the owner is."""

from __future__ import annotations

import getpass
import os
import platform
from datetime import UTC, datetime

from desktop.agent.membership import Memberships
from desktop.agent.self_test import as_lines, examine
from desktop.agent.sharing.words import host_of
from desktop.errors import DesktopError
from desktop.system.crashes import Crashes
from desktop.system.hardware import computer_name, hardware_facts
from desktop.system.logs import LOG_FILE, last_lines
from desktop.system.paths import Paths
from desktop.system.program import version
from desktop.system.redaction import redaction

_LOG_LINES = 2000


def _fault(paths: Paths) -> list[str]:
    fault = Crashes(paths.logs).last()
    if fault is None:
        return ["none"]
    at = datetime.fromtimestamp(fault.at, UTC)
    return [f"{at:%Y-%m-%d %H:%M:%S} UTC, version {fault.version}, {fault.where}", *fault.trace.splitlines()]


def _owner() -> tuple[str, str]:
    """Folder and login; none of a number without a name, as containers have."""
    home = os.path.expanduser("~")  # noqa: PTH111 - Path.home() raises there
    try:
        return home, getpass.getuser()
    except (KeyError, OSError):
        return home, ""


async def report(paths: Paths) -> str:
    """Everything that helps to find a fault, without what tells who or where you are."""
    findings = await examine(paths)
    facts = [f"{name}: {value}" for name, value in hardware_facts().items()]
    parts = {
        "Nightjar": [f"version {version()}", f"Python {platform.python_version()}", platform.platform()],
        "Hardware": facts,
        "Self-test": as_lines(findings),
        "Last fault": _fault(paths),
        "Log": last_lines(paths.logs / LOG_FILE, _LOG_LINES),
    }
    more: dict[str, str] = {}
    try:
        membership = Memberships(paths).record.membership
    except DesktopError:
        membership = None
    if membership is not None:
        more = {
            membership.node_id: "<node>",
            host_of(membership.relay): "<relay>",
            host_of(membership.relay).partition(":")[0]: "<relay>",
        }
    home, user = _owner()
    redact = redaction(home, user, computer_name(), more)
    return "\n".join(line for head, lines in parts.items() for line in (f"## {head}", *map(redact, lines), ""))
