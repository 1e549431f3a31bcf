"""What a reader must not overlook: what was not measured, what is not shown, what rests on judgement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halfdoor.core.assessment import Flip
from halfdoor.core.model.words import listed, power
from halfdoor.core.policy.tiers import counts_in_favour

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from halfdoor.core.assessment import Binding
    from halfdoor.core.policy.scope import DomainStanding
    from halfdoor.core.question import Question
    from halfdoor.core.risk.document import RiskModel, Sourced


def unstated(question: Question, standings: Mapping[str, DomainStanding]) -> list[Flip]:
    """What the developer need only state: training compute, where nothing measured speaks against it."""
    limit = question.policy.scope.training_compute_below_flop
    if limit is None or question.dossier.model.training_compute_flop is not None:
        return []
    quiet = [
        s.words for s in standings.values() if s.in_scope and (s.kind == "unmeasured" or s.tier == "none")
    ]
    if not quiet:
        return []
    return [
        Flip(
            input="training compute",
            now="not stated",
            at=power(limit, 0),
            direction="widens",
            sentence=(
                f"Trained with less than {power(limit, 0)} FLOP? Then it is out of scope for "
                f"{listed(quiet)}: state training_compute_flop, and its source, under [model]."
            ),
        )
    ]


def not_measured(question: Question, standings: Mapping[str, DomainStanding]) -> list[str]:
    """Domains without a measurement, then evidence that was offered and does not count."""
    domains = [
        f"{s.words}: {s.capability.why_open}" for s in standings.values() if s.capability.total is None
    ]
    refused = [
        f"{claim.origin}: {claim.id + ', ' if claim.id else ''}{why}"
        for claim in question.claims
        if (why := counts_in_favour(claim, question.policy, question.as_of))
    ]
    return domains + refused


def not_shown(question: Question, standings: Mapping[str, DomainStanding]) -> list[str]:
    """The box: what a reader must not take from this page."""
    box = [
        "This is no certificate and does not say that the model is safe: only what one policy permits.",
        "Only the misuse named in the risk model is weighed; what nobody has thought of is not.",
    ]
    open_ = [s for s in standings.values() if s.capability.total is None and s.in_scope]
    if open_:
        words = listed(s.words for s in open_).capitalize()
        box.append(f"{words}: not measured, counted at the policy's worst case.")
    cheap = [s for s in standings.values() if s.kind in ("training-compute", "already-public")]
    if cheap:
        words = listed(s.words for s in cheap).capitalize()
        box.append(f"{words}: out of scope by a cheap limit, not by a complete measurement.")
    tuned = [c for c in question.claims if c.mode == "fine-tuned"]
    if not tuned:
        box.append("No evaluation was made after fine-tuning; margins stand in for it.")
    return box


def unlisted(abilities: Sequence[str]) -> list[str]:
    """Abilities that the combination table leaves out."""
    if not abilities:
        return []
    return [
        f"The ways to {listed(abilities)} are too many to list: they count, and have no rows in the table."
    ]


def judgement_share(binding: list[Binding], model: RiskModel) -> str:
    """Of the risk model's rows behind the binding reasons, the share that rests on judgement, 0-1.

    A row with a source and a judgement counts: some number in it is a judgement.
    """
    rows = _basis(binding, model)
    judged = sum(1 for row in rows if row.judgement or not row.source)
    return f"{judged / len(rows) if rows else 0:.2f}"


def sources(binding: list[Binding], model: RiskModel) -> list[str]:
    """The sources of the rows behind the binding reasons."""
    return list(dict.fromkeys(row.source for row in _basis(binding, model) if row.source))


def _basis(binding: list[Binding], model: RiskModel) -> list[Sourced]:
    """The rows of the risk model behind the binding reasons: rules, actors, reach, domains."""
    actors = {reason.actor for reason in binding if reason.actor}
    used = {
        (step.gives, tuple(step.needs))
        for reason in binding
        if reason.derivation
        for step in reason.derivation.rules
    }
    domains = {reason.domain for reason in binding}
    return [
        *(rule for rule in model.rule if (rule.gives, rule.needs) in used),
        *(actor for actor in model.actor if actor.id in actors),
        *(reach for reach in model.reach if reach.actor in actors),
        *(domain for domain in model.domain if domain.id in domains),
        *(kind for kind in model.claim if any(kind.id in d.claims for d in model.domain if d.id in domains)),
    ]
