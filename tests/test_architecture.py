"""The rules between packages: the import contracts, and what a linter of imports cannot see."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = ("relay", "desktop")

PURE = {
    "relay.wire",
    "relay.routing",
    "relay.completions.failover",
    "relay.completions.resume",
    "relay.completions.seam",
    "relay.completions.metering",
    "relay.completions.repeats.answer",
    "relay.completions.repeats.canonical",
    "relay.ledger.entries",
    "relay.ledger.pricing",
    "relay.usage.why",
    "desktop.agent.sharing",
    "desktop.inference.formats",
    "desktop.inference.grammar",
    "desktop.models.addresses",
    "desktop.models.fit",
    "desktop.models.ranking",
    "desktop.ui.agent_texts",
    "desktop.ui.agent_words",
    "desktop.ui.model_presenter",
    "desktop.ui.presenters",
    "desktop.ui.rules_presenter",
    "desktop.ui.state_presenter",
}

_HUMAN_EDGE = ("relay/control.py", "relay/console/", "relay/admin/", "relay/api/")

BORDERS = {
    "PySide6": ("desktop/ui/",),
    "shiboken6": ("desktop/ui/",),
    "llama_cpp": ("desktop/inference/engine.py", "desktop/inference/vision.py"),
    "PIL": ("desktop/inference/pixels.py",),
    "keyring": ("desktop/system/",),
    "dbus_fast": ("desktop/system/",),
    "pynvml": ("desktop/system/",),
    "websockets": ("desktop/agent/", "relay/nodes/"),
    "fastapi": _HUMAN_EDGE,
    "starlette": (*_HUMAN_EDGE, "relay/server.py"),  # for the ASGI types it is called with
}
"""Who may import a library by name, as prefixes of paths; whoever else needs it asks the package that may."""

HELD_TASKS = {
    "desktop/inference/keeper.py",
    "desktop/inference/local_server/server_engine.py",
    "desktop/local/admission.py",
}
"""Start one task outside a group on purpose: it outlives the call that starts it, and a `stop` ends and awaits it."""

VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "base", "misc"}

TOP_LEVEL = {"desktop", "relay", "packaging", "assets", "tests"}


def source_files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported_libraries(tree: ast.Module) -> set[str]:
    """The top-level names of everything imported anywhere in a file, inside functions too."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def exists(module: str) -> bool:
    path = ROOT.joinpath(*module.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def modules_loaded_by(statement: str) -> set[str]:
    """What a fresh interpreter holds after `statement`."""
    script = f"{statement}\nimport sys\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_every_import_contract_is_kept(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    kept = lint_imports(config_filename="pyproject.toml", no_cache=True, no_logo=True) == 0
    assert kept, capsys.readouterr().out


def test_every_pure_part_that_exists_is_named_in_the_contract_of_pure_parts() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (pure,) = (contract for contract in contracts if contract["id"] == "pure")
    assert set(pure["source_modules"]) == {module for module in PURE if exists(module)}


@pytest.mark.parametrize("library", BORDERS)
def test_a_library_is_imported_only_inside_its_border(library: str) -> None:
    outside = [
        shown(path)
        for path in source_files(*PROGRAMS)
        if library in imported_libraries(parsed(path)) and not shown(path).startswith(BORDERS[library])
    ]
    assert outside == []


def test_importing_the_wire_loads_no_web_framework_and_no_database() -> None:
    loaded = modules_loaded_by("import relay.wire.codec, relay.wire.session")
    assert loaded.isdisjoint({"fastapi", "starlette", "uvicorn", "sqlalchemy", "asyncio"})


def test_the_whole_agent_loads_without_qt_and_without_llama_cpp() -> None:
    modules = [shown(path).removesuffix(".py").replace("/", ".") for path in source_files("desktop/agent")]
    loaded = modules_loaded_by("\n".join(f"import {module.removesuffix('.__init__')}" for module in modules))
    assert loaded.isdisjoint({"PySide6", "llama_cpp", "fastapi", "sqlalchemy"})


def test_a_package_init_holds_a_docstring_and_nothing_else() -> None:
    wordy = [
        shown(path)
        for path in source_files(*PROGRAMS)
        if path.name == "__init__.py" and (len(parsed(path).body) != 1 or not ast.get_docstring(parsed(path)))
    ]
    assert wordy == []


def test_every_folder_of_modules_is_a_package() -> None:
    folders = {path.parent for path in source_files(*PROGRAMS)}
    assert [shown(folder) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    vague = [
        shown(path)
        for path in source_files(*PROGRAMS, "tests")
        if VAGUE_NAMES & {path.stem, *path.relative_to(ROOT).parts}
    ]
    assert vague == []


def bare_tasks(tree: ast.Module) -> Iterator[int]:
    """Lines that start a task nobody waits for: by asyncio itself or by a loop, not by a TaskGroup."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute | ast.Name):
            continue
        if isinstance(node.func, ast.Name):
            if node.func.id in {"create_task", "ensure_future"}:
                yield node.lineno
            continue
        starter = ast.unparse(node.func.value)
        if node.func.attr == "ensure_future" or (
            node.func.attr == "create_task" and ("asyncio" in starter or "loop" in starter)
        ):
            yield node.lineno


def test_no_task_is_started_outside_a_task_group_but_the_ones_that_are_stopped_and_awaited() -> None:
    found = {shown(path): len(list(bare_tasks(parsed(path)))) for path in source_files(*PROGRAMS)}
    assert {path: tasks for path, tasks in found.items() if tasks} == dict.fromkeys(HELD_TASKS, 1)


def test_the_search_for_bare_tasks_sees_each_way_to_start_one() -> None:
    bare = """
asyncio.create_task(x)
asyncio.ensure_future(x)
create_task(x)
self._loop.create_task(x)
asyncio.get_running_loop().create_task(x)
"""
    assert list(bare_tasks(ast.parse(bare))) == [2, 3, 4, 5, 6]
    assert list(bare_tasks(ast.parse("group.create_task(x)\nself._tasks.create_task(x)"))) == []


def test_the_top_level_holds_the_agreed_folders_only() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, check=False, capture_output=True, text=True)
    if tracked.returncode:
        pytest.skip("not a git checkout")
    folders = {line.partition("/")[0] for line in tracked.stdout.splitlines() if "/" in line}
    assert {folder for folder in folders if not folder.startswith(".")} <= TOP_LEVEL


def test_the_readme_has_a_line_for_every_package() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    packages = [shown(path.parent) for program in PROGRAMS for path in (ROOT / program).glob("*/__init__.py")]
    assert [package for package in packages if f"| `{package}` |" not in readme] == []
