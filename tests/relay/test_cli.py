"""The verbs of `nightjar-relay`, as a person types them."""

from __future__ import annotations

import asyncio
import io
import json
import time
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from desktop.system.paths import Paths
from relay import configuration
from relay.accounts import directory
from relay.cli.command_line import main
from relay.completions.refusal import no_credit
from relay.ledger.check import check
from relay.reload import RELOAD_S
from relay.storage.engine import Database
from tests.relay.running import running_relay


class Terminal:
    """Runs verbs on one data folder and reads what they print."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def begin_relay(self) -> None:
        """One without a key, as `serve` leaves it whose keys were all revoked."""
        with Database.open(self.folder / "relay.db") as database:
            database.write_sync(lambda connection: directory.establish(connection, at_ms=0))

    def run(self, *words: str) -> tuple[int, str, str]:
        """Exit status, standard output and standard error."""
        self._capsys.readouterr()
        status = main([*words, "--data", str(self.folder)])
        return status, *self._capsys.readouterr()

    def json(self, *words: str) -> Any:
        status, out, err = self.run(*words, "--json")
        assert (status, err) == (0, "")
        return json.loads(out)


@pytest.fixture
def nowhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """On a folder in which nobody ever began a relay."""
    return Terminal(tmp_path / "relay", capsys)


@pytest.fixture
def terminal(nowhere: Terminal) -> Terminal:
    nowhere.begin_relay()
    return nowhere


# --- credit -----------------------------------------------------------------------------------------------------------


def test_credit_is_added_in_dollars_and_shown(terminal: Terminal) -> None:
    status, out, _ = terminal.run("credit", "add", "5.5", "--reference", "march")
    assert (status, out.splitlines()[0].split()) == (0, ["added", "$5.50"])
    assert terminal.run("credit", "show")[1] == "credit  $5.50\n"
    assert terminal.json("credit", "show") == {"credit_nano_usd": 5_500_000_000}
    with Database.open(terminal.folder / "relay.db") as database:
        assert database.read_sync(check).in_order


def test_the_same_reference_adds_credit_once(terminal: Terminal) -> None:
    terminal.run("credit", "add", "5", "--reference", "march")
    again = terminal.json("credit", "add", "5", "--reference", "march")
    assert again == {"added_nano_usd": 0, "reference": "march", "credit_nano_usd": 5_000_000_000}
    assert terminal.json("credit", "add", "5")["credit_nano_usd"] == 10_000_000_000


@pytest.mark.parametrize("amount", ["0", "1e9", "five", "nan", "0.0000000001", "inf"])
def test_what_is_no_amount_of_dollars_is_refused_in_one_line(terminal: Terminal, amount: str) -> None:
    status, out, err = terminal.run("credit", "add", amount)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "AMOUNT_USD" in err


async def test_a_running_relay_takes_in_credit_that_was_added(terminal: Terminal) -> None:
    async with running_relay(terminal.folder) as relay:
        organisation = relay.services.keyring.authenticate(f"Bearer {relay.key}".encode()).organisation
        await asyncio.to_thread(terminal.run, "credit", "add", "2")
        while relay.services.ledger.available(organisation) != 7_000_000_000:  # noqa: ASYNC110 - another process's write
            await asyncio.sleep(0.01)


def test_a_caller_without_credit_is_told_the_verb() -> None:
    assert "`nightjar-relay credit add" in no_credit(1, 0).message


# --- keys -------------------------------------------------------------------------------------------------------------


async def test_a_key_made_beside_a_running_relay_works_before_a_person_can_use_it(terminal: Terminal) -> None:
    assert RELOAD_S <= 0.2
    async with running_relay(terminal.folder) as relay:
        made = await asyncio.to_thread(terminal.json, "key", "create", "second")
        request = (
            f"GET /v1/models HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {made['key']}\r\nconnection: close\r\n\r\n"
        )
        while not (await relay.raw(request.encode())).startswith(b"HTTP/1.1 200 "):  # noqa: ASYNC110 - another process's write
            await asyncio.sleep(0.01)


# --- how it answers ---------------------------------------------------------------------------------------------------


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"nightjar-relay {metadata.version('nightjar')}\n"


@pytest.mark.parametrize(
    "words", ["credit add 5 --bogus", "rule set organisation --bogus", "serve --bogus"], ids=["credit", "rule", "serve"]
)
def test_an_option_that_a_verb_does_not_have_points_to_the_help_of_the_verb(
    capsys: pytest.CaptureFixture[str], words: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words.split())
    verb = " ".join(word for word in words.split() if word.isalpha() and word != "organisation")
    said = f"nightjar-relay {verb}: unrecognized arguments: --bogus (see nightjar-relay {verb} --help)\n"
    assert (ended.value.code, capsys.readouterr().err) == (2, said)


def test_a_tokens_end_is_a_date_for_people_and_a_number_in_json(terminal: Terminal) -> None:
    _, out, _ = terminal.run("node", "token", "--hours", "1")
    (expires,) = (line for line in out.splitlines() if line.startswith("expires"))
    written = datetime.strptime(expires.removeprefix("expires").strip(), "%Y-%m-%d %H:%M UTC%z")
    assert abs(written.timestamp() - 3600 - time.time()) < 180
    assert terminal.json("node", "token")["expires_ms"] > time.time() * 1000


# --- which relay ------------------------------------------------------------------------------------------------------

LOOKS_OR_WRITES = (
    "credit add 5",
    "node token",
    "provider add x --base-url http://x/v1 --model m",
    "rule set organisation --sort price",
    "preset set x -",
    "credit show",
    "key list",
    "key revoke 1",
    "provider list",
    "provider edit x",
    "provider remove x",
    "node list",
    "node revoke x",
)


@pytest.mark.parametrize("verb", LOOKS_OR_WRITES)
def test_a_verb_does_not_make_a_relay_by_the_way(nowhere: Terminal, verb: str) -> None:
    status, out, err = nowhere.run(*verb.split())
    assert (status, out) == (1, "")
    assert err == (
        f"nightjar-relay: there is no relay in {nowhere.folder}; start one with nightjar-relay serve, "
        "or name its folder with --data.\n"
    )
    assert not nowhere.folder.exists()


@pytest.mark.parametrize("verb", ["node token", "credit add 1", "provider add x --base-url http://x/v1 --model m"])
def test_a_relay_that_is_prepared_by_its_settings_has_no_key_that_nobody_saw(nowhere: Terminal, verb: str) -> None:
    nowhere.folder.mkdir()
    (nowhere.folder / "relay.toml").touch()
    assert nowhere.run(*verb.split())[0] == 0
    assert nowhere.json("key", "list") == []


def test_a_key_made_before_the_first_start_is_the_only_one_and_says_where_it_began_a_relay(nowhere: Terminal) -> None:
    _, _, err = nowhere.run("key", "create", "mine")
    assert err == f"nightjar-relay: this begins a relay in {nowhere.folder}; nightjar-relay serve starts it\n"
    assert [key["name"] for key in nowhere.json("key", "list")] == ["mine"]


async def test_a_prepared_relay_shows_a_key_and_gives_the_demo_credit_at_its_first_start(terminal: Terminal) -> None:
    await asyncio.to_thread(terminal.run, "credit", "add", "1")
    async with running_relay(terminal.folder) as relay:
        organisation = relay.services.keyring.authenticate(f"Bearer {relay.key}".encode()).organisation
        assert relay.services.ledger.available(organisation) == 6_000_000_000


async def test_a_relay_whose_keys_are_all_revoked_shows_a_new_one_and_gives_no_second_credit(
    terminal: Terminal,
) -> None:
    async with running_relay(terminal.folder) as first:
        lost = first.key
    await asyncio.to_thread(terminal.run, "key", "revoke", "1")
    async with running_relay(terminal.folder) as second:
        assert second.key != lost
        organisation = second.services.keyring.authenticate(f"Bearer {second.key}".encode()).organisation
        assert second.services.ledger.available(organisation) == 5_000_000_000


# --- beside `nightjar local` ------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where both programs keep their data."""
    monkeypatch.setenv("NIGHTJAR_HOME", str(tmp_path))
    return tmp_path


