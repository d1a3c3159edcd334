"""`python packaging/languages.py [FOLDER] [--json]`: brings the catalogues up to date, and checks them.

`nightjar_XX.ts` in `assets/translations` holds every text of the window in the language XX. Qt's own tools do the work:
lupdate collects the texts from the code, lrelease makes of each catalogue the file that the program reads. A line for
everything a translator has still to do; the exit status is 1 if there is any. English is in the code itself.

`qt_XX.ts` holds what Qt's own dialogs and fields say, where Qt has no such language itself; no tool collects that.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from desktop.ui.agent_words import CONTEXT, agent_texts  # noqa: E402 - of this very checkout

CATALOGUES = ROOT / "assets" / "translations"

PLURALS = {"ro": 3}
"""How many forms a count has: 1 răspuns, 2 răspunsuri, 20 de răspunsuri."""

_PLACEHOLDER = re.compile(r"%L?[n\d]|\{\w+\}")
_WRONG = {"ro": dict.fromkeys("şţŞŢ", "has a cedilla where a comma belongs")}
"""Letters that look right and are others."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one text of a catalogue."""

    language: str
    context: str
    text: str
    fault: str

    def line(self) -> str:
        return f"{self.language}: {self.context}: “{self.text}” {self.fault}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "folder", type=Path, nargs="?", default=CATALOGUES, help="where they are (default: the checkout's)"
    )
    parser.add_argument("--json", action="store_true", help="one object with all faults, instead of lines")
    parser.add_argument("--compile", action="store_true", help="only make what the program reads, where it is old")
    given = parser.parse_args()
    if given.compile:
        compile_catalogues(given.folder)
        return
    found: list[Fault] = []
    for catalogue in sorted(given.folder.glob("nightjar_*.ts")):
        collect(catalogue)
        found += faults(catalogue)
    compile_catalogues(given.folder)
    if given.json:
        print(json.dumps({"faults": [asdict(fault) for fault in found]}, ensure_ascii=False))
    else:
        print("\n".join(fault.line() for fault in found) or "every text is translated")
    sys.exit(1 if found else 0)


def collect(catalogue: Path) -> None:
    """Adds the texts that are new in the code, and drops those that are no longer there."""
    sources = sorted(str(path) for path in (ROOT / "desktop" / "ui").rglob("*.py"))
    with tempfile.TemporaryDirectory(prefix="nightjar-languages-") as scratch:
        said = Path(scratch, "agent.py")
        said.write_text("".join(f"translate({CONTEXT!r}, {text!r})\n" for text in agent_texts()), encoding="utf-8")
        # Without places in the code, a catalogue changes only where a text does.
        options = ["-silent", "-no-obsolete", "-locations", "none", "-disable-heuristic", "similartext"]
        _run("lupdate", *options, *sources, str(said), "-ts", str(catalogue))


def compile_catalogues(folder: Path = CATALOGUES, into: Path | None = None) -> None:
    """Makes of every catalogue that has changed the file that the program reads, beside it or `into` another folder."""
    for catalogue in sorted(folder.glob("*.ts")):
        made = (into or folder) / f"{catalogue.stem}.qm"
        if not made.exists() or made.stat().st_mtime < catalogue.stat().st_mtime:
            # Whole or not at all: others may make it, or read it, at the same time.
            with tempfile.TemporaryDirectory(prefix="nightjar-languages-", dir=made.parent) as scratch:
                _run("lrelease", "-silent", str(catalogue), "-qm", f"{scratch}/{made.name}")
                Path(scratch, made.name).replace(made)


def faults(catalogue: Path) -> Iterator[Fault]:
    """What a translator has still to do."""
    language = catalogue.stem.rpartition("_")[2]
    for context in ET.parse(catalogue).getroot().iter("context"):  # noqa: S314 - a file of this repository
        for message in context.iter("message"):
            text = message.findtext("source", "")
            for fault in _faults_of(message, text, language):
                yield Fault(language, context.findtext("name", ""), text, fault)


def _faults_of(message: ET.Element, text: str, language: str) -> Iterator[str]:
    translation = message.find("translation")
    if translation is None or translation.get("type") == "unfinished":
        yield "is not translated"
        return
    counts = message.get("numerus") == "yes"
    forms = [form.text or "" for form in translation.iter("numerusform")] if counts else [translation.text or ""]
    if counts and len(forms) != PLURALS[language]:
        yield f"has {len(forms)} plural forms instead of {PLURALS[language]}"
    for form in forms:
        if not form:
            yield "is not translated"
        elif sorted(_PLACEHOLDER.findall(form)) != sorted(_PLACEHOLDER.findall(text)):
            yield f"has other placeholders as “{form}”"
        yield from (why for letter, why in _WRONG.get(language, {}).items() if letter in form)


def _run(tool: str, *arguments: str) -> None:
    program = Path(sys.executable).with_name(f"pyside6-{tool}")
    done = subprocess.run(
        [str(program), *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{done.stdout[-4000:]}\n{tool} failed")


if __name__ == "__main__":
    main()
