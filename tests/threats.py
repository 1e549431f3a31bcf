"""Threats: published ones, and random ones with every awkward probability."""

from __future__ import annotations

from hypothesis import strategies as st

from halfdoor.core.risk.document import Spread, Step, Threat

# SaferAI RM6, re-elicited (SPAR project): medians of the steps and what they come to.
RM6 = (
    Step(name="active scanning", p=0.85049, any_of="reconnaissance"),
    Step(name="gather victim information", p=0.7883869, any_of="reconnaissance"),
    Step(name="acquire infrastructure", p=0.920775, any_of="resources"),
    Step(name="build a botnet", p=0.6877688, any_of="resources"),
    Step(name="command and control", p=0.754985),
    Step(name="masquerading", p=0.76536),
    Step(name="non-standard port", p=0.49002),
    Step(name="direct flood", p=0.449915, any_of="impact"),
    Step(name="reflection", p=0.755165, any_of="impact"),
)


def threat(*steps, **more):
    """A threat `t` of domain `d` unless `more` says otherwise."""
    return Threat(**{"id": "t", "domain": "d", "step": tuple(steps), **more})


@st.composite
def probabilities(draw):
    """Spreads and constants, with the awkward ones: 0, 1, p95 = 1."""
    kind = draw(st.sampled_from(("constant", "edge", "mode", "median", "certain")))
    if kind == "constant":
        return draw(st.floats(0, 1))
    if kind == "edge":
        return draw(st.sampled_from((0.0, 1.0, 1e-12, 1 - 1e-12)))
    low, middle, high = sorted(draw(st.lists(st.integers(1, 98), min_size=3, max_size=3, unique=True)))
    if kind == "certain":
        return Spread(p5=low / 100, mode=middle / 100, p95=1.0)
    return Spread(p5=low / 100, p95=high / 100, **{"mode" if kind == "mode" else "p50": middle / 100})


@st.composite
def threats(draw):
    """Steps with and without uplift, which may be negative, alone and as alternatives."""
    steps = [
        Step(
            name=f"s{number}",
            p=draw(probabilities()),
            uplifted=draw(st.none() | probabilities()),
            any_of=draw(st.sampled_from(("", "", "g", "h"))),
        )
        for number in range(draw(st.integers(0, 5)))
    ]
    return threat(*steps)
