"""Risk models by themselves: simulate their threats, and look them over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.errors import InputError
from halfdoor.core.question import DRAWS_DEFAULT, DRAWS_MAX
from halfdoor.core.risk.basis import Basis, FitNote, basis, fit_notes
from halfdoor.core.risk.harm.simulate import Simulation, simulate
from halfdoor.core.risk.problem import Problem
from halfdoor.readers.library import load_risk_model, names, problems_in, source_text
from halfdoor.readers.toml import line_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Examined(msgspec.Struct, frozen=True):
    """A risk model looked over. `basis` and `fits` are of a sound model only, one without errors."""

    name: str
    version: str
    sound: bool
    problems: list[Problem]
    basis: Basis | None
    fits: list[FitNote]


def simulate_model(
    name_or_path: str,
    threats: Sequence[str] = (),
    *,
    seed: int = 1,
    draws: int = DRAWS_DEFAULT,
    done: Callable[[], object] = lambda: None,
) -> Simulation:
    """Simulate these threats of a risk model, or all; `done` is called after each.

    Raises InputError where the model is not sound, has no threats, or not these.
    """
    if not 1 <= draws <= DRAWS_MAX:
        raise InputError("bad-draws", f"{draws} draws", where="--draws", remedy=f"choose 1 to {DRAWS_MAX}")
    model = load_risk_model(name_or_path)
    if not model.threat:
        message = f"{model.name} has no threat to simulate"
        raise InputError("no-threats", message, where=name_or_path, remedy="add [[threat]]")
    return simulate(model, threats, seed=seed, draws=draws, done=done)


def examine(name_or_path: str) -> Examined:
    """Every problem of a risk model, and what its numbers rest on. Raises InputError if it cannot be read."""
    problems = list(problems_in("risk_models", name_or_path))
    if any(not problem.lint for problem in problems):
        return Examined(name_or_path, "", sound=False, problems=problems, basis=None, fits=[])
    model = load_risk_model(name_or_path)
    text = source_text("risk_models", name_or_path)
    file = f"{name_or_path}.toml" if name_or_path in names("risk_models") else name_or_path
    fits = [msgspec.structs.replace(note, where=_place(text, file, note.where)) for note in fit_notes(model)]
    return Examined(model.name, model.version, sound=True, problems=problems, basis=basis(model), fits=fits)


def _place(text: str, file: str, key: str) -> str:
    line = line_of(text, key)
    return f"{file}:{line}, {key}" if line else f"{file}, {key}"
