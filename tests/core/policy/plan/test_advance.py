"""Taking the next stage: what was seen against what the stage asks, and how often that errs."""

from decimal import Decimal

import msgspec
import numpy as np
import pytest

from halfdoor.core.annex import Asks, Stage
from halfdoor.core.evidence.estimate import confidence_sequence
from halfdoor.core.policy.plan.advance import Observed, may_advance, uses_needed

ASKS = Asks(
    soak_days=90, no_new_safeguards_days=60, incidents_at_most="0.02", confidence="0.9", clean_uses=350
)
QUIET = Observed(days=120, uses=10_000, incidents=20)
replace = msgspec.structs.replace


def stage(asks=ASKS):
    return Stage(2, {}, {}, [], [], "0.50", None, "", asks)


def test_a_quiet_stage_may_be_followed_and_each_shortfall_is_a_reason_of_its_own():
    assert may_advance(stage(), QUIET) == []
    for shortfall, words in (
        ({"days": 89}, "89 days"),
        ({"safeguard_added_days_ago": 59}, "59 days ago"),
        ({"incidents": 400}, "400 incidents"),
        ({"uses": 0, "incidents": 0}, "0 monitored uses"),
        ({"flips": ("capability in cyber ≥ 0.60",)}, "capability in cyber"),
    ):
        (reason,) = may_advance(stage(), replace(QUIET, **shortfall))
        assert words in reason
    assert len(may_advance(stage(), Observed(days=0))) == 3


def test_a_stage_that_asks_nothing_may_be_taken_at_once():
    assert may_advance(stage(Asks()), Observed(days=0)) == []


@pytest.mark.parametrize(("at_most", "alpha"), [(0.01, 0.05), (0.1, 0.1), (0.3, 0.01)])
@pytest.mark.parametrize("incidents", [0, 1, 4])
def test_uses_needed_is_the_first_count_that_shows_the_bound_and_more_show_it_too(incidents, at_most, alpha):
    needed = uses_needed(incidents, at_most, alpha)
    shown = [
        confidence_sequence(incidents, uses, alpha)[1] <= at_most for uses in range(incidents, needed + 50)
    ]
    assert shown.index(True) == needed - incidents
    assert all(shown[needed - incidents :])


def test_no_number_of_uses_shows_a_share_of_nothing():
    assert uses_needed(0, 0.0, 0.05) is None
    (reason,) = may_advance(
        stage(Asks(incidents_at_most="0", confidence="0.95")), Observed(days=1, uses=10**6)
    )
    assert "no number of uses would" in reason


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("bound", "alpha"), [(0.05, 0.1), (0.02, 0.05)])
def test_looking_after_every_use_errs_at_most_alpha(bound, alpha, seed):
    """Incidents at just the bound: how often some look lets the stage go ahead."""
    runs, uses = 2000, 4000
    asks = Asks(incidents_at_most=str(bound), confidence=str(1 - Decimal(str(alpha))))
    counts = np.cumsum(np.random.default_rng(seed).random((runs, uses)) < bound, axis=1, dtype=np.int32)
    went = np.zeros(runs, dtype=bool)
    for incidents in range(counts.max() + 1):
        needed = uses_needed(incidents, bound, alpha)
        if needed is None or needed > uses:
            break
        assert may_advance(stage(asks), Observed(days=0, uses=needed, incidents=incidents)) == []
        assert may_advance(stage(asks), Observed(days=0, uses=needed - 1, incidents=incidents)) != []
        went |= counts[:, needed - 1] <= incidents
    assert 0 < went.mean() <= alpha
    # The same looks with an interval made for one look err more often than it says.
    fixed = counts[:, 99::25] / np.arange(100, uses + 1, 25)
    naive = fixed + 1.645 * np.sqrt(fixed * (1 - fixed) / np.arange(100, uses + 1, 25)) <= bound
    assert naive.any(axis=1).mean() > alpha
