"""Editions: what is withheld is gone, what is shown is proved, and a stranger can check it."""

import hashlib
import json
from dataclasses import dataclass

import msgspec
import pytest
import rfc8785

from assessments import asked, heron, wren
from halfdoor.core.assess import assess
from halfdoor.core.canonical import canonical_json
from halfdoor.core.editions import WITHHELD, redact, root_of, salt_key
from halfdoor.core.model.words import usd
from halfdoor.core.question import inputs
from halfdoor.core.tolerance import agree, is_intact
from halfdoor.reports.files import decode_assessment, encode_assessment
from worlds import score

replace = msgspec.structs.replace


@dataclass
class Stranger:
    """A verifier that knows only the published description, no code of ours."""

    document: dict

    def root(self):
        verdict = {f"verdict.{name}": value for name, value in self.document["verdict"].items()}
        outside = {"verdict", "edition", "withheld", "salts", "outputs_digest"}
        sections = {n: v for n, v in self.document.items() if n not in outside} | verdict
        leaves = []
        for name in sorted(sections):
            if name in self.document["withheld"]:
                leaves.append(bytes.fromhex(self.document["withheld"][name].split(":")[1]))
            else:
                data = rfc8785.dumps([name, self.document["salts"][name], sections[name]])
                leaves.append(hashlib.sha256(b"\0" + data).digest())
        while len(leaves) > 1:  # level by level, an odd one rises as it is
            pairs = [leaves[i : i + 2] for i in range(0, len(leaves), 2)]
            leaves = [hashlib.sha256(b"\1" + b"".join(p)).digest() if len(p) == 2 else p[0] for p in pairs]
        return f"sha256:{leaves[0].hex()}"


@pytest.mark.parametrize("edition", WITHHELD)
@pytest.mark.parametrize("make", [heron, wren])
def test_every_edition_has_one_id_and_one_digest_that_a_stranger_computes(make, edition):
    shown = redact(make(), edition)
    document = json.loads(encode_assessment(shown))
    assert (document["id"], document["outputs_digest"]) == (make().id, make().outputs_digest)
    assert Stranger(document).root() == document["outputs_digest"]
    assert is_intact(decode_assessment(encode_assessment(shown), "x"))


def test_the_public_edition_holds_no_price_and_no_route():
    whole, public = heron(), redact(heron(), "public")
    text = encode_assessment(public).decode()
    assert whole.combinations
    assert whole.graph
    assert whole.verdict.binding
    for binding in whole.verdict.binding:
        assert binding.sentence not in text
        if binding.cost:
            assert f"for {usd(binding.cost.usd_p50)}" in binding.sentence
            assert usd(binding.cost.usd_p50) not in text
    assert "usd_p" not in text
    assert not any(step.judgement and step.judgement in text for step in rules(whole))
    assert len(public.verdict.public) == len(whole.verdict.binding)
    assert public.verdict.permitted == whole.verdict.permitted
    assert public.widest == whole.widest
    assert set(public.withheld) == set(WITHHELD["public"])


def rules(assessment):
    return [step for b in assessment.verdict.binding if b.derivation for step in b.derivation.rules]


def test_a_salt_is_shown_for_what_is_shown_alone():
    public = redact(heron(), "public")
    assert not set(public.salts) & set(public.withheld)
    assert len(set(heron().salts.values())) == len(heron().salts)


def test_withheld_sections_cannot_be_tried_out_from_what_is_published():
    """Without the salt the right value does not give its hash; published digests do not give the salt."""
    whole, public = heron(), redact(heron(), "public")
    value = msgspec.to_builtins(whole.combinations)
    target = public.withheld["combinations"].removeprefix("sha256:")
    keys = [b"", public.id.encode(), *(d.encode() for d in public.inputs.values())]
    keys += [bytes.fromhex(d.removeprefix("sha256:")) for d in (public.id, *public.inputs.values())]
    tried = [
        hashlib.sha256(b"\0" + canonical_json(["combinations", salt, value])).hexdigest()
        for key in keys
        for salt in ("", key.hex(), hashlib.sha256(key + b"combinations").hexdigest(), public.salts["id"])
    ]
    assert target not in tried
    right = hashlib.sha256(
        b"\0" + canonical_json(["combinations", whole.salts["combinations"], value])
    ).hexdigest()
    assert target == right


def test_the_salts_depend_on_every_input():
    question = asked("schema = 'halfdoor/dossier/1'\n[model]\nname='m'\nversion='1'\ndeveloper='d'\n")
    others = [
        replace(question, seed=2),
        replace(question, claims=(score(1),)),
        replace(question, dossier=replace(question.dossier, policy="another")),
        replace(question, configuration={}),
    ]
    keys = [salt_key(inputs(q) | {"seed": q.seed}) for q in (question, *others)]
    assert len(set(keys)) == len(keys)
    assert assess(question).salts == assess(question).salts
    assert assess(question).salts != assess(others[0]).salts


@pytest.mark.parametrize("edition", WITHHELD)
def test_any_change_to_what_is_shown_is_found(edition):
    shown = redact(heron(), edition)
    assert is_intact(shown)
    changed = [
        replace(shown, verdict=replace(shown.verdict, permitted=not shown.verdict.permitted)),
        replace(shown, free_items=[*shown.free_items, "datasets"]),
        replace(shown, seed=shown.seed + 1),
        replace(shown, id="sha256:" + "0" * 64),
        replace(shown, salts=shown.salts | {"id": "00"}),
        replace(shown, salts={}),
        replace(shown, withheld=shown.withheld | {"scope": "sha256:" + "0" * 64}),
        replace(shown, withheld=dict.fromkeys(shown.withheld, "sha256:" + "zz" * 32) or {"x": "y"}),
    ]
    assert not any(map(is_intact, changed))


def test_something_put_where_a_section_is_withheld_is_found():
    public = redact(heron(), "public")
    forged = replace(public, combinations=heron().combinations[:1])
    assert root_of(forged) == ""
    assert not is_intact(forged)


def test_two_editions_made_on_other_machines_agree():
    first, second = redact(heron(), "public"), redact(heron(), "public")
    hashes = dict.fromkeys(second.withheld, "sha256:" + "1" * 64)
    assert agree(first, replace(second, withheld=hashes, outputs_digest="sha256:" + "2" * 64))
    assert not agree(first, redact(heron(), "board"))
