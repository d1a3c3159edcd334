from __future__ import annotations

from desktop.system.program import own_command, restored


def test_this_program_is_named_by_an_absolute_path() -> None:
    program, *arguments = own_command("--background")
    assert program.startswith("/") or program[1:3] == ":\\"
    assert arguments[-1] == "--background"


def test_a_program_that_is_not_ours_gets_the_libraries_that_were_there_before() -> None:
    frozen = {"LD_LIBRARY_PATH": "/usr/lib/nightjar/_internal", "LD_LIBRARY_PATH_ORIG": "/opt/cuda", "PATH": "/bin"}
    assert restored(frozen) == {"LD_LIBRARY_PATH": "/opt/cuda", "PATH": "/bin"}


def test_where_there_were_none_there_are_none_again() -> None:
    frozen = {"LD_LIBRARY_PATH": "/usr/lib/nightjar/_internal", "QT_PLUGIN_PATH": "/usr/lib/nightjar/_internal/plugins"}
    assert restored(frozen) == {}
