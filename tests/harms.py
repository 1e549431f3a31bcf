"""Random threats, safeguards and times on top of the random worlds: what layer B is tested on."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import numpy as np
from hypothesis import strategies as st

from halfdoor.core.assess import _grounds, _public, _standings
from halfdoor.core.model.configuration import Configuration
from halfdoor.core.model.dossier import SafeguardTable
from halfdoor.core.policy import requirements
from halfdoor.core.policy.constraints import Gates
from halfdoor.core.policy.document import Band, ExposureTable, Frequency
from halfdoor.core.policy.harm.exposures import Exposures
from halfdoor.core.policy.outlook.situation import Situation
from halfdoor.core.question import groups_of, proposal
from halfdoor.core.risk.abilities import Holdings
from halfdoor.core.risk.access import AccessModel, Surroundings
from halfdoor.core.risk.document import Ability, Defence, Exposure, Flaw, Rule, Spread, Step, Stop, Threat
from halfdoor.core.risk.uncertainty.draws import Draws
from worlds import ABILITIES, questions, score

MODES = ("filtered", "unfiltered", "fine-tuned")
SOME = (0.1, 0.3, Spread(p5=0.05, mode=0.2, p95=0.6))
AMOUNTS = (3.0, 40.0, Spread(p5=2, mode=20, p95=200), Spread(p5=1, p50=30, p95=9e3))
SERVICES = ("sampling", "fine-tuning")


@st.composite
def steps(draw):
    name = draw(st.sampled_from(("enter", "stay", "act")))
    return Step(
        name=name,
        p=draw(st.sampled_from(SOME)),
        uplifted=draw(st.sampled_from((None, 0.05, 0.9, 0.9, Spread(p5=0.3, mode=0.6, p95=0.95)))),
        any_of=draw(st.sampled_from(("", "", "x"))),
    )


@st.composite
def threats(draw, number, abilities):
    actors = draw(st.sets(st.sampled_from(("a1", "a2")), min_size=1))
    routes = draw(st.lists(st.sampled_from(abilities), max_size=3, unique=True))
    return Threat(
        id=f"t{number}",
        domain="d",
        needs=draw(st.sampled_from(abilities)),
        routes=tuple(routes),
        unit=draw(st.sampled_from(("USD", "deaths"))),
        damage=draw(st.sampled_from(AMOUNTS)),
        damage_uplifted=draw(st.sampled_from((None, None, *AMOUNTS))),
        actors={a: draw(st.sampled_from(AMOUNTS)) for a in sorted(actors)},
        attempts={
            a: draw(st.sampled_from((0.05, 2.0, Spread(p5=0.1, mode=1, p95=4)))) for a in sorted(actors)
        },
        actors_uplifted=draw(st.sampled_from(({}, {"a1": 90.0}))),
        step=tuple(draw(st.lists(steps(), min_size=1, max_size=3))),
        spread=draw(st.sampled_from(("ignorance", "event"))),
        judgement="made up",
    )


@st.composite
def harmful(draw, *, draws: int = 120, items: int = 3, frequency: bool = False):
    """A question whose risk model has threats, stops, times and flaws."""
    question = draw(questions(draws=draws, items=items))
    days = (None, 20.0, Spread(p5=30, mode=120, p95=700))
    # Random rules seldom lead anywhere; some that an item is enough for keep the worlds alive.
    listed = sorted({item.id.split(":")[-1] for item in question.dossier.item})
    simple = draw(st.lists(st.sampled_from(listed), min_size=1, max_size=3, unique=True))
    rules = question.risk_model.rule + tuple(
        Rule(gives=draw(st.sampled_from(ABILITIES)), needs=(need,), cost=20.0, judgement="made up")
        for need in simple
    )
    given = sorted({rule.gives for rule in rules})
    model = msgspec.structs.replace(
        question.risk_model,
        ability=tuple(Ability(id=a, mode=draw(st.sampled_from(MODES))) for a in ABILITIES),
        rule=rules,
        threat=tuple(draw(threats(n, given)) for n in range(draw(st.integers(1, 3)))),
        stop=(Stop(safeguard="monitoring", p=draw(st.sampled_from(SOME))), Stop(safeguard="filter", p=0.6)),
        exposure=Exposure(
            public_lag_days=draw(st.sampled_from(days)), withdrawal_days=draw(st.sampled_from(days))
        ),
        flaw=(Flaw(id="f", open=2.0, harm=3.0, uptake=draw(st.sampled_from(SOME)), copies={"vetted": 9.0}),),
        defence=(
            Defence(
                domain="d",
                item="final-parameters",
                group="vetted",
                finding=0.9,
                fixing=0.8,
                rollout=1,
                uptake=0.9,
            ),
        ),
    )
    rows = tuple(
        Frequency(
            band=draw(st.sampled_from(("some", "many", "dear"))),
            per_year=Decimal(draw(st.sampled_from(("0", "0.01", "0.5", "5")))),
            confidence=Decimal(draw(st.sampled_from(("0.5", "0.9")))),
        )
        for _ in range(draw(st.integers(1, 2)) if frequency else 0)
    )
    # Layer A would have its say first; here it mostly has none.
    lax = frequency and draw(st.integers(0, 3)) > 0
    limits = question.policy.limit
    policy = msgspec.structs.replace(
        question.policy,
        limit=tuple(msgspec.structs.replace(r, ability="nothing-there-is") for r in limits if lax) or limits,
        horizon_years=Decimal(draw(st.sampled_from(("0.5", "1", "3")))),
        exposure=ExposureTable(credit_max=Decimal(draw(st.sampled_from(("0", "0.5", "1"))))),
        band=(
            Band(id="some", unit="deaths", at_least=5),
            Band(id="many", unit="deaths", at_least=60),
            Band(id="dear", unit="USD", at_least=20),
        ),
        frequency=rows,
    )
    guards = [
        SafeguardTable(kind=kind, items=tuple(draw(st.sets(st.sampled_from(SERVICES)))))
        for kind in ("monitoring", "filter")
    ]
    dossier = msgspec.structs.replace(
        question.dossier, safeguard=tuple(g for g in guards if draw(st.booleans()))
    )
    evidence = draw(
        st.sampled_from(
            (
                (),
                (),
                (score(45, mode="filtered", methods=("a",)),),
                (score(30, mode="unfiltered"), score(10, mode="filtered")),
                (score(70, mode="fine-tuned"),),
            )
        )
    )
    if frequency:
        wide = tuple(msgspec.structs.replace(i, group="anyone") for i in dossier.item)
        dossier = msgspec.structs.replace(dossier, item=draw(st.sampled_from((dossier.item, wide, wide))))
    return msgspec.structs.replace(
        question, risk_model=model, policy=policy, dossier=dossier, claims=evidence
    )


def rising(seed, items, groups):
    """From nothing to everything shared, one more group for one more item at each step, in random order."""
    random = np.random.default_rng(seed)
    current = Configuration({}, groups)
    yield current
    while True:
        steps = [
            (item, group)
            for item in items
            for group in groups.shareable
            if group not in current.groups_with(item)
            and groups.below(group) - {group} <= current.groups_with(item)
        ]
        if not steps:
            return
        item, group = steps[random.integers(len(steps))]
        current = current.join(Configuration({item: [group]}, groups))
        yield current


def situation(question) -> Situation:
    """What `assess` would ask of this question, frequency rows included."""
    policy, model = question.policy, question.risk_model
    proposed = proposal(question, groups_of(policy))
    public = _public(question.dossier, question.as_of)
    grounds = _grounds(question)
    standings = _standings(question, grounds, proposed, public)
    holdings = Holdings.of(
        (item.id for item in question.dossier.item), public, (row.item for row in model.commonplace)
    )
    around = Surroundings(
        groups=groups_of(policy),
        horizon_years=float(policy.horizon_years),
        security=question.dossier.model.security,
    )
    access = AccessModel(model, holdings, Draws(question.seed, question.draws), around)
    return Situation(
        policy=policy,
        model=model,
        dossier=question.dossier,
        grounds=grounds,
        gates=Gates(access, Exposures(grounds, question.dossier, standings, access)),
        standings=standings,
        findings=requirements.judge(grounds, question.dossier, holdings.items),
        proposed=proposed,
        items=tuple(item for item in holdings.items if not holdings.is_free(item)),
    )
