"""Publishing: no byte that was not verified anew, tiles before the checkpoint, nothing that is left over."""

import msgspec
import pytest

from halfdoor.bootstrap import log as bootstrap
from halfdoor.core.errors import VerificationError
from halfdoor.core.log.merkle import leaf_hash
from halfdoor.core.log.tiles import Edge
from halfdoor.services.log.publish import Publisher
from halfdoor.services.log.signing import signed_checkpoint
from halfdoor.store.log import LeaseLost
from homes import Outside, append, entry, unpublish


class Cosigner:
    """As many witnesses cosign as a test says."""

    def __init__(self):
        self.enough = True
        self.asked = []

    def __call__(self, note, size):
        self.asked.append(size)
        return note if self.enough else None


@pytest.fixture
def log(sqlite_home):
    """A home with 300 entries of which nothing is published, and its open store."""
    append(sqlite_home, 300)
    unpublish(sqlite_home)
    with bootstrap.stores(sqlite_home) as (store, _):
        yield sqlite_home, store


def publisher(home, store, cosign=None):
    return Publisher(store, bootstrap.public_folder(home), bootstrap.verifier_keys(home), Edge(), cosign)


def files(home):
    log = home.folder / "log"
    return {str(one.relative_to(log)): one.read_bytes() for one in log.rglob("*") if one.is_file()}


class Lying:
    """A store of which reading an entry is wrong at these times, as memory or a disk may be."""

    def __init__(self, store, position, times):
        self._store, self._position, self._times, self._reads = store, position, times, 0

    def __getattr__(self, name):
        return getattr(self._store, name)

    def entries(self, begin, end):
        self._reads += 1
        for at, found in enumerate(self._store.entries(begin, end), begin):
            yield found + b"!" if at == self._position and self._reads in self._times else found


@pytest.mark.parametrize("position", [0, 255, 256, 299])
@pytest.mark.parametrize("times", [{1}, {2}, {1, 2}])
def test_a_bit_that_flips_before_it_is_published_is_not_published(log, position, times):
    home, store = log
    with pytest.raises(VerificationError) as damaged:
        publisher(home, Lying(store, position, times)).publish(store.head())
    assert damaged.value.code == "log-damaged"
    assert "checkpoint" not in files(home)
    # What stands there already is right.
    wrong = files(home)
    publisher(home, store).publish(store.head())
    assert wrong.items() <= files(home).items()
    assert Outside(home).look().size == 300


def test_a_checkpoint_that_somebody_else_signed_is_not_published(log, tmp_path):
    home, store = log
    other = bootstrap.verifier_keys(home)[0]
    changed = type(other)(other.name, other.kind, bytes(reversed(other.public)))
    refusing = Publisher(store, bootstrap.public_folder(home), (changed,), Edge())
    with pytest.raises(VerificationError):
        refusing.publish(store.head())
    assert files(home) == {}


def test_too_few_witnesses_hold_the_checkpoint_back_and_nothing_else(log):
    home, store = log
    cosigner = Cosigner()
    cosigner.enough = False
    waiting = publisher(home, store, cosigner)
    assert not waiting.publish(store.head())
    before = files(home)
    assert "checkpoint" not in before
    assert not waiting.publish(store.head())
    cosigner.enough = True
    assert waiting.publish(store.head())
    assert cosigner.asked == [300] * 3
    assert Outside(home).look().size == 300


def test_what_is_published_already_is_not_written_again(log):
    home, store = log
    cosigner = Cosigner()
    cosigner.enough = False
    waiting = publisher(home, store, cosigner)
    waiting.publish(store.head())
    marks = {path: (home.folder / "log" / path).stat().st_mtime_ns for path in files(home)}
    waiting.publish(store.head())
    assert {path: (home.folder / "log" / path).stat().st_mtime_ns for path in files(home)} == marks


def test_partial_tiles_go_once_full_ones_are_published(sqlite_home):
    for count in (3, 100, 200, 255, 300):
        append(sqlite_home, count, f"{count}")
    paths = set(files(sqlite_home))
    assert len([path for path in paths if ".p/" not in path]) == 1 + 2 * 3  # checkpoint, three tiles, bundles
    assert all(
        path.split("/")[2].startswith("003.p")
        for path in paths
        if path.startswith("tile/0/") and ".p/" in path
    )
    folders = {one.name for one in (sqlite_home.folder / "log" / "tile").rglob("*.p")}
    assert folders == {"000.p", "003.p"}  # of level 1, and of level 0 with its entries


def test_partial_tiles_go_also_where_witnesses_were_missing_meanwhile(sqlite_home):
    home, cosigner = sqlite_home, Cosigner()
    with bootstrap.stores(home) as (store, _):
        late = publisher(home, store, cosigner)
        for count, enough in ((100, True), (100, False), (100, False), (1, True)):
            append_only(home, store, count)
            cosigner.enough = enough
            assert late.publish(store.head()) == enough
    assert Outside(home).look().size == 301
    assert not [path for path in files(home) if path.startswith(("tile/0/000.p", "tile/entries/000.p"))]


def append_only(home, store, count):
    """What the writer does before it publishes."""
    before = store.head()
    news = [entry(before.frontier.size + number) for number in range(count)]
    frontier = before.frontier.extended([leaf_hash(new.entry) for new in news])
    checkpoint = signed_checkpoint(before.origin, frontier, bootstrap.note_keys(home))
    store.commit(before, msgspec.structs.replace(before, frontier=frontier, checkpoint=checkpoint), news)


def test_a_writer_that_was_followed_by_another_publishes_no_checkpoint(log):
    home, store = log
    old = store.take_lease("old", 0, 1)
    store.take_lease("new", 2, 3)
    with pytest.raises(LeaseLost):
        publisher(home, store).publish(old)
    assert "checkpoint" not in files(home)
    store.give_up_lease(store.head())
