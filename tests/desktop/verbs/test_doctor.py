"""What `nightjar doctor` says of the model and of what keeps it in its place."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from desktop.agent import self_test
from desktop.settings import InferenceSettings, Settings
from desktop.system import confinement, landlock, seccomp
from desktop.system.confinement import Confinement


def test_a_model_file_that_is_damaged_is_named_with_what_is_wrong(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(100))
    finding = self_test._model(Settings(inference=InferenceSettings(model=str(broken))))

    assert finding.ok is False
    assert finding.says.startswith("The model file is damaged or no GGUF file")


def test_a_sound_model_is_described() -> None:
    finding = self_test._model(Settings())

    assert finding.ok is True
    assert finding.says == "3.2 MB, Q8_0, made for 2048 tokens"


@pytest.mark.parametrize(
    ("here", "ok", "source", "says"),
    [
        (Confinement(7, filtered=True, graphics=False), True, "seccomp, Landlock", "reaches no files"),
        (Confinement(0, filtered=True, graphics=False), True, "seccomp", "reaches no files"),
        (Confinement(3, filtered=False, graphics=False), None, "Landlock", "from network and programs"),
        (Confinement(0, filtered=False, graphics=False), None, "none", "from files and network and programs"),
    ],
)
def test_what_nothing_keeps_the_model_from_is_said(
    monkeypatch: pytest.MonkeyPatch, here: Confinement, ok: bool | None, source: str, says: str
) -> None:
    monkeypatch.setattr(confinement, "possible", lambda: here)
    finding = self_test._confinement()

    assert (finding.ok, finding.source) == (ok, source)
    assert says in finding.says


async def test_certificates_that_are_not_there_are_a_finding_and_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/certificates.pem")
    finding = await self_test._relay("https://127.0.0.1:1")
    assert finding.ok is False
    assert "does not answer" in finding.says


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has these")
def test_looking_changes_nothing() -> None:
    before = Path("/proc/self/status").read_text()
    found = confinement.possible()

    assert (found.landlock, found.filtered) == (landlock.version(), seccomp.supported())
    lines = [line for line in before.splitlines() if line.startswith(("Seccomp", "NoNewPrivs"))]
    assert all(line in Path("/proc/self/status").read_text() for line in lines)
