"""Assess a model folder: read everything, ask the pure engine, hand back the assessment."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.assess import assess
from halfdoor.core.canonical import digest
from halfdoor.core.editions import redact
from halfdoor.core.question import DRAWS_DEFAULT, Question
from halfdoor.core.tolerance import agree, is_intact
from halfdoor.readers.claims import read_claims
from halfdoor.readers.digests import weights_digests
from halfdoor.readers.dossier import dossier_file, dossier_root, read_dossier, resolve_files
from halfdoor.readers.library import load_policy, load_references, load_risk_model
from halfdoor.readers.licences import open_licences
from halfdoor.services.inventory import digest_all

if TYPE_CHECKING:
    from halfdoor.core.assessment import Assessment
    from halfdoor.services.inventory import Meter

CHANGED = "it was changed after it was made: its contents do not have its outputs_digest"
# What a difference in one input means to a reader of `--check`.
_INPUT_WORDS = {
    "dossier": "the dossier (halfdoor.toml) is another",
    "evidence": "the evidence is another",
    "weights": "the files are others",
    "risk_model": "the risk model is another",
    "policy": "the policy is another",
    "references": "the registry of references is another",
    "open_licences": "the list of open licences is another",
    "configuration": "the configuration asked about is another",
}
_NO_OVERRIDE = digest(None)


class Options(msgspec.Struct, frozen=True):
    """How to assess. `policy` and `risk_model` (name or path) take the place of the dossier's."""

    as_of: dt.date
    policy: str | None = None
    risk_model: str | None = None
    draws: int = DRAWS_DEFAULT
    seed: int = 1
    configuration: Mapping[str, tuple[str, ...]] | None = None
    rehash: bool = False


def read_question(folder: Path, options: Options, meter: Meter) -> Question:
    """Everything the assessment depends on, read and checked; hashing is told to `meter`.

    Raises InputError, and then nothing has been written.
    """
    path = dossier_file(folder)
    dossier = read_dossier(path)
    base = path.parent
    policy_name, model_name = options.policy or dossier.policy, options.risk_model or dossier.risk_model
    # A path in the dossier starts from the dossier's folder, one on the command line from where one stands.
    risk_model = load_risk_model(model_name, Path() if options.risk_model else base)
    policy = load_policy(policy_name, Path() if options.policy else base, model=risk_model)
    references = load_references(dossier.references, base)
    root = dossier_root(path, dossier)
    weights: Mapping[str, str] = {}
    if root is not None:
        files = resolve_files(dossier, root)
        weights = weights_digests(files, digest_all(root, files, meter, rehash=options.rehash))
    return Question(
        dossier=dossier,
        claims=read_claims(dossier, root, path, weights),
        weights=dict(weights),
        risk_model=risk_model,
        policy=policy,
        references=references,
        as_of=options.as_of,
        open_licences=tuple(sorted(open_licences())),
        seed=options.seed,
        draws=options.draws,
        configuration=dict(options.configuration) if options.configuration is not None else None,
    )


def assess_folder(folder: Path, options: Options, meter: Meter) -> Assessment:
    """Read, assess. Raises InputError."""
    return assess(read_question(folder, options, meter))


def check(folder: Path, stated: Assessment, options: Options, meter: Meter) -> list[str]:
    """Assess again as `stated` says it was done; why the two differ, empty where they agree.

    Date, seed, draws, edition and an overriding configuration come from `stated`. Files are always hashed
    anew.
    """
    again = redact(assess_folder(folder, as_stated(stated, options), meter), stated.edition)
    differences = [
        words for name, words in _INPUT_WORDS.items() if stated.inputs.get(name) != again.inputs[name]
    ]
    if stated.engine != again.engine:
        differences.append(f"it was made by {stated.engine}, this is {again.engine}")
    if not differences and stated.id != again.id:
        differences.append("its id is not the one that its inputs give")
    if not is_intact(stated):
        differences.append(CHANGED)
    elif not differences and stated.outputs_digest != again.outputs_digest and not agree(stated, again):
        differences.append("the inputs are the same, but the result is not the one they give")
    return differences


def as_stated(stated: Assessment, options: Options) -> Options:
    """The options under which `stated` was made."""
    overridden = stated.inputs.get("configuration") != _NO_OVERRIDE
    return Options(
        as_of=stated.as_of,
        policy=options.policy,
        risk_model=options.risk_model,
        draws=stated.draws,
        seed=stated.seed,
        configuration={i: tuple(g) for i, g in stated.proposed.items()} if overridden else None,
        rehash=True,
    )
