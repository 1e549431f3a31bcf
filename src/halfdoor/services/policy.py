"""A policy of one's own: begin one, look it over, and see what it would have changed in past releases."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import tomlkit

from halfdoor.core.assess import assess
from halfdoor.core.errors import InputError
from halfdoor.core.ids import is_name
from halfdoor.core.model.dossier import Dossier
from halfdoor.core.policy.bite import idle
from halfdoor.core.policy.compare import Compared, Side, compared, no_answer, side
from halfdoor.core.question import DRAWS_DEFAULT, Question
from halfdoor.core.risk.problem import Problem
from halfdoor.readers.atomic import write_new
from halfdoor.readers.claims import read_claims
from halfdoor.readers.dossier import dossier_file, read_dossier
from halfdoor.readers.library import (
    case,
    load_policy,
    load_references,
    load_risk_model,
    placed,
    problems_in,
    shipped,
)
from halfdoor.readers.licences import open_licences
from halfdoor.readers.toml import parse_toml
from halfdoor.services.assess import Options, read_question

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence

    from halfdoor.core.policy.document import Policy
    from halfdoor.services.inventory import Meter

MODEL_DEFAULT = "public-2026"  # as a dossier that names none
_NO_ANSWER = {"domain-without-rows", "unknown-group"}
_TABLES = ("tier", "limit", "requirement", "inability", "expect")


class Said(msgspec.Struct, frozen=True):
    """What a policy says, counted. tiers: domain -> names, rising; judged: rows that name a judgement."""

    limits: int
    requirements: int
    expectations: int
    tiers: dict[str, list[str]]
    unmeasured: dict[str, str]
    rows: int
    without_clause: int
    judged: int
    binding_frequencies: int


class Checked(msgspec.Struct, frozen=True):
    """A policy looked over. `said` is None where an error makes it unusable."""

    policy: str
    risk_model: str
    errors: list[Problem]
    lints: list[Problem]
    said: Said | None


def begin(name: str, out: Path, start: str | None = None) -> None:
    """Write a first policy, or a copy of a shipped one under a name of its own; comments stay.

    Raises InputError `bad-name`, `unknown-document`, `exists`, `cannot-write`.
    """
    if not is_name(name):
        raise InputError(
            "bad-name", f"{name!r} is not a name", remedy="use letters, digits, '.', '_' and '-'"
        )
    if start is None:
        text = (resources.files("halfdoor.library") / "templates" / "policy.toml").read_text("utf-8")
        head = ""
    else:
        text = shipped("policies", start).decode("utf-8")
        head = f'# Policy "{name}", begun as a copy of {start}; what follows was written for that one.\n#\n'
    document = tomlkit.parse(text)
    if start is not None:
        document["issuer"] = f"begun as a copy of {start} {document['version']}"
        document["version"] = "0.1"
        document["kind"] = "policy"
    document["name"] = name
    write_new(out, head + tomlkit.dumps(document))


def check(name_or_path: str, risk_model: str = MODEL_DEFAULT) -> Checked:
    """All errors and lints of a policy against a risk model, and what the policy says.

    Raises InputError where either cannot be read.
    """
    model = load_risk_model(risk_model)
    found = list(problems_in("policies", name_or_path, model=model))
    errors = [problem for problem in found if not problem.lint]
    lints = [problem for problem in found if problem.lint]
    policy = None
    if not errors:
        policy = load_policy(name_or_path, model=model)
        lints += placed(idle(policy, model), "policies", name_or_path, Path())
    return Checked(
        policy=f"{policy.name} {policy.version}" if policy else name_or_path,
        risk_model=f"{model.name} {model.version}",
        errors=errors,
        lints=lints,
        said=_said(policy) if policy else None,
    )


def _said(policy: Policy) -> Said:
    tiers: dict[str, list[str]] = {}
    for tier in sorted(policy.tier, key=lambda row: row.capability):
        tiers.setdefault(tier.domain, []).append(tier.name)
    clauses = [row.clause for table in _TABLES for row in getattr(policy, table)]
    return Said(
        limits=len(policy.limit),
        requirements=len(policy.requirement),
        expectations=len(policy.expect),
        tiers=tiers,
        unmeasured={"": policy.unmeasured} if isinstance(policy.unmeasured, str) else policy.unmeasured,
        rows=len(clauses),
        without_clause=sum(not clause for clause in clauses),
        judged=sum("judgement" in clause for clause in clauses),
        binding_frequencies=len(policy.frequency),
    )


def compare(
    policies: tuple[str, str],
    dossiers: Sequence[str],
    *,
    today: dt.date,
    as_of: dt.date | None = None,
    draws: int = DRAWS_DEFAULT,
    meter: Meter,
    advance: Callable[[], None],
) -> list[Compared]:
    """What each of two policies says of each dossier.

    dossiers: folders, files or names of shipped cases
    as_of:    the day to assess as of; None: the day a dossier says it was released, else `today`
    advance:  told of each assessment
    Raises InputError where anything cannot be read, or a policy does not fit a dossier's risk model.
    """

    def day(dossier: Dossier) -> dt.date:
        return as_of or dossier.model.released or today

    results = []
    for name in dossiers:
        first = _question(name, policies[0], day, draws, meter)
        second_policy = load_policy(policies[1], model=first.risk_model)
        second = msgspec.structs.replace(first, policy=second_policy)
        labels = _labels(first.policy, second_policy)
        sides = []
        for label, question in zip(labels, (first, second), strict=True):
            sides.append(_side(label, question))
            advance()
        model = f"{first.dossier.model.name} {first.dossier.model.version}"
        results.append(compared(model, first.as_of.isoformat(), sides[0], sides[1]))
    return results


def _labels(first: Policy, second: Policy) -> tuple[str, str]:
    """What to call the two: by name; where that is the same, by version too, or by which was named first."""
    if first.name != second.name:
        return first.name, second.name
    if first.version != second.version:
        return f"{first.name} {first.version}", f"{second.name} {second.version}"
    return f"{first.name} (first)", f"{second.name} (second)"


def _side(policy: str, question: Question) -> Side:
    """A policy that passes over a domain in scope, or lacks a group of the dossier's, gives no answer."""
    try:
        return side(policy, assess(question))
    except InputError as refusal:
        if refusal.code not in _NO_ANSWER:
            raise
        return no_answer(policy, f"{refusal.message}. {refusal.remedy}")


def _question(
    name: str, policy: str, day: Callable[[Dossier], dt.date], draws: int, meter: Meter
) -> Question:
    path = Path(name)
    if path.exists() or path.suffix == ".toml" or len(path.parts) > 1:
        on = day(read_dossier(dossier_file(path)))
        return read_question(path, Options(as_of=on, policy=policy, draws=draws), meter)
    dossier = parse_toml(case(name), Dossier, f"{name}/halfdoor.toml")
    model = load_risk_model(dossier.risk_model)
    return Question(
        dossier=dossier,
        claims=tuple(read_claims(dossier, None, Path(name), {})),
        weights={},
        risk_model=model,
        policy=load_policy(policy, model=model),
        references=load_references(dossier.references),
        as_of=day(dossier),
        open_licences=tuple(sorted(open_licences())),
        draws=draws,
    )
