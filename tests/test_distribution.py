"""What is installed: the declared ranges, the locked versions, and the script that installs them agree."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.packaging.scripts import script

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = (ROOT / "constraints.txt").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def locked() -> dict[str, list[Version]]:
    """Every locked package with its version; more than one where the version depends on the Python."""
    versions: dict[str, list[Version]] = {}
    for name, version in re.findall(r"^([a-z0-9.-]+)==(\S+)", CONSTRAINTS, re.MULTILINE):
        versions.setdefault(canonicalize_name(name), []).append(Version(version))
    return versions


def declared() -> list[Requirement]:
    project = PROJECT["project"]
    lists = [
        project["dependencies"],
        *project["optional-dependencies"].values(),
        *PROJECT["dependency-groups"].values(),
    ]
    return [Requirement(line) for line in chain.from_iterable(lists)]


@pytest.mark.parametrize("requirement", declared(), ids=str)
def test_a_declared_dependency_is_locked_within_its_range(requirement: Requirement) -> None:
    versions = locked()[canonicalize_name(requirement.name)]
    assert all(requirement.specifier.contains(version) for version in versions)


def test_every_locked_version_has_a_hash() -> None:
    entries = re.split(r"^(?=\S)", CONSTRAINTS, flags=re.MULTILINE)
    assert [entry for entry in entries if entry.strip() and "--hash=sha256:" not in entry] == []


def test_the_lock_names_no_address_and_no_index() -> None:
    unexpected = [
        line
        for line in CONSTRAINTS.splitlines()
        if not re.match(r"[a-z0-9.-]+==[^@/]+$|    --hash=sha256:[0-9a-f]{64}( \\)?$", line)
    ]
    assert unexpected == []


def test_an_installed_window_speaks_every_language(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore", "desktop/__init__.py", "relay/__init__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "assets/translations", tmp_path / "assets/translations")
    script("languages").compile_catalogues(tmp_path / "assets/translations")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel"], cwd=tmp_path, check=True)
    (wheel,) = tmp_path.glob("dist/*.whl")
    assert {name for name in zipfile.ZipFile(wheel).namelist() if "translations" in name} == {
        f"desktop/assets/translations/{path.stem}.qm" for path in ROOT.glob("assets/translations/*.ts")
    }


def test_the_script_compiles_the_locked_llama_cpp_python() -> None:
    (version,) = locked()["llama-cpp-python"]
    assert f"\nLLAMA_VERSION={version}\n" in (ROOT / "dev").read_text()
