"""What a model rests on: every number counted once, under whoever states it."""

import msgspec

from halfdoor.core.risk.basis import basis, fit_notes, key_path, threat_bases
from halfdoor.core.risk.document import Alternative, Benefit, Leak, RiskModel, Spread, Step, Stop
from threats import threat

MODEL = RiskModel(
    schema="halfdoor/risk-model/1",
    name="m",
    version="1",
    threat=(
        threat(
            Step(name="x", p=Spread(p5=0.1, mode=0.9, p95=1.0), uplifted=0.95),
            id="both",
            damage=Spread(p5=1, p50=10, p95=100),
            actors={"a": 3.0},
            attempts={"a": 2.0},
            source="a report",
            judgement="uplift: ours",
        ),
        threat(Step(name="y", p=0.4), id="judged", judgement="ours"),
        threat(Step(name="z", p=0.4), id="nobody's"),
    ),
    stop=(Stop(safeguard="monitoring", p=0.3, source="a paper"),),
    leak=(Leak(group="vetted", leaks=1, years=3, source="cases"),),
    benefit=(Benefit(item="final-parameters", group="vetted", objective="use", kept=0.5, judgement="ours"),),
    alternative=(Alternative(objective="use", words="a service", adds=0.4, source="a paper"),),
)


def test_every_number_is_counted_once():
    found = basis(MODEL)
    assert msgspec.structs.astuple(found) == (12, 4, 5, 2, 1)


def test_the_numbers_of_a_threat_by_itself():
    found = threat_bases(MODEL)
    assert msgspec.structs.astuple(found["both"]) == (5, 0, 5, 0, 0)
    assert (found["judged"].sourced, found["judged"].judged) == (0, 1)
    assert (found["nobody's"].numbers, found["nobody's"].unowned) == (1, 1)


def test_only_unusual_fits_and_misses_are_noted():
    (note,) = fit_notes(MODEL)
    assert note.where == "threat[0].step[0].p"
    assert note.kind == "pert"
    assert note.misses
    assert note.residual > 0.05


def test_a_key_path_is_as_errors_write_it():
    assert key_path(("threat", 2, "actors", "OC3")) == "threat[2].actors.OC3"
    assert key_path(("exposure", "public_lag_days")) == "exposure.public_lag_days"
