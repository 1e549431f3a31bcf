"""The annexes of a memo: which there are, under which letters, and what an edition withholds.

An annex without content is not there, and the letters of the others close up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from halfdoor.core.assessment import Assessment

_WITHHELD_WORDS = {
    "combinations": "who gets what from which parts",
    "drivers": "what the outcome rests on",
    "flips": "the values at which the verdict changes",
    "graph": "the derivation graph",
    "security": "what fails with nothing shared",
    "verdict.binding": "the reasons with their cheapest ways",
    "verdict.sentences": "the reasons in full",
}


@dataclass(frozen=True)
class Annex:
    """One annex: `name` is also that of its template."""

    name: str
    letter: str
    title: str

    @property
    def anchor(self) -> str:
        """Its id on the page."""
        return f"annex-{self.letter.lower()}"

    @property
    def template(self) -> str:
        """The file that draws it."""
        return f"annexes/{self.name}.html.j2"


def annexes(assessment: Assessment) -> tuple[Annex, ...]:
    """Those with content, lettered from A; none where the model is out of scope."""
    if not assessment.scope.in_scope:
        return ()
    found = [(name, title) for name, title, there in _all(assessment) if there]
    return tuple(Annex(name, chr(ord("A") + place), title) for place, (name, title) in enumerate(found))


def _all(assessment: Assessment) -> Iterable[tuple[str, str, bool]]:
    shown = assessment
    change = shown.flips or shown.next or shown.drivers or shown.worth or "flips" not in shown.withheld
    yield "items", "Every item", True
    yield "combinations", "Who gets what from which parts", _shows(shown, "combinations") or bool(shown.graph)
    yield "reasons", "Reasons and their ways", True
    yield "tiers", "Tiers", True
    yield "evidence", "Evidence", True
    yield "rows", "Rows of the policy", True
    yield "ledger", "Ledger", True
    yield "change", "What would change the answer", bool(change)
    yield "plan", "Plan", shown.plan is not None and bool(shown.plan.stages or shown.plan.beyond)
    yield "harm", "Harm", shown.harm is not None
    yield "sources", "Sources and digests", True


def _shows(assessment: Assessment, section: str) -> bool:
    return bool(getattr(assessment, section)) or section not in assessment.withheld


def withheld(assessment: Assessment) -> list[str]:
    """What this edition withholds, in words; a section without words of its own by its name."""
    names = sorted(assessment.withheld)
    return list(dict.fromkeys(_WITHHELD_WORDS.get(name, name.replace(".", " ")) for name in names))
