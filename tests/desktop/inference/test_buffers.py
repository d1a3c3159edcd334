from __future__ import annotations

import pytest

from desktop.inference.buffers import Buffer, parse_buffer, parse_device

MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("line", "buffer"),
    [
        ("load_tensors:   CPU_Mapped model buffer size =     3.06 MiB\n", Buffer("CPU_Mapped", "model", 3208642)),
        ("load_tensors:        CUDA0 model buffer size =  4403.49 MiB\n", Buffer("CUDA0", "model", 4617393930)),
        ("llama_context:        CPU  output buffer size =     0.50 MiB\n", Buffer("CPU", "output", MIB // 2)),
        ("llama_kv_cache:        CPU KV buffer size =    32.00 MiB\n", Buffer("CPU", "KV", 32 * MIB)),
        ("llama_memory_recurrent:  CUDA0 RS buffer size =     1.00 MiB\n", Buffer("CUDA0", "RS", MIB)),
        (
            "sched_reserve:  CUDA_Host compute buffer size =     7.75 MiB\n",
            Buffer("CUDA_Host", "compute", 7 * MIB + 3 * MIB // 4),
        ),
        ("llama_kv_cache: size =   32.00 MiB (  2048 cells,   4 layers,  8/8 seqs)\n", None),
        ("sched_reserve: graph: nodes = 138\n", None),
    ],
)
def test_the_size_of_a_buffer_is_read_from_the_log(line: str, buffer: Buffer | None) -> None:
    assert parse_buffer(line) == buffer


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (
            "llama_prepare_model_devices: using device CUDA0 (NVIDIA H100 80GB HBM3) (0000:00:07.0) - 80563 MiB free\n",
            "NVIDIA H100 80GB HBM3",
        ),
        (
            "llama_model_load: using device Vulkan0 (AMD Radeon RX 7800 (RADV NAVI32)) (unknown id) - 16000 MiB free\n",
            "AMD Radeon RX 7800 (RADV NAVI32)",
        ),
        ("llama_context: using device memory\n", None),
    ],
)
def test_the_name_of_a_graphics_card_is_read_from_the_log(line: str, name: str | None) -> None:
    assert parse_device(line) == name
