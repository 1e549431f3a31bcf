from __future__ import annotations

import html
import re

import msgspec
import pytest

from annexed import bundled, heron_filled
from assessments import heron, llama, wren
from halfdoor.core.editions import WITHHELD, redact
from halfdoor.reports import words
from halfdoor.reports.annexes import annexes, withheld
from halfdoor.reports.answer import render
from halfdoor.reports.memo import render_memo

replace = msgspec.structs.replace


def page_text(page):
    bare = html.unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL))
    return " ".join(bare.replace("\u00a0", " ").split())


def names(assessment):
    return [annex.name for annex in annexes(assessment)]


def test_letters_close_up_over_what_is_not_there():
    whole = annexes(heron_filled())
    assert [annex.letter for annex in whole] == list("ABCDEFGHIJK")
    bare = replace(heron_filled(), plan=None, harm=None)
    assert [annex.letter for annex in annexes(bare)] == list("ABCDEFGHI")
    assert not {"plan", "harm"} & set(names(bare))
    assert annexes(wren()) == ()


def test_every_annex_stands_on_the_page_under_its_letter():
    page = render_memo(heron_filled())
    for annex in annexes(heron_filled()):
        assert f'<h2 id="{annex.anchor}">{annex.letter} {annex.title}</h2>' in page


def test_references_to_annexes_lead_to_those_there_are():
    for assessment in (heron_filled(), redact(heron_filled(), "public"), llama()):
        page = render_memo(assessment)
        letters = {annex.letter for annex in annexes(assessment)}
        named = set(re.findall(r"annex ([A-Z])\b", page))
        assert named
        assert named <= letters
        assert "None" not in page_text(page).split("Annexes")[0]


def test_a_section_without_content_says_nothing():
    bare = replace(
        heron(), plan=None, harm=None, graph=[], flips=[], next=[], drivers=[], worth=[], bundles=[]
    )
    text = page_text(render_memo(bare))
    for heading in ("Threats", "Permitted stages", "The derivation graph", "Conditions to watch", "J Harm"):
        assert heading not in text
    assert "What would change the answer" not in text.split("Annexes")[0]


def test_the_harm_annex_says_what_the_engine_found():
    text = page_text(render_memo(heron_filled()))
    for said in (
        "For information: the policy decides on who gets which ability",
        "an event of at least $1B is expected once in 2,300 years",
        "A syndicate takes services down",
        "$840,000 $28,000 – $17M mean $1.3M",
        "novice-release, in deaths do not rely on a mean here",
        "mean 0.032 ± 0.004",
        "allowed, catastrophic: once in 5,000 years",
        "once in 1,100 years 95 % sure",
        "A back door found late",
        "judgement: a fifth found and fixed sooner",
        "Elicitation gap correlated 0.9 across domains",
        "No reach is stated for a stalker among vetted groups: counted as certain.",
    ):
        assert said in text, said


def test_the_plan_annex_has_every_stage_what_it_asks_and_what_stays_done():
    text = page_text(render_memo(heron_filled()))
    for said in (
        "In two stages to the widest permitted",
        "weights to auditors and sampling to identified users. nothing: it may be taken today",
        "60 days at stage 1 without an incident in 3,000 uses.",
        "60 % training code",
        "Not permitted yet",
        "tamper resistance of at least 1,000 steps",
    ):
        assert said.lower() in text.lower(), said


def test_what_would_change_the_answer_is_a_table_of_conditions_with_drivers_and_worth():
    text = page_text(render_memo(heron_filled()))
    for said in (
        "Incidents in monitored uses 0 of 3,000 from 4 incidents narrows",
        "43 % ± 2 %",
        "Knowing everything would keep 21 % more.",
        "A syndicate takes services down Budget of OC3",  # the driver's outcome in the threat's words
        "overdue",
    ):
        assert said.lower() in text.lower(), said


def test_the_public_edition_says_what_it_withholds_and_shows_none_of_it():
    whole = heron_filled()
    public = redact(whole, "public")
    page = render_memo(public)
    text = page_text(page)
    assert "public edition" in text
    assert "The public edition. Withheld, each with its digest" in text
    for said in withheld(public):
        assert said in text
    for reason in whole.verdict.binding:
        assert reason.sentence not in text
    for sentence in public.verdict.public:
        assert sentence.rstrip(".") in text
    assert "Cheapest known way" not in text
    assert "The derivation graph" not in text.replace("the derivation graph", "")
    assert "No holding gives any actor" not in text
    assert "Nothing speaks against" not in text
    assert not re.search(r"90 %: \$", text)  # no price of any way


@pytest.mark.parametrize("section", WITHHELD["public"])
def test_withheld_sections_have_words(section):
    public = redact(heron_filled(), "public")
    assert section in public.withheld
    assert section not in withheld(public)


def test_the_board_edition_withholds_nothing_and_says_so_in_its_heading():
    text = page_text(render_memo(heron()))
    assert "Release memo, board edition" in text
    assert "Withheld" not in text
    regulator = page_text(render_memo(redact(heron(), "regulator")))
    assert "Release memo, regulator edition" in regulator


def test_thousands_of_borders_are_counted_and_the_best_are_listed():
    ladder = ["staff", "auditors", "vetted", "identified", "anyone"]
    items = list(heron().proposed)
    many = [{name: [ladder[n // 5**i % 5]] for i, name in enumerate(items[:6])} for n in range(5000)]
    page = render_memo(replace(heron(), widest=many, blocking=many))
    text = page_text(page)
    assert "The best 40 of 5000 widest permitted configurations" in text
    assert "40 of 5000 minimal blocking combinations" in text
    assert len(page) < 2 * len(render_memo(heron()))
    assert "All widest permitted configurations" in page_text(render_memo(heron()))


@pytest.mark.parametrize("kind", ["frequency", "ledger"])
def test_reasons_without_a_way_or_an_actor_are_told_all_the_same(kind):
    row = next(row for row in heron().verdict.binding if row.kind == "limit")
    bare = replace(
        row,
        kind=kind,
        row=f"{kind}-row",
        items={},
        actor="",
        ability="",
        probability=None,
        allowed=None,
        cost=None,
        derivation=None,
        sentence=f"What the {kind} row says",
    )
    verdict = replace(heron().verdict, binding=[bare], sentences=[bare.sentence])
    permitted = replace(heron(), proposed=heron().widest[0], verdict=verdict, expects=[])
    text = page_text(render_memo(permitted))
    assert f"What the {kind} row says. {kind}-row" in text
    assert f"What the {kind} row says." in render(permitted, 100)
    assert "Cheapest known way" not in text
    nothing = "Nothing goes too far, but what is withheld lacks an answer in the ledger."
    assert (nothing in text) == (kind == "ledger")


def test_bundles_are_told_beside_the_borders():
    text = page_text(render_memo(bundled(heron())))
    for bundle in bundled(heron()).bundles:
        assert words.some([words.item(name) for name in bundle.items], 20) in text
    assert "Every border treats alike" not in page_text(render_memo(replace(heron(), bundles=[])))
