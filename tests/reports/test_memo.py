from __future__ import annotations

import itertools
import re
from html.parser import HTMLParser

import msgspec
import pytest

from annexed import filled, heron_filled
from assessments import heron, llama, own_groups, stretched, wren
from halfdoor.core.assessment import Assessment
from halfdoor.core.editions import redact
from halfdoor.reports import room, summary
from halfdoor.reports.memo import binding_ways, render_memo


def public():
    return redact(heron_filled(), "public")


def stretched_filled():
    return filled(stretched(), binding=True)


ALL = (heron, llama, wren, own_groups, stretched, heron_filled, public, stretched_filled)
VOID = {"meta", "br", "col", "link", "img", "hr", "input"}
HOSTILE = "\"'><script>alert(1)</script><img src=//evil.example/x onerror=alert(2)>{{7*7}}</title></style>"


class Outline(HTMLParser):
    """Elements, their attributes and ids, and whether every element is closed in its turn."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        assert not self._open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def tags(self):
        return {tag for tag, _ in self.elements}

    def named(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


@pytest.mark.parametrize("make", ALL)
def test_the_page_is_well_formed_and_asks_for_nothing(make):
    outline = Outline(render_memo(make()))
    assert outline.tags().isdisjoint(
        {"script", "link", "img", "iframe", "form", "object", "base", "image", "use"}
    )
    for _, attributes in outline.elements:
        assert not any(name.startswith("on") for name in attributes)
        assert not {"src", "srcset", "background", "action"} & set(attributes)
        assert (attributes.get("href") or "#").startswith("#")
    assert "url(" not in render_memo(make())
    assert "@import" not in render_memo(make())


@pytest.mark.parametrize("make", ALL)
def test_a_screen_reader_finds_its_way(make):
    outline = Outline(render_memo(make()))
    ids = [attributes["id"] for _, attributes in outline.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in outline.elements:
        for reference in (attributes.get("aria-labelledby") or "").split():
            assert reference in ids
        if (attributes.get("href") or "").startswith("#"):
            assert attributes["href"][1:] in ids
    assert outline.named("html")[0]["lang"] == "en"
    assert len(outline.named("main")) == 1
    for svg in outline.named("svg"):
        assert svg["role"] == "img"
        assert svg.get("aria-label") or svg.get("aria-labelledby")
    headings = [int(tag[1]) for tag, _ in outline.elements if re.fullmatch(r"h\d", tag)]
    assert headings[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(headings))


def hostile(value, key=""):
    """Every text that is not a number, a date, an id that things hang together by, or one of a fixed list."""
    kept = {
        "kind",
        "outcome",
        "schema",
        "domain",
        "direction",
        "as_of",
        "review_by",
        "unit",
        "tier",
        "ability",
        "edition",
        "comparator",
        "earliest",
    }
    if isinstance(value, dict):
        return {k: hostile(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [hostile(v, key) for v in value]
    if isinstance(value, str) and key not in kept and not re.fullmatch(r"(< )?-?[\d.]+(e[+-]?\d+)?|", value):
        return HOSTILE + value
    return value


@pytest.mark.parametrize("make", [heron, llama, wren, heron_filled, public])
def test_a_hostile_dossier_cannot_write_html(make):
    nasty = msgspec.convert(hostile(msgspec.to_builtins(make())), Assessment)
    page = render_memo(nasty)
    outline = Outline(page)
    assert "script" not in outline.tags()
    assert "img" not in outline.tags()
    assert not any(name.startswith("on") for _, attributes in outline.elements for name in attributes)
    assert "<script" not in page
    assert "{{7*7}}" in page  # shown as it is, not computed
    assert "default-src 'none'" in page


def test_what_the_memo_must_say_of_a_model_in_scope():
    page = " ".join(" ".join(Outline(render_memo(heron())).text).split())
    for said in (
        "Not permitted",
        "under seger-2023 0.1, as proposed",
        "Permitted: weights and base weights to",
        "Release board",
        "Cheapest known way",
        "What withholding costs",
        "funded research access for 40 groups",
        "access panel",
        "What would change the answer",
        "board edition",
        "What this does not show.",
        "no certificate",
        "numbers behind the binding reasons rest on judgement",
        "The combination table",
        "All widest permitted configurations",
        "All minimal blocking combinations",
        "tamper-test",
        "cyber-high-amateur",
        heron().id,
        heron().outputs_digest,
    ):
        assert said in page, said


@pytest.mark.parametrize("make", [heron, llama, own_groups])
def test_the_annexes_have_everything(make):
    assessment = make()
    text = "".join(Outline(render_memo(assessment)).text)
    for row in assessment.verdict.binding:
        assert row.sentence in text
    for limit in assessment.limits:
        assert limit.id in text
    for requirement in assessment.requirements:
        assert requirement.asked in text
    for row in assessment.ledger:
        assert row.replacement in text
    for flip in assessment.flips:
        assert flip.sentence.rstrip(".") in text
    for claim in assessment.evidence:
        assert claim.claim in text
    for digest in assessment.inputs.values():
        assert digest in text


def test_out_of_scope_is_one_page_without_annexes():
    page = render_memo(wren())
    assert "Why it is not in scope" in page
    assert "Annexes" not in page
    assert "inability.networking-and-code" in page
    assert "Review by" in page


def test_failing_with_nothing_shared_is_called_security_and_the_board_is_no_permission():
    page = render_memo(llama())
    assert "Security, not withholding" in page
    assert "as things stand it permits none" in page
    assert "permitted, security set aside" in page
    assert "Security, not withholding" not in render_memo(heron())


def test_the_ways_drawn_are_those_of_the_reasons_given():
    ways = binding_ways(llama())
    given = [row for _, row in summary.reasons(llama()) if row and row.derivation]
    assert [row.ability for row in ways] == [row.ability for row in given][:2]
    security = [row for row in llama().verdict.binding if row.kind == "security"]
    verdict = msgspec.structs.replace(llama().verdict, binding=security)
    assert len(binding_ways(msgspec.structs.replace(llama(), verdict=verdict))) == 1


def test_the_same_assessment_gives_the_same_page():
    assert render_memo(heron()) == render_memo(msgspec.convert(msgspec.to_builtins(heron()), Assessment))


def test_a_full_page_is_given_less_room():
    assert room.room_for(heron()) is room.ROOMY
    assert room.room_for(stretched()) is room.TIGHT
