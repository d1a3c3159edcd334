"""The licences of what a bundle contains: whoever gives it on has to give these too."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

_TEXT = re.compile(r"(^|/)(LICEN[CS]E|COPYING|NOTICE|AUTHORS)[^/]*$|/licenses/", re.IGNORECASE)


def write_licences(folder: Path, modules: Iterable[str], *, root: Path) -> None:
    """Puts into `folder` a list of the distributions that `modules` come from, and the texts they bring."""
    folder.mkdir(parents=True)
    rows = [
        f"Nightjar, Apache-2.0: LICENSE\nPython {sys.version.split()[0]}, PSF-2.0: https://docs.python.org/3/license.html"
    ]
    shutil.copy(root / "LICENSE", folder / "LICENSE")
    for name in sorted(_distributions(modules)):
        found = metadata.distribution(name)
        texts = [file for file in found.files or () if _TEXT.search(str(file)) and not str(file).endswith(".py")]
        for text in texts:
            target = folder / name / Path(str(text)).name
            target.parent.mkdir(exist_ok=True)
            shutil.copy(str(found.locate_file(text)), target)
        rows.append(f"{name} {found.version}, {_licence(found)}" + (f": {name}/" if texts else ""))
    (folder / "README").write_text("\n".join(rows) + "\n", encoding="utf-8")


def _distributions(modules: Iterable[str]) -> set[str]:
    origins = metadata.packages_distributions()
    names = {name for module in modules for name in origins.get(module.partition(".")[0], ())}
    return {name.lower() for name in names if name != "nightjar"}


def _licence(found: metadata.Distribution) -> str:
    """As it names itself, which it may do in three ways."""
    facts = found.metadata
    classifiers = [value.rpartition(" :: ")[2] for value in facts.get_all("Classifier") or () if "License ::" in value]
    stated = facts.get("License-Expression") or ", ".join(classifiers) or (facts.get("License") or "").splitlines()[:1]
    return stated if isinstance(stated, str) else "".join(stated)
