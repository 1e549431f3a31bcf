"""Checkpoints: origin, size, root."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.log.published import note_of
from halfdoor.core.errors import VerificationError
from halfdoor.core.log.checkpoint import SIZE_MAX, Checkpoint, parse_checkpoint, parse_decimal
from halfdoor.core.log.merkle import EMPTY_ROOT
from halfdoor.core.log.note import encode_base64

ROOT = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
lines = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), min_size=1, max_size=20)
checkpoints = st.builds(
    Checkpoint,
    lines,
    st.integers(1, SIZE_MAX),
    st.binary(min_size=32, max_size=32),
    st.lists(lines, max_size=3).map(tuple),
)


def test_the_specification_s_example_is_read():
    checkpoint = parse_checkpoint(note_of("sofa").text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert encode_base64(checkpoint.root) == ROOT
    assert checkpoint.extensions == ()


@given(checkpoints)
def test_a_checkpoint_is_read_as_it_was_written(checkpoint):
    assert parse_checkpoint(checkpoint.text()) == checkpoint


def test_an_empty_tree_has_the_hash_of_nothing():
    empty = Checkpoint("example.org/log", 0, EMPTY_ROOT)
    assert parse_checkpoint(empty.text()) == empty
    with pytest.raises(VerificationError):
        parse_checkpoint(Checkpoint("example.org/log", 0, bytes(32)).text())


# After transparency-dev/formats log/checkpoint_test.go (Apache-2.0), with roots of 32 bytes. Its checkpoint
# with empty lines below is refused here, as C2SP tlog-checkpoint 1.0.0 has it.
@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "Head\n9944\n",
        f"\n9944\n{ROOT}\n",
        f"Log\n123\n{ROOT}",
        f"Log\nbananas\n{ROOT}\n",
        f"Log\n-34\n{ROOT}\n",
        f"Log\n3438945738945739845734895735\n{ROOT}\n",
        f"Log\n{2**63}\n{ROOT}\n",
        "Log\n123\nThisIsn'tBase64\n",
        f"Log\n9944\n{ROOT}\n\n\n\n",
        f"Log\n9944\n{ROOT}\n\nmore\n",
        "Log\n123\nYmFuYW5hcw==\n",
        f"Log\n0123\n{ROOT}\n",
        f"Log\n+123\n{ROOT}\n",
        f"Log\n 123\n{ROOT}\n",
        f"Log\n1_23\n{ROOT}\n",
        f"Log\n\u0661\u0662\u0663\n{ROOT}\n",
        f"Log\n0x7b\n{ROOT}\n",
        f"Log\n00\n{ROOT}\n",
        f"Log\n\n{ROOT}\n",
        f"Log\n123\n{ROOT[:-1]}\n",
        f"Log\n123\n{ROOT[:-2]}J=\n",
        f"Log\n123\n {ROOT}\n",
        f"Log\n123\r\n{ROOT}\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text):
    with pytest.raises(VerificationError) as refused:
        parse_checkpoint(text)
    assert refused.value.code == "bad-checkpoint"


def test_further_lines_are_kept_as_they_are():
    assert parse_checkpoint(f"Log\n1\n{ROOT}\nlots\nof\nlines\n").extensions == ("lots", "of", "lines")


@given(st.text(max_size=25) | st.integers().map(str))
def test_a_decimal_is_read_only_as_it_is_written(text):
    number = parse_decimal(text)
    assert number is None or (str(number) == text and 0 <= number <= SIZE_MAX)


def test_decimals_end_at_two_to_the_sixty_third():
    assert parse_decimal(str(SIZE_MAX)) == SIZE_MAX == 2**63 - 1
    assert parse_decimal(str(SIZE_MAX + 1)) is None
    assert parse_decimal("0") == 0
