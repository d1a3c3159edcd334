"""What a keeper is told about one model: how it is run, and how its worker is looked after."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """One model and how to run it."""

    model: Path
    """The GGUF file."""

    projector: Path | None = None
    """The file of its picture part, for a model that looks at pictures."""

    name: str = ""
    """Name under which the model is offered; empty: the name in the file."""

    template_sha256: str = ""
    """The chat template that was approved for this model; a file with another one is refused. Empty: whatever the file
    has, which is rendered in the worker's sandbox like any other."""

    slots: int = 8
    """Choices written at once, as far as memory allows."""

    context: int = 0
    """Tokens of one call, prompt and answer; 0: what the model was made for, as far as memory allows."""

    pool: int = 0
    """Tokens all calls share; 0: `context` for every slot, which is faster and lets no call wait for memory."""

    threads: int = 0
    """0: one per physical core but one, which stays for the owner."""

    gpu_layers: int | None = None
    """Layers computed on the graphics card, if the engine was built for one; None: as many as fit."""

    most_ram: int = 0
    """Bytes of main memory it may take at most; 0: what is free, less what the owner's programs keep."""

    prefill_budget: int = 128
    """Prompt tokens per step while others generate. On a CPU 128 halves the wait of 512 for 2.5 % of throughput."""

    nice: int = 10
    """Added to the worker's niceness: what the owner does comes first."""

    digest_cache: Path | None = None
    """File in which the hashes of model files are remembered; None: computed at every start."""

    measurements: Path | None = None
    """File in which speeds and sizes of models on this PC are remembered; None: measured at every start."""

    first_pause_s: float = 0.25
    """Before the first restart. The node has to be back within 10 s of a crash."""

    most_pause_s: float = 60.0
    """The pause doubles up to this."""

    healthy_s: float = 60.0
    """A worker that lived this long starts the pauses anew."""

    hopeless: int = 5
    """Workers in a row that die before they are ready; then the model counts as unusable."""

    loading_s: float = 900.0
    """A worker that is not ready by then hangs: the largest models come from slow disks in less."""

    beat_s: float = 1.0
    """How often a worker with calls is asked whether it is there."""

    silent_s: float = 6.0
    """A worker with calls that does not even answer for so long hangs; its calls have to be over within 10 s."""

    stuck_s: float = 10.0
    """A worker that answers but whose step takes so long, and ten times as long as it should, hangs as well."""

    stop_s: float = 1.0
    """From asking a worker to end to killing it. The owner gets the memory back within 3 s."""
