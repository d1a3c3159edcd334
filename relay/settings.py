"""What can be set, one frozen dataclass per topic. Every field has a unit, a default, and the reason for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """The sockets of nodes. The defaults are the protocol's; tests shorten the times."""

    hello_s: float = 5.0
    """From the open socket to a valid hello. A node signs in milliseconds; the rest is its network."""

    ping_s: float = 20.0
    """Between pings. Under the 30-60 s after which home routers forget an idle connection."""

    silent_s: float = 40.0
    """Nothing heard, not even a pong, for this long: the node is gone. One ping and its answer, twice."""

    replace_s: float = 2.0
    """How long the old socket of a node may take to answer a ping when a second valid hello arrives."""

    heartbeat_s: float = 15.0
    """How often a node repeats its status."""

    drain_close_s: float = 5.0
    """From the relay's goodbye to closing the socket itself, for a node that does not close it."""

    sockets_per_owner: int = 5
    """Ready nodes of one person. Stops one account from filling the registry."""

    pending_per_address: int = 200
    """Open sockets before a valid hello, per address. A stampede of reconnecting nodes behind one router fits."""

    backlog_bytes: int = 4 * 1024 * 1024
    """Bytes waiting to be sent to one node. More means that it reads too slowly to be of use (close code 4408)."""


@dataclass(frozen=True, slots=True)
class EnrolmentSettings:
    """How a desktop becomes a node."""

    code_s: float = 600.0
    """Life of a code. Long enough to sign in, short enough that a leaked one is stale."""

    code_tries: int = 5
    """Wrong acts upon one code before it dies."""

    poll_s: float = 2.0
    """How often the desktop may ask. A person waits for the answer, so it should feel immediate."""

    nonce_s: float = 120.0
    """Life of the nonce a desktop signs."""

    proof_s: float = 120.0
    """From opening the browser to the desktop's proof that it is on the same PC."""

    codes_per_address_h: int = 5
    """New codes per address and hour; enrolling by token is not counted here."""

    wrong_codes_per_person_h: int = 20
    """Codes a signed-in person may mistype in an hour. Guessing needs 20^8 tries."""

    pending: int = 2000
    """Codes waiting at once, over all addresses."""

    fresh_sign_in_s: float = 300.0
    """Age up to which a sign-in counts as fresh, for approving a PC that has not proved to be this one."""

    session_s: float = 3600.0
    """Life of a sign-in to the pages."""
