"""What the packaging scripts decide, without making anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.packaging.scripts import script


@pytest.mark.parametrize(
    ("file", "stays"),
    [
        ("/usr/lib/x86_64-linux-gnu/libssl.so.3", True),
        ("/lib/x86_64-linux-gnu/libz.so.1.2.13", True),
        ("/usr/lib/x86_64-linux-gnu/libpython3.11.so.1.0", False),
        ("/usr/lib/python3.11/lib-dynload/_ssl.cpython-311-x86_64-linux-gnu.so", False),
        ("/usr/lib/python3/dist-packages/numpy.libs/libopenblas.so", True),
        ("/home/me/.venv/lib/python3.11/site-packages/PySide6/Qt/lib/libQt6Core.so.6", False),
        ("/usr/lib/venv/lib/python3.11/site-packages/PySide6/Qt/lib/libQt6Core.so.6", False),
    ],
)
def test_only_libraries_of_the_system_stay_the_systems(file: str, stays: bool) -> None:
    assert script("system_libraries").is_of_the_system(file) is stays


def test_what_a_compiled_module_imports_is_read_from_its_source(tmp_path: Path) -> None:
    package = tmp_path / "relay"
    package.mkdir()
    (package / "other.py").write_text("")
    (package / "hot.py").write_text(
        "from __future__ import annotations\nimport os.path\nfrom relay import other\nfrom relay.other import VALUE\n"
        "def late():\n    import json\n"
    )
    found = script("imports").imported_by(tmp_path, ["relay.hot"])
    assert found == ["json", "os.path", "relay", "relay.other"]