def test_without_a_relay_of_its_own_a_verb_means_that_of_nightjar_local_and_says_so(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    local = Paths.for_user().local / "relay"
    main(["key", "create", "local", "--data", str(local)])
    capsys.readouterr()

    assert main(["key", "list", "--json"]) == 0

    out, err = capsys.readouterr()
    assert [key["name"] for key in json.loads(out)] == ["local"]
    assert err == f"nightjar-relay: using the relay of `nightjar local`, in {local}\n"
    assert not (home / "relay").exists()


def test_a_relay_of_its_own_comes_before_that_of_nightjar_local(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["key", "create", "own"])
    main(["key", "create", "local", "--data", str(Paths.for_user().local / "relay")])
    capsys.readouterr()

    assert main(["key", "list", "--json"]) == 0

    out, err = capsys.readouterr()
    assert ([key["name"] for key in json.loads(out)], err) == (["own"], "")
    assert (home / "relay" / "relay.db").exists()


def test_without_nightjar_home_both_programs_agree_on_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NIGHTJAR_HOME", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert configuration.local_folder() == Paths.for_user().local / "relay"


def test_a_provider_that_the_relay_may_not_connect_to_is_not_added_until_the_settings_allow_it(
    terminal: Terminal,
) -> None:
    command = ("provider", "add", "vllm", "--base-url", "http://127.0.0.1:8000/v1", "--model", "m")
    status, _, err = terminal.run(*command)
    assert status == 1
    assert "upstreams.private_addresses" in err

    terminal.folder.mkdir(parents=True, exist_ok=True)
    (terminal.folder / "relay.toml").write_text('[upstreams]\nprivate_addresses = ["127.0.0.1"]\n')
    assert terminal.run(*command)[0] == 0


# --- providers --------------------------------------------------------------------------------------------------------

ACME = ("--base-url", "https://api.acme.test/v1", "--key", "sk-1", "--model", "small=acme-small-1", "--model", "large")


def test_what_is_not_named_in_an_edit_stays_as_it_was(terminal: Terminal) -> None:
    terminal.json("provider", "add", "acme", *ACME, "--price-prompt", "1", "--no-training", "--region", "eu")
    before = terminal.json("provider", "show", "acme")
    after = terminal.json("provider", "edit", "acme", "--model", "small", "--price-completion", "2")
    small, large = after["models"]
    assert small == before["models"][0] | {"price_completion": 2.0}
    assert (small["policy"], small["upstream"], large) == ("no-training", "acme-small-1", before["models"][1])
    assert terminal.json("provider", "show", "acme") == after


def test_an_edit_adds_models_drops_models_and_changes_keys(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal.json("provider", "add", "acme", *ACME)
    monkeypatch.setattr("sys.stdin", io.StringIO("sk-2\n sk-3 \n"))
    priced = ("--model", "new", "--price-prompt", "1", "--price-completion", "0")
    edited = terminal.json("provider", "edit", "acme", "--key", "-", *priced, "--drop-model", "small")
    assert ([model["name"] for model in edited["models"]], edited["keys"]) == (["large", "new"], 2)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (["--drop-model", "small", "--drop-model", "large"], "nightjar-relay provider remove"),
        (["--drop-model", "tiny"], "it offers small, large"),
        (["--model", "smal", "--price-prompt", "1"], "it offers small, large. To add a model, give --price-completion"),
        (["--key", "-"], "say --key ''"),
        (["--drop-model", "small", "--model", "small=its-own"], "small: named with"),
        (["--base-url", "ftp://x"], "http"),
        (["--base-url", "http://10.0.0.1/v1"], "upstreams.private_addresses"),
        (["--price-prompt", "-1"], "--price-prompt"),
        (["--context", "0"], "context"),
    ],
    ids=[
        "offers-nothing",
        "no-such-model",
        "a-slip-of-the-keyboard",
        "no-key",
        "dropped-and-named",
        "no-url",
        "out-of-reach",
        "negative-price",
        "no-context",
    ],
)
def test_an_edit_that_cannot_be_changes_nothing_and_says_why(
    terminal: Terminal, change: list[str], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    terminal.json("provider", "add", "acme", *ACME)
    before = terminal.json("provider", "show", "acme")
    status, out, err = terminal.run("provider", "edit", "acme", *change)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert named in err
    assert terminal.json("provider", "show", "acme") == before


def test_a_provider_that_needs_no_key_is_added_without_one_and_not_by_an_empty_pipe(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    command = ("provider", "add", "acme", "--base-url", "https://api.acme.test/v1", "--model", "m", "--key")
    status, _, err = terminal.run(*command, "-")
    assert (status, "no key on standard input" in err) == (1, True)
    assert terminal.json("provider", "list") == []
    terminal.json(*command, "")
    assert terminal.json("provider", "show", "acme")["keys"] == 0


@pytest.mark.parametrize(
    ("prices", "said"),
    [
        ((), "calls of it cost nothing"),
        (("--price-prompt", "1"), "completion tokens cost nothing"),
        (("--price-prompt", "0", "--price-completion", "0"), None),
    ],
)
def test_a_provider_added_without_a_price_says_that_it_costs_nothing(
    terminal: Terminal, prices: tuple[str, ...], said: str | None
) -> None:
    _, out, _ = terminal.run("provider", "add", "acme", *ACME, *prices)
    assert ("cost nothing" in out) is bool(said)
    assert (said or "") in out


def test_only_a_provider_in_service_can_be_changed(terminal: Terminal) -> None:
    terminal.json("provider", "add", "acme", *ACME)
    terminal.json("provider", "remove", "acme")
    status, _, err = terminal.run("provider", "edit", "acme", "--region", "eu")
    assert (status, "no provider in service named" in err) == (1, True)


async def test_a_running_relay_takes_in_a_changed_price(terminal: Terminal) -> None:
    terminal.json("provider", "add", "acme", *ACME)
    async with running_relay(terminal.folder) as relay:
        await asyncio.to_thread(terminal.json, "provider", "edit", "acme", "--price-prompt", "3")
        identity = relay.services.keyring.authenticate(f"Bearer {relay.key}".encode())
        while relay.services.targets.offers(identity)["large"][0].price.prompt != 3_000_000:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)


# --- rules ------------------------------------------------------------------------------------------------------------


def test_a_rule_is_set_listed_replaced_and_removed(terminal: Terminal) -> None:
    terminal.json("key", "create", "laptop")
    terminal.json("rule", "set", "key:1", "--models", "small,large", "--only", "own, cloud", "--zero-retention")
    terminal.json("rule", "set", "organisation", "--max-price-prompt", "2")
    key, organisation = terminal.json("rule", "list")
    assert (key["whom"], key["models"]) == ("key:1", ["small", "large"])
    assert json.loads(key["provider"]) == {"only": ["own", "cloud"], "zdr": True}
    assert json.loads(organisation["provider"])["max_price"]["prompt"] == 2.0

    terminal.json("rule", "set", "key:1", "--sort", "price")
    assert terminal.json("rule", "list")[0]["models"] is None
    terminal.json("rule", "remove", "key:1")
    assert [each["whom"] for each in terminal.json("rule", "list")] == ["organisation"]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["set", "organisation"], "must say something"),
        (["set", "key:77", "--sort", "price"], "key list"),
        (["set", "keys:1", "--sort", "price"], "WHOM is"),
        (["set", "key", "--sort", "price"], "WHOM is"),
        (["set", "model:m", "--models", "a"], "--models"),
        (["set", "organisation", "--pools", "mine"], "pools"),
        (["set", "organisation", "--max-price-prompt", "-1"], "max_price"),
        (["set", "organisation", "--only", "", "--zero-retention"], "--only names nothing"),
        (["set", "key:1", "--models", " , ", "--sort", "price"], "--models names nothing"),
        (["remove", "organisation"], "no rule for organisation"),
    ],
    ids=[
        "empty",
        "no-key",
        "no-scope",
        "no-number",
        "models-of-a-model",
        "no-pool",
        "negative",
        "no-target",
        "no-model",
        "none-there",
    ],
)
def test_a_rule_that_cannot_be_is_refused_in_one_line(terminal: Terminal, words: list[str], named: str) -> None:
    terminal.json("key", "create", "laptop")
    status, out, err = terminal.run("rule", *words)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert named in err
    assert terminal.json("rule", "list") == []


