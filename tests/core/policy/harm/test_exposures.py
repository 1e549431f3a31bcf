"""Which safeguards watch over which services, and each exposure made once."""

import msgspec

from halfdoor.core.model.dossier import SafeguardTable
from halfdoor.core.policy.constraints import TierInScope
from halfdoor.core.policy.harm.exposures import stops_over
from halfdoor.core.risk.document import Stop, Threat
from harms import situation
from worlds import example

replace = msgspec.structs.replace
ITEMS = ("final-parameters", "sampling", "sampling@unmitigated", "base:sampling", "fine-tuning")


def stops(*guards):
    question = example()
    rows = (Stop(safeguard="filter", p=0.2), Stop(safeguard="monitoring", p=0.5))
    model = replace(question.risk_model, stop=rows)
    return stops_over(model, replace(question.dossier, safeguard=guards), ITEMS)


def test_a_safeguard_watches_over_the_services_it_names():
    assert stops() == dict.fromkeys(ITEMS[1:], ())
    named = stops(SafeguardTable(kind="monitoring", items=("base:sampling", "final-parameters")))
    assert named == {**dict.fromkeys(ITEMS[1:], ()), "base:sampling": (1,)}
    profile = stops(SafeguardTable(kind="filter", items=("sampling@unmitigated",)))
    assert [item for item, rows in profile.items() if rows] == ["sampling@unmitigated"]


def test_a_safeguard_without_items_watches_over_all_services_and_an_unknown_one_over_none():
    assert stops(SafeguardTable(kind="filter")) == dict.fromkeys(ITEMS[1:], (0,))
    assert stops(SafeguardTable(kind="prayer")) == dict.fromkeys(ITEMS[1:], ())


def test_exposures_are_made_once_for_each_tier():
    question = example()
    row = Threat(id="t", domain="d", needs="strip", damage=1.0, actors={"a": 1.0}, attempts={"a": 1.0})
    exposures = situation(
        replace(question, risk_model=replace(question.risk_model, threat=(row,)))
    ).gates.exposures
    own = exposures.threat(row)
    assert exposures.threat(row, {"d": TierInScope("high", in_scope=True)}) is own
    lower = exposures.threat(row, {"d": TierInScope("notable", in_scope=True)})
    assert lower is not own
    assert exposures.threat(row, {"d": TierInScope("notable", in_scope=True)}) is lower
    assert exposures.threat(row, {}) is own  # where nothing is said of a domain, it stands as it does
