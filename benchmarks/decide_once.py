"""One frontier of the shipped risk model and policy, timed in a process of its own: draws, gates, search.

Imports and reading the two documents are left out. Prints one line of JSON.

python benchmarks/decide_once.py [--draws N] [--items N] [--chain N] [--beside N]
"""

from __future__ import annotations

import argparse
import json
import sys
import time

from measured import peak_megabytes

from halfdoor.core.ids import COMPONENTS
from halfdoor.core.model.configuration import Configuration
from halfdoor.core.model.groups import Groups
from halfdoor.core.policy.constraints import Gates, TierInScope, constraints
from halfdoor.core.policy.frontier.borders import frontier
from halfdoor.core.risk.abilities import Holdings
from halfdoor.core.risk.access import AccessModel, Surroundings
from halfdoor.core.risk.uncertainty.draws import Draws
from halfdoor.readers.library import load_policy, load_risk_model


def listing(count: int) -> list[str]:
    """Items of one model, and of further variants where one has too few; the telling ones first."""
    telling = ("final-parameters", "fine-tuning", "sampling", "internals-write", "logprobs")
    components = [*telling, *sorted(set(COMPONENTS) - set(telling))]
    variants = ["", *(f"v{n}:" for n in range(1, 1 + count // len(components)))]
    return [f"{variant}{component}" for variant in variants for component in components][:count]


def groups_of(chain: int, beside: int) -> Groups:
    """The ladder, `chain` further steps between vetted and identified, and `beside` groups in no order."""
    steps = [f"step-{n}" for n in range(chain)]
    rows = [(name, (steps[n - 1] if n else "vetted",), ("identified",)) for n, name in enumerate(steps)] + [
        (f"field-{n}", ("staff",), ("identified",)) for n in range(beside)
    ]
    return Groups(rows)


def main() -> int:
    """Time it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=20_000)
    parser.add_argument("--items", type=int, default=len(COMPONENTS))
    parser.add_argument("--chain", type=int, default=0)
    parser.add_argument("--beside", type=int, default=0)
    args = parser.parse_args()
    model = load_risk_model("public-2026")
    policy = load_policy("seger-2023", model=model)
    groups, items = groups_of(args.chain, args.beside), listing(args.items)

    started = time.perf_counter()
    holdings = Holdings.of(items, (), (row.item for row in model.commonplace))
    around = Surroundings(groups=groups, security="SL4")
    gates = Gates(AccessModel(model, holdings, Draws(1, args.draws), around))
    worst = {domain.id: TierInScope("critical", in_scope=True) for domain in model.domain}
    rows = constraints(policy, worst, [], gates)
    concerned = [item for item in items if item in rows.concerned and not holdings.is_free(item)]
    proposed = Configuration({item: ["anyone"] for item in items}, groups)
    found = frontier(concerned, groups, rows.parts(strict=False), proposed=proposed)
    seconds = time.perf_counter() - started

    print(
        json.dumps(
            {
                "seconds": seconds,
                "megabytes": peak_megabytes(),
                "rows": len(rows.limits) + len(rows.hopeless),
                "borders": len(found.widest) + len(found.blocking),
                "complete": found.complete,
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
