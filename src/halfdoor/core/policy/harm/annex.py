"""The annex on harm: what the proposal adds to each threat, beside a policy's lines and beside defence.

Nothing here decides; what decides (frequency rows) is in constraints.py and asks the same exposures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from halfdoor.core.annex import BandHarm, Curve, FlawHarm, Harm, Net, Spread, ThreatHarm
from halfdoor.core.ids import parse_item
from halfdoor.core.model.configuration import Configuration
from halfdoor.core.policy.harm.exposures import Exposures
from halfdoor.core.policy.harm.net import averted, defences_open
from halfdoor.core.policy.harm.runs import runs
from halfdoor.core.policy.harm.words import Figures, assumptions, heavy, judged_rows, sentences
from halfdoor.core.risk.harm.events import year_of_events
from halfdoor.core.risk.harm.flaws import flaw_harm

if TYPE_CHECKING:
    from halfdoor.core.policy.document import Band
    from halfdoor.core.policy.frequency import FrequencyInForce
    from halfdoor.core.policy.outlook.situation import Situation
    from halfdoor.core.risk.document import Threat
    from halfdoor.core.risk.uncertainty.distributions import Floats

_QUANTILE = 0.95  # where the policy asks for none
_CURVE_POINTS = 16
_CURVE_ENDS = np.array([0.05, 0.9999])  # of the damage of one event
_LEAST_TAIL = 100  # so many draws have to lie beyond a probability that is read off them


class Harms:
    """Layer B of one situation, for any configuration."""

    def __init__(self, situation: Situation) -> None:
        """Uses the situation's exposures, so that nothing its frequency rows asked for is made again."""
        self._situation = situation
        self._access = situation.gates.access
        self._draws = self._access.draws
        self._model = situation.model
        self.exposures = situation.gates.exposures or Exposures(
            situation.grounds, situation.dossier, situation.standings, self._access
        )
        self._nothing = Configuration({}, self._access.around.groups)

    def annex(self, proposed: Configuration, widest: Configuration | None) -> Harm | None:
        """The annex for a proposal; None where the risk model has no threats. `widest`: of the frontier."""
        if not self._model.threat:
            return None
        added = {
            t.id: self.exposures.threat(t).added("harm", proposed.groups_with) for t in self._model.threat
        }
        base = {t.id: self.exposures.threat(t).baseline("harm") for t in self._model.threat}
        committed = {
            t.id: self.exposures.threat(t).committed(proposed.groups_with) for t in self._model.threat
        }
        threats = [
            self._threat(t, proposed, base[t.id], added[t.id], committed[t.id]) for t in self._model.threat
        ]
        flaws = self._flaws(proposed)
        policy = self._situation.policy
        years = {unit: self._year(unit, added) for unit in {band.unit for band in policy.band}}
        return Harm(
            binding=bool(policy.frequency),
            horizon_years=float(policy.horizon_years),
            sentences=sentences(
                self._situation, self.exposures, Figures(base, added, committed, threats, flaws)
            ),
            threats=threats,
            bands=[row for band in policy.band for row in self._bands(band, proposed, years[band.unit])],
            curves=[self._curve(unit, proposed, widest) for unit in self.units],
            flaws=flaws,
            net=self._net(proposed, added),
            runs=runs(self._situation, self.exposures, proposed),
            assumptions=assumptions(self._situation, self.exposures),
        )

    @property
    def units(self) -> list[str]:
        """The units of the threats, in the risk model's order. No two are ever added."""
        return list(dict.fromkeys(threat.unit for threat in self._model.threat))

    def _threat(
        self, threat: Threat, proposed: Configuration, base: Floats, added: Floats, committed: Floats
    ) -> ThreatHarm:
        exposure = self.exposures.threat(threat)
        figures = spread(base), spread(added), spread(committed)
        rows = judged_rows(threat, self._situation)
        return ThreatHarm(
            id=threat.id,
            words=threat.words,
            domain=threat.domain,
            unit=threat.unit,
            baseline_per_year=figures[0],
            added_per_year=figures[1],
            added_committed=figures[2],
            attempts_per_year=spread(exposure.added("events", proposed.groups_with)),
            heavy_tailed=any(heavy(figure) for figure in figures),
            judgement_share=f"{sum(1 for row in rows if not row.source) / len(rows):.2f}",
        )

    def _year(self, unit: str, added: dict[str, Floats]) -> Floats:
        """What a year of added events comes to in each draw."""
        total = np.zeros(self._draws.count)
        for threat in self._model.threat:
            if threat.unit == unit:
                size = self.exposures.threat(threat).damage
                total += year_of_events(threat, size, added[threat.id], self._draws)
        return total

    def _bands(self, band: Band, proposed: Configuration, year: Floats) -> list[BandHarm]:
        """One row for each line that the policy draws at the band; one without where it draws none."""
        held = [row for row in self.exposures.frequencies() if row.band.id == band.id]
        threats = [t for t in self._model.threat if t.unit == band.unit]
        none = np.zeros(self._draws.count)
        exposures = [self.exposures.threat(t) for t in threats]
        before = sum((e.baseline(band.at_least) for e in exposures), none)
        more = sum((e.added(band.at_least, proposed.groups_with) for e in exposures), none)
        exceeded = self._tail(float((year >= band.at_least).mean()))
        if not held:
            return [self._band(band, None, (before, more), exceeded, proposed)]
        return [self._band(band, row, (before, more), exceeded, proposed) for row in held]

    def _band(
        self,
        band: Band,
        row: FrequencyInForce | None,
        events: tuple[Floats, Floats],
        exceeded: str,
        proposed: Configuration,
    ) -> BandHarm:
        """`events` per year, in each draw: with nothing shared, and added."""
        before, more = events
        confidence = float(row.row.confidence) if row else _QUANTILE
        outcome: Literal["pass", "fail", "not-applicable"] = "not-applicable"
        if row is not None and row.threats:
            kept = row.kept_as_proposed(proposed)
            outcome = "pass" if kept else "fail"
        return BandHarm(
            band=band.id,
            unit=band.unit,
            at_least=band.at_least,
            baseline_per_year=three(float(before.mean())),
            added_per_year=three(float(more.mean())),
            added_quantile=three(float(np.quantile(more, confidence, method="higher"))),
            exceeded_in_a_year=exceeded,
            allowed_per_year=f"{row.row.per_year:f}" if row else None,
            confidence=f"{row.row.confidence:f}" if row else None,
            outcome=outcome,
            clause=(row.row.clause or band.clause) if row else band.clause,
        )

    def _tail(self, share: float) -> str:
        """A probability read off the draws, never below what so many of them can tell."""
        least = _LEAST_TAIL / self._draws.count
        return f"{share:.4f}" if share >= least else f"< {least:.2g}"

    def _curve(self, unit: str, proposed: Configuration, widest: Configuration | None) -> Curve:
        exposures = [self.exposures.threat(t) for t in self._model.threat if t.unit == unit]
        low = min(float(e.damage.quantile(_CURVE_ENDS[:1], 0.0)[0]) for e in exposures)
        high = max(float(e.damage.quantile(_CURVE_ENDS[1:], 1.0)[0]) for e in exposures)
        lines = [band.at_least for band in self._situation.policy.band if band.unit == unit]
        low, high = min([low, *lines]), max([high, *lines])
        low = max(low, high * 1e-12, 1e-12)
        points = [float(f"{x:.2g}") for x in np.geomspace(low, max(high, low), _CURVE_POINTS)]
        xs = sorted(set(points))

        before = [sum(float(e.baseline(x).mean()) for e in exposures) for x in xs]

        def beyond(config: Configuration) -> list[float]:
            more = [sum(float(e.added(x, config.groups_with).mean()) for e in exposures) for x in xs]
            return [three(a + b) for a, b in zip(before, more, strict=True)]

        return Curve(
            unit=unit,
            x=xs,
            nothing=[three(a) for a in before],
            proposed=beyond(proposed),
            widest=beyond(widest) if widest is not None else [],
        )

    def _flaws(self, proposed: Configuration) -> list[FlawHarm]:
        """What flaws do in the copies that the proposal adds to those that are public already."""
        groups = self._access.around.groups
        weights = [i for i in self._access.holdings.items if parse_item(i).component == "final-parameters"]
        out = {"anyone"} if any(self._access.holdings.is_free(item) for item in weights) else set[str]()
        having = out.union(*(proposed.groups_with(item) for item in weights))
        return [
            FlawHarm(
                id=flaw.id,
                words=flaw.words,
                unit=flaw.unit,
                per_year=spread(
                    flaw_harm(flaw, having, groups, self._draws) - flaw_harm(flaw, out, groups, self._draws)
                ),
            )
            for flaw in self._model.flaw
        ]

    def _net(self, proposed: Configuration, added: dict[str, Floats]) -> list[Net]:
        holdings = self._access.holdings
        free = frozenset(item for item in holdings.items if holdings.is_free(item))
        result = []
        for domain in dict.fromkeys(row.domain for row in self._model.defence):
            rows = defences_open(self._model, domain, proposed, free)
            share = averted(self._model, rows, self._draws)
            for unit in dict.fromkeys(t.unit for t in self._model.threat if t.domain == domain):
                gross = sum(
                    (added[t.id] for t in self._model.threat if t.domain == domain and t.unit == unit),
                    np.zeros(self._draws.count),
                )
                basis = "; ".join(
                    f"{row.words or row.item} ({row.source or row.judgement or 'no source stated'})"
                    for row in rows
                )
                result.append(
                    Net(
                        domain=domain,
                        unit=unit,
                        gross_per_year=three(float(gross.mean())),
                        averted=f"{float(share.mean()):.2f}",
                        net_per_year=three(float((gross * (1.0 - share)).mean())),
                        evidence=basis or "nothing that helps its defenders is shared",
                    )
                )
        return result


def spread(values: Floats) -> Spread:
    """Mean with its standard error, and percentiles, to three significant digits."""
    p5, p50, p95 = np.percentile(values, (5, 50, 95))
    exact = values.size == 1 or float(values.min()) == float(values.max())
    error = None if exact else three(float(values.std(ddof=1)) / float(np.sqrt(values.size)))
    return Spread(three(float(values.mean())), error, three(p5), three(p50), three(p95))


def three(value: float) -> float:
    """To three significant digits: the last ones differ between machines."""
    return float(f"{value:.3g}")
