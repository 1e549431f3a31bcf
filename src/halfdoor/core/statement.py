"""From the answers to the assessment: every figure rounded, every sentence written, nothing decided anew."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec

from halfdoor import __version__
from halfdoor.core.assessment import Assessment, DomainScope, GroupWords, Mof, Scope, Subject, Verdict
from halfdoor.core.caveats import judgement_share, not_measured, not_shown, sources, unlisted, unstated
from halfdoor.core.model.configuration import Configuration
from halfdoor.core.model.inventory import proposal_openness
from halfdoor.core.model.words import group_words, listed
from halfdoor.core.policy.frontier.bundles import bundles
from halfdoor.core.policy.harm.annex import Harms
from halfdoor.core.policy.ledger import Benefits, ledger
from halfdoor.core.policy.outlook.driving import drivers
from halfdoor.core.policy.outlook.flips import flips
from halfdoor.core.policy.outlook.situation import next_measurements
from halfdoor.core.policy.outlook.worth import worth
from halfdoor.core.policy.plan.stages import at_once, plan
from halfdoor.core.tables import (
    combination_rows,
    evidence_row,
    expectation_rows,
    graph_rules,
    limit_rows,
    requirement_rows,
    tier_row,
)
from halfdoor.core.verdict import judged, may_stand

if TYPE_CHECKING:
    from collections.abc import Mapping

    from halfdoor.core.model.groups import Groups
    from halfdoor.core.policy.outlook.situation import Situation
    from halfdoor.core.policy.scope import DomainStanding
    from halfdoor.core.question import Question
    from halfdoor.core.risk.document import RiskModel


def out_of_scope(
    question: Question,
    proposed: Configuration,
    public: tuple[str, ...],
    groups: Groups,
    standings: Mapping[str, DomainStanding],
) -> Assessment:
    """Everything is permitted; one page says why."""
    items = [item.id for item in question.dossier.item]
    everything = Configuration({item: ["anyone"] for item in items}, groups)
    policy = question.policy
    verdict = Verdict(
        permitted=True,
        headline=f"Not in scope of {policy.name}: everything proposed may be published.",
        binding=[],
        sentences=(why := [f"{s.words}: {s.why}." for s in standings.values()]),
        public=why,
    )
    frame = _frame(question, standings, groups, proposed, public)
    return msgspec.structs.replace(
        frame,
        verdict=verdict,
        widest=[everything.as_dict()],
        free_items=items,
        plan=at_once(items, public, groups, question.as_of),
    )


def state(question: Question, situation: Situation, public: tuple[str, ...]) -> Assessment:
    """The assessment of a model in scope."""
    access, proposed = situation.gates.access, situation.proposed
    groups, items = access.around.groups, access.holdings.items
    rows = situation.rows()
    benefits = Benefits(situation.model, situation.policy, groups)
    free = [i for i in items if i not in rows.concerned or access.holdings.is_free(i)]
    given = Configuration({item: ["anyone"] for item in free}, groups)
    aside = situation.border(rows)
    strict = situation.border(rows, strict=True) if rows.insecure else aside
    best_first = {
        border: sorted(
            (c.join(given) for c in border.widest),
            key=lambda c: (-round(benefits.share(c, items), 9), tuple(c.cells())),
        )
        for border in (aside, strict)
    }
    widest = [] if rows.hopeless else best_first[strict]
    best = (widest or best_first[aside])[0]
    expects = expectation_rows(
        question, proposed.join(Configuration({i: ["anyone"] for i in public}, groups))
    )
    verdict = judged(question, situation, rows, expects, best)
    shown = aside if rows.hopeless else strict
    combinations = combination_rows(access)
    frame = _frame(question, situation.standings, groups, proposed, public)
    return msgspec.structs.replace(
        frame,
        verdict=verdict,
        complete=strict.complete
        and all(limit.gate.complete for limit in rows.limits + rows.hopeless)
        and all(row.complete for row in rows.frequencies),
        widest=[c.as_dict() for c in widest],
        widest_setting_security_aside=[c.as_dict() for c in best_first[aside]] if rows.needs_security else [],
        blocking=[c.as_dict() for c in shown.blocking],
        bundles=bundles(items, widest or best_first[aside], shown.blocking, groups),
        combinations=combinations,
        graph=graph_rules(access),
        limits=limit_rows(situation, rows),
        requirements=requirement_rows(situation),
        expects=expects,
        security=[reason.sentence for reason in verdict.binding if reason.kind == "security"],
        free_items=free,
        ledger=ledger(
            proposed if may_stand(verdict) else best,
            question.dossier,
            situation.model,
            benefits,
            as_of=question.as_of,
        ),
        flips=[*unstated(question, situation.standings), *flips(situation)],
        next=next_measurements(situation),
        worth=worth(situation, benefits, widest),
        drivers=drivers(situation, rows),
        plan=plan(situation, benefits, widest, public, question.as_of),
        harm=Harms(situation).annex(proposed, best),
        judgement_share=judgement_share(verdict.binding, situation.model),
        sources=sources(verdict.binding, situation.model),
        benefits=benefits.table({"proposed": proposed.join(given), "widest": best}, items),
        not_shown=[*frame.not_shown, *unlisted(access.unlisted)],
    )


def _frame(
    question: Question,
    standings: Mapping[str, DomainStanding],
    groups: Groups,
    proposed: Configuration,
    public: tuple[str, ...],
) -> Assessment:
    """What every assessment has, in scope or not; the rest stands empty."""
    policy = question.policy
    openness = proposal_openness(question.dossier, frozenset(question.open_licences))
    return Assessment(
        schema="halfdoor/assessment/1",
        id="",
        engine=f"halfdoor {__version__}",
        seed=question.seed,
        draws=question.draws,
        as_of=question.as_of,
        complete=True,
        inputs={},
        subject=_subject(question),
        scope=_scope(policy.name, standings),
        tiers={domain: tier_row(found, question) for domain, found in standings.items()},
        verdict=Verdict(permitted=False, headline="", binding=[], sentences=[]),
        groups=[GroupWords(g, group_words(g), sorted(groups.below(g) - {g})) for g in groups.shareable],
        proposed=proposed.as_dict(),
        public=list(public),
        widest=[],
        widest_setting_security_aside=[],
        blocking=[],
        combinations=[],
        limits=[],
        requirements=[],
        expects=[],
        evidence=[evidence_row(claim, question) for claim in question.claims],
        not_measured=not_measured(question, standings),
        security=[],
        free_items=[],
        ledger=[],
        flips=[],
        next=[],
        judgement_share="0.00",
        sources=[],
        not_shown=not_shown(question, standings),
        review_by=question.as_of + dt.timedelta(days=policy.review_days),
        words=_words(question.risk_model),
        openness=Mof(openness.mof.mof_class, openness.term),
    )


def _subject(question: Question) -> Subject:
    model, policy, risk = question.dossier.model, question.policy, question.risk_model
    return Subject(
        name=model.name,
        version=model.version,
        developer=model.developer,
        policy=f"{policy.name} {policy.version}",
        policy_issuer=policy.issuer,
        risk_model=f"{risk.name} {risk.version}",
        references=f"{question.references.name} {question.references.version}",
        weights=question.weights,
    )


def _scope(policy: str, standings: Mapping[str, DomainStanding]) -> Scope:
    inside = [s for s in standings.values() if s.in_scope]
    outside = [s for s in standings.values() if not s.in_scope]
    if inside:
        why = f"In scope of {policy} for {listed(s.words for s in inside)}"
        why += f"; not for {listed(s.words for s in outside)}." if outside else "."
    else:
        why = f"Not in scope of {policy} in any domain."
    return Scope(
        in_scope=bool(inside),
        why=why,
        domains=[DomainScope(s.domain, s.words, s.in_scope, s.why, s.kind) for s in standings.values()],
    )


def _words(model: RiskModel) -> dict[str, str]:
    words = {}
    for rows in (model.ability, model.actor, model.domain, model.claim):
        words.update({row.id: row.words for row in rows if row.words})
    return words
