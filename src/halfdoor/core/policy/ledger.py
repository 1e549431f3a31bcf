"""Benefits, kept as carefully as risks: what a configuration keeps of full openness, and the ledger.

Every restriction is a row, whether the policy asks for it or the developer chose it: what it costs, what
replaces it, who does it, by when.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from halfdoor.core.assessment import Binding, LedgerRow
from halfdoor.core.ids import parse_item
from halfdoor.core.model.words import group_words, item_words
from halfdoor.core.policy.requirements import covers

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence

    from halfdoor.core.assessment import Outcome
    from halfdoor.core.model.configuration import Configuration
    from halfdoor.core.model.dossier import Dossier, LedgerTable
    from halfdoor.core.model.groups import Groups
    from halfdoor.core.policy.document import Policy
    from halfdoor.core.risk.document import Alternative, Benefit, RiskModel, Sourced

_NAMED_LOSSES = 2


class Benefits:
    """How much of full openness's benefit is kept, by item and objective, from elicited shares."""

    def __init__(self, model: RiskModel, policy: Policy, groups: Groups) -> None:
        """The policy's objectives weigh; without any, all objectives of the risk model weigh the same."""
        self._model = model
        self.groups = groups
        self.weights = {o.id: float(o.weight) for o in policy.objective} or {
            b.objective: 1.0 for b in model.benefit
        }

    def kept(self, item: str, shared_with: frozenset[str]) -> dict[str, float]:
        """Objective -> share of the item's benefit kept, 0-1. Anyone keeps all, nobody nothing."""
        rows = [
            row for row in self._model.benefit if covers(row.item, item) and row.objective in self.weights
        ]
        objectives = dict.fromkeys(row.objective for row in rows)
        if "anyone" in shared_with:
            return dict.fromkeys(objectives, 1.0)
        return {
            o: max((r.kept for r in rows if r.objective == o and r.group in shared_with), default=0.0)
            for o in objectives
        }

    def share(self, config: Configuration, items: Iterable[str]) -> float:
        """The part of full openness's benefit that a configuration keeps, 0-1; 1 where none is stated."""
        got = full = 0.0
        for item in items:
            for objective, kept in self.kept(item, config.groups_with(item)).items():
                got += self.weights[objective] * kept
                full += self.weights[objective]
        return got / full if full else 1.0

    def table(self, configs: Mapping[str, Configuration], items: Sequence[str]) -> dict[str, str]:
        """Name -> share kept, and "name: objective" -> the share of that objective kept."""
        rows = {name: f"{self.share(config, items):.2f}" for name, config in configs.items()}
        for name, config in configs.items():
            held = [self.kept(item, config.groups_with(item)) for item in items]
            for objective in self.weights:
                shares = [kept[objective] for kept in held if objective in kept]
                if shares:
                    rows[f"{name}: {objective}"] = f"{sum(shares) / len(shares):.2f}"
        return rows

    def basis(self, item: str) -> list[Benefit]:
        """The rows behind an item's figures."""
        return [row for row in self._model.benefit if covers(row.item, item)]


