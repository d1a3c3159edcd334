from __future__ import annotations

import pytest

from desktop.models.addresses import checked, is_local, redirected
from desktop.models.errors import SourceRefused

HOME = "https://models.example/a/model.gguf"


@pytest.mark.parametrize(
    "url", [HOME, "https://models.example:8443/x", "http://127.0.0.1:9000/x", "http://localhost/x"]
)
def test_https_and_this_pc_itself_are_fit_to_download_from(url: str) -> None:
    assert checked(url) == url


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://models.example/x", "no https"),
        ("ftp://models.example/x", "no web address"),
        ("file:///etc/passwd", "no web address"),
        ("https://me:secret@models.example/x", "a name or a password"),
        ("https://me@models.example/x", "a name or a password"),
        ("https:///x", "no web address"),
        ("https://models.example:port/x", "no address"),
        ("http://192.168.1.1/x", "no https"),
        ("http://127.0.0.1.models.example/x", "no https"),
    ],
)
def test_everything_else_is_refused_with_its_reason(url: str, why: str) -> None:
    with pytest.raises(SourceRefused, match=why):
        checked(url)


@pytest.mark.parametrize(
    ("location", "lead"),
    [
        ("/b", "https://models.example/b"),
        ("b", "https://models.example/a/b"),
        ("https://cdn.example/b", "https://cdn.example/b"),
        ("https://eu.files.example/b", "https://eu.files.example/b"),
    ],
)
def test_a_redirect_leads_within_the_host_and_to_hosts_that_are_named(location: str, lead: str) -> None:
    assert redirected(HOME, HOME, location, allowed=("cdn.example", "*.files.example")) == lead


@pytest.mark.parametrize(
    "location",
    [
        "https://evil.example/b",
        "https://files.example/b",
        "https://evilfiles.example/b",
        "http://cdn.example/b",
        "http://127.0.0.1/b",
        "https://127.0.0.1/b",
        "https://169.254.169.254/latest",
        "//evil.example/b",
        "https://cdn.example@evil.example/b",
    ],
)
def test_a_redirect_elsewhere_is_refused(location: str) -> None:
    with pytest.raises(SourceRefused):
        redirected(HOME, HOME, location, allowed=("cdn.example", "*.files.example"))


def test_an_address_of_the_owners_own_network_is_refused_even_if_the_entry_names_it() -> None:
    with pytest.raises(SourceRefused, match="no public address"):
        redirected(HOME, HOME, "https://192.168.1.1/b", allowed=("192.168.1.1",))


@pytest.mark.parametrize("host", ["localhost", "10.0.0.1", "192.168.0.1", "169.254.1.1", "::1", "fe80::1"])
def test_own_addresses_are_known_as_such(host: str) -> None:
    assert is_local(host)
    assert not is_local("models.example")
