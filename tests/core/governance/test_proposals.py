"""Proposals: whether a question is about the version, and comes back as it was kept."""

import msgspec
import pytest
from hypothesis import given
from tests.assessments import HERON, WREN, asked
from tests.worlds import example, questions, score

from halfdoor.core.canonical import canonical_json
from halfdoor.core.governance import proposals
from halfdoor.core.question import Question, input_digests

# ── Which version ──

MANIFEST = proposals.Manifest(
    "m", "1", (proposals.Listed("final-parameters", "sha256:w"), proposals.Listed("model-card", "sha256:c"))
)
WEIGHTS = {"final-parameters": "sha256:w", "model-card": "sha256:c"}


def about(**fields):
    return proposals.differences(example(**({"weights": WEIGHTS} | fields)), MANIFEST)


def test_a_question_about_the_version_does_not_differ():
    assert about() == []
    assert about(claims=(score(2, weights="sha256:w"),)) == []


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"weights": {}}, "final-parameters, model-card"),
        ({"weights": WEIGHTS | {"model-card": "sha256:x"}}, "model-card"),
        ({"weights": WEIGHTS | {"datasets": "sha256:x"}}, "datasets"),
        ({"claims": (score(2, weights="sha256:x"),)}, "bound"),
        ({"claims": (score(2, weights=None),)}, "bound"),
        ({"claims": (score(2, binding="published"),)}, "published"),
        ({"claims": (score(2, binding="other-weights", weights="sha256:w"),)}, "other-weights"),
    ],
)
def test_other_files_and_evidence_that_is_not_bound_to_them_are_told(fields, told):
    assert told in "; ".join(about(**fields))


def test_another_model_and_other_items_are_told():
    other = proposals.Manifest("n", "1", MANIFEST.items[:1])
    told = "; ".join(proposals.differences(example(weights=WEIGHTS), other))
    assert "m 1" in told
    assert "items differ: model-card" in told


# ── The question as it is kept ──


def read_back(question):
    return msgspec.json.decode(canonical_json(question), type=Question)


@pytest.mark.parametrize("dossier", [HERON, WREN])
def test_a_question_over_the_shipped_documents_comes_back_with_the_same_id(dossier):
    question = asked(dossier)
    again = read_back(question)
    assert again == question
    assert canonical_json(again) == canonical_json(question)
    assert input_digests(again) == input_digests(question)


@given(questions(draws=50))
def test_any_question_comes_back_as_it_was(question):
    again = read_back(question)
    assert canonical_json(again) == canonical_json(question)
    assert input_digests(again) == input_digests(question)


def test_numbers_that_json_writes_in_several_ways_come_back():
    question = example(compute=3e20, claims=(score(2, value=1e25, low=0.1 + 0.2, parse_rates=(("a", 1.0),)),))
    again = read_back(question)
    assert canonical_json(again) == canonical_json(question)
    assert again.dossier.model.training_compute_flop == 3e20
