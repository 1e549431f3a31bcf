"""Every uncertain number of a risk model, with the question it answers in plain words."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.model.words import group_words, listed
from halfdoor.core.risk.abilities import is_item
from halfdoor.core.risk.document import Uncertain
from halfdoor.core.risk.uncertainty.distributions import Quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from halfdoor.core.risk.document import RiskModel, Sourced, Step, Threat

Key = tuple[str | int, ...]

_PROBABILITY = "probability, 0 to 1"
_CODE = re.compile(r"[A-Za-z]*\d[\w.]*(?=\s|:|$)")  # "TA0002" of "TA0002 - Execution"
NOT_YET = "uplifted"  # numbers that a model may leave out, and that can be asked for all the same


class Number(msgspec.Struct, frozen=True):
    """One uncertain number.

    name: the end of its address, within its row ("step.TA0002.p")
    key:  the keys and positions that lead to it from the top of the document
    row:  those of the table around it that states `source` and `judgement`
    now:  what the model states; None where it leaves the number out
    """

    address: str
    name: str
    key: Key
    row: Key
    quantity: Quantity
    unit: str
    words: str  # the question
    now: Uncertain | None
    source: str
    judgement: str


class Names:
    """Ids in words, for questions."""

    def __init__(self, model: RiskModel) -> None:
        """`model` is sound."""
        self.model = model
        self._actors = {a.id: a.words or a.id for a in model.actor}
        self._abilities = {a.id: a.words or a.id for a in model.ability}
        self._claims = {c.id: c for c in model.claim}

    def actor(self, id_: str) -> str:
        """For OC1: an amateur."""
        return self._actors.get(id_, id_)

    def holding(self, needs: Iterable[str]) -> str:
        """What a rule needs: "has final-parameters and can use the model"."""
        items = [n for n in needs if is_item(n)]
        skills = [f"can {self._abilities.get(n, n)}" for n in needs if not is_item(n)]
        return listed([*([f"has {listed(items)}"] if items else []), *skills])

    def gives(self, id_: str) -> str:
        """What completes "somebody can …"."""
        return self._abilities.get(id_, id_)

    def claim(self, id_: str) -> tuple[str, str]:
        """Its words and its unit."""
        claim = self._claims.get(id_)
        return (claim.words or id_, claim.unit or "score, 0 to 1") if claim else (id_, "score, 0 to 1")


class _Row:
    """Makes the numbers of one row."""

    def __init__(self, row: Sourced, key: Key, address: str) -> None:
        self._row, self._key, self._address = row, key, address

    def number(
        self, name: str, now: Uncertain | None, words: str, unit: str, key: Key = ()
    ) -> Iterator[Number]:
        """One number, if it is stated or may be left out. `key`: from the row; else the name itself."""
        if now is None and NOT_YET not in name:
            return
        yield Number(
            address=f"{self._address}.{name}",
            name=name,
            key=(*self._key, *(key or (name,))),
            row=self._key,
            quantity="probability" if unit == _PROBABILITY else "positive",
            unit=unit,
            words=words,
            now=now,
            source=self._row.source,
            judgement=self._row.judgement,
        )


def every_number(names: Names) -> Iterator[Number]:
    """All of them, in the order of the document's tables; two rows with the same ids share an address."""
    yield from _actors(names)
    yield from _rules(names)
    yield from _priors(names)
    for index, threat in enumerate(names.model.threat):
        yield from _threat(threat, _Row(threat, ("threat", index), f"threat.{threat.id}"), names)
    yield from _doors(names)
    yield from _layer_b(names)


def _actors(names: Names) -> Iterator[Number]:
    for index, row in enumerate(names.model.actor):
        who = names.actor(row.id)
        make = _Row(row, ("actor", index), f"actor.{row.id}")
        yield from make.number(
            "budget", row.budget, f"How much money can {who} spend on one attempt at misuse?", "USD"
        )
        yield from make.number("days", row.days, f"How many days of work can {who} put into it?", "days")


def _rules(names: Names) -> Iterator[Number]:
    for index, row in enumerate(names.model.rule):
        make = _Row(row, ("rule", index), f"rule[{row.gives}<-{'+'.join(row.needs)}]")
        given, aim = names.holding(row.needs), names.gives(row.gives)
        yield from make.number(
            "cost", row.cost, f"For somebody who {given}: what does it cost to {aim}?", "USD"
        )
        yield from make.number(
            "days", row.days, f"For somebody who {given}: how many days does it take to {aim}?", "days"
        )
        claim, unit = names.claim(row.measured_by)
        yield from make.number(
            "usd_per_unit",
            row.usd_per_unit,
            f"What does one unit ({unit}) of this cost whoever does it: {claim}?",
            "USD",
        )


def _priors(names: Names) -> Iterator[Number]:
    for index, domain in enumerate(names.model.domain):
        yield from _Row(domain, ("domain", index), f"domain.{domain.id}").number(
            "prior",
            domain.prior,
            f"How capable might a model be in {domain.words or domain.id}, before it is measured?",
            _PROBABILITY,
        )
    for index, claim in enumerate(names.model.claim):
        words, unit = names.claim(claim.id)
        yield from _Row(claim, ("claim", index), f"claim.{claim.id}").number(
            "prior",
            claim.prior,
            f"What might a model show before it is measured: {words}?",
            unit if claim.unit else _PROBABILITY,
        )


