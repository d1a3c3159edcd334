from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import pytest

from desktop.inference.text import PARSER_VERSION
from desktop.models.catalogue import read_catalogue
from desktop.models.digest import model_digest
from relay.catalogue.entries import BadEntry, Entry, Price, digests, read_entry
from relay.catalogue.listing import Demand, signed_listing
from relay.catalogue.store import Listed
from relay.wire.identity import SigningKey, catalogue_text, is_signed

KEY = SigningKey(bytes(32))


def fields(**changed: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "id": "qwen3-4b",
        "title": "Qwen3 4B",
        "file": "Qwen3-4B-Q4_K_M.gguf",
        "size": 2_497_280_256,
        "sha256": "ab" * 32,
        "url": "https://models.example/Qwen3-4B-Q4_K_M.gguf",
        "licence": "Apache-2.0",
    }
    return values | changed


def an_entry(**changed: Any) -> Entry:
    return read_entry(fields(**changed))


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"id": "a b"}, "^this cannot be in the catalogue: id must be 1 to 96 letters"),
        ({"id": ""}, "id"),
        ({"id": "qwen3-4b\n"}, "id"),
        ({"sha256": "AB" * 32}, "sha256"),
        ({"sha256": "ab" * 32 + "\n"}, "sha256"),
        ({"size": 0}, "size"),
        ({"file": "../x.gguf"}, "file"),
        ({"file": "x.bin"}, "file must be a plain name that ends in .gguf"),
        ({"file": "x.gguf\n"}, "file"),
        ({"licence": ""}, "licence"),
        ({"title": "x" * 301}, "title"),
        ({"url": "http://models.example/x"}, "https"),
        ({"url": "https://me:pw@models.example/x"}, "everybody"),
        ({"url": "file:///x"}, "everybody"),
        ({"url": "https://[::1/x"}, "web address"),
        ({"licence_url": "javascript:alert(1)"}, "web address"),
        ({"redirect_hosts": ["https://x"]}, "redirect_hosts"),
        ({"redirect_hosts": ["*"]}, "redirect_hosts must be names of hosts"),
        ({"redirect_hosts": ["files.example\n"]}, "redirect_hosts"),
        ({"url": "https://models.example/\nx.gguf"}, "url"),
        ({"licence_url": "https://models.example/ x"}, "licence_url"),
        ({"price": {"prompt": -1, "completion": 1}}, "price"),
        ({"price": {"prompt": 1}}, "completion"),
        ({"shape": {"x": "y" * 17_000}}, "16 KiB"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_what_nobody_should_sign_is_refused_with_the_field_that_is_wrong(changed: dict[str, Any], why: str) -> None:
    with pytest.raises(BadEntry, match=why):
        read_entry(fields(**changed))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_a_file_of_this_computer_itself_needs_no_https(host: str) -> None:
    assert an_entry(url=f"http://{host}:8000/x.gguf").url


@pytest.mark.parametrize("template", ["cd" * 32, ""])
def test_an_entry_stands_for_what_a_node_with_this_file_says_it_is(template: str) -> None:
    found = digests(an_entry(shape={"template_sha256": template}))
    said = template or hashlib.sha256(b"").hexdigest()
    assert model_digest("ab" * 32, said, PARSER_VERSION) in found
    assert model_digest("ac" * 32, said, PARSER_VERSION) not in found
    assert digests(an_entry()) == frozenset()


def test_the_list_says_price_and_demand_of_each_and_the_signature_holds_for_these_bytes_only() -> None:
    models = [Listed(an_entry(), 1, 1, None), Listed(an_entry(id="own", price={"prompt": 7, "completion": 9}), 1, 1, 5)]
    signed = signed_listing(
        models,
        {"own": Demand(3, 10, 20, 1)},
        price=Price(50_000, 200_000),
        owner_percent=70,
        key=KEY,
        at_ms=1000,
    )
    assert is_signed(catalogue_text(signed.body), signed.signature, by=KEY.public)
    assert not is_signed(catalogue_text(signed.body + b" "), signed.signature, by=KEY.public)
    first, second = msgspec.json.decode(signed.body)["entries"]
    assert (first["price"], first["retired"]) == ({"prompt": 50_000, "completion": 200_000}, False)
    assert (second["price"], second["retired"]) == ({"prompt": 7, "completion": 9}, True)
    assert second["demand"] == {"calls": 3, "prompt_tokens": 10, "completion_tokens": 20, "nodes": 1}


def test_a_desktop_reads_every_field_that_a_relay_signs() -> None:
    whole = an_entry(
        redirect_hosts=["cdn.example", "*.files.example"],
        licence_url="https://licence.example",
        summary="Good",
        architecture="qwen3",
        quantisation="Q4_K_M",
        parameters=4_000_000_000,
        context=40_960,
        shape={"layers": 36},
        price={"prompt": 1, "completion": 2},
    )
    signed = signed_listing([Listed(whole, 1, 1, None)], {}, price=Price(0, 0), owner_percent=70, key=KEY, at_ms=1000)
    catalogue = read_catalogue(signed.body)
    (entry,) = catalogue.entries
    assert (catalogue.issued_ms, catalogue.owner_percent) == (1000, 70)
    assert {name: getattr(entry, name) for name in Entry.__struct_fields__ if name != "price"} == {
        name: getattr(whole, name) for name in Entry.__struct_fields__ if name != "price"
    }
    assert (entry.price.prompt, entry.price.completion) == (1, 2)
