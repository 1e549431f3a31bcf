"""Whose cosignatures are enough: the policy file of C2SP tlog-policy.

The tables are after transparency-dev/formats policy/tlog_policy_test.go (Apache-2.0), with keys of our own.
"""

import itertools
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.log.signers import ORIGIN, signer
from halfdoor.core.errors import InputError, VerificationError
from halfdoor.core.log.checkpoint import Checkpoint
from halfdoor.core.log.note import Note, Signature
from halfdoor.core.log.quorum import BYTES_MAX, EACH_MAX, parse_quorum

WITNESSES = [signer("cosignature", f"Wit{number}", number) for number in range(1, 7)]
W1, W2, W3, W4, W5, W6 = (one.key for one in WITNESSES)
ML_DSA = signer("ML-DSA-44 cosignature", "mldsa.example.com")
LOG = signer("Ed25519")
ECDSA = signer("ECDSA", "ecdsa.example.com")
TEXT = Checkpoint(ORIGIN, 42, bytes(32)).text()

SPECIFICATION = f"""log {LOG.key}

witness X1 {W1}
witness X2 {W2}
witness X3 {W3}
group X-witnesses 2 X1 X2 X3

witness Y1 {W4}
witness Y2 {W5}
witness Y3 {W6}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""
NESTED = f"""witness w1 {W1}
witness w2 {W2}
witness w3 {W3}
group inner any w2 w3
group outer all w1 inner
quorum outer
"""


def read(text):
    return parse_quorum(text if isinstance(text, bytes) else text.encode(), where="quorum.txt")


def checkpoint(*signers):
    return Note(TEXT, tuple(one.signature(TEXT) for one in (LOG, *signers)))


def enough(policy, *signers):
    try:
        read(policy).check(checkpoint(*signers))
    except VerificationError as error:
        if error.code != "no-quorum":
            raise
        return False
    return True


def test_the_specification_s_example_is_read():
    policy = read(SPECIFICATION)
    assert [party.key for party in policy.logs] == [LOG.key]
    assert {name: party.key for name, party in policy.witnesses.items()} == {
        "X1": W1, "X2": W2, "X3": W3, "Y1": W4, "Y2": W5, "Y3": W6,
    }  # fmt: skip
    assert {name: (group.least, group.members) for name, group in policy.groups.items()} == {
        "X-witnesses": (2, ("X1", "X2", "X3")),
        "Y-witnesses": (1, ("Y1", "Y2", "Y3")),
        "X-and-Y": (2, ("X-witnesses", "Y-witnesses")),
    }
    assert policy.quorum == "X-and-Y"


def test_the_specification_s_example_is_met_by_two_of_x_and_one_of_y():
    policy = read(SPECIFICATION)
    keys = [W1, W2, W3, W4, W5, W6]
    for count in range(7):
        for some in itertools.combinations(keys, count):
            wanted = len({W1, W2, W3} & set(some)) >= 2 and bool({W4, W5, W6} & set(some))
            assert policy.is_met_by(set(some)) == wanted


@pytest.mark.parametrize(
    ("signers", "met"),
    [((1, 2, 3), True), ((1, 3), True), ((1,), False), ((2, 3), False), ((), False), ((1, 4, 5), False)],
)
def test_groups_of_groups_are_counted_from_inside(signers, met):
    assert enough(NESTED, *(WITNESSES[number - 1] for number in signers)) is met


def test_no_quorum_asks_for_nobody():
    assert read("quorum none\n").check(checkpoint()) == []
    assert read(f"witness w1 {W1}\nquorum none").is_met_by(set())


def test_one_witness_can_be_the_quorum_also_with_ml_dsa():
    for one in (WITNESSES[0], ML_DSA):
        policy = f"witness w1 {one.key}\nquorum w1\n"
        (signed,) = read(policy).check(checkpoint(one))
        assert signed.key == one.key
        assert not enough(policy)
        assert not enough(policy, WITNESSES[5])


def test_what_one_witness_signs_twice_counts_once():
    policy = f"witness w1 {W1}\nwitness w2 {W2}\ngroup g 2 w1 w2\nquorum g\n"
    assert not enough(policy, WITNESSES[0], WITNESSES[0])
    assert not enough(policy, WITNESSES[0], WITNESSES[0].named("Wit2"))
    assert enough(policy, WITNESSES[0], WITNESSES[1])


def test_a_cosignature_that_does_not_fit_spoils_the_note_even_where_others_are_enough():
    policy = read(f"witness w1 {W1}\nwitness w2 {W2}\ngroup g any w1 w2\nquorum g\n")
    bad = Signature(W2.name, W2.key_id, bytes(72))
    with pytest.raises(VerificationError) as refused:
        policy.check(checkpoint(WITNESSES[0]).with_signatures([bad]))
    assert refused.value.code == "bad-signature"


def test_a_refusal_says_how_many_cosigned():
    with pytest.raises(VerificationError, match="1 of 3 witnesses") as refused:
        read(NESTED).check(checkpoint(WITNESSES[0]))
    assert refused.value.code == "no-quorum"


def test_space_and_comments_do_not_matter():
    policy = read(
        f"\n# comment\n\t # another\n\twitness \t w1  {W1}   https://w1.example.com/  \n\n  quorum\tw1"
    )
    assert policy.witnesses["w1"].url == "https://w1.example.com/"
    assert policy.quorum == "w1"


def test_an_address_may_be_left_out():
    policy = read(f"log {LOG.key} https://log.example.com/\nwitness w1 {W1}\nquorum w1\n")
    assert (policy.logs[0].url, policy.witnesses["w1"].url) == ("https://log.example.com/", "")


def test_names_are_compared_byte_by_byte():
    policy = read(b"witness \xe2\x84\xaaelvin-w\x80 %s\nquorum \xe2\x84\xaaelvin-w\x80\n" % str(W1).encode())
    assert policy.is_met_by({W1})
    with pytest.raises(InputError):
        read(b"witness Kelvin %s\nquorum \xe2\x84\xaaelvin\n" % str(W1).encode())


def test_all_any_and_group_are_names_like_others():
    policy = read(f"witness all {W1}\nwitness any {W2}\ngroup group 2 all any\nquorum group\n")
    assert policy.is_met_by({W1, W2})
    assert not policy.is_met_by({W1})


def test_a_key_s_name_may_be_in_any_script():
    one = signer("cosignature", "例え.example")
    assert enough(f"witness w {one.key}\nquorum w\n", one)


def test_a_log_may_sign_as_any_log_does():
    keys = [signer(kind).key for kind in ("Ed25519", "ECDSA", "tree head", "ML-DSA-44 cosignature")]
    policy = read("".join(f"log {key}\n" for key in keys) + "quorum none\n")
    assert [party.key for party in policy.logs] == keys


UNKNOWN = b"\x63" + bytes(32)
UNKNOWN_KEY = f"u.example+{sha256(b'u.example' + bytes([10]) + UNKNOWN).hexdigest()[:8]}+Y" + "A" * 43


NO_POLICIES = [
    "quorum none\n\x01",
    "quorum none\r\n",
    "quorum none\x7f\n",
    "quorum none\x0b\n",
    "",
    "# nothing\n",
    "quibble w1\nquorum none\n",
    "Quorum none\n",
    "\u00a0quorum none\n",
    f"witness w1 {W1} https://w1.example.com/ # comment\nquorum w1\n",
    "log\nquorum none\n",
    "log garbage\nquorum none\n",
    f"log {UNKNOWN_KEY}\nquorum none\n",
    f"log {W1}\nquorum none\n",
    f"log {LOG.key}\nlog {LOG.key} https://log.example.com/\nquorum none\n",
    f"log {LOG.key}\nlog {LOG.named('another.example').key}\nquorum none\n",
    f"log {LOG.key} https://log.example.com/ more\nquorum none\n",
    "witness w1\nquorum none\n",
    f"witness {W1}\nquorum none\n",
    f"witness w1 {ECDSA.key}\nquorum w1\n",
    f"witness w1 {LOG.key}\nquorum w1\n",
    f"witness none {W1}\nquorum none\n",
    f"witness w1 {W1}\nwitness w1 {W2}\nquorum w1\n",
    f"witness w1 {W1}\nwitness w2 {WITNESSES[0].named('impostor.example').key}\nquorum w1\n",
    f"witness w1 {W1}\ngroup w1 any w1\nquorum w1\n",
    f"witness w1 {W1}\ngroup g1 any w1\nwitness g1 {W2}\nquorum w1\n",
    f"witness w1 {W1}\ngroup g1 1\nquorum w1\n",
    f"witness w1 {W1}\ngroup g1\nquorum w1\n",
    f"witness w1 {W1}\ngroup\nquorum w1\n",
    f"witness w1 {W1}\ngroup none any w1\nquorum none\n",
    f"witness w1 {W1}\ngroup g1 0 w1\nquorum g1\n",
    f"witness w1 {W1}\ngroup g1 -1 w1\nquorum g1\n",
    f"witness w1 {W1}\ngroup g1 01 w1\nquorum g1\n",
    f"witness w1 {W1}\ngroup g1 2 w1\nquorum g1\n",
    f"witness w1 {W1}\ngroup g1 most w1\nquorum g1\n",
    f"witness w1 {W1}\ngroup g1 any w2\nquorum g1\n",
    f"group g1 any w1\nwitness w1 {W1}\nquorum g1\n",
    f"witness w1 {W1}\ngroup g1 any g1 w1\nquorum g1\n",
    f"witness w1 {W1}\ngroup g1 any none w1\nquorum g1\n",
    f"witness w1 {W1}\ngroup g1 all w1 w1\nquorum g1\n",
    f"witness w1 {W1}\nwitness w2 {W2}\ngroup g1 any w1 w2\ngroup g2 any w1\nquorum g1\n",
    f"witness w1 {W1}\n",
    f"witness w1 {W1}\nquorum w1\nquorum w1\n",
    "quorum none\nquorum none\n",
    "quorum unknown\n",
    f"quorum w1\nwitness w1 {W1}\n",
    "quorum\n",
    "quorum none none\n",
    b"witness w1 caf\xe9+12345678+AAAA\nquorum w1\n",
    b"\xff\xfequorum none\n",
]


@pytest.mark.parametrize("policy", NO_POLICIES, ids=range(len(NO_POLICIES)))  # keys are new each time
def test_what_is_no_policy_is_refused(policy):
    with pytest.raises(InputError) as refused:
        read(policy)
    assert refused.value.code in {"bad-witness-policy", "bad-key"}
    assert refused.value.where.startswith("quorum.txt")


def test_a_refusal_names_the_line():
    with pytest.raises(InputError) as refused:
        read("# comment\n\nquibble w1\n")
    assert refused.value.where == "quorum.txt:3"
    with pytest.raises(InputError) as refused:
        read("# comment\nlog garbage\n")
    assert refused.value.where == "quorum.txt:2"


def test_a_policy_of_more_than_so_many_parties_or_bytes_is_refused():
    groups = "".join(f"group g{n} any g{n - 1}\n" for n in range(2, EACH_MAX + 1))
    deep = f"witness w1 {W1}\ngroup g1 any w1\n{groups}"
    policy = read(f"{deep}quorum g{EACH_MAX}\n")
    assert policy.is_met_by({W1})
    assert not policy.is_met_by({W2})
    with pytest.raises(InputError):
        read(f"{deep}group more any g{EACH_MAX}\nquorum more\n")
    assert EACH_MAX >= 32  # what the specification recommends
    with pytest.raises(InputError):
        read("#" * BYTES_MAX + "\nquorum none\n")


@given(st.integers(1, 6), st.sets(st.integers(0, 5)))
def test_a_number_is_the_least_that_have_to_vouch(least, vouching):
    names = " ".join(f"w{n}" for n in range(6))
    lines = "".join(f"witness w{n} {one.key}\n" for n, one in enumerate(WITNESSES))
    policy = read(f"{lines}group g {least} {names}\nquorum g\n")
    assert policy.is_met_by({WITNESSES[n].key for n in vouching}) == (len(vouching) >= least)


def test_two_keys_that_share_a_name_and_an_id_are_not_one_witness():
    impostor = WITNESSES[1].named("Wit1").signature(TEXT)
    claimed = Signature("Wit1", W1.key_id, impostor.signature)
    with pytest.raises(VerificationError) as refused:
        read(f"witness w1 {W1}\nquorum w1\n").check(Note(TEXT, (claimed,)))
    assert refused.value.code == "bad-signature"
    assert not enough(f"witness w1 {W1}\nquorum w1\n", WITNESSES[1].named("Wit1"))
