"""The combination table and the derivation graph, for a dossier or for a risk model alone.

With a dossier: what it lists, public items free, attacks that were measured at their measured cost, as in the
assessment. With a risk model alone: every component and every service exists, and nothing is free.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from halfdoor.core.annex import GraphRule
from halfdoor.core.assessment import Combination
from halfdoor.core.errors import InputError
from halfdoor.core.ids import COMPONENTS, did_you_mean
from halfdoor.core.model.groups import Groups
from halfdoor.core.policy.requirements import measured_lower_bounds
from halfdoor.core.policy.tiers import Grounds
from halfdoor.core.question import DRAWS_MAX, groups_of
from halfdoor.core.risk.abilities import Holdings, is_item
from halfdoor.core.risk.access import AccessModel, Surroundings
from halfdoor.core.risk.uncertainty.draws import Draws
from halfdoor.core.tables import combination_rows, graph_rules
from halfdoor.readers.library import load_risk_model, names
from halfdoor.readers.toml import read_toml
from halfdoor.services.assess import Options, read_question

if TYPE_CHECKING:
    from halfdoor.core.risk.document import RiskModel
    from halfdoor.services.inventory import Meter


class Chosen(msgspec.Struct, frozen=True):
    """Only these ids; empty: all."""

    ability: str = ""
    actor: str = ""


class Combinations(msgspec.Struct, frozen=True):
    """Which holdings give whom which ability. `--json` prints this."""

    schema: str
    of: Literal["dossier", "risk-model"]
    name: str
    risk_model: str
    items: list[str]
    free: list[str]  # of the items, those that anybody has already
    seed: int
    draws: int
    complete: bool  # False: some rows are an upper bound on access
    combinations: list[Combination]
    graph: list[GraphRule]
    words: dict[str, str]  # ability and actor ids -> words
    actors: list[str]  # in the order of the risk model


def find_combinations(subject: str, options: Options, chosen: Chosen, meter: Meter) -> Combinations:
    """The table of a dossier's folder (or file), or of a risk model by shipped name or path.

    Raises InputError: `unknown-ability`, `unknown-actor`, `bad-draws`, `unknown-document`, and those of
    reading.
    """
    if not 1 <= options.draws <= DRAWS_MAX:
        raise InputError(
            "bad-draws", f"{options.draws} draws", where="--draws", remedy=f"choose 1 to {DRAWS_MAX}"
        )
    if _is_risk_model(subject):
        return _of_risk_model(load_risk_model(subject), options, chosen)
    return _of_dossier(Path(subject), options, chosen, meter)


def _is_risk_model(subject: str) -> bool:
    """A folder is a dossier's; a file says by its schema what it is; all else is a shipped name."""
    path = Path(subject)
    if path.is_dir():
        return False
    if path.is_file():
        return str(read_toml(path, dict).get("schema", "")).startswith("halfdoor/risk-model/")
    if path.suffix == ".toml" or len(path.parts) > 1:
        raise InputError(
            "not-found",
            "no such file or folder",
            where=subject,
            remedy=f"name a folder with halfdoor.toml, or a risk model: {', '.join(names('risk_models'))}",
        )
    return True


def _of_risk_model(model: RiskModel, options: Options, chosen: Chosen) -> Combinations:
    """All that can exist: every component, and what rules name more narrowly (a profile, a variant)."""
    named = {need for rule in model.rule for need in rule.needs if is_item(need)}
    holdings = Holdings.of({*COMPONENTS, *named}, (), ())
    access = AccessModel(model, holdings, Draws(options.seed, options.draws), Surroundings(Groups()))
    return _read_off(access, "risk-model", f"{model.name} {model.version}", chosen)


def _of_dossier(folder: Path, options: Options, chosen: Chosen, meter: Meter) -> Combinations:
    question = read_question(folder, options, meter)
    model, dossier = question.risk_model, question.dossier
    grounds = Grounds(model, question.policy, question.claims, question.references.reference, question.as_of)
    public = [i.id for i in dossier.item if i.public_since is not None and i.public_since <= question.as_of]
    holdings = Holdings.of((i.id for i in dossier.item), public, (row.item for row in model.commonplace))
    around = Surroundings(
        groups=groups_of(question.policy),
        measured=measured_lower_bounds(grounds, {r.measured_by for r in model.rule if r.measured_by}),
    )
    access = AccessModel(model, holdings, Draws(question.seed, question.draws), around)
    return _read_off(access, "dossier", f"{dossier.model.name} {dossier.model.version}", chosen)


def _read_off(
    access: AccessModel, of: Literal["dossier", "risk-model"], name: str, chosen: Chosen
) -> Combinations:
    model = access.model
    abilities = list(dict.fromkeys(rule.gives for rule in model.rule))
    _known(chosen.ability, abilities, "ability")
    _known(chosen.actor, [actor.id for actor in model.actor], "actor")
    actors = [actor for actor in model.actor if chosen.actor in ("", actor.id)]
    rows = [row for row in combination_rows(access, actors) if chosen.ability in ("", row.ability)]
    return Combinations(
        schema="halfdoor/combinations/1",
        of=of,
        name=name,
        risk_model=f"{model.name} {model.version}",
        items=list(access.holdings.items),
        free=[item for item in access.holdings.items if access.holdings.is_free(item)],
        seed=access.draws.seed,
        draws=access.draws.count,
        complete=all(access.ways(a).complete for a in abilities if chosen.ability in ("", a)),
        combinations=rows,
        graph=graph_rules(access, chosen.ability),
        words={row.id: row.words for rows in (model.ability, model.actor) for row in rows if row.words},
        actors=[actor.id for actor in actors],
    )


def _known(word: str, among: list[str], kind: str) -> None:
    if word and word not in among:
        raise InputError(
            f"unknown-{kind}",
            f"the risk model has no {kind} {word!r}",
            where=f"--{kind}",
            remedy=did_you_mean(word, among),
        )
