"""The shipped documents, and reading a document by shipped name or by path.

A document that is read is also checked: what its types cannot say (names that do not exist, impossible
percentiles) raises InputError with the file, the line and the key path. `problems_in` returns all of it,
lints included, for `risk check` and `policy check`.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

import msgspec

from halfdoor.core.errors import InputError
from halfdoor.core.ids import did_you_mean
from halfdoor.core.policy import check as policy_check
from halfdoor.core.policy.document import Policy
from halfdoor.core.risk import check as risk_check
from halfdoor.core.risk.document import References, RiskModel
from halfdoor.readers.toml import line_of, parse_toml, read_toml

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from halfdoor.core.risk.problem import Problem

Kind = Literal["risk_models", "policies", "references"]
T = TypeVar("T", Policy, RiskModel, References)

CASE_FILE = "halfdoor.toml"
_WORDS: dict[Kind, str] = {
    "risk_models": "risk model",
    "policies": "policy",
    "references": "registry of references",
}


def names(kind: Kind) -> list[str]:
    """The names of the shipped documents of a kind, sorted."""
    return sorted(f.name.removesuffix(".toml") for f in _folder(kind).iterdir() if f.name.endswith(".toml"))


def shipped(kind: Kind, name: str) -> bytes:
    """A shipped document, byte by byte. Raises InputError `unknown-document` naming the nearest."""
    _check_name(name, names(kind), _WORDS[kind])
    return (_folder(kind) / f"{name}.toml").read_bytes()


def cases() -> list[str]:
    """The names of the shipped cases, sorted: releases told from published facts."""
    return sorted(folder.name for folder in _folder("cases").iterdir() if (folder / CASE_FILE).is_file())


def case(name: str) -> bytes:
    """The dossier of a shipped case. Raises InputError `unknown-document` naming the nearest."""
    _check_name(name, cases(), "case")
    return (_folder("cases") / name / CASE_FILE).read_bytes()


def load_risk_model(name_or_path: str, base: Path = Path()) -> RiskModel:
    """A sound risk model, by shipped name or by path from `base`.

    Raises InputError: `unknown-document`, as `readers.toml.read_toml`, or with the code of the first error
    that `core.risk.check` finds.
    """
    model = _read("risk_models", name_or_path, base, RiskModel)
    _refuse(risk_check.check(model), "risk_models", name_or_path, base)
    return model


def load_policy(name_or_path: str, base: Path = Path(), *, model: RiskModel | None = None) -> Policy:
    """A sound policy, by shipped name or by path from `base`; its names held against `model` where given.

    Raises InputError: `unknown-document`, as `readers.toml.read_toml`, or with the code of the first error
    that `core.policy.check` finds.
    """
    policy = _read("policies", name_or_path, base, Policy)
    _refuse(policy_check.check(policy, model), "policies", name_or_path, base)
    return policy


def load_references(name_or_path: str, base: Path = Path()) -> References:
    """A sound registry of public references, by shipped name or by path from `base`; raises as the others."""
    registry = _read("references", name_or_path, base, References)
    _refuse(risk_check.check_references(registry.reference), "references", name_or_path, base)
    return registry


def problems_in(
    kind: Kind, name_or_path: str, base: Path = Path(), *, model: RiskModel | None = None
) -> tuple[Problem, ...]:
    """Every error and lint of a document, with file and line. Raises InputError if it cannot be read."""
    return placed(_check(kind, name_or_path, base, model), kind, name_or_path, base)


def source_text(kind: Kind, name_or_path: str, base: Path = Path()) -> str:
    """The text of a document that can be read, comments and all. Raises InputError `unknown-document`."""
    if _is_path(name_or_path):
        return (base / name_or_path).read_text("utf-8")
    return shipped(kind, name_or_path).decode("utf-8")


def _check(kind: Kind, name_or_path: str, base: Path, model: RiskModel | None) -> tuple[Problem, ...]:
    match kind:
        case "risk_models":
            return risk_check.check(_read(kind, name_or_path, base, RiskModel))
        case "policies":
            return policy_check.check(_read(kind, name_or_path, base, Policy), model)
        case "references":
            registry = _read(kind, name_or_path, base, References)
            return risk_check.check_references(registry.reference, model)


def _refuse(found: tuple[Problem, ...], kind: Kind, name_or_path: str, base: Path) -> None:
    """Raise the first error; lints pass."""
    errors = tuple(problem for problem in found if not problem.lint)
    if not errors:
        return
    first = placed(errors[:1], kind, name_or_path, base)[0]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    raise InputError(first.code, first.message + more, where=first.where, remedy=first.remedy)


def placed(found: tuple[Problem, ...], kind: Kind, name_or_path: str, base: Path) -> tuple[Problem, ...]:
    """Say in which file and line each problem stands."""
    if not found:
        return ()
    name = str(base / name_or_path) if _is_path(name_or_path) else f"{name_or_path}.toml"
    text = source_text(kind, name_or_path, base)
    return tuple(msgspec.structs.replace(p, where=_place(name, text, p.where)) for p in found)


def _place(name: str, text: str, key: str) -> str:
    line = line_of(text, key)
    return f"{name}:{line}, {key}" if line else f"{name}, {key}" if key else name


def _read(kind: Kind, name_or_path: str, base: Path, document: type[T]) -> T:
    if _is_path(name_or_path):
        return read_toml(base / name_or_path, document)
    return parse_toml(shipped(kind, name_or_path), document, f"{name_or_path}.toml")


def _is_path(name_or_path: str) -> bool:
    """A path is what ends in .toml or has a slash in it; all else is a shipped name."""
    return name_or_path.endswith(".toml") or "/" in name_or_path or "\\" in name_or_path


def _check_name(name: str, known: list[str], what: str) -> None:
    if name not in known:
        raise InputError(
            "unknown-document",
            f"no {what} is shipped under the name {name!r}",
            remedy=f"{did_you_mean(name, known)} (a path has a slash or ends in .toml)",
        )


def _folder(name: str) -> Traversable:
    return resources.files("halfdoor.library") / name