# --- presets ----------------------------------------------------------------------------------------------------------


def test_a_preset_is_set_listed_and_removed(terminal: Terminal, tmp_path: Path) -> None:
    terminal.json("key", "create")
    file = tmp_path / "short.json"
    file.write_text('{"model": "m", "max_tokens": 50}')
    made = terminal.json("preset", "set", "short", str(file))
    assert (made["ask_for"], json.loads(made["fields"])) == ("@preset/short", {"model": "m", "max_tokens": 50})
    assert terminal.json("preset", "list") == [made]
    terminal.json("preset", "remove", "short")
    assert terminal.json("preset", "list") == []
    assert "no preset" in terminal.run("preset", "remove", "short")[2]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[]", "not a JSON object"),
        ("{", "not a JSON object"),
        ('{"tools": ' + "[" * 100_000, "not a JSON object"),
        ('{"messages": []}', "only be said by a call"),
        (None, "cannot be read"),
    ],
    ids=["list", "cut", "deep", "messages", "no-file"],
)
def test_what_is_no_preset_is_refused_in_one_line(
    terminal: Terminal, tmp_path: Path, text: str | None, named: str
) -> None:
    terminal.json("key", "create")
    file = tmp_path / "short.json"
    if text is not None:
        file.write_text(text)
    status, out, err = terminal.run("preset", "set", "short", str(file))
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert named in err
