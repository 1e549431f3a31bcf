"""What a configuration adds, against the sum over levels of entry that defines it, way by way."""

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from halfdoor.core.ids import parse_item
from halfdoor.core.model.configuration import Configuration
from harms import harmful, rising, situation


def per_year(exposure, now, config):
    """Σ over actors and levels u of [u - next lower u] · the best route from H(u), draw by draw."""
    access = now.gates.access
    modes = {ability.id: ability.mode for ability in now.model.ability}
    threat, zero = exposure.threat, exposure.zero
    abilities = {a for a in (threat.needs, *threat.routes) if a}
    total = zero.copy()
    for actor in threat.actors:
        reach = access.reach(actor)
        free = access.holdings.is_free
        entry = {}
        ways = {ability: access.ways(ability).ways for ability in abilities}
        for item in sorted({i for found in ways.values() for way in found for i in way.items if not free(i)}):
            service = parse_item(item).is_service
            ways_in = [reach.access(group, service=service) for group in config.groups_with(item)]
            entry[item] = np.max([*ways_in, zero if service else zero + reach.theft], axis=0)
        routes = []
        for ability, found in ways.items():
            for way in found:
                services = [item for item in way.items if parse_item(item).is_service]
                rows = {row for item in services for row in exposure.surface.stops.get(item, ())}
                worth = exposure.events(actor, exposure.uses.modes[modes[ability]])
                passed = 1.0 - exposure.surface.stopped(sorted(rows))
                within = access.affords(actor, access.spend(way))
                routes.append(([i for i in way.items if not free(i)], within, worth * passed))
        alone = exposure.events(actor, zero)
        if exposure.uses.reference is not None:
            known = exposure.events(actor, exposure.uses.reference)
            alone = np.maximum(alone, known * exposure.surface.elsewhere(actor, tuple(abilities)))
        for n in range(zero.size):
            below = 0.0
            levels = sorted({0.0, 1.0, *(float(reached[n]) for reached in entry.values())})
            for u in levels[1:]:
                best = alone[n]
                for items, within, worth in routes:
                    if within[n] and all(entry[item][n] >= u for item in items):
                        best = max(best, worth[n])
                total[n] += (u - below) * best
                below = u
    return total


def test_added_events_are_what_the_sum_over_levels_says():
    seen = []

    @given(harmful(draws=12, items=4), st.integers(0, 2**32))
    @settings(max_examples=60, deadline=None)
    def world(question, seed):
        still = msgspec.structs.replace(question.risk_model, exposure=None)
        now = situation(msgspec.structs.replace(question, risk_model=still))
        groups = now.gates.access.around.groups
        span = min(1.0, float(now.policy.horizon_years))
        *_, config = [c for n, c in enumerate(rising(seed, now.items, groups)) if n <= seed % 9]
        for threat in now.model.threat:
            exposure = now.gates.exposures.threat(threat)
            if exposure.uses is None:
                continue
            before = per_year(exposure, now, Configuration({}, groups))
            added = exposure.added("events", config.groups_with)
            np.testing.assert_allclose(exposure.baseline("events"), before, rtol=1e-9)
            expected = span * (per_year(exposure, now, config) - before)
            np.testing.assert_allclose(added, expected, rtol=1e-9, atol=1e-9 * before.max())
            seen.append(bool(added.any()))

    world()
    assert sum(seen) > 10  # and not idle
