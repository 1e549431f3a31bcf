"""The question that an assessment answers: everything it depends on, and a digest of each part."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec

from halfdoor import __version__
from halfdoor.core.canonical import digest
from halfdoor.core.errors import InputError
from halfdoor.core.evidence.claim import Claim
from halfdoor.core.ids import did_you_mean
from halfdoor.core.model.configuration import Configuration
from halfdoor.core.model.dossier import Dossier
from halfdoor.core.model.groups import Groups
from halfdoor.core.policy.document import Policy
from halfdoor.core.risk.document import References, RiskModel

ENGINE = f"halfdoor {__version__}"
DRAWS_DEFAULT = 20_000
DRAWS_MAX = 2_000_000


class Question(msgspec.Struct, frozen=True):
    """Everything an assessment depends on. `weights`: item -> digest of its files.

    `open_licences`: the ids that count as open, for the plain word on the proposal.
    `configuration` takes the place of the dossier's proposal where it is given (None: as the dossier says).
    """

    dossier: Dossier
    claims: tuple[Claim, ...]
    weights: dict[str, str]
    risk_model: RiskModel
    policy: Policy
    references: References
    as_of: dt.date
    open_licences: tuple[str, ...] = ()
    seed: int = 1
    draws: int = DRAWS_DEFAULT
    configuration: dict[str, tuple[str, ...]] | None = None


def inputs(question: Question) -> dict[str, Any]:
    """Every input in one form, however it was written."""
    return {
        "dossier": question.dossier,
        "evidence": question.claims,
        "weights": question.weights,
        "risk_model": question.risk_model,
        "policy": question.policy,
        "references": question.references,
        "open_licences": sorted(question.open_licences),
        "configuration": _canonical(question),
    }


def input_digests(question: Question) -> dict[str, str]:
    """A digest for each input, so that two assessments can be compared input by input."""
    return {name: digest(value) for name, value in inputs(question).items()}


def proposal(question: Question, groups: Groups) -> Configuration:
    """The configuration asked about; groups and items are checked against policy and dossier."""
    listed = {item.id for item in question.dossier.item}
    shared: dict[str, tuple[str, ...]] = {}
    for number, item in enumerate(question.dossier.item):
        where = f"halfdoor.toml, item[{number}]"
        for group in item.proposed:
            groups.check(group, where=where)
        shared[item.id] = item.proposed
    if question.configuration is not None:
        shared = {}
        for name, wanted in question.configuration.items():
            if name not in listed:
                raise InputError(
                    "unknown-item",
                    f"the dossier has no item {name!r}",
                    where="--configuration",
                    remedy=did_you_mean(name, listed),
                )
            for group in wanted:
                groups.check(group, where="--configuration")
            shared[name] = wanted
    return Configuration(shared, groups)


def _canonical(question: Question) -> dict[str, list[str]] | None:
    """The configuration asked about in one form, however it was written; None where the dossier's holds."""
    if question.configuration is None:
        return None
    return proposal(question, groups_of(question.policy)).as_dict()


def groups_of(policy: Policy) -> Groups:
    """The ladder and the policy's own groups."""
    return Groups((g.id, g.contains, g.inside) for g in policy.group)
