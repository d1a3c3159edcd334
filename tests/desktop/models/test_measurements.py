from __future__ import annotations

from pathlib import Path

from desktop.models.measurements import Measured, Measurements, measured_key

FAST = Measured(prefill_tps=900.0, decode_tps=40.0, factor=1.05)


def test_a_record_is_found_again(tmp_path: Path) -> None:
    kept = Measurements(tmp_path / "measurements.json")
    kept.put("a", FAST)

    assert Measurements(tmp_path / "measurements.json").get("a") == FAST
    assert kept.get("b") is None


def test_a_record_belongs_to_a_file_on_some_hardware() -> None:
    key = measured_key("f" * 64, {"cpu": "x", "gpu": "y"})

    assert key == measured_key("f" * 64, {"gpu": "y", "cpu": "x"})
    assert len({key, measured_key("e" * 64, {"cpu": "x", "gpu": "y"}), measured_key("f" * 64, {"cpu": "x"})}) == 3


def test_the_oldest_records_leave(tmp_path: Path) -> None:
    kept = Measurements(tmp_path / "measurements.json")
    for number in range(260):
        kept.put(str(number), FAST)

    assert kept.get("3") is None
    assert kept.get("4") == FAST
    assert kept.get("259") == FAST


def test_a_file_that_cannot_be_used_is_as_good_as_none(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.json"
    damaged.write_text("{")
    nowhere = Measurements(tmp_path / "absent" / "measurements.json")
    nowhere.put("a", FAST)

    assert Measurements(damaged).get("a") is None
    assert nowhere.get("a") is None
