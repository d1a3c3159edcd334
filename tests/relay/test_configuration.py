"""The settings file, as a person mistypes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from relay.configuration import BadSettings, load
from relay.settings import RelaySettings

A_PROVIDER = '[[providers]]\nname = "alpha"\nbase_url = "http://x/v1"\n'


def _load(folder: Path, text: str) -> RelaySettings:
    folder.mkdir(exist_ok=True)
    (folder / "relay.toml").write_text(text, encoding="utf-8")
    return load(folder)


def test_without_a_file_everything_has_its_default(tmp_path: Path) -> None:
    assert load(tmp_path) == RelaySettings(data=tmp_path)


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    settings = _load(
        tmp_path,
        'demo = true\n[server]\nport = 0\nnames = ["relay.example:443"]\n[timers]\ngap_s = 5\n'
        + A_PROVIDER
        + 'models = [{ name = "m", upstream = "big/m", prompt_price = 150_000 }]\n',
    )

    assert (settings.demo, settings.server.names, settings.timers.gap_s) == (True, ("relay.example:443",), 5)
    assert settings.providers[0].models[0].upstream == "big/m"


def test_the_folder_on_the_command_line_wins_over_that_of_the_file(tmp_path: Path) -> None:
    assert _load(tmp_path / "here", 'data = "/elsewhere"').data == tmp_path / "here"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("port = 80", "'port'"),
        ("[server]\nprot = 80", "'server.prot'"),
        (A_PROVIDER + "models = []\napi_keyfile = 'x'", "'providers[0].api_keyfile'"),
        (A_PROVIDER + 'models = [{ name = "a" }, { name = "b", price = 3 }]', "'providers[0].models[1].price'"),
        (A_PROVIDER + 'models = [{ name = "a", context = "long" }]', "'providers[0].models[0].context'"),
        (A_PROVIDER + 'models = ["a"]', "'providers[0].models[0]'"),
        (A_PROVIDER + 'models = "a"', "'providers[0].models'"),
        (A_PROVIDER, "'models'"),
        (A_PROVIDER + 'models = [{ name = "a", prompt_price = -1 }]', "'providers[0].models[0].prompt_price'"),
        (A_PROVIDER + 'models = [{ name = "a", context = 0 }]', "'providers[0].models[0].context'"),
        ("providers = 3", "'providers'"),
        ('providers = ["alpha"]', "'providers[0]'"),
        ("[server]\nport = 70000", "'server.port'"),
        ('[server]\nedge = "fast"', "'server.edge'"),
        ("[server]\nnames = [1]", "'server.names[0]'"),
        ("[timers]\ngap_s = nan", "'timers.gap_s'"),
        ("[timers]\ngap_s = inf", "'timers.gap_s'"),
        ("[timers]\ngap_s = -1", "'timers.gap_s'"),
        ("[timers]\nattempts = 0", "'timers.attempts'"),
        ('demo = "yes"', "'demo'"),
        ("[server", "declaration"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(BadSettings) as caught:
        _load(tmp_path, text)

    assert named in str(caught.value)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "relay.toml").write_bytes(b"\xff\xfe")

    with pytest.raises(BadSettings):
        load(tmp_path)


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="No such file"):
        load(tmp_path, tmp_path / "other.toml")
