from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from desktop.inference.text import StopMatcher, Utf8Decoder, piece


def written(raws: list[bytes]) -> list[str]:
    """What leaves at each token."""
    decoder = Utf8Decoder()
    return [decoder.push(piece(raw)) for raw in raws]


def shown(stops: tuple[str, ...], texts: list[str]) -> tuple[list[str], bool]:
    """What leaves of each piece of text, and whether a stop string ended it."""
    matcher, out = StopMatcher(stops), []
    for text in texts:
        part, stopped = matcher.feed(text)
        out.append(part)
        if stopped:
            return out, True
    return [*out, matcher.flush()], False


def test_a_character_leaves_with_the_token_that_completes_it() -> None:
    assert written([b"a", b"\xf0\x9f", b"\xa6", b"\x8a", b"b"]) == ["a", "", "", "🦊", "b"]


def test_bytes_that_are_no_utf8_become_replacement_characters() -> None:
    assert "".join(written([b"\xff", b"\xc3", b"(", b"\xed\xa0\x80"])) == "\ufffd\ufffd(\ufffd\ufffd\ufffd"


@given(st.text(), st.data())
def test_any_split_of_a_text_into_tokens_gives_the_text(text: str, data: st.DataObject) -> None:
    raw = text.encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=6)))
    parts = [raw[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)]

    assert "".join(written(parts)) == text


@given(st.lists(st.binary(max_size=4), max_size=12))
def test_whatever_a_model_writes_each_part_can_be_encoded(raws: list[bytes]) -> None:
    for part in written(raws):
        part.encode()


def test_a_stop_string_ends_the_text_before_it_across_tokens() -> None:
    assert shown(("\n\nUser:",), ["hi", "\n", "\nUs", "er", ": no"]) == (["hi", "", "", "", ""], True)


def test_what_only_began_like_a_stop_string_is_shown_as_soon_as_it_cannot_be_one() -> None:
    assert shown(("abcd",), ["ab", "c", "x", "ab"])[0] == ["", "", "abcx", "", "ab"]


def test_the_earliest_of_several_stop_strings_counts() -> None:
    assert shown(("two", "one"), ["zero one two"]) == (["zero "], True)


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
