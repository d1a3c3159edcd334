from __future__ import annotations

from desktop.inference.watchdog import STEP_TOKENS, Verdict, Watchdog

WAIT, PING, SILENT, STUCK = Verdict.WAIT, Verdict.PING, Verdict.SILENT, Verdict.STUCK


def a_watchdog(*, prefill_tps: float = 1e6) -> Watchdog:
    watchdog = Watchdog(silent_s=7, stuck_s=10)
    watchdog.measured(prefill_tps)
    return watchdog


def test_a_worker_without_calls_is_left_alone() -> None:
    watchdog = a_watchdog()

    assert [watchdog.beat(now, busy=False) for now in range(0, 1000, 100)] == [WAIT] * 10


def test_a_worker_that_answers_each_ping_is_asked_again() -> None:
    watchdog = a_watchdog()
    for now in range(8):
        assert watchdog.beat(now, busy=True) is PING
        watchdog.heard(now + 0.1, of_calls=True)


def test_a_worker_that_does_not_answer_is_ended_after_the_limit() -> None:
    watchdog = a_watchdog()
    watchdog.heard(0, of_calls=True)

    assert [watchdog.beat(now, busy=True) for now in range(1, 11)] == [PING, *[WAIT] * 7, SILENT, SILENT]


def test_an_idle_worker_that_was_quiet_for_long_is_not_blamed_for_that_when_a_call_comes() -> None:
    watchdog = a_watchdog()
    watchdog.heard(1, of_calls=True)
    watchdog.beat(5, busy=False)

    assert watchdog.beat(5000, busy=True) is PING


def test_a_worker_that_only_answers_pings_is_ended_after_the_longer_limit() -> None:
    watchdog = a_watchdog()
    verdicts = []
    for now in range(13):
        verdicts.append(watchdog.beat(now, busy=True))
        watchdog.heard(now + 0.1, of_calls=False)

    assert verdicts == [PING] * 11 + [STUCK] * 2


def test_a_slow_model_is_given_the_time_that_ten_of_its_steps_take() -> None:
    watchdog = a_watchdog(prefill_tps=STEP_TOKENS / 20)
    watchdog.beat(0, busy=True)
    watchdog.heard(1, of_calls=False)

    assert watchdog.beat(209, busy=True) is PING
    watchdog.heard(210, of_calls=False)
    assert watchdog.beat(211, busy=True) is STUCK


def test_progress_gives_new_time() -> None:
    watchdog = a_watchdog()
    for now in range(0, 100, 5):
        assert watchdog.beat(now, busy=True) is PING
        watchdog.heard(now, of_calls=True)
