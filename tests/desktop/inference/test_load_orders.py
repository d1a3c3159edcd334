from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from desktop.inference import frames, load_orders
from desktop.inference.load_orders import LoadOrders
from desktop.inference.worker_settings import WorkerSettings
from desktop.system import hardware
from desktop.system.hardware import Card, Memory

Settings = Callable[..., WorkerSettings]

FILE = "f" * 64
GIB = 1024**3


@pytest.fixture
def orders(settings: Settings, tmp_path: Path) -> LoadOrders:
    return LoadOrders(settings(measurements=tmp_path / "measurements.json"))


def loaded(decode_tps: float, *, taken: int = 110) -> frames.Loaded:
    return frames.Loaded(
        name="x",
        context=9,
        slots=1,
        quantisation="",
        prefill_tps=10 * decode_tps,
        decode_tps=decode_tps,
        numerics="",
        template="",
        parser=1,
        expected=100,
        taken=taken,
    )


def busy(monkeypatch: pytest.MonkeyPatch, *, calm: bool) -> None:
    monkeypatch.setattr(load_orders, "is_calm", lambda: calm)


def test_what_was_measured_at_rest_is_not_measured_again(orders: LoadOrders, monkeypatch: pytest.MonkeyPatch) -> None:
    busy(monkeypatch, calm=True)
    orders.learn(FILE, loaded(40))
    orders.learn(FILE, loaded(90))

    assert orders.order(FILE).known == frames.Known(400.0, 40.0, 1.1)
    assert orders.order("e" * 64).known is None
    assert orders.order(None).known is None


def test_what_was_measured_beside_other_work_is_measured_again_and_only_its_size_is_known(
    orders: LoadOrders, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy(monkeypatch, calm=False)
    orders.learn(FILE, loaded(4))
    assert orders.order(FILE).known == frames.Known(0.0, 0.0, 1.1)

    busy(monkeypatch, calm=True)
    orders.learn(FILE, loaded(40))
    assert orders.order(FILE).known == frames.Known(400.0, 40.0, 1.1)


def test_the_faster_of_two_measurements_counts(orders: LoadOrders, monkeypatch: pytest.MonkeyPatch) -> None:
    busy(monkeypatch, calm=False)
    orders.learn(FILE, loaded(40))
    busy(monkeypatch, calm=True)
    orders.learn(FILE, loaded(30))

    assert orders.order(FILE).known == frames.Known(400.0, 40.0, 1.1)


def test_a_factor_that_cannot_be_is_bounded(orders: LoadOrders, monkeypatch: pytest.MonkeyPatch) -> None:
    busy(monkeypatch, calm=True)
    orders.learn(FILE, loaded(40, taken=9000))

    known = orders.order(FILE).known
    assert known is not None
    assert known.factor == 2.0


def test_another_number_of_threads_is_another_measurement(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy(monkeypatch, calm=True)
    path = tmp_path / "measurements.json"
    LoadOrders(settings(measurements=path, threads=1)).learn(FILE, loaded(40))

    assert LoadOrders(settings(measurements=path, threads=2)).order(FILE).known is None


def test_the_owners_part_of_memory_is_not_offered(orders: LoadOrders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "memory", lambda: Memory(16 * GIB, 10 * GIB, (Card(8 * GIB, 6 * GIB),)))
    order = orders.order(None, share=0.5)

    assert order.room.ram == (10 * GIB - int(1.6 * GIB)) // 2
    assert order.room.cards == (3 * GIB,)
    assert order.most.cards == (7 * GIB,)
    assert order.most.ram > order.room.ram
