from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from desktop.inference.text import StopMatcher, TextStream, piece


def write(stream: TextStream, raws: list[bytes]) -> tuple[list[bytes], bool]:
    """What leaves at each token, and whether a stop string ended it."""
    out = []
    for raw in raws:
        data, stopped = stream.push(piece(raw))
        out.append(data)
        if stopped:
            return out, True
    return [*out, stream.flush()], False


def test_a_character_leaves_with_the_token_that_completes_it() -> None:
    assert write(TextStream(), [b"a", b"\xf0\x9f", b"\xa6", b"\x8a", b"b"])[0] == [
        b"a",
        b"",
        b"",
        "🦊".encode(),
        b"b",
        b"",
    ]


def test_half_a_character_at_the_end_is_dropped() -> None:
    assert write(TextStream(), [b"a", b"\xf0\x9f"])[0] == [b"a", b"", b""]


def test_bytes_that_are_no_utf8_become_replacement_characters() -> None:
    assert (
        b"".join(write(TextStream(), [b"\xff", b"\xc3", b"(", b"\xed\xa0\x80"])[0]).decode()
        == "\ufffd\ufffd(\ufffd\ufffd\ufffd"
    )


@given(st.text(), st.data())
def test_any_split_of_a_text_into_tokens_gives_the_text(text: str, data: st.DataObject) -> None:
    raw = text.encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=6)))
    parts = [raw[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    out, stopped = write(TextStream(), parts)

    assert b"".join(out) == raw
    assert not stopped
    assert all(part.decode() is not None for part in out)


@given(st.lists(st.binary(max_size=4), max_size=12))
def test_whatever_a_model_writes_each_part_is_valid_utf8(raws: list[bytes]) -> None:
    for stops in ((), ("a\ufffd",)):
        for part in write(TextStream(stops), raws)[0]:
            part.decode()


def test_a_stop_string_ends_the_text_before_it_across_tokens() -> None:
    assert write(TextStream(("\n\nUser:",)), [b"hi", b"\n", b"\nUs", b"er", b": no"]) == (
        [b"hi", b"", b"", b"", b""],
        True,
    )


def test_what_only_began_like_a_stop_string_is_shown_as_soon_as_it_cannot_be_one() -> None:
    assert write(TextStream(("abcd",)), [b"ab", b"c", b"x", b"ab"])[0] == [b"", b"", b"abcx", b"", b"ab"]


def test_the_earliest_of_several_stop_strings_counts() -> None:
    assert write(TextStream(("two", "one")), [b"zero one two"]) == ([b"zero "], True)


@given(st.text("ab", max_size=12), st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=3), st.data())
def test_no_split_lets_a_part_of_a_stop_string_out(text: str, stops: list[str], data: st.DataObject) -> None:
    matcher, shown, stopped = StopMatcher(tuple(stops)), "", False
    at = 0
    while at < len(text) and not stopped:
        size = data.draw(st.integers(1, 4))
        part, stopped = matcher.feed(text[at : at + size])
        shown += part
        at += size
    if not stopped:
        shown += matcher.flush()

    assert not any(stop in shown for stop in stops)
    assert text.startswith(shown)
    if not stopped:
        assert shown == text
    else:
        assert any(text.startswith(stop, len(shown)) for stop in stops)