def ledger(
    config: Configuration, dossier: Dossier, model: RiskModel, benefits: Benefits, *, as_of: dt.date
) -> list[LedgerRow]:
    """One row for each item that `config` does not share with anyone, the dearest first.

    What is public by `as_of`, or commonplace, cannot be restricted and has no row.
    """
    groups, commonplace = benefits.groups, {row.item for row in model.commonplace}
    rows = []
    for listed in dossier.item:
        item, having = listed.id, config.groups_with(listed.id)
        out = listed.public_since is not None and listed.public_since <= as_of
        if "anyone" in having or out or parse_item(item).component in commonplace:
            continue
        kept = benefits.kept(item, having)
        weights = benefits.weights
        lost = {o: weights[o] * (1 - k) for o, k in kept.items() if k < 1}
        lost = dict(sorted(lost.items(), key=lambda pair: (-pair[1], pair[0])))
        full = sum(weights[o] for o in kept)
        instead = _alternatives(model, item, list(lost))
        regained = sum(
            lost[o] * max((a.adds for a in instead if a.objective == o), default=0.0) for o in lost
        )
        own = _own(dossier, item)
        withheld = [g for g in groups.shareable if g not in having]
        rows.append(
            LedgerRow(
                item=item,
                withheld_from=group_words(_widest_words(withheld)),
                permitted_to=list(groups.widest(having)),
                kept=_share(full - sum(lost.values()), full),
                kept_with_alternatives=_share(full - sum(lost.values()) + regained, full),
                lost={o: f"{v:.2f}" for o, v in lost.items()},
                cost=(own.cost if own and own.cost else _cost_words(list(lost))),
                replacement=own.replacement
                if own and own.replacement
                else "; ".join(dict.fromkeys(a.words for a in instead)),
                owner=own.owner if own else "",
                due=own.due.isoformat() if own and own.due else "",
                source="; ".join(
                    dict.fromkeys(_said(row) for row in (*instead, *benefits.basis(item)) if _said(row))
                ),
                outcome=_outcome(own, as_of),
            )
        )
    return sorted(rows, key=lambda row: (float(row.kept), row.item))


def unledgered(rows: Iterable[LedgerRow]) -> list[Binding]:
    """The reasons against a proposal whose restrictions are not all answered for, one for each row.

    For policies with `ledger = "required"`. `items` names what sharing with anyone, or a row in the dossier,
    would settle.
    """
    return [
        Binding(
            row=f"ledger {row.item}",
            kind="ledger",
            items={row.item: ["anyone"]},
            sentence=_unanswered(row),
        )
        for row in rows
        if row.outcome != "pass"
    ]


def _unanswered(row: LedgerRow) -> str:
    what = f"{item_words(row.item)} withheld from {row.withheld_from}"
    what = what[:1].upper() + what[1:]
    if row.outcome == "fail":
        return f"{what}: what replaces it was due on {row.due}, so the restriction is open to decision again."
    return f"{what}: the ledger has to say what replaces it, who does it, and by when."


def _own(dossier: Dossier, item: str) -> LedgerTable | None:
    """The dossier's row for an item: one that names it, else one about its component."""
    about = [row for row in dossier.ledger if covers(row.item, item)]
    return min(about, key=lambda row: row.item != item, default=None)


def _outcome(own: LedgerTable | None, as_of: dt.date) -> Outcome:
    """Overdue from the day after it was due. What the risk model suggests is nobody's promise."""
    if own is None:
        return "missing"
    if own.due is not None and own.due < as_of:
        return "fail"
    return "pass" if own.replacement and own.owner and own.due else "missing"


def _share(part: float, full: float) -> str:
    return f"{part / full if full else 1.0:.2f}"


def _widest_words(withheld: list[str]) -> str:
    """Withholding reaches from the narrowest group without the item to anyone: name the widest."""
    return "anyone" if "anyone" in withheld else withheld[-1]


def _alternatives(model: RiskModel, item: str, objectives: list[str]) -> list[Alternative]:
    """What adds most to the objective that loses most, then to the next."""
    component = parse_item(item).component
    fitting = [a for a in model.alternative if not a.items or component in a.items]
    chosen = []
    for objective in objectives[:_NAMED_LOSSES]:
        adding = [a for a in fitting if a.objective == objective]
        if adding:
            chosen.append(max(adding, key=lambda a: a.adds))
    return chosen


def _cost_words(objectives: list[str]) -> str:
    named = [o.replace("-", " ") for o in objectives[:_NAMED_LOSSES]]
    return f"loses most for {' and '.join(named)}" if named else "no benefit is stated for this item"


def _said(row: Sourced) -> str:
    return row.source or (f"judgement: {row.judgement}" if row.judgement else "")
