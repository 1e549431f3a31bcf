"""Configurations as options of a decision, in units of benefit, under any set of rows in force.

    U(r) = b(r) · (1 - E max over rows of V_r / q)        U(nothing) = 0

b is the share of full openness's benefit that r keeps, V_r = 1 in the draws in which r violates a row, and
q = 1 - confidence is what the row tolerates. Under one row U is positive exactly where r keeps it with room
to spare. Under several, the row that weighs most counts in each draw, and E max ≥ max E: what violates any
row has U < 0, so a forbidden configuration is never preferred to sharing nothing. An item shared without
what a requirement asks for violates that row in every draw.

As everywhere, rows that fail with nothing shared are counted without theft, and left out where that does
not mend them: security is the answer to those, not withholding. A configuration that breaks a frequency row
is no option at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from halfdoor.core.model.configuration import Configuration
from halfdoor.core.policy.constraints import LimitInForce, requirement_applies
from halfdoor.core.risk.uncertainty.draws import all_bits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from halfdoor.core.policy.constraints import TierInScope
    from halfdoor.core.policy.ledger import Benefits
    from halfdoor.core.policy.outlook.situation import Situation
    from halfdoor.core.risk.uncertainty.distributions import Floats

    Rows = frozenset[str]  # ids of limits and requirements in force

_REQUIREMENT = 20.0  # weighs as a row held with confidence .95


class Stakes:
    """What each option is worth under rows in force. Option 0 shares nothing and is worth nothing."""

    def __init__(self, situation: Situation, benefits: Benefits, options: Iterable[Configuration]) -> None:
        """`options` beside sharing nothing; those that frequency rows forbid are left out."""
        self.situation = situation
        access = situation.gates.access
        self.count = access.draws.count
        self.groups = access.around.groups
        nothing = Configuration({}, self.groups)
        rows = situation.rows()
        wanted = [o for o in dict.fromkeys(options) if all(row.kept(o) for row in rows.frequencies)]
        self.options = [nothing, *(o for o in wanted if o != nothing)]
        items = access.holdings.items
        self.benefit = [0.0, *(benefits.share(o, items) for o in self.options[1:])]
        self._theft: dict[str, bool] = {}
        self._limits: dict[str, LimitInForce] = {}
        for limit in situation.gates.limits(situation.policy, situation.tiers()):
            theft = limit.kept(nothing)
            if theft or limit.kept(nothing, theft=False):
                self._limits[f"limit/{limit.id}"] = limit
                self._theft[f"limit/{limit.id}"] = theft
        self._lacking = {
            f"requirement/{f.id}": f
            for f in situation.findings
            if f.outcome in ("fail", "missing") and f.row.kind != "security"
        }
        self._violated: dict[tuple[str, int], int] = {}
        self._values: dict[Rows, Floats] = {}

    def rows(self, tiers: Mapping[str, TierInScope]) -> Rows:
        """The rows in force where these domains stand so; of several domains, those of each together."""
        limits = {
            f"limit/{limit.id}"
            for limit in self.situation.gates.limits(self.situation.policy, tiers)
            if limit.applies and f"limit/{limit.id}" in self._limits
        }
        lacking = {key for key, finding in self._lacking.items() if requirement_applies(finding, tiers)}
        return frozenset(limits | lacking)

    def asking_for(self, claim: str) -> Rows:
        """The requirements that this claim would meet."""
        return frozenset(
            key
            for key, finding in self._lacking.items()
            if finding.row.kind in ("evidence", "audit") and finding.row.evidence == claim
        )

    def weight(self, row: str) -> float:
        """1 / q."""
        limit = self._limits.get(row)
        return _REQUIREMENT if limit is None else 1.0 / float(1 - limit.row.confidence)

    def violated(self, row: str, option: int) -> int:
        """The draws in which an option violates a row, as bits."""
        key = row, option
        if key not in self._violated:
            config = self.options[option]
            limit = self._limits.get(row)
            if limit is not None:
                found = limit.gate.violating(config.groups_with, theft=self._theft[row])
            else:
                finding = self._lacking[row]
                free = self.situation.gates.access.holdings.is_free
                shared = any(
                    finding.row.group in config.groups_with(i) and not free(i) for i in finding.items
                )
                found = all_bits(self.count) if shared else 0
            self._violated[key] = found
        return self._violated[key]

    def values(self, rows: Rows) -> Floats:
        """U of each option."""
        if rows not in self._values:
            first = sorted(rows, key=lambda row: (-self.weight(row), row))
            found = np.zeros(len(self.options))
            for option in range(1, len(self.options)):
                seen, penalty = 0, 0.0
                for row in first:  # a draw counts under the heaviest row that it violates
                    here = self.violated(row, option) & ~seen
                    penalty += self.weight(row) * here.bit_count()
                    seen |= here
                found[option] = self.benefit[option] * (1.0 - penalty / self.count)
            self._values[rows] = found
        return self._values[rows]

    def foreseen(self, rows: Rows) -> float:
        """E max over options of U, for who knows the draw: the most benefit that violates nothing in it."""
        left, total = all_bits(self.count), 0.0
        for option in sorted(range(1, len(self.options)), key=lambda o: -self.benefit[o]):
            broken = 0
            for row in rows:
                broken |= self.violated(row, option)
            fine = left & ~broken
            total += self.benefit[option] * fine.bit_count()
            left &= ~fine
        return total / self.count

    def over_draws(self, rows: Rows, most: int) -> Floats:
        """U as an array [options, draws], of the first `most` draws at most."""
        count = min(most, self.count)
        size = -(-self.count // 8)
        result = np.zeros((len(self.options), count))
        for option in range(1, len(self.options)):
            penalty = np.zeros(count)
            for row in rows:
                packed = np.frombuffer(self.violated(row, option).to_bytes(size, "big"), dtype=np.uint8)
                penalty = np.maximum(penalty, self.weight(row) * np.unpackbits(packed, count=count))
            result[option] = self.benefit[option] * (1.0 - penalty)
        return result
