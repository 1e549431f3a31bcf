from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from halfdoor.core.annex import GraphRule
from halfdoor.core.errors import InputError
from halfdoor.reports.graph_svg import render_graph, write_graph

NAME = "{http://www.w3.org/2000/svg}"


def rule(gives, *needs, free=(), usd=10.0):
    return GraphRule(gives, list(needs), list(free), usd / 2, usd, usd * 3, 1.0, 2, "a source", "")


RULES = [
    rule("run-unfiltered", "final-parameters", "architecture", free=["architecture"]),
    rule("fine-tune", "run-unfiltered", "metadata", usd=60.0),
    rule("strip-safeguards", "fine-tune", usd=120.0),
    rule("run-unfiltered", "strip-safeguards", usd=7.0),  # a circle
]


def drawn(rules=RULES, title="Who gets what"):
    return ET.fromstring(render_graph(rules, title))  # our own text


def test_it_is_one_svg_that_asks_for_nothing():
    text = render_graph(RULES, "Who gets what")
    root = ET.fromstring(text)
    assert root.tag == f"{NAME}svg"
    assert not re.search(r"<(script|image|use|foreignObject|a)\b|url\(|@import|href", text)
    assert "prefers-color-scheme: dark" in text
    assert render_graph(RULES, "Who gets what") == text


def test_readers_who_do_not_see_it_are_told_every_rule():
    root = drawn()
    ids = {e.get("id"): e for e in root.iter() if e.get("id")}
    assert [ids[name].tag for name in root.get("aria-labelledby").split()] == [f"{NAME}title", f"{NAME}desc"]
    for number, need in enumerate(("weights and architecture", "run unfiltered", "fine tune", "strip"), 1):
        assert f"{number}: {need}" in ids["text"].text


def test_a_table_stands_under_it_inside_the_picture():
    root = drawn()
    cells = [tspan.text for tspan in root.iter(f"{NAME}tspan")]
    assert "weights + architecture" in cells
    assert "$60 ($30–$180)" in cells
    lowest = max(
        float(e.get("y")) for e in root.iter() if e.tag in {f"{NAME}tspan", f"{NAME}text"} and e.get("y")
    )
    assert lowest < float(root.get("height"))


def test_free_parts_and_circles_are_marked_and_explained():
    text = render_graph(RULES, "")
    assert len(re.findall(r'class="node item free"', text)) == 1
    assert len(re.findall(r'class="edge back"', text)) == 1
    assert "a circle" in text
    assert "anybody has it already" in text
    plain = render_graph(RULES[1:3], "")
    assert "a circle" not in plain
    assert "anybody has it already" not in plain


def test_hostile_names_stay_text():
    nasty = "</text><script>alert(1)</script>"
    assert not any(e.tag.endswith("script") for e in drawn([rule(nasty, "final-parameters")], nasty).iter())


def test_it_is_written_whole_or_not_at_all(tmp_path):
    write_graph(tmp_path / "g.svg", RULES, "Who")
    assert (tmp_path / "g.svg").read_text(encoding="utf-8") == render_graph(RULES, "Who")
    with pytest.raises(InputError) as error:
        write_graph(tmp_path / "none.svg", [], "Who")
    assert error.value.code == "nothing-to-draw"
    with pytest.raises(InputError) as error:
        write_graph(tmp_path / "no" / "such" / "g.svg", RULES, "Who")
    assert error.value.code == "cannot-write"
    assert [path.name for path in tmp_path.iterdir()] == ["g.svg"]
