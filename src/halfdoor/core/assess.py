"""The assessment pipeline: (dossier, evidence, risk model, policy, references, date, seed) → Assessment.

Pure: values in, a value out. Read `assess` top to bottom; every step it takes has a module of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.canonical import digest
from halfdoor.core.editions import salt_key, seal
from halfdoor.core.errors import InputError
from halfdoor.core.ids import parse_item
from halfdoor.core.policy import requirements
from halfdoor.core.policy.constraints import Gates
from halfdoor.core.policy.harm.exposures import Exposures
from halfdoor.core.policy.outlook.situation import Situation
from halfdoor.core.policy.scope import DomainStanding, ModelFacts, standing
from halfdoor.core.policy.tiers import Grounds
from halfdoor.core.question import DRAWS_MAX, ENGINE, groups_of, input_digests, inputs, proposal
from halfdoor.core.risk.abilities import Holdings
from halfdoor.core.risk.access import AccessModel, Surroundings
from halfdoor.core.risk.document import Domain
from halfdoor.core.risk.uncertainty.draws import Draws
from halfdoor.core.statement import out_of_scope, state

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from halfdoor.core.assessment import Assessment
    from halfdoor.core.model.configuration import Configuration
    from halfdoor.core.model.dossier import Dossier
    from halfdoor.core.policy.document import Policy
    from halfdoor.core.question import Question


def assess(question: Question) -> Assessment:
    """Answer the question. Raises InputError where the documents do not fit together."""
    policy, model = question.policy, question.risk_model
    if not 1 <= question.draws <= DRAWS_MAX:
        raise InputError(
            "bad-draws", f"{question.draws} draws", where="--draws", remedy=f"choose 1 to {DRAWS_MAX}"
        )
    groups = groups_of(policy)
    proposed = proposal(question, groups)
    public = _public(question.dossier, question.as_of)

    grounds = _grounds(question)
    standings = _standings(question, grounds, proposed, public)
    if not any(s.in_scope for s in standings.values()):
        return _sealed(question, out_of_scope(question, proposed, public, groups, standings))

    _require_rows(policy, standings)
    holdings = Holdings.of(
        (item.id for item in question.dossier.item), public, (row.item for row in model.commonplace)
    )
    measured_by = {rule.measured_by for rule in model.rule if rule.measured_by}
    around = Surroundings(
        groups=groups,
        horizon_years=float(policy.horizon_years),
        security=question.dossier.model.security,
        measured=requirements.measured_lower_bounds(grounds, measured_by),
    )
    access = AccessModel(model, holdings, Draws(question.seed, question.draws), around)
    gates = Gates(access, Exposures(grounds, question.dossier, standings, access))
    findings = requirements.judge(grounds, question.dossier, holdings.items)
    situation = Situation(
        policy=policy,
        model=model,
        dossier=question.dossier,
        grounds=grounds,
        gates=gates,
        standings=standings,
        findings=findings,
        proposed=proposed,
        items=tuple(item for item in holdings.items if not holdings.is_free(item)),
    )
    return _sealed(question, state(question, situation, public))


def _public(dossier: Dossier, as_of: dt.date) -> tuple[str, ...]:
    return tuple(i.id for i in dossier.item if i.public_since is not None and i.public_since <= as_of)


def _grounds(question: Question) -> Grounds:
    """A model is no reference for itself."""
    listed = (*question.references.reference, *question.risk_model.reference)
    return Grounds(
        model=question.risk_model,
        policy=question.policy,
        claims=question.claims,
        references=tuple(r for r in listed if r.id != question.dossier.model.name),
        as_of=question.as_of,
    )


def _standings(
    question: Question, grounds: Grounds, proposed: Configuration, public: tuple[str, ...]
) -> dict[str, DomainStanding]:
    """Scope and tier, domain by domain: those of the risk model, and any that only the policy names."""
    policy, model = question.policy, question.risk_model
    weights = [i.id for i in question.dossier.item if parse_item(i.id).component == "final-parameters"]
    going = {"final-parameters", "intermediate-parameters", "fine-tuning"}
    beyond_staff = any(
        parse_item(item).component in going and (proposed.groups_with(item) - {"staff"})
        for item, _ in proposed.cells()
    )
    facts = ModelFacts(
        training_compute_flop=question.dossier.model.training_compute_flop,
        weights_public=bool(weights) and set(weights) <= set(public),
        weights_leave=beyond_staff or any(parse_item(i).component in going for i in public),
    )
    known = {domain.id: domain for domain in model.domain}
    named = [*known, *(t.domain for t in policy.tier), *(row.domain for row in policy.limit)]
    if not known:  # then nobody has checked the domains of actors and threats against any
        named += [*(actor.domain for actor in model.actor), *(threat.domain for threat in model.threat)]
    if not named:
        raise InputError(
            "no-domains",
            "neither the risk model nor the policy names a domain, so nothing can be called out of scope",
            where=f"risk model {model.name}",
            remedy="add [[domain]] to the risk model, or assess with one that has domains",
        )
    return {id_: standing(known.get(id_, Domain(id=id_)), grounds, facts) for id_ in dict.fromkeys(named)}


def _require_rows(policy: Policy, standings: Mapping[str, DomainStanding]) -> None:
    """A policy that says nothing about a domain in scope would let everything through: an error."""
    spoken = {row.domain for row in policy.limit} | {row.domain for row in policy.requirement}
    for domain, found in standings.items():
        if found.in_scope and domain not in spoken and "" not in spoken:
            raise InputError(
                "domain-without-rows",
                f"domain {domain!r} is in scope, and the policy has no limit and no requirement for it",
                where=f"policy {policy.name}",
                remedy=f"add a [[limit]] or [[requirement]] with domain = {domain!r}, or another policy",
            )


def _sealed(question: Question, result: Assessment) -> Assessment:
    """Add the id, over the inputs and the engine, and seal the outputs."""
    digests = input_digests(question)
    beside = {
        "engine": ENGINE,
        "as_of": question.as_of,
        "seed": question.seed,
        "draws": question.draws,
    }
    id_ = digest({**beside, "inputs": digests})
    key = salt_key({**beside, "inputs": inputs(question)})
    return seal(msgspec.structs.replace(result, id=id_, inputs=digests), key)