def _threat(threat: Threat, make: _Row, names: Names) -> Iterator[Number]:
    about = threat.words or threat.id
    helped = "with the help of a model as capable as can be"
    yield from make.number(
        "damage", threat.damage, f"How much damage does one success do: {about}?", threat.unit
    )
    yield from make.number(
        "damage_uplifted",
        threat.damage_uplifted,
        f"How much damage does one success do, {helped}: {about}?",
        threat.unit,
    )
    for actor in threat.actors:
        who = names.actor(actor)
        for field, words in (
            ("actors", f"How many of these ({who}) try it in a year"),
            ("attempts", f"How many attempts does each of these ({who}) make in a year"),
        ):
            stated, uplifted = getattr(threat, field), getattr(threat, f"{field}_uplifted")
            yield from make.number(
                f"{field}.{actor}", stated.get(actor), f"{words}: {about}?", "a year", (field, actor)
            )
            yield from make.number(
                f"{field}_uplifted.{actor}",
                uplifted.get(actor),
                f"{words}, {helped}: {about}?",
                "a year",
                (f"{field}_uplifted", actor),
            )
    for place, (step, name) in enumerate(zip(threat.step, _step_names(threat.step), strict=True)):
        words = f"{about}. How likely does one attempt get past this step, once it is there: {step.name}"
        for field, end in (("p", "?"), ("uplifted", f", {helped}?")):
            yield from make.number(
                f"step.{name}.{field}",
                getattr(step, field),
                words[:1].upper() + words[1:] + end,
                _PROBABILITY,
                ("step", place, field),
            )


def _step_names(steps: Sequence[Step]) -> list[str]:
    """The code that a step's name begins with, where each has one of its own; else the name in one word."""
    codes = [match[0].rstrip(".") if (match := _CODE.match(step.name)) else "" for step in steps]
    single = Counter(codes)
    return [
        code if code and single[code] == 1 else re.sub(r"[^a-z0-9]+", "-", step.name.lower()).strip("-")
        for code, step in zip(codes, steps, strict=True)
    ]


def _doors(names: Names) -> Iterator[Number]:
    for index, row in enumerate(names.model.reach):
        who = names.actor(row.actor)
        if row.group == "nobody":
            level = f"security level {row.security}" if row.security else "no stated security level"
            words = f"How likely is {who} to steal the weights within a year, under {level}?"
        else:
            words = f"How likely is {who} to get in within a year, as one of: {group_words(row.group)}?"
        door = f"{row.group}[{row.security}]" if row.security else row.group
        yield from _Row(row, ("reach", index), f"reach.{row.actor}.{door}").number(
            "p", row.p, words, _PROBABILITY
        )


def _layer_b(names: Names) -> Iterator[Number]:
    """What only the simulation of harm uses."""
    model = names.model
    for index, stop in enumerate(model.stop):
        words = (
            f"A misuse goes through a service that has this safeguard: {stop.safeguard}. "
            "How likely is it stopped in time?"
        )
        yield from _Row(stop, ("stop", index), f"stop.{stop.safeguard}").number(
            "p", stop.p, words, _PROBABILITY
        )
    if model.exposure is not None:
        make = _Row(model.exposure, ("exposure",), "exposure")
        for field, words in (
            ("public_lag_days", "How many days pass until a comparable model is public elsewhere?"),
            ("withdrawal_days", "How many days pass until a service that is misused is withdrawn?"),
        ):
            yield from make.number(field, getattr(model.exposure, field), words, "days")
    for index, flaw in enumerate(model.flaw):
        make, about = _Row(flaw, ("flaw", index), f"flaw.{flaw.id}"), flaw.words or flaw.id
        yield from make.number("open", flaw.open, f"How many are open at any time: {about}?", "flaws")
        yield from make.number(
            "harm",
            flaw.harm,
            f"How much harm does one of these do in one copy in a year: {about}?",
            flaw.unit,
        )
        yield from make.number(
            "uptake", flaw.uptake, f"What share of copies takes the patch: {about}?", _PROBABILITY
        )
        for group, now in flaw.copies.items():
            words = f"How many copies are there where the weights go to {group_words(group)}: {about}?"
            yield from make.number(f"copies.{group}", now, words, "copies", ("copies", group))
    for index, row in enumerate(model.defence):
        make = _Row(row, ("defence", index), f"defence.{row.domain}.{row.item}.{row.group}")
        held = f"Where {group_words(row.group)} have {row.item}"
        for field, words in (
            ("finding", "what share of weaknesses do defenders find first"),
            ("fixing", "what share of those found is fixed"),
            ("rollout", "what share of fixes is handed out"),
            ("uptake", "what share of users takes them"),
        ):
            yield from make.number(field, getattr(row, field), f"{held}: {words}?", _PROBABILITY)
        yield from make.number(
            "fix_days", row.fix_days, f"{held}: how many days from finding to fix?", "days"
        )
