"""A log with witnesses: published once they cosigned, stopped when they have seen more than it knows."""

import shutil
import time

import msgspec
import pytest

from halfdoor.bootstrap import log as bootstrap
from halfdoor.core.errors import InputError, VerificationError
from halfdoor.core.log.keys import verify_note
from halfdoor.core.log.note import parse_note
from halfdoor.services.home import Home, prepare_home
from halfdoor.services.log.writer import Limits
from homes import entry
from witnesses import running

LIMITS = Limits(free_bytes_min=1, publish_seconds=0.01, waiting_poll_seconds=0.005)


@pytest.fixture
def home(tmp_path):
    made = prepare_home(tmp_path / "home", "example.org/log", database=None, latest=None, secret=None)
    bootstrap.begin_log(made)
    return made


@pytest.fixture
def witness(home, tmp_path):
    """A running witness of the home's log; its address and key."""
    with running(tmp_path / "witness", bootstrap.verifier_keys(home)) as found:
        yield found


def with_policy(home, *lines):
    (home.folder / "policy").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return Home(home.folder, msgspec.structs.replace(home.settings, witnesses="policy"))


def write(home, count=1, said=None):
    """Append, and stop; what was published of how many entries."""
    report = said.append if said is not None else lambda _: None
    with bootstrap.writing(home, limits=LIMITS, report=report) as writer:
        for number in range(count):
            writer.submit([entry(number)]).result(10)
        size = writer.head.frontier.size
    return writer.published_size, size


def kept(home, folder):
    """Copy a home with its second store; what is returned brings both back."""
    beside = home.folder.parent
    shutil.copytree(home.folder, folder / "home")
    shutil.copy(beside / "home-latest.db", folder)

    def restore():
        shutil.rmtree(home.folder)
        shutil.copytree(folder / "home", home.folder)
        for file in beside.glob("home-latest.db*"):
            file.unlink()
        shutil.copy(folder / "home-latest.db", beside)

    return restore


def checkpoint(home):
    return parse_note((home.folder / "log" / "checkpoint").read_bytes())


@pytest.mark.parametrize("ml_dsa", [False, True])
def test_a_published_checkpoint_carries_the_witnesses_signatures(home, tmp_path, ml_dsa):
    with running(tmp_path / "witness", bootstrap.verifier_keys(home), ml_dsa=ml_dsa) as (url, key):
        watched = with_policy(home, f"witness w {key} {url}", "quorum w")
        for _ in range(3):
            published, size = write(watched, 300)
            assert published == size
    note = checkpoint(home)
    (signed,) = verify_note(note, [key])
    assert abs(signed.time - time.time()) < 60
    assert verify_note(note, bootstrap.verifier_keys(home))


def test_where_too_few_cosign_entries_are_durable_and_the_checkpoint_waits(home, tmp_path, witness):
    url, key = witness
    with running(tmp_path / "gone", bootstrap.verifier_keys(home)) as (gone_url, gone_key):
        policy = (f"witness w {key} {url}", f"witness gone {gone_key} {gone_url}")
        both = with_policy(home, *policy, "group both all w gone", "quorum both")
        assert write(both) == (1, 1)
    said = []
    assert write(both, 2, said) == (1, 3)
    assert any("w1" in sentence for sentence in said)
    assert b"\n1\n" in (home.folder / "log" / "checkpoint").read_bytes()
    one = with_policy(home, *policy, "group one any w gone", "quorum one")
    assert write(one) == (4, 4)
    verify_note(checkpoint(home), [key])


def test_a_home_restored_with_its_second_store_is_given_away_by_a_witness(home, tmp_path, witness):
    url, key = witness
    watched = with_policy(home, f"witness w {key} {url}", "quorum w")
    write(watched)
    restore = kept(home, tmp_path / "old")
    write(watched)
    restore()
    before = (home.folder / "log" / "checkpoint").read_bytes()
    with pytest.raises(VerificationError) as refusal:
        write(watched)
    assert refusal.value.code == "data-older"
    assert (home.folder / "log" / "checkpoint").read_bytes() == before


def test_a_fork_that_a_witness_has_seen_the_other_half_of_is_not_published(home, tmp_path, witness):
    """An old copy went on without asking, to the same size; with its witness it goes no further."""
    url, key = witness
    watched = with_policy(home, f"witness w {key} {url}", "quorum w")
    write(watched)
    restore = kept(home, tmp_path / "old")
    write(watched)
    restore()
    alone = Home(home.folder, msgspec.structs.replace(home.settings, witnesses=""))
    with bootstrap.writing(alone, limits=msgspec.structs.replace(LIMITS, publish_seconds=60)) as writer:
        writer.submit([entry("another")]).result(10)
    with pytest.raises(VerificationError) as refusal:
        write(watched, 0)
    assert refusal.value.code == "forked"


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (("witness w {key}", "quorum w"), "bad-witness-policy"),
        (("log example.net/other+12345678+AQ==", "quorum none"), "bad-key"),
        (("quorum w",), "bad-witness-policy"),
        (("witness w {key} ftp://127.0.0.1", "quorum w"), "bad-url"),
    ],
)
def test_a_policy_that_could_never_be_met_is_bad_input(home, witness, lines, code):
    _, key = witness
    with pytest.raises(InputError) as refusal:
        write(with_policy(home, *(line.format(key=key) for line in lines)))
    assert refusal.value.code == code


def test_a_policy_of_another_log_is_bad_input(home, tmp_path, witness):
    other = prepare_home(tmp_path / "other", "example.net/log", database=None, latest=None, secret=None)
    with pytest.raises(InputError, match="another log"):
        write(with_policy(home, f"log {other.settings.note_key[0].public}", "quorum none"))


def test_a_policy_without_witnesses_publishes_at_once(home):
    assert write(with_policy(home, "quorum none")) == (1, 1)
