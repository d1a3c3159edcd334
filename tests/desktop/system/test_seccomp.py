"""What a compiled filter decides, worked out by a small machine that runs it as the kernel does."""

from __future__ import annotations

import errno
import os
import re
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.system import confinement
from desktop.system.seccomp import NUMBERS, Argument, Rule, compiled

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

ALLOWED = "allowed"
KILLED = "killed"


def decide(program: bytes, machine: str, number: int, *arguments: int, architecture: int | None = None) -> object:
    """`allowed`, `killed`, or the number of the error."""
    chosen = ARCHITECTURES[machine] if architecture is None else architecture
    data = struct.pack("<IIQ6Q", number, chosen, 0, *arguments, *[0] * (6 - len(arguments)))
    steps = list(struct.iter_unpack("<HBBI", program))
    accumulator, at = 0, 0
    while True:
        code, true, false, operand = steps[at]
        at += 1
        match code:
            case 0x20:
                (accumulator,) = struct.unpack_from("<I", data, operand)
            case 0x54:
                accumulator &= operand
            case 0x15:
                at += true if accumulator == operand else false
            case 0x35:
                at += true if accumulator >= operand else false
            case 0x06:
                return {0x7FFF0000: ALLOWED, 0x80000000: KILLED}.get(operand, operand & 0xFFFF)


def a_program(machine: str = "x86_64") -> bytes:
    rules = [
        Rule("read"),
        Rule("mmap", (Argument(2, 0, 4),)),
        Rule("prlimit64", (Argument(0, 0), Argument(1, 9))),
        Rule("prlimit64", (Argument(0, 0), Argument(1, 3), Argument(2, 0))),
        Rule("write"),
    ]
    return compiled(rules, machine)


@pytest.mark.parametrize("machine", NUMBERS)
def test_what_a_rule_allows_is_allowed_and_nothing_else(machine: str) -> None:
    program, numbers = a_program(machine), NUMBERS[machine]

    assert decide(program, machine, numbers["read"]) == ALLOWED
    assert decide(program, machine, numbers["write"]) == ALLOWED
    assert decide(program, machine, numbers["openat"]) == errno.EPERM


@pytest.mark.parametrize("machine", NUMBERS)
def test_tests_of_arguments_must_all_hold_and_of_several_rules_one_is_enough(machine: str) -> None:
    program, numbers = a_program(machine), NUMBERS[machine]

    assert decide(program, machine, numbers["mmap"], 0, 4096, 3) == ALLOWED
    assert decide(program, machine, numbers["mmap"], 0, 4096, 5) == errno.EPERM
    assert decide(program, machine, numbers["prlimit64"], 0, 9, 77) == ALLOWED
    assert decide(program, machine, numbers["prlimit64"], 0, 3, 0) == ALLOWED
    assert decide(program, machine, numbers["prlimit64"], 0, 3, 77) == errno.EPERM
    assert decide(program, machine, numbers["prlimit64"], 1, 9) == errno.EPERM
    assert decide(program, machine, numbers["prlimit64"], 0, 4) == errno.EPERM


def test_calls_of_another_architecture_end_the_process() -> None:
    assert decide(a_program(), "x86_64", 0, architecture=0x40000003) == KILLED


def test_the_second_numbering_of_x86_is_no_way_around() -> None:
    assert decide(a_program(), "x86_64", 0x40000000 | NUMBERS["x86_64"]["read"]) == errno.EPERM


def test_calls_newer_than_the_table_seem_not_to_exist_so_that_libraries_fall_back() -> None:
    assert decide(a_program(), "x86_64", 999) == errno.ENOSYS
    assert decide(a_program(), "x86_64", NUMBERS["x86_64"]["clone3"]) == errno.ENOSYS


@given(number=st.integers(0, 2**32 - 1), arguments=st.lists(st.integers(0, 2**64 - 1), max_size=6))
def test_every_call_comes_to_a_decision(number: int, arguments: list[int]) -> None:
    decided = decide(compiled(confinement._serving(), "x86_64"), "x86_64", number, *arguments)

    assert decided in {ALLOWED, errno.EPERM, errno.ENOSYS}


@pytest.mark.parametrize("machine", NUMBERS)
def test_a_serving_worker_makes_threads_and_no_processes_and_signals_itself_alone(machine: str) -> None:
    program, numbers = compiled(confinement._serving(), machine), NUMBERS[machine]

    assert decide(program, machine, numbers["clone"], 0x3D0F00) == ALLOWED
    assert decide(program, machine, numbers["clone"], 17) == errno.EPERM
    assert decide(program, machine, numbers["tgkill"], os.getpid()) == ALLOWED
    assert decide(program, machine, numbers["tgkill"], os.getppid()) == errno.EPERM


@pytest.mark.parametrize("machine", NUMBERS)
def test_while_loading_files_are_opened_to_read_only(machine: str) -> None:
    program, numbers = compiled(confinement._loading(graphics=False), machine), NUMBERS[machine]

    assert decide(program, machine, numbers["openat"], 0, 0, os.O_RDONLY | os.O_CLOEXEC) == ALLOWED
    for flags in (os.O_WRONLY, os.O_RDWR, os.O_RDONLY | os.O_CREAT, os.O_TRUNC):
        assert decide(program, machine, numbers["openat"], 0, 0, flags) == errno.EPERM


@pytest.mark.parametrize(
    ("machine", "header"),
    [
        ("x86_64", "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
        ("aarch64", "/usr/include/asm-generic/unistd.h"),
    ],
)
def test_the_numbers_are_those_of_the_kernels_headers(machine: str, header: str) -> None:
    if not Path(header).is_file():
        pytest.skip("the kernel's headers are not installed")
    found = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", Path(header).read_text())
    kernel = {name: int(number) for name, number in found}
    kernel.setdefault("newfstatat", kernel.get("fstatat", -1))

    assert {name: kernel.get(name) for name in NUMBERS[machine]} == NUMBERS[machine]
