"""Framing and field kinds."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydra.gateway import codec
from hydra.gateway.errors import MalformedMessage, OversizedFrame, UnencodableValue

TEXTS = st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))


@settings(max_examples=50, deadline=None)
@given(st.lists(TEXTS.filter(bool), max_size=4), st.data())
def test_frames_come_out_the_same_however_the_bytes_are_cut(messages, data):
    stream = b"".join(codec.join_fields(fields) for fields in messages)
    splitter, seen, at = codec.FrameSplitter(), [], 0
    while at < len(stream):
        size = data.draw(st.integers(1, len(stream) - at))
        seen += splitter.feed(stream[at : at + size])
        at += size
    assert [codec.split_fields(payload) for payload in seen] == messages


def test_a_frame_above_the_limit_is_refused_before_its_bytes_arrive():
    with pytest.raises(OversizedFrame, match="16777216 bytes, at most 16777215"):
        list(codec.FrameSplitter().feed(b"\x01\x00\x00\x00"))


def test_a_message_without_its_last_nul_is_malformed():
    with pytest.raises(MalformedMessage):
        codec.split_fields(b"49\x001")


def test_a_text_with_a_nul_cannot_be_sent():
    with pytest.raises(UnencodableValue):
        codec.join_fields(["4", "a\0b"])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (100.0, "100"),
        (Decimal("100.00"), "100"),
        (Decimal("1E+2"), "100"),
        (0.00005, "0.00005"),
        (Decimal("-0.0"), "0"),
        (1, "1"),
        (Decimal("86.670"), "86.67"),
    ],
)
def test_numbers_are_printed_without_exponent_or_needless_zeros(value, text):
    assert codec.number_text(value) == text


def test_a_nan_is_never_sent():
    with pytest.raises(UnencodableValue):
        codec.number_text(float("nan"))


@pytest.mark.parametrize("text", ["", "1.7976931348623157E308", "1.7976931348623157e+308"])
def test_every_spelling_of_an_unset_number_is_none(text):
    assert codec.OPTIONAL_NUMBER.read(text) is None


@pytest.mark.parametrize("text", ["nan", "abc", "1E999999999", "--1", "Infinity", "1e300"])
def test_a_number_that_cannot_be_is_malformed(text):
    with pytest.raises(MalformedMessage):
        codec.NUMBER.read(text)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_escaped_texts_are_ascii_and_come_back(text):
    written = codec.ESCAPED.encode(text)
    assert written.isascii()
    assert codec.ESCAPED.decode(written) == text


def test_sizes_lose_their_fraction_below_the_version_that_allows_it():
    assert codec.SIZE.encoder(162)(Decimal("100.5")) == "100"
    assert codec.SIZE.encoder(163)(Decimal("100.5")) == "100.5"
