"""How a link opens, and every way it must not."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from relay.wire import codec
from relay.wire.errors import ProtocolViolation, RelayNotProven, SessionMisuse
from relay.wire.frames import (
    Challenge,
    CloseCode,
    HelloBody,
    Kind,
    Limits,
    Note,
    Refuse,
    Status,
    Welcome,
)
from relay.wire.handshake import Enrolled, Proven, Rejected
from relay.wire.identity import LinkSecrets
from relay.wire.relay_session import RelaySession
from relay.wire.session import State
from tests.wire.links import (
    HOST,
    NODE_KEY,
    NODE_NONCE,
    RELAY_KEY,
    RELAY_NONCE,
    STRANGER_KEY,
    UNIX_TIME,
    Link,
    a_ready_link,
)

S1, S2, S3 = b"1" * 32, b"2" * 32, b"3" * 32


def changed(message: bytes, **fields: Any) -> bytes:
    """A control frame somebody tampered with on the way."""
    return message[:1] + msgspec.json.encode(msgspec.json.decode(message[1:]) | fields)


def greeted(**values: Any) -> Link:
    link = Link(**values)
    link.relay_challenges()
    link.node_says(link.node.hello())
    return link


def test_the_relay_challenges_the_node_greets_and_the_session_begins() -> None:
    link = Link()
    [challenge] = link.relay_challenges()
    assert isinstance(challenge, Challenge)
    assert (challenge.nonce, challenge.relay_id, challenge.versions) == (RELAY_NONCE, RELAY_KEY.fingerprint, [1])

    hello = link.node.hello(app_version="1.0", os="Linux", hardware={"ram_gb": 32}, features=["resume"], parted=[3])
    assert link.node_says(hello) == [
        HelloBody(
            node_id="node-1",
            key_id=NODE_KEY.fingerprint,
            version=1,
            app_version="1.0",
            os="Linux",
            hardware={"ram_gb": 32},
            features=["resume"],
            parted=[3],  # type: ignore[list-item]
        ),
    ]
    verdict = link.judge()
    assert verdict == Proven(verdict.body, LinkSecrets(newest=link.fresh_secret), 0)

    welcome = link.relay.welcome(session="session-1", epoch=7, heartbeat_s=15, token="t")
    assert link.relay_says(welcome) == [
        Welcome(session="session-1", epoch=7, heartbeat_s=15, limits=Limits(), link_secret=b"S" * 32, token="t"),
    ]
    assert (link.relay.state, link.node.state) == (State.READY, State.READY)
    assert (link.relay.epoch, link.node.epoch) == (7, 7)


def test_a_refused_node_hears_why_and_both_ends_are_closed() -> None:
    link = greeted()
    refusal = link.relay.refuse(CloseCode.TOO_MANY, "five nodes are connected already", retry_after=30)
    assert link.relay_says(refusal) == [
        Refuse(code=4429, message="five nodes are connected already", retry_after=30),
    ]
    assert (link.relay.state, link.node.state) == (State.CLOSED, State.CLOSED)


# --- the relay proves itself


def test_a_relay_without_the_pinned_key_gets_no_hello() -> None:
    link = Link(relay_key=STRANGER_KEY.public)
    with pytest.raises(RelayNotProven) as refused:
        link.relay_challenges()
    assert refused.value.code is CloseCode.NOT_AUTHENTICATED
    assert link.node.state is State.CLOSED


def test_a_relay_that_shows_the_right_name_but_cannot_sign_gets_no_hello() -> None:
    link = Link()
    impostor = RelaySession(key=STRANGER_KEY, hosts=[HOST], nonce=RELAY_NONCE)
    challenge = impostor.challenge(node_nonce=NODE_NONCE, time=UNIX_TIME)
    with pytest.raises(RelayNotProven):
        link.relay_says(changed(challenge, relay_id=RELAY_KEY.fingerprint))


def test_a_challenge_recorded_on_another_socket_proves_nothing() -> None:
    link = Link()
    with pytest.raises(RelayNotProven):
        link.relay_says(link.relay.challenge(node_nonce=b"9" * 32, time=UNIX_TIME))


def test_a_challenge_with_another_time_than_was_signed_proves_nothing() -> None:
    link = Link()
    with pytest.raises(RelayNotProven):
        link.relay_says(changed(link.relay.challenge(node_nonce=NODE_NONCE, time=UNIX_TIME), time=UNIX_TIME + 1))


def test_a_relay_that_has_not_proven_itself_cannot_refuse() -> None:
    link = Link()
    with pytest.raises(RelayNotProven):
        link.relay_says(codec.encode(Refuse(code=4403, message="you are revoked, believe me")))
    with pytest.raises(SessionMisuse):
        Link().relay.refuse(CloseCode.REVOKED, "too early")


def test_clocks_that_are_years_apart_do_not_matter() -> None:
    link = Link()
    assert link.relay_says(link.relay.challenge(node_nonce=NODE_NONCE, time=0))


def test_a_relay_of_versions_the_node_does_not_know_is_left() -> None:
    link = Link()
    challenge = link.relay.challenge(node_nonce=NODE_NONCE, time=UNIX_TIME)
    with pytest.raises(ProtocolViolation, match="update Nightjar"):
        link.relay_says(changed(challenge, versions=[2, 3]))


def test_versions_taken_out_of_the_challenge_on_the_way_break_the_hello() -> None:
    link = Link()
    challenge = link.relay.challenge(node_nonce=NODE_NONCE, time=UNIX_TIME)
    link.relay_says(changed(challenge, versions=[1, 200]))
    link.node_says(link.node.hello())
    assert isinstance(link.judge(), Rejected)


# --- the node proves itself


def test_a_node_nobody_enrolled_is_rejected() -> None:
    verdict = greeted().relay.judge(None, fresh_secret=S1)
    assert verdict == Rejected(CloseCode.NOT_AUTHENTICATED, "this node is not enrolled here")


def test_a_node_with_another_key_is_rejected() -> None:
    verdict = greeted(key=STRANGER_KEY).judge()
    assert isinstance(verdict, Rejected)
    assert verdict.code is CloseCode.NOT_AUTHENTICATED


def test_a_hello_signed_for_another_relay_is_rejected() -> None:
    verdict = greeted(host="evil.example:443").judge()
    assert isinstance(verdict, Rejected)
    assert not verdict.cloned


def test_the_name_a_node_dialled_is_compared_without_case() -> None:
    assert isinstance(greeted(host="Relay.Example:443").judge(), Proven)


def test_a_hello_replayed_on_another_socket_is_rejected() -> None:
    first = Link()
    first.relay_challenges()
    hello = first.node.hello()
    second = RelaySession(key=RELAY_KEY, hosts=[HOST], nonce=b"7" * 32)
    second.challenge(node_nonce=NODE_NONCE, time=UNIX_TIME)
    second.receive(hello, 0.0)
    assert isinstance(second.judge(first.enrolled, fresh_secret=S1), Rejected)


def test_a_hello_whose_body_was_changed_is_rejected() -> None:
    link = Link()
    link.relay_challenges()
    hello = msgspec.json.decode(link.node.hello()[1:], type=dict[str, Any])
    other = codec.encode_hello_body(
        HelloBody(node_id="node-2", key_id=NODE_KEY.fingerprint, version=1),
    )
    link.node_says(bytes([Kind.HELLO]) + msgspec.json.encode(hello | {"body": other}))
    assert isinstance(link.judge(), Rejected)


def test_a_hello_of_an_unknown_version_is_rejected() -> None:
    link = Link()
    link.relay_challenges()
    link.node._handshake._version = 9
    link.node_says(link.node.hello())
    verdict = link.judge()
    assert isinstance(verdict, Rejected)
    assert "update" in verdict.message


def test_a_hello_that_names_another_key_than_it_is_signed_by_is_rejected() -> None:
    link = Link()
    link.relay_challenges()
    body = HelloBody(node_id="node-1", key_id=STRANGER_KEY.fingerprint, version=1)
    link.node_says(link.node._handshake.hello(body))
    assert isinstance(link.judge(), Rejected)


def test_a_second_hello_is_a_violation() -> None:
    link = Link()
    link.relay_challenges()
    hello = link.node.hello()
    link.node_says(hello)
    with pytest.raises(ProtocolViolation):
        link.node_says(hello)


def test_a_hello_before_the_challenge_is_a_violation() -> None:
    link, other = Link(), Link()
    other.relay_challenges()
    with pytest.raises(ProtocolViolation):
        link.node_says(other.node.hello())


# --- copies


def secrets_after(link: Link) -> LinkSecrets:
    verdict = link.judge()
    assert isinstance(verdict, Proven)
    return verdict.secrets


def test_each_welcome_brings_a_new_link_secret_which_the_next_hello_shows() -> None:
    first = secrets_after(greeted(fresh_secret=S1))
    second = secrets_after(greeted(fresh_secret=S2, secrets=first, link_secret=S1))
    assert (first, second) == (LinkSecrets(S1, b""), LinkSecrets(S2, S1))


def test_a_welcome_that_was_lost_leaves_the_previous_secret_good() -> None:
    known = LinkSecrets(newest=S2, previous=S1)
    assert secrets_after(greeted(fresh_secret=S3, secrets=known, link_secret=S1)) == LinkSecrets(S3, S1)


def test_a_first_welcome_that_was_lost_leaves_the_empty_link_good() -> None:
    assert secrets_after(greeted(fresh_secret=S2, secrets=LinkSecrets(S1, b""))) == LinkSecrets(S2, b"")


@pytest.mark.parametrize("stale", [b"", S3])
def test_a_valid_signature_with_a_stale_secret_means_two_holders(stale: bytes) -> None:
    verdict = greeted(secrets=LinkSecrets(newest=S2, previous=S1), link_secret=stale).judge()
    assert isinstance(verdict, Rejected)
    assert (verdict.code, verdict.cloned) == (CloseCode.REVOKED, True)


def test_a_copy_is_found_out_once_both_holders_have_connected() -> None:
    """The copy has S1 as its original does; whoever comes third shows a secret nobody gave it."""
    known = LinkSecrets(newest=S1, previous=b"")
    copy = secrets_after(greeted(fresh_secret=S2, secrets=known, link_secret=S1))
    original = secrets_after(greeted(fresh_secret=S3, secrets=copy, link_secret=S1))
    verdict = greeted(secrets=original, link_secret=S2).judge()
    assert isinstance(verdict, Rejected)
    assert verdict.cloned


# --- order and epoch


def test_nothing_but_a_hello_may_come_before_the_welcome() -> None:
    link = Link()
    link.relay_challenges()
    with pytest.raises(ProtocolViolation) as violation:
        link.node_says(codec.encode(Status(sharing=True, reason="ready", free_slots=1)))
    assert violation.value.code is CloseCode.VIOLATION


def test_a_note_before_the_welcome_is_a_violation() -> None:
    link = Link()
    with pytest.raises(ProtocolViolation):
        link.relay_says(codec.encode(Note(level="info", text="hello")))


def test_a_welcome_before_the_hello_is_a_violation() -> None:
    link, other = Link(), greeted()
    other.judge()
    link.relay_challenges()
    with pytest.raises(ProtocolViolation):
        link.relay_says(other.relay.welcome(session="s", epoch=1))


def test_a_hello_or_a_welcome_after_the_opening_is_a_violation() -> None:
    other = Link()
    other.relay_challenges()
    hello = other.node.hello()
    other.node_says(hello)
    other.judge()
    welcome = other.relay.welcome(session="s", epoch=1)
    with pytest.raises(ProtocolViolation):
        a_ready_link().node_says(hello)
    with pytest.raises(ProtocolViolation):
        a_ready_link().relay_says(welcome)


def test_an_unknown_frame_with_the_high_bit_is_ignored_at_any_time() -> None:
    link = Link()
    assert link.node_says(b"\xf0whatever") == []
    assert link.relay_says(b"\xf0whatever") == []
    link.relay_challenges()
    assert link.node_says(link.node.hello())


def test_a_message_of_an_unproven_node_is_limited_to_sixteen_kib() -> None:
    link = Link()
    link.relay_challenges()
    assert link.relay.message_limit == 16 * 1024
    with pytest.raises(ProtocolViolation):
        link.node_says(b"\xf0" + bytes(16 * 1024))
    assert a_ready_link().relay.message_limit == 256 * 1024


def test_the_relay_cannot_welcome_who_is_not_proven() -> None:
    link = greeted(key=STRANGER_KEY)
    link.judge()
    with pytest.raises(SessionMisuse):
        link.relay.welcome(session="s", epoch=1)


def test_a_session_begins_only_in_a_newer_epoch() -> None:
    link = greeted()
    link.enrolled = Enrolled(NODE_KEY.public, epoch=7)
    link.judge()
    with pytest.raises(SessionMisuse):
        link.relay.welcome(session="s", epoch=7)


def test_frames_for_a_closed_session_are_refused_silently() -> None:
    link = a_ready_link()
    link.relay.close()
    link.node.close()
    assert link.node_says(b"") == []
    assert link.relay_says(bytes(2**20)) == []


def test_no_secret_shows_in_a_repr() -> None:
    link = greeted(secrets=LinkSecrets(S1, S2), link_secret=S1)
    verdict = link.judge()
    shown = repr((link.enrolled, verdict, link.node._identity, NODE_KEY))
    assert "1111" not in shown
    assert "SSSS" not in shown
