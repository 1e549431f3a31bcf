"""The proposal's verdict, asked again with one thing changed: a number, a measurement, a security level."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from halfdoor.core.evidence.claim import Claim
from halfdoor.core.policy.requirements import judge
from halfdoor.core.risk.access import Gate
from halfdoor.core.risk.uncertainty.distributions import fit
from halfdoor.core.risk.uncertainty.draws import Draws
from halfdoor.core.risk.uncertainty.variation import Recorded, Varied

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from halfdoor.core.policy.constraints import LimitInForce
    from halfdoor.core.policy.outlook.knobs import Knob
    from halfdoor.core.policy.outlook.situation import Situation
    from halfdoor.core.policy.requirements import RequirementFinding
    from halfdoor.core.risk.access import AccessModel

ROUGH_DRAWS = 2000
FULL_DRAWS_MAX = 20_000  # of the last steps; more would cost seconds and move nothing
_NAMING_DRAWS = 8  # enough to see which inputs a gate asks for
_INPUTS_MAX = 300  # of one row; beyond that its single numbers are not tried
_TAILS = np.array([0.001, 0.5, 0.999])


class Wanted(msgspec.Struct, frozen=True):
    """A claim with a value in some unit: where it stands now (None: not measured), and what is asked of it.

    middle: now, else what its prior expects; values: everything known of its size; thresholds: of rows
    """

    claim: str
    words: str
    unit: str
    now: float | None
    middle: float
    values: tuple[float, ...]
    thresholds: tuple[float, ...]


class Trial:
    """The situation's verdict, and the same with one thing changed. Security is never set aside here."""

    def __init__(self, situation: Situation) -> None:
        """Judge the proposal as it stands."""
        self.situation = situation
        rows = situation.rows()
        self.limits = (*rows.limits, *rows.hopeless)
        self.broken = [row for row in self.limits if not row.kept(situation.proposed)]
        self.lacking = bool(rows.too_often(situation.proposed)) or self._lacking(situation.findings)
        self.permitted = not self.broken and not self.lacking
        full = situation.gates.access
        count = full.draws.count
        seed = full.draws.seed
        self._full: AccessModel = (
            full if count <= FULL_DRAWS_MAX else Varied(full, Draws(seed, FULL_DRAWS_MAX))
        )
        self._rough: AccessModel = (
            self._full if count <= ROUGH_DRAWS else Varied(full, Draws(seed, ROUGH_DRAWS))
        )

    def asked(self) -> list[tuple[LimitInForce, Recorded]]:
        """For each row in force what its gate asks for; none where derivations are too many to list."""
        found = []
        for row in self.limits:
            recorded = Recorded(Draws(self._full.draws.seed, _NAMING_DRAWS))
            if not row.gate.complete:
                return []
            gate = _gate(row, Varied(self._full, recorded))
            gate.violations(self.situation.proposed.groups_with)
            if len(recorded.numbers) > _INPUTS_MAX:
                return []
            found.append((row, recorded))
        return found

    def held(
        self, knob: Knob, value: float, touched: Collection[LimitInForce], *, rough: bool = False
    ) -> bool:
        """The verdict with one number held. `touched`: the rows that ask for it; all others stand."""
        base = self._rough if rough else self._full
        access = Varied(base, knob.held(base.draws, value), same_reach=not knob.moves_reach)
        if self.lacking or any(all(row is not other for other in touched) for row in self.broken):
            return False
        return self._all_kept(touched, access)

    def wanted(self) -> list[Wanted]:
        """The claims whose value a requirement asks for, or a rule's cost rests on."""
        kinds = {kind.id: kind for kind in self.situation.model.claim}
        rules = self.situation.model.rule
        lines: dict[str, list[float]] = {r.measured_by: [] for r in rules if r.measured_by}
        units: dict[str, str] = {}
        for finding in self.situation.findings:
            row = finding.row
            if row.kind in ("evidence", "audit") and row.threshold is not None and row.threshold > 0:
                lines.setdefault(row.evidence, []).append(float(row.threshold))
                units[row.evidence] = row.unit
        found = []
        for claim, thresholds in lines.items():
            kind = kinds.get(claim)
            unit = units.get(claim) or (kind.unit if kind else "")
            prior = kind.prior if kind else None
            expected = fit(prior, "positive").quantile(_TAILS).tolist() if prior is not None else []
            now = self._value(claim)
            values = [v for v in (*expected, *thresholds, now) if v]
            words = kind.words if kind and kind.words else claim
            middle = now or (expected[1] if expected else thresholds[0] if thresholds else 1.0)
            found.append(Wanted(claim, words, unit, now, middle, tuple(values), tuple(thresholds)))
        return found

    def _value(self, claim: str) -> float | None:
        """The least that counted evidence shows."""
        shown = [
            c.low if c.low is not None else c.value
            for c in self.situation.grounds.claims
            if c.id == claim and not self.situation.grounds.why_not(c)
        ]
        return min((v for v in shown if v is not None), default=None)

    def measured(self, asked: Wanted, value: float, *, rough: bool = False) -> bool:
        """The verdict had a third party measured this value, in the place of whatever was measured."""
        grounds = self.situation.grounds
        others = tuple(c for c in grounds.claims if c.id != asked.claim)
        claim = Claim(
            id=asked.claim,
            origin="supposed",
            value=value,
            low=value,
            unit=asked.unit,
            mode="fine-tuned",
            methods=("one", "another"),
            by="third-party",
            measured=grounds.as_of,
            binding="bound",
        )
        changed = msgspec.structs.replace(grounds, claims=(*others, claim))
        if self._lacking(judge(changed, self.situation.dossier, self._full.holdings.items)):
            return False
        touched = [row for row in self.limits if self._rests_on(row, asked.claim)]
        if any(all(row is not other for other in touched) for row in self.broken):
            return False
        base = self._rough if rough else self._full
        bounds = {**base.around.measured, asked.claim: value}
        around = msgspec.structs.replace(base.around, measured=bounds)
        return self._all_kept(touched, Varied(base, base.draws, around, same_reach=True))

    def _rests_on(self, row: LimitInForce, claim: str) -> bool:
        rules = self.situation.model.rule
        ways = self._full.ways(row.row.ability).ways
        return any(rules[index].measured_by == claim for way in ways for index in way.rules)

    def security_could_help(self) -> bool:
        """Whether every row that the proposal breaks would hold without theft."""
        return all(row.kept(self.situation.proposed, theft=False) for row in self.broken)

    def secured(self, level: str) -> bool:
        """The verdict at a security level."""
        dossier = self.situation.dossier
        model = msgspec.structs.replace(dossier.model, security=level)
        changed = msgspec.structs.replace(dossier, model=model)
        if self._lacking(judge(self.situation.grounds, changed, self._full.holdings.items)):
            return False
        around = msgspec.structs.replace(self._full.around, security=level)
        return self._all_kept(self.limits, Varied(self._full, self._full.draws, around))

    def _all_kept(self, rows: Collection[LimitInForce], access: AccessModel) -> bool:
        """Rows broken now are asked first: they settle most questions."""
        first = sorted(rows, key=lambda row: all(row is not other for other in self.broken))
        return all(self._kept(row, access) for row in first)

    def _kept(self, row: LimitInForce, access: AccessModel) -> bool:
        gate = _gate(row, access)
        tolerated = int(access.draws.count * (1 - row.row.confidence))
        return gate.violations(self.situation.proposed.groups_with) <= tolerated

    def _lacking(self, findings: Sequence[RequirementFinding]) -> bool:
        """Whether the proposal shares an item that a requirement not met keeps back."""
        rows = self.situation.rows(findings=list(findings))
        proposed = self.situation.proposed
        return any(group in proposed.groups_with(item) for item, group, _ in (*rows.unmet, *rows.insecure))


def _gate(row: LimitInForce, access: AccessModel) -> Gate:
    return Gate(access, row.row.actor, row.row.ability, float(row.row.access_probability))
