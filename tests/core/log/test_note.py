"""Signed notes: what is one, what is none, and that it is written as it was read."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.log.published import PUBLISHED, note_of
from core.log.signers import signer
from halfdoor.core.errors import VerificationError
from halfdoor.core.log.note import (
    NOTE_BYTES_MAX,
    SIGNATURES_MAX,
    Note,
    Signature,
    decode_base64,
    encode_base64,
    is_key_name,
    parse_note,
    parse_signatures,
)

LINE = "— example.org AAAAAXNpZ25hdHVyZQ==\n"
NOTE = f"text\n\n{LINE}"

spaces = st.sampled_from([" ", "\t", "\n", "\r", "\x0b", "\x0c", "\x85", "\xa0", "\u1680", "\u2003", "\u2028",
                          "\u2029", "\u202f", "\u205f", "\u3000"])  # fmt: skip
line_text = st.text(st.characters(exclude_categories=["Cs", "Cc"]))
names = line_text.filter(is_key_name)
signatures = st.builds(
    Signature, names, st.binary(min_size=4, max_size=4), st.binary(min_size=1, max_size=90)
)
notes = st.builds(
    Note,
    st.lists(line_text, min_size=1).map(lambda lines: "".join(f"{line}\n" for line in lines)),
    st.lists(signatures, min_size=1, max_size=5).map(tuple),
)


def refused(data):
    with pytest.raises(VerificationError) as error:
        parse_note(data.encode() if isinstance(data, str) else data)
    return error.value.code == "bad-note"


def test_the_example_of_the_specification_keeps_its_empty_line():
    note = note_of("salvatore")
    assert note.text == (
        "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n"
    )
    (one,) = note.signatures
    assert one.name == "quasimodo.example/salvatore"
    assert (one.key_id.hex(), len(one.signature)) == ("367ba04b", 64)
    assert note.encode() == PUBLISHED["salvatore"].note.encode()


def test_the_example_of_cosignatures_has_two_signatures_and_the_time_that_its_text_gives():
    note = note_of("sofa")
    log, witness = note.signatures
    assert (log.name, len(log.signature)) == ("example.com/behind-the-sofa", 64)
    assert (witness.name, len(witness.signature)) == ("witness.example.com/w1", 8 + 64)
    assert int.from_bytes(witness.signature[:8], "big") == 1679315147
    assert note.encode() == PUBLISHED["sofa"].note.encode()


@given(notes)
def test_a_note_is_read_as_it_was_written(note):
    assert parse_note(note.encode()) == note


def test_the_last_empty_line_ends_the_text():
    assert parse_note(f"one\n\ntwo\n\n\n{LINE}".encode()).text == "one\n\ntwo\n\n"
    assert parse_note(f"\n\n{LINE}".encode()).text == "\n"


@pytest.mark.parametrize(
    "data",
    [
        "",
        "\n",
        "\n\n",
        "text\n",
        "text\n\n",
        LINE,
        f"\n{LINE}",
        f"text\n{LINE}",
        f"text{LINE}",
        NOTE[:-1],
        NOTE + "\n",
        NOTE + "more\n",
        NOTE + "\n" + "text\n",
        NOTE.replace("\n", "\r\n"),
        NOTE.replace("text", "te\rxt"),
        NOTE.replace("text", "te\txt"),
        NOTE.replace("text", "te\0xt"),
        NOTE.replace("text", "te\x1fxt"),
        NOTE.replace("— ", "- "),
        NOTE.replace("— ", "—"),
        NOTE.replace("— ", "—  "),
        NOTE.replace("— ", " — "),
        NOTE.replace("example.org ", "example.org  "),
        NOTE.replace("example.org ", ""),
        NOTE.replace("example.org ", "example.org"),
        NOTE.replace("example.org", "exam+ple.org"),
        NOTE.replace("example.org", "exam\u00a0ple.org"),
        NOTE.replace("example.org", "exam\u2028ple.org"),
        NOTE[:-1] + " \n",
        NOTE[:-2] + "\n",
        "text\n\n— example.org \n",
        "text\n\n— example.org AAAAAA==\n",
        "text\n\n— example.org AAAAAQ==\n",
        "text\n\n— example.org AAAA\n",
        "text\n\n— example.org " + "A" * 9 + "\n",
        b"\xff" + NOTE.encode(),
        NOTE.encode() + b"\xe2\x80",
        NOTE.encode("utf-16"),
        b"te\xed\xa0\x80xt" + NOTE.encode(),
    ],
)
def test_what_is_no_note_is_refused(data):
    assert refused(data)


@pytest.mark.parametrize(
    "encoded",
    [
        "AAAAAXNpZ25hdHVyZQ",  # no padding
        "AAAAAXNpZ25hdHVyZR==",  # stray bits in the last character
        "AAAAAXNpZ25hdHVyZQ==\n",
        " AAAAAXNpZ25hdHVyZQ==",
        "AAAAAXNp\tZ25hdHVyZQ==",
        "AAAAAXNpZ25hdHVyZQ===",
        "AAAAAXNpZ25hdHVyZQ==AAAA",
        "AAAAAXNpZ25h_HVyZQ==",
        "AAAAAXNpZ25h-HVyZQ==",
        "AAAAAXNpZ25hdHVyZQ\uff1d\uff1d",
        "!",
    ],
)
def test_only_the_one_encoding_of_a_signature_is_read(encoded):
    assert decode_base64(encoded) is None
    assert refused(f"text\n\n— example.org {encoded}\n")


@given(st.binary(max_size=100))
def test_base64_is_the_standard_one_and_gives_back_what_it_was_made_of(data):
    assert encode_base64(data) == base64.b64encode(data).decode()
    assert decode_base64(encode_base64(data)) == data


@given(st.text(max_size=12))
def test_what_base64_reads_it_would_write(text):
    data = decode_base64(text)
    assert data is None or encode_base64(data) == text


@given(line_text, spaces | st.just("+"), line_text)
def test_a_name_has_no_space_of_any_kind_and_no_plus(before, between, after):
    assert not is_key_name(before + between + after)


def test_a_name_is_not_empty_and_may_be_in_any_script():
    assert not is_key_name("")
    assert is_key_name("例え.example/日誌")


def test_a_note_may_have_a_hundred_signatures_and_no_more():
    assert SIGNATURES_MAX >= 16  # what the specification asks for
    assert len(parse_note(f"text\n\n{LINE * SIGNATURES_MAX}".encode()).signatures) == SIGNATURES_MAX
    assert refused(f"text\n\n{LINE * (SIGNATURES_MAX + 1)}")


def test_a_note_that_is_too_long_is_refused():
    longest = "t" * (NOTE_BYTES_MAX - len(NOTE.encode()))
    assert parse_note(f"{longest}{NOTE}".encode()).text == f"{longest}text\n"
    assert refused(f"t{longest}{NOTE}")


def test_lines_of_signatures_stand_alone_where_a_witness_answers():
    assert parse_signatures(LINE * 2) == parse_note(NOTE.encode()).signatures * 2
    for text in ("", "\n", LINE[:-1], LINE + "\n", "\n" + LINE):
        with pytest.raises(VerificationError):
            parse_signatures(text)


def test_a_further_signature_of_a_key_takes_the_place_of_its_earlier_one():
    log, witness = signer("Ed25519"), signer("cosignature", "witness.example")
    note = log.note("a\n", 1).with_signatures([witness.signature("a\n", 1)])
    again = note.with_signatures(
        [witness.signature("a\n", 2), signer("cosignature", "other").signature("a\n")]
    )
    assert [one.name for one in again.signatures] == ["example.org/log", "witness.example", "other"]
    assert again.signatures[0] == note.signatures[0]
    assert again.signatures[1] == witness.signature("a\n", 2)
