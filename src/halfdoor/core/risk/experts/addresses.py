"""The address of each uncertain number of a risk model: it survives edits of the document.

An address is made of ids, not of positions: `actor.OC1.budget`, `threat.OC3-ddos.step.TA0002.p`,
`rule[strip-safeguards<-run-unfiltered].cost`, `reach.OC1.vetted.p`, `reach.OC1.nobody[SL3].p`. Where two rows
have the same ids, the second ends in `#2`.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.errors import InputError
from halfdoor.core.ids import did_you_mean
from halfdoor.core.model.words import listed
from halfdoor.core.risk.experts.numbers import NOT_YET, Names, Number, every_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from halfdoor.core.risk.document import RiskModel


def numbers(model: RiskModel) -> dict[str, Number]:
    """Address -> number, in the order of the document's tables; also those it leaves out, with `now` None."""
    found: dict[str, Number] = {}
    seen: Counter[str] = Counter()
    for number in every_number(Names(model)):
        seen[number.address] += 1
        count = seen[number.address]
        address = f"{number.address}#{count}" if count > 1 else number.address
        found[address] = msgspec.structs.replace(number, address=address)
    return found


def choose(found: Mapping[str, Number], patterns: Sequence[str]) -> list[Number]:
    """The numbers that a pattern names; without patterns, those that rest on judgement.

    Of a row with a source and a judgement these are the numbers that the judgement names ("uplifted: …").

    In a pattern `*` stands for anything; all else, brackets too, for itself. A number that the model
    leaves out is chosen only where the pattern says `uplifted`.
    Raises InputError `unknown-number` for a pattern that names nothing.
    """
    if not patterns:
        return [n for n in found.values() if n.now is not None and _is_judged(n)]
    chosen: dict[str, Number] = {}
    for pattern in patterns:
        shape = re.compile(".*".join(map(re.escape, pattern.split("*"))))
        named = {
            address: number
            for address, number in found.items()
            if shape.fullmatch(address) and (number.now is not None or NOT_YET in pattern)
        }
        if not named:
            raise InputError(
                "unknown-number",
                f"no number of the risk model is called {pattern!r}",
                where="--numbers",
                remedy=nearest_address(pattern, found),
            )
        chosen.update(named)
    return [found[address] for address in found if address in chosen]


def _is_judged(number: Number) -> bool:
    if not number.judgement or not number.source:
        return bool(number.judgement)
    return bool(set(re.findall(r"\w+", number.judgement)) & set(number.name.split(".")))


def nearest_address(address: str, found: Iterable[str]) -> str:
    """A remedy: the nearest address, or how addresses look."""
    known = list(found)
    guess = did_you_mean(address.replace("*", ""), known)
    if guess.startswith("did you mean"):
        return guess
    shown = known[:: max(len(known) // 4, 1)][:4]
    return f"addresses look like {listed(shown)}; * stands for anything" if shown else "it has no numbers"
