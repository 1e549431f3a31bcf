"""The memo as Chromium shows and prints it. `make browser` installs one where there is none."""

from __future__ import annotations

import re

import pytest

from annexed import filled, heron_filled
from assessments import heron, llama, own_groups, stretched, wren
from halfdoor.core.editions import redact
from halfdoor.reports.graph_svg import render_graph
from halfdoor.reports.memo import render_memo


def stretched_out_of_scope():
    return stretched(in_scope=False)


def stretched_filled():
    return filled(stretched(), binding=True)


def public():
    return redact(heron_filled(), "public")


IN_SCOPE = (heron, llama, own_groups, stretched, heron_filled, stretched_filled, public)
ALL = (*IN_SCOPE, wren, stretched_out_of_scope)

# Text that stands in another text, or outside the box drawn around it.
COLLISIONS = """[...document.querySelectorAll("svg.graph")].flatMap(svg => {
  const texts = [...svg.querySelectorAll("text")].map(t => [t.textContent, t.getBoundingClientRect()]);
  const boxes = [...svg.querySelectorAll("rect")].map(r => r.getBoundingClientRect());
  const frame = svg.getBoundingClientRect();
  const meet = (a, b) => a.left < b.right - .5 && b.left < a.right - .5
    && a.top < b.bottom - .5 && b.top < a.bottom - .5;
  const inside = (a, b) => a.left >= b.left && a.right <= b.right
    && a.top >= b.top - 1 && a.bottom <= b.bottom + 1;
  return texts.flatMap(([name, at], i) => [
    ...texts.slice(i + 1).filter(([, other]) => meet(at, other)).map(([other]) => name + " on " + other),
    ...boxes.filter(box => meet(at, box) && !inside(at, box)).map(() => name + " over the edge of a box"),
    ...(inside(at, frame) ? [] : [name + " outside the drawing"]),
  ]);
})"""

# Every piece of text against what is behind it: WCAG 2.2, 4.5 to 1.
UNREADABLE = """(() => {
  const parse = c => { const m = c.match(/[\\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
  const linear = v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const light = c => { const [r, g, b] = c.map(linear); return .2126 * r + .7152 * g + .0722 * b; };
  const behind = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor);
    if (c[3] > 0) return c; } return [255, 255, 255, 1]; };
  const found = new Set(), walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || e.closest("svg, .unseen, style")) continue;
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
    const text = walk.currentNode.data.trim().slice(0, 40);
    if ((a + .05) / (b + .05) < 4.5) found.add(e.className + ": " + text);
  }
  return [...found];
})()"""


@pytest.fixture
def written(tmp_path):
    def write(assessment):
        path = tmp_path / "report.html"
        path.write_text(render_memo(assessment), encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("make", IN_SCOPE)
def test_the_memo_prints_on_one_page_and_the_annexes_begin_on_the_next(page, pages_of, written, make):
    page.open(written(make()))
    whole = pages_of(page.pdf())
    page.value("document.querySelector('.annexes').hidden = true")
    assert pages_of(page.pdf()) == 1
    page.value(
        "document.querySelector('.annexes').hidden = false; document.querySelector('.memo').hidden = true"
    )
    assert whole == 1 + pages_of(page.pdf())


@pytest.mark.parametrize("make", [wren, stretched_out_of_scope])
def test_out_of_scope_is_one_page(page, pages_of, written, make):
    page.open(written(make()))
    assert pages_of(page.pdf()) == 1


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("width", [320, 400, 768, 1240])
def test_nothing_has_to_be_scrolled_sideways(page, written, make, width):
    page.open(written(make()), width=width)
    assert page.value("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_is_asked_for_and_nothing_goes_wrong(page, written, make, dark):
    path = written(make())
    page.open(path, dark=dark)
    page.picture(whole=False)
    assert page.problems == []
    assert page.requests == [path.resolve().as_uri()]


@pytest.mark.parametrize("make", [heron, llama, wren, heron_filled])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_can_be_read(page, written, make, dark):
    page.open(written(make()), dark=dark)
    assert page.value(UNREADABLE) == []
    assert page.value("matchMedia('(prefers-color-scheme: dark)').matches") == dark


@pytest.mark.parametrize("make", [heron, llama, own_groups, heron_filled])
@pytest.mark.parametrize("font", ["", "DejaVu Sans", "Liberation Sans", "serif"])
def test_drawings_have_no_text_on_text(page, written, make, font):
    page.open(written(make()))
    page.value(f"document.body.style.fontFamily = {font!r}")
    assert page.value("document.querySelectorAll('svg.graph').length") > 0
    assert page.value(COLLISIONS) == []


def test_charts_have_no_text_on_text_or_outside(page, written):
    page.open(written(heron_filled()))
    assert page.value("document.querySelectorAll('svg.chart').length") == 2
    assert page.value(COLLISIONS.replace("svg.graph", "svg.chart").replace("boxes.filter", "[].filter")) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_graph_on_its_own_is_readable_in_both_schemes(page, tmp_path, dark):
    path = tmp_path / "graph.svg"
    path.write_text(render_graph(heron_filled().graph, "Who gets what"), encoding="utf-8")
    page.open(path, dark=dark)
    ink, paper = (
        page.value(f"getComputedStyle(document.querySelector({name!r})).fill")
        for name in (".title", ".paper")
    )
    assert ink != paper
    assert (sum(map(int, re.findall(r"\d+", paper)[:3])) < 3 * 128) == dark
    assert page.value(COLLISIONS.replace("svg.graph", "svg")) == []
    assert page.requests == [path.resolve().as_uri()]
    assert page.problems == []


def test_the_page_lets_no_script_run(page, written):
    path = written(wren())
    path.write_text(
        path.read_text().replace("</main>", "<script>document.title = 'broken in'</script></main>")
    )
    page.open(path)
    assert page.value("document.title").startswith("wren-100m")
    assert any("Content Security Policy" in problem for problem in page.problems)
