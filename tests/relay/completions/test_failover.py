"""The table of errors, a test for each cell: whose fault, what happens next, what the caller is told."""

from __future__ import annotations

import json

import pytest

from relay.completions.envelope import error_headers
from relay.completions.failover import Verdict, classify, decide, refusal
from relay.upstreams.port import Failure, Fault


def _body(message: str = "no", code: str | None = None) -> bytes:
    return json.dumps({"error": {"message": message, "code": code}}).encode()


@pytest.mark.parametrize(
    ("status", "body", "fault"),
    [
        (400, _body("temperature out of range"), Fault.REQUEST),
        (413, _body("too big"), Fault.REQUEST),
        (422, _body("bad field"), Fault.REQUEST),
        (404, _body("no such route"), Fault.REQUEST),
        (400, _body(code="context_length_exceeded"), Fault.CONTEXT),
        (400, _body("This model's maximum context length is 8192 tokens"), Fault.CONTEXT),
        (400, _body(code="content_policy_violation"), Fault.POLICY),
        (200, _body(code="content_filter"), Fault.POLICY),
        (401, _body(), Fault.KEY_DEAD),
        (402, _body(), Fault.KEY_DEAD),
        (403, _body(), Fault.KEY_DEAD),
        (429, _body(), Fault.KEY_BUSY),
        (404, _body("The model `x` does not exist"), Fault.GONE),
        (404, b"<html>", Fault.GONE),
        (500, _body(), Fault.ILL),
        (503, b"", Fault.ILL),
        (400, b"<html>Bad Request</html>", Fault.ILL),
        (400, b"[" + _body("an error in a list") + b"]", Fault.REQUEST),
        (400, b"[]", Fault.ILL),
        (502, _body("overloaded"), Fault.ILL),
        (302, b"", Fault.ILL),
    ],
)
def test_an_answer_names_whose_fault_it_is(status: int, body: bytes, fault: Fault) -> None:
    assert classify(status, body, retry_after=None, fast=True).fault is fault


def test_the_words_and_the_waiting_time_of_a_provider_are_kept() -> None:
    failure = classify(429, _body("slow down", "rate_limit"), retry_after=7.0, fast=False)

    assert (failure.message, failure.code, failure.retry_after) == ("slow down", "rate_limit", 7.0)


def test_a_providers_error_is_never_passed_on_at_any_length() -> None:
    assert len(classify(500, _body("x" * 100_000), retry_after=None, fast=True).message) == 2000


def test_what_a_provider_says_of_the_operators_key_reaches_no_caller() -> None:
    failure = classify(
        401, _body("Incorrect API key provided: sk-operator", "sk-operator"), retry_after=None, fast=True
    )

    told = refusal([("alpha", failure)])

    assert "sk-operator" not in f"{told} {told.code} {told.metadata}"
    assert "did not accept this relay's key" in str(told)


def _failure(fault: Fault, *, fast: bool = False, message: str = "it broke") -> Failure:
    return Failure(fault, message, "some_code", fast=fast)


@pytest.mark.parametrize(
    ("fault", "fast", "untried", "repeated", "verdict"),
    [
        (Fault.REQUEST, True, 5, False, Verdict.STOP),
        (Fault.POLICY, True, 5, False, Verdict.STOP),
        (Fault.CONTEXT, False, 1, False, Verdict.NEXT),
        (Fault.CONTEXT, False, 0, False, Verdict.STOP),
        (Fault.KEY_DEAD, True, 1, False, Verdict.NEXT),
        (Fault.KEY_BUSY, True, 1, False, Verdict.NEXT),
        (Fault.KEY_BUSY, True, 0, False, Verdict.STOP),
        (Fault.ILL, True, 1, False, Verdict.SAME),
        (Fault.ILL, True, 0, False, Verdict.SAME),
        (Fault.ILL, True, 1, True, Verdict.NEXT),
        (Fault.ILL, False, 1, False, Verdict.NEXT),
        (Fault.ILL, False, 0, False, Verdict.STOP),
        (Fault.GONE, True, 1, False, Verdict.NEXT),
        (Fault.BUSY, True, 1, False, Verdict.NEXT),
        (Fault.BUSY, True, 0, False, Verdict.STOP),
    ],
)
def test_what_happens_next(fault: Fault, fast: bool, untried: int, repeated: bool, verdict: Verdict) -> None:
    assert decide(_failure(fault, fast=fast), attempts=1, limit=3, untried=untried, repeated=repeated) is verdict


@pytest.mark.parametrize("fault", [Fault.ILL, Fault.GONE, Fault.KEY_DEAD, Fault.KEY_BUSY, Fault.CONTEXT])
def test_no_more_targets_are_tried_than_the_limit_allows(fault: Fault) -> None:
    assert decide(_failure(fault, fast=True), attempts=3, limit=3, untried=5, repeated=False) is Verdict.STOP


def test_a_busy_target_does_not_use_up_the_limit() -> None:
    assert decide(_failure(Fault.BUSY), attempts=3, limit=3, untried=1, repeated=False) is Verdict.NEXT


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault.REQUEST, 400),
        (Fault.CONTEXT, 400),
        (Fault.POLICY, 400),
        (Fault.KEY_DEAD, 502),
        (Fault.KEY_BUSY, 429),
        (Fault.ILL, 502),
        (Fault.GONE, 503),
        (Fault.BUSY, 503),
    ],
)
def test_the_caller_gets_the_status_that_fits_the_first_cause(fault: Fault, status: int) -> None:
    assert refusal([("alpha", _failure(fault)), ("beta", _failure(Fault.GONE))]).status == status


def test_the_caller_gets_the_first_cause_and_the_whole_chain() -> None:
    told = refusal([("alpha", _failure(Fault.ILL, message="first")), ("beta", _failure(Fault.GONE, message="second"))])

    assert "alpha could not answer: first" in str(told)
    assert told.metadata is not None
    chain = told.metadata["attempts"]
    assert isinstance(chain, list)
    assert [each["target"] for each in chain] == ["alpha", "beta"]


@pytest.mark.parametrize("fault", [Fault.KEY_BUSY, Fault.BUSY])
def test_where_waiting_helps_the_caller_hears_how_long(fault: Fault) -> None:
    assert refusal([("alpha", _failure(fault))]).retry_after is not None


@pytest.mark.parametrize(("seconds", "shown"), [(0.2, 1), (7.4, 7), (1e9, 86_400), (float("inf"), 86_400)])
def test_the_time_to_wait_is_one_a_caller_can_use(seconds: float, shown: int) -> None:
    told = refusal([("alpha", Failure(Fault.KEY_BUSY, "slow down", "busy", 429, retry_after=seconds))])

    assert error_headers(told, "req-1").endswith(b"retry-after: %d\r\n" % shown)
