"""Assessments with every annex filled by hand, for tests of what presents them. The values are made up."""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import TYPE_CHECKING

import msgspec

from assessments import heron
from halfdoor.core.annex import (
    BandHarm,
    Bundle,
    Curve,
    Driver,
    FlawHarm,
    GraphRule,
    Harm,
    Net,
    Plan,
    Run,
    Spread,
    Stage,
    ThreatHarm,
    Worth,
)
from halfdoor.core.assessment import Flip

if TYPE_CHECKING:
    from halfdoor.core.assessment import Assessment


def spread(middle: float, mean_se: float | None = None) -> Spread:
    return Spread(mean=middle * 1.6, mean_se=mean_se, p5=middle / 30, p50=middle, p95=middle * 20)


def harm(*, binding: bool = False) -> Harm:
    x = [1e6, 1e7, 1e8, 1e9, 1e10]
    return Harm(
        binding=binding,
        horizon_years=3.0,
        sentences=["Proposed, an event of at least $1B is expected once in 2,300 years"],
        threats=[
            ThreatHarm(
                "OC3-ddos",
                "a syndicate takes services down",
                "cyber",
                "USD",
                spread(2.1e6),
                spread(8.4e5),
                spread(1.9e6),
                spread(0.3),
                heavy_tailed=False,
                judgement_share="0.40",
            ),
            ThreatHarm(
                "novice-release",
                "a novice releases a pathogen",
                "biology",
                "deaths",
                spread(0.4),
                spread(0.02, 0.004),
                spread(0.05),
                spread(4e-7),
                heavy_tailed=True,
                judgement_share="0.90",
            ),
        ],
        bands=[
            BandHarm(
                "catastrophic", "USD", 1e9, 1.1e-4, 4.3e-4, 9e-4, "0.0004", "0.0002", "0.95", "fail", "SB 53"
            ),
            BandHarm("fifty deaths", "deaths", 50.0, 1e-5, 0.0, 0.0, "0", None, None, "not-applicable", ""),
        ],
        curves=[
            Curve(
                unit="USD",
                x=x,
                nothing=[0.4, 0.02, 1e-3, 1e-4, 0],
                proposed=[0.9, 0.05, 4e-3, 5e-4, 1e-6],
                widest=[0.5, 0.02, 1e-3, 1e-4, 0],
            ),
            Curve("deaths", [1.0, 10.0], [0, 0], [0, 0], [0, 0]),
        ],
        flaws=[FlawHarm("backdoor", "a back door found late", "USD", spread(4e4))],
        net=[Net("cyber", "USD", 8.4e5, "0.20", 6.7e5, "judgement: a fifth found and fixed sooner")],
        runs=[Run("elicitation gap correlated 0.9 across domains", "USD", 1.1e6)],
        assumptions=["no reach is stated for a stalker among vetted groups: counted as certain"],
    )


def plan() -> Plan:
    one = Stage(
        number=1,
        opens={"final-parameters": ["auditors"], "sampling": ["identified"]},
        configuration={"final-parameters": ["auditors"], "sampling": ["identified"]},
        conditions=[],
        irreversible=[],
        benefit="0.35",
        earliest=dt.date(2026, 11, 23),
        sentence="Weights to auditors and sampling to identified users",
    )
    two = msgspec.structs.replace(
        one,
        number=2,
        opens={"sampling": ["anyone"], "training-code": ["anyone"]},
        conditions=["60 days at stage 1 without an incident in 3,000 uses", "no new safeguard was needed"],
        irreversible=["training-code"],
        benefit="0.60",
        earliest=dt.date(2027, 1, 22),
        sentence="Sampling and training code to anyone",
    )
    later = msgspec.structs.replace(
        two,
        number=3,
        opens={"final-parameters": ["anyone"]},
        conditions=["tamper resistance of at least 1,000 steps is shown by a third party"],
        irreversible=["final-parameters"],
        benefit="0.95",
        earliest=None,
        sentence="Weights to anyone",
    )
    return Plan(
        today={},
        target=two.configuration,
        stages=[one, two],
        beyond=[later],
        sentence="In two stages to the widest permitted; 60 % of full openness's benefit",
    )


def graph() -> list[GraphRule]:
    def rule(gives: str, *needs: str, usd: float, skill: int, free: tuple[str, ...] = ()) -> GraphRule:
        return GraphRule(gives, list(needs), list(free), usd / 9, usd, usd * 9, 2.0, skill, "a source", "")

    return [
        rule("run-unfiltered", "final-parameters", "architecture", usd=20, skill=1, free=("architecture",)),
        rule("fine-tune", "run-unfiltered", "metadata", usd=160, skill=2),
        rule("fine-tune", "fine-tuning", usd=60, skill=1),
        rule("strip-safeguards", "fine-tune", usd=110, skill=1),
        rule("run-unfiltered", "strip-safeguards", usd=7, skill=0),
    ]


def filled(base: Assessment, *, binding: bool = False) -> Assessment:
    """`base` with every annex."""
    change = msgspec.structs.replace
    flip = Flip(
        "incidents in monitored uses",
        "0 of 3,000",
        "4",
        "narrows",
        "With 4 incidents in 3,000 uses or more, the proposal is not permitted",
        ">=",
        "incidents",
    )
    drivers = [
        Driver("OC3-ddos", "budget of OC3", "0.43", "0.02", "Most of the spread is the syndicate's budget"),
        Driver("OC3-ddos", "step: execution", "0.18", "0.03", "Then how often execution succeeds"),
    ]
    worth = [
        Worth("everything", "perfect", "0.21", "Knowing everything would keep 21 % more"),
        Worth("cyber.cybench", "sample", "0.04", "Measuring again would keep 4 % more"),
        Worth("waiting a year", "waiting", "0.00", "Waiting teaches too little"),
    ]
    return change(
        base,
        harm=harm(binding=binding),
        plan=plan(),
        graph=graph(),
        flips=[*base.flips, flip],
        drivers=drivers,
        worth=worth,
        ledger=[change(row, outcome=("pass", "fail", "missing")[i % 3]) for i, row in enumerate(base.ledger)],
    )


@cache
def heron_filled() -> Assessment:
    """In scope, not permitted as proposed, with every annex."""
    return filled(heron())


def bundled(base: Assessment) -> Assessment:
    """With bundles that the engine found."""
    names = sorted({*base.proposed, *(item for one in base.widest for item in one)})
    half = len(names) // 2
    bundles = [Bundle("the first half", names[:half]), Bundle("the second half", names[half:])]
    return msgspec.structs.replace(base, bundles=bundles)
