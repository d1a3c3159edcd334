"""What modules import, read from their sources without running them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path


def imported_by(root: Path, modules: Iterable[str]) -> list[str]:
    """Every module that the sources of `modules` below `root` name, inside functions too."""
    return sorted({name for module in modules for name in _names(root, ast.parse(_source(root, module)))})


def _source(root: Path, module: str) -> str:
    return root.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8")


def _names(root: Path, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module != "__future__":
            yield node.module
            yield from (name for alias in node.names if _exists(root, name := f"{node.module}.{alias.name}"))


def _exists(root: Path, module: str) -> bool:
    """Whether `from package import module` names a module of ours."""
    path = root.joinpath(*module.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()
