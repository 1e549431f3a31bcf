"""Trees proven from their roots: an earlier tree is told from a fork, and a fork from a damaged tile."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfdoor.core.errors import VerificationError
from halfdoor.core.log.audit import Audit, steps
from halfdoor.core.log.checkpoint import Checkpoint
from halfdoor.core.log.merkle import leaf_hash, root_of
from halfdoor.core.log.proven import ProvenTree, check_extends
from halfdoor.core.log.tiles import WIDTH, Edge, tiles_of

LEAVES = [leaf_hash(b"%d" % number) for number in range(70_000)]
SIZES = st.integers(0, 1500) | st.sampled_from([65_535, 65_536, 65_537, 66_000, 70_000])


@cache
def tiles(size):
    edge = Edge()
    return dict([*edge.grow(LEAVES[:size]), *edge.partial()]), edge.frontier().root()


@cache
def checkpoint(size):
    return Checkpoint("log", size, root_of(LEAVES[:size]))


@settings(deadline=None)
@given(old=SIZES, new=SIZES)
def test_a_tree_extends_all_that_it_was_and_nothing_else(old, new):
    old, new = sorted([old, new])
    files, root = tiles(new)
    now = Checkpoint("log", new, root)
    check_extends(now, checkpoint(old), files.__getitem__)
    assert ProvenTree(now, files.__getitem__).root_at(old) == checkpoint(old).root
    if old:
        forked = Checkpoint("log", old, b"x" * 32)
        with pytest.raises(VerificationError) as fork:
            check_extends(now, forked, files.__getitem__)
        assert fork.value.code == "not-consistent"


@given(data=st.data(), new=st.integers(2, 1500))
def test_a_tile_with_a_flipped_bit_is_never_taken_for_a_fork(data, new):
    files, root = tiles(new)
    old = data.draw(st.integers(1, new - 1))
    tile = data.draw(st.sampled_from(sorted(files)))
    at = data.draw(st.integers(0, len(files[tile]) - 1))
    damaged = {**files, tile: files[tile][:at] + bytes([files[tile][at] ^ 1]) + files[tile][at + 1 :]}
    said = ""
    try:
        check_extends(Checkpoint("log", new, root), checkpoint(old), damaged.__getitem__)
    except VerificationError as error:
        said = error.code
    assert said in {"", "bad-tile"}


def test_a_tree_never_had_more_entries_than_it_has():
    files, root = tiles(300)
    tree = ProvenTree(Checkpoint("log", 300, root), files.__getitem__)
    with pytest.raises(ValueError, match="never had"):
        tree.root_at(301)
    with pytest.raises(VerificationError) as shrunk:
        check_extends(checkpoint(299), checkpoint(300), files.__getitem__)
    assert shrunk.value.code == "not-consistent"


@settings(deadline=None)
@given(size=SIZES, since=SIZES)
def test_an_audit_reads_every_file_that_is_new_once_and_in_the_order_of_its_steps(size, since):
    since = min(size, since)
    files, root = tiles(size)
    plan = list(steps(size, since))
    assert len(set(plan)) == len(plan)
    assert {step.tile for step in plan if not step.entries} >= set(tiles_of(size, since))
    assert {step.tile for step in plan if step.entries} == {s.tile for s in plan if s.tile.level == 0}
    if since == 0:
        assert {step.tile for step in plan} == set(files)
    coming, faults = iter(plan), []

    def read(step):
        assert step == next(coming)
        start = step.tile.index * WIDTH
        return b"".join(LEAVES[start : start + step.tile.width]) if step.entries else files[step.tile]

    Audit(read, faults.append, since=since).tree(size, root)
    assert (next(coming, None), faults) == (None, [])
