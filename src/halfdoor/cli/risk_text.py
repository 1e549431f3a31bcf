"""What `halfdoor risk` says to a person."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from halfdoor.cli.terminal import columns, paragraph, styled
from halfdoor.core.model.words import amount, usd

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from halfdoor.core.risk.basis import Basis, FitNote
    from halfdoor.core.risk.harm.simulate import Figures, Simulation, ThreatFigures
    from halfdoor.core.risk.problem import Problem
    from halfdoor.services.risk import Examined

DASH = "\u2013"  # in ranges
SHARE_SHOWN = 0.1  # of what stops attempts: smaller ones are left to --json
KINDS = {
    "pert": "a scaled Beta (PERT)",
    "split-lognormal": "a split lognormal",
    "beta": "a Beta",
    "lognormal": "a lognormal",
    "mixture": "a mixture",
}
MISSES_SHOWN = 12


def simulation_text(found: Simulation, asked: str) -> str:
    """Every threat in a few lines, and what to do next."""
    head = f"{found.risk_model} {found.version}: its threats by themselves, nothing shared or withheld."
    parts = [_paragraph(f"{head} {found.draws:,} draws, seed {found.seed}.")]
    parts += [_threat(id_, figures) for id_, figures in found.threats.items()]
    parts.append(
        paragraph(
            "Means; in brackets the range of nine in ten draws, steps independent of each other. A fully "
            "capable model is one of capability 1 on the domain's scale."
        )
    )
    parts.append(f"Next: halfdoor risk check {asked}    whose numbers these are, and how they were read")
    return "\n\n".join(parts)


def _threat(id_: str, found: ThreatFigures) -> str:
    head = styled(id_, "bold") + (f": {found.words}" if found.words else "")
    sides: Sequence[Figures] = (found, found.uplifted) if found.has_uplift else (found,)
    rows = [
        ["chance of success", *(_chance(side) for side in sides)],
        ["successes a year", *(_number(side.successes_per_year) for side in sides)],
        [_per_year(found.annual_harm.unit), *(_harm(side) for side in sides)],
    ]
    if found.has_uplift:
        rows.insert(0, ["", "without a model", "with a fully capable one"])
    lines = [paragraph(head), columns(rows, indent=2, gap=3)]
    lines += [_paragraph(text, indent=2, hanging=2) for text in _remarks(found, sides)]
    return "\n".join(lines)


def _remarks(found: ThreatFigures, sides: Sequence[Figures]) -> Iterator[str]:
    chance = found.p_success
    if len(_ranked(found)) > 1:
        differs = len(sides) > 1 and _ranked(sides[1])[0][0] != _ranked(found)[0][0]
        other = f"; with the model at {_stops(sides[1])}" if differs else ""
        yield f"Attempts stop most often at {_stops(found)}{other}."
    elif not chance.steps:
        yield "No step stops an attempt."
    together = sides[-1].comonotone
    if len(chance.steps) > 1:
        whom = " with the model" if found.has_uplift else ""
        yield (
            f"If all steps go well or badly together{whom}: {_percent(together.p_success.mean)}, "
            f"{_amount(together.annual_harm.mean, found.annual_harm.unit)} a year."
        )
    if any(side.annual_harm.heavy_tailed for side in sides):
        worst = max(_relative_error(side) for side in sides)
        yield (
            "Heavy tail: the mean hangs on rare draws; that of so many draws would have a standard error of "
            f"{_percent(worst)} of itself. Read the range, and how often how much (--json)."
        )
    if not found.has_uplift:
        yield "No number grows with capability, so a more capable model changes nothing here."
    yield _rests(found.basis)


def _stops(figures: Figures) -> str:
    """The step or alternatives that stop most, and the next if it stops nearly as many."""
    ranked = _ranked(figures)
    shown = [f"{name} ({_percent(share)} of what stops them)" for name, share in ranked[:1]]
    shown += [f"{name} ({_percent(share)})" for name, share in ranked[1:2] if share >= SHARE_SHOWN]
    return ", then ".join(shown)


def _ranked(figures: Figures) -> list[tuple[str, float]]:
    chance = figures.p_success
    both = [*chance.steps.items(), *((f"{name}, all ways", step) for name, step in chance.groups.items())]
    return sorted(((name, s.share) for name, s in both if s.share), key=lambda pair: -pair[1])


def _chance(figures: Figures) -> str:
    p = figures.p_success
    if p.p5 == p.p95:
        return _percent(p.mean)
    return f"{_percent(p.mean)} ({_percent(p.p5)}{DASH}{_percent(p.p95)})"


def _harm(figures: Figures) -> str:
    harm = figures.annual_harm
    if harm.p5 == harm.p95:
        return _amount(harm.mean, "USD") if harm.unit == "USD" else _number(harm.mean)
    if harm.unit == "USD":
        return f"{_amount(harm.mean, 'USD')} ({_amount(harm.p5, 'USD')}{DASH}{_amount(harm.p95, 'USD')})"
    return f"{_number(harm.mean)} ({_number(harm.p5)}{DASH}{_number(harm.p95)})"


def _per_year(unit: str) -> str:
    return "harm a year" if unit == "USD" else f"{unit} a year"


def _relative_error(figures: Figures) -> float:
    harm = figures.annual_harm
    return harm.mean_se / harm.mean if harm.mean else 0.0


def _amount(value: float, unit: str) -> str:
    if not math.isfinite(value):
        return "beyond all bounds"
    return usd(value) if unit == "USD" else amount(value, unit)


def _number(value: float) -> str:
    """To two figures: `1,100`, `3.4M`, `0.00012`."""
    if not math.isfinite(value):
        return "beyond all bounds"
    for limit, unit in ((1e9, "B"), (1e6, "M")):
        if value >= limit:
            return f"{float(f'{value / limit:.2g}'):,g}{unit}"
    digits = float(f"{value:.2g}")
    return f"{digits:,.0f}" if digits >= 10 or digits == 0 else f"{digits:g}"  # noqa: PLR2004  two figures


def _percent(share: float) -> str:
    """`46 %`, `1.4 %`, `0.003 %`."""
    if not math.isfinite(share):
        return "more than all"
    value = share * 100
    return f"{value:.0f} %" if value >= 10 else f"{float(f'{value:.2g}'):g} %"  # noqa: PLR2004  two figures


def _rests(basis: Basis) -> str:
    if not basis.numbers:
        return "It states no number."
    parts = [f"{basis.sourced} from a source"]
    if basis.mixed:
        parts.append(f"{basis.mixed} from a source with judgement")
    parts.append(f"{basis.judged} by judgement")
    if basis.unowned:
        parts.append(f"{basis.unowned} from nowhere stated")
    return f"Of {basis.numbers} numbers, {', '.join(parts)}."


def _paragraph(text: str, *, indent: int = 0, hanging: int = 0) -> str:
    """Wrapped; a percentage is never broken."""
    return paragraph(text.replace(" %", "\u00a0%"), indent=indent, hanging=hanging).replace("\u00a0", " ")


def examined_text(found: Examined, asked: str) -> str:
    """Errors, what is worth a look, what the numbers rest on, what to do next."""
    errors = [problem for problem in found.problems if not problem.lint]
    lints = [problem for problem in found.problems if problem.lint]
    verdict = f"{len(errors)} to correct" if errors else "sound"
    name = f"{styled(found.name, 'bold')} {found.version}".strip()
    parts = [f"{name}: {verdict}" + (f", {len(lints)} worth a look." if lints else ".")]
    parts += [_problems(title, rows) for title, rows in (("Errors", errors), ("Worth a look", lints)) if rows]
    if found.basis is not None:
        unsourced = found.basis.judged + found.basis.unowned
        share = _percent(unsourced / found.basis.numbers) if found.basis.numbers else "none"
        parts.append(
            styled("What it rests on", "bold")
            + "\n"
            + _paragraph(f"{_rests(found.basis)} Without a source: {share}.", indent=2)
        )
        parts.append(_fits(found.fits))
        parts.append(f"Next: halfdoor risk simulate {asked}")
    else:
        parts.append("Correct these first; what its numbers rest on can be told of a sound model only.")
    return "\n\n".join(part for part in parts if part)


def _problems(title: str, rows: Iterable[Problem]) -> str:
    lines = [styled(title, "bold")]
    for row in rows:
        lines.append(f"  {row.where}")
        remedy = f"; {row.remedy}" if row.remedy else ""
        lines.append(paragraph(f"{row.message} [{row.code}]{remedy}", indent=4))
    return "\n".join(lines)


def _fits(fits: Sequence[FitNote]) -> str:
    """How many numbers are not read as a Beta or lognormal, and which are missed."""
    missed = sorted((note for note in fits if note.misses), key=lambda note: -note.residual)
    others = [note for note in fits if not note.misses]
    lines = [styled("How they were read", "bold")]
    said = "A probability as a Beta, another number as a lognormal"
    for kind in ("split-lognormal", "pert"):
        count = sum(note.kind == kind for note in others)
        if count:
            said += f"; {count} as {KINDS[kind]}, since the usual one misses what was stated"
    lines.append(paragraph(f"{said}.", indent=2))
    if missed:
        lines.append(paragraph("These miss a stated percentile all the same:", indent=2))
        lines.append(columns([_missed(note) for note in missed[:MISSES_SHOWN]], indent=4))
    if len(missed) > MISSES_SHOWN:
        lines.append(f"    and {len(missed) - MISSES_SHOWN} more: --json")
    return "\n".join(lines)


def _missed(note: FitNote) -> list[str]:
    by = f"{note.residual:.3f}" if note.quantity == "probability" else _percent(math.expm1(note.residual))
    return [note.where, f"{KINDS.get(note.kind, note.kind)}, off by {by}"]
