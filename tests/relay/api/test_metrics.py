"""What Prometheus is told, by whom it may be asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from relay.app import TokenTooWeak, services
from relay.clock import ManualClock
from relay.configuration import BadSettings
from relay.settings import MetricsSettings, RelaySettings
from tests.relay.provider import ScriptedProvider, error_answer, scripted_provider
from tests.relay.running import MODEL, RunningRelay, a_chat, as_provider, running_relay

TOKEN = "0123456789abcdef-metrics"
SECRET = "canary-of-a-prompt"


@pytest.fixture
async def provider() -> AsyncIterator[ScriptedProvider]:
    async with scripted_provider() as running:
        yield running


async def _scrape(relay: RunningRelay, token: str = TOKEN) -> bytes:
    head = f"GET /metrics HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
    return await relay.raw(head.encode())


def _samples(answer: bytes) -> dict[tuple[str, ...], float]:
    text = answer.partition(b"\r\n\r\n")[2].decode()
    families = text_string_to_metric_families(text)
    samples = [sample for family in families for sample in family.samples]
    return {(each.name, *(value for _, value in sorted(each.labels.items()))): each.value for each in samples}


async def test_calls_tokens_money_and_time_are_told(provider: ScriptedProvider, tmp_path: Path) -> None:
    metrics = MetricsSettings(token=TOKEN)
    at = [as_provider(provider)]
    async with running_relay(tmp_path, providers=at, metrics=metrics) as relay:
        await relay.raw(relay.chat(a_chat(messages=[{"role": "user", "content": SECRET}])))
        provider.plays([error_answer(400, "no")])
        await relay.raw(relay.chat(a_chat()))
        answered, failed = sorted(await relay.usage_rows(), key=lambda row: row.state)

        answer = await _scrape(relay)
        found = _samples(answer)

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"content-type: text/plain" in answer
    assert found["nightjar_calls_total", MODEL, "completed", "alpha"] == 1
    assert found["nightjar_calls_total", MODEL, "failed", "alpha"] == 1
    assert found["nightjar_tokens_total", "prompt", MODEL] == answered.prompt_tokens
    assert found["nightjar_tokens_total", "completion", MODEL] == answered.completion_tokens
    assert found["nightjar_cost_dollars_total", MODEL] == answered.cost_nano / 1e9
    assert found["nightjar_share_dollars_total", "providers"] == answered.cost_nano / 1e9
    assert found["nightjar_errors_total", str(failed.error)] == 1
    assert found["nightjar_attempts_total", "alpha"] == 2
    assert found["nightjar_call_duration_seconds_count", MODEL] == 2
    assert found["nightjar_call_duration_seconds_bucket", "+Inf", MODEL] == 2
    assert found["nightjar_first_token_seconds_count", MODEL] == 1
    assert found["nightjar_calls_running",] == 0
    assert found["nightjar_provider_connections_total",] == provider.connections
    assert SECRET.encode() not in answer
    assert relay.key.encode() not in answer


async def test_who_is_left_alone_is_told_and_how_the_keys_are(tmp_path: Path) -> None:
    async with (
        scripted_provider([error_answer(500)]) as alpha,
        scripted_provider([error_answer(401)]) as beta,
        running_relay(
            tmp_path,
            providers=[as_provider(alpha), as_provider(beta, "beta", name="other")],
            metrics=MetricsSettings(token=TOKEN),
            clock=ManualClock(),
        ) as relay,
    ):
        for _ in range(11):
            await relay.raw(relay.chat(a_chat()))
        await relay.raw(relay.chat({**a_chat(), "model": "other"}))
        found = _samples(await _scrape(relay))

    assert found["nightjar_target_rests_seconds", MODEL, "alpha"] == 60
    assert ("nightjar_target_rests_seconds", "other", "beta") not in found
    states = ("ready", "resting", "refused")
    assert [found["nightjar_provider_keys", "alpha", state] for state in states] == [1, 0, 0]
    assert [found["nightjar_provider_keys", "beta", state] for state in states] == [0, 0, 1]


async def test_only_the_token_opens_them_and_without_one_there_are_none(tmp_path: Path) -> None:
    async with running_relay(tmp_path / "on", metrics=MetricsSettings(token=TOKEN)) as relay:
        assert (await _scrape(relay, relay.key)).startswith(b"HTTP/1.1 401 ")
        assert (await _scrape(relay, "")).startswith(b"HTTP/1.1 401 ")
    async with running_relay(tmp_path / "off") as relay:
        assert (await _scrape(relay)).startswith(b"HTTP/1.1 404 ")
        assert relay.services.watched is None


async def test_the_token_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    async with running_relay(tmp_path / "data", metrics=MetricsSettings(token_file=str(file))) as relay:
        assert (await _scrape(relay)).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("settings", "error"),
    [(MetricsSettings(token="short"), TokenTooWeak), (MetricsSettings(token_file="/nowhere/token"), BadSettings)],
)
async def test_a_token_that_protects_nothing_starts_no_relay(
    tmp_path: Path, settings: MetricsSettings, error: type[Exception]
) -> None:
    with pytest.raises(error):
        async with services(RelaySettings(data=tmp_path, metrics=settings), ManualClock(), hosts=()):
            pass
