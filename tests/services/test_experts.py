"""Questionnaires out, answers in: sound, owned, comments kept, nothing half-written."""

import datetime as dt
import hashlib
import re
import tomllib

import msgspec
import pytest

from halfdoor.core.errors import InputError
from halfdoor.core.risk.document import RiskModel, Spread
from halfdoor.core.risk.experts.addresses import numbers
from halfdoor.readers.library import load_risk_model, problems_in, shipped
from halfdoor.readers.toml import parse_toml
from halfdoor.services.experts import ask, merge

MODEL = """\
# A model of our own.
schema = "halfdoor/risk-model/1"   # the first line that counts
name = "ours"
version = "1"

# Doors.
reach = [
  {actor = "a", group = "vetted", p = {p5 = 0.1, mode = 0.2, p95 = 0.4}, judgement = "ours"}, # a door
  {actor = "a", group = "nobody", p = 0.01, source = "s"},
]

[[domain]]
id = "d"
judgement = "made up"

[[actor]]
id = "a"
domain = "d"
words = "somebody"
budget = {p5 = 1, mode = 2, p95 = 3} # USD of 2026
days = 5   # a week's work
skill = 1
judgement = "made up"

[[rule]]
gives = "run"
needs = ["final-parameters"]
days = 1
judgement = "made up"
  # The price stands in a table of its own.
  [rule.cost]
  p5 = 10
  mode = 20
  p95 = 90

[[threat]]
id = "t"
domain = "d"
words = "somebody does something"
needs = "run"
damage = 10
actors = {a = 1}
attempts = {a = 2}
source = "a paper"
[[threat.step]]
name = "S1 - get in"
p = 0.5   # half the time
[[threat.step]]
name = "S2 - get out"
p = {p5 = 0.1, p50 = 0.2, p95 = 0.3}
# The end.
"""
SEEDS = [f"seed-{n}" for n in range(10)]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ours.toml").write_text(MODEL)
    return tmp_path


def paper(folder, name, answers, calibration=None, **more):
    """A questionnaire filled in; answers: address -> (p5, p50, p95) or (p5, p50, p95, rationale)."""
    head = {"schema": "halfdoor/questionnaire/1", "risk_model": "ours", "expert": name, **more}
    lines = [f"{key} = {value if isinstance(value, dt.date) else repr(value)}" for key, value in head.items()]
    for id_, (p5, p50, p95) in (calibration or {}).items():
        lines.append(f"[[calibration]]\nid = '{id_}'\nwords = 'w'\np5 = {p5}\np50 = {p50}\np95 = {p95}")
    for address, (p5, p50, p95, *why) in answers.items():
        lines.append(f"[[question]]\nnumber = '{address}'\np5 = {p5}\np50 = {p50}\np95 = {p95}")
        lines += [f"rationale = '{why[0]}'"] if why else []
    path = folder / f"{name}.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


def read(path):
    return parse_toml(path.read_bytes(), RiskModel, str(path))


def comments(text):
    return re.findall(r"#.*", text)


def test_a_blank_questionnaire_changes_nothing_and_a_filled_one_is_read(folder):
    written = ask("ours.toml", folder / "q.toml", patterns=["*"], expert="Ada")
    assert written.questions == sum(n.now is not None for n in numbers(load_risk_model("ours.toml")).values())
    with pytest.raises(InputError) as raised:
        merge("ours.toml", [folder / "q.toml"], folder / "new.toml")
    assert raised.value.code == "no-answers"
    assert not (folder / "new.toml").exists()
    text = (folder / "q.toml").read_text()
    blank = "# p5 =\n# p50 =\n# p95 =\n"
    assert text.count(blank) == written.questions
    (folder / "q.toml").write_text(text.replace(blank, "p5 = 0.1\np50 = 0.2\np95 = 0.4\n"))
    merged = merge("ours.toml", [folder / "q.toml"], folder / "new.toml")
    assert len(merged.numbers) == written.questions
    assert merged.notes == []


def test_the_models_own_value_is_shown_only_on_request(folder):
    ask("ours.toml", folder / "plain.toml", patterns=["actor.a.budget"])
    ask("ours.toml", folder / "shown.toml", patterns=["actor.a.budget"], show_current=True)
    question = tomllib.loads((folder / "plain.toml").read_text())["question"][0]
    assert "now" not in question
    assert not re.search(r"\b[123]\b", question["words"])
    assert tomllib.loads((folder / "shown.toml").read_text())["question"][0]["now"] == "p5 1, mode 2, p95 3"


def test_merging_keeps_every_comment_and_moves_nothing_else(folder):
    answers = {
        "reach.a.vetted.p": (0.2, 0.3, 0.5, "seen elsewhere"),
        "actor.a.days": (1, 2, 4),
        "rule[run<-final-parameters].cost": (5, 50, 500),
        "threat.t.step.S1.p": (0.2, 0.4, 0.6),
        "threat.t.step.S2.uplifted": (0.3, 0.5, 0.7),
        "threat.t.attempts.a": (1, 10, 20),
        "threat.t.actors_uplifted.a": (2, 3, 9),
    }
    files = [paper(folder, "Ada", answers, answered=dt.date(2026, 2, 3)), paper(folder, "B-07", answers)]
    merged = merge("ours.toml", files, folder / "new.toml")
    old, new = MODEL, (folder / "new.toml").read_text()
    kept = comments(new)
    for comment in comments(old):
        kept.remove(comment)  # each once: ValueError where one is lost
    assert len(kept) == 4  # who is in it
    before, after = numbers(read(folder / "ours.toml")), numbers(read(folder / "new.toml"))
    for address, number in after.items():
        if address in answers:
            assert [part.expert for part in number.now.pool] == ["Ada", "B-07"]
            assert [part.p50 for part in number.now.pool] == [answers[address][1]] * 2
        else:
            assert number.now == before[address].now
    door = after["reach.a.vetted.p"]
    digest = merged_digest(files[0])
    assert f"Ada (2026-02-03, questionnaire {digest}): “seen elsewhere”" in door.judgement
    assert door.judgement.endswith("before: ours")
    assert after["threat.t.damage"].source == "a paper"
    assert read(folder / "new.toml").version == "1+experts"
    assert problems_in("risk_models", "new.toml") == problems_in("risk_models", "ours.toml")
    assert {n.number for n in merged.numbers} == set(answers)


def merged_digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def test_a_source_stands_as_long_as_a_number_of_it_does(folder):
    one = {"threat.t.step.S1.p": (0.2, 0.4, 0.6)}
    rest = {"threat.t.damage": (1, 2, 3), "threat.t.actors.a": (1, 2, 3), "threat.t.attempts.a": (1, 2, 3)}
    merge("ours.toml", [paper(folder, "Ada", one)], folder / "some.toml")
    assert read(folder / "some.toml").threat[0].source == "a paper"
    every = one | rest | {"threat.t.step.S2.p": (0.1, 0.2, 0.3)}
    merge("ours.toml", [paper(folder, "Bo", every)], folder / "all.toml")
    threat = read(folder / "all.toml").threat[0]
    assert threat.source == ""
    assert threat.judgement.endswith("before: a paper")


def test_pools_can_be_merged_again(folder):
    first = paper(folder, "Ada", {"reach.a.vetted.p": (0.2, 0.3, 0.5)})
    merge("ours.toml", [first], folder / "one.toml")
    second = paper(folder, "Bo", {"reach.a.vetted.p": (0.1, 0.2, 0.3)})
    merge("one.toml", [first, second], folder / "two.toml")
    pool = numbers(read(folder / "two.toml"))["reach.a.vetted.p"].now.pool
    assert [part.expert for part in pool] == ["Ada", "Bo"]
    assert read(folder / "two.toml").version == "1+experts"


def test_shipped_models_take_answers_too(tmp_path):
    ask("public-2026", tmp_path / "q.toml", patterns=["reach.OC1.*", "*.step.*.p", "rule*.cost"], expert="A")
    text = (tmp_path / "q.toml").read_text()
    text = text.replace("# p5 =\n# p50 =\n# p95 =\n", "p5 = 0.1\np50 = 0.2\np95 = 0.4\n")
    (tmp_path / "q.toml").write_text(text)
    merged = merge("public-2026", [tmp_path / "q.toml"], tmp_path / "new.toml")
    assert len(merged.numbers) > 30
    assert merged.problems == []
    old = shipped("risk_models", "public-2026").decode()
    assert set(comments(old)) - set(comments((tmp_path / "new.toml").read_text())) == set()
    before, after = load_risk_model("public-2026"), load_risk_model(str(tmp_path / "new.toml"))
    touched = {"reach", "threat", "rule", "version"}
    for name in RiskModel.__struct_fields__:
        if name not in touched:
            assert getattr(before, name) == getattr(after, name)


def test_disagreement_is_shown(folder):
    files = [
        paper(folder, "low", {"reach.a.vetted.p": (0.01, 0.02, 0.03), "actor.a.days": (1, 2, 3)}),
        paper(folder, "high", {"reach.a.vetted.p": (0.5, 0.6, 0.7), "actor.a.days": (2, 3, 4)}),
        paper(folder, "third", {"reach.a.vetted.p": (0.02, 0.3, 0.55)}),
    ]
    found = {n.number: n for n in merge("ours.toml", files, folder / "new.toml").numbers}
    door = found["reach.a.vetted.p"]
    assert door.apart == [("low", "high")]
    assert [o.p50 for o in door.opinions] == [0.02, 0.6, 0.3]
    assert door.pooled[0] < 0.03
    assert door.pooled[2] > 0.55
    assert door.before[1] == pytest.approx(0.22, abs=0.03)
    assert found["actor.a.days"].apart == []
    assert [o.expert for o in found["actor.a.days"].opinions] == ["low", "high"]
    assert found["actor.a.days"].opinions[0].weight == 0.5


def calibrated(folder, right=(0.0, 100.0)):
    """Two experts: one whose range holds every truth, one who is sure and wrong."""
    (folder / "truths.toml").write_text(
        'schema = "halfdoor/truths/1"\n'
        + "".join(f'[[truth]]\nid = "{s}"\nvalue = {10 * (n + 0.5)}\n' for n, s in enumerate(SEEDS))
    )
    good = dict.fromkeys(SEEDS, (5, 50, 95))
    bad = dict.fromkeys(SEEDS, (200, 201, 202))
    return [
        paper(folder, "good", {"reach.a.vetted.p": (0.1, 0.2, 0.3)}, good),
        paper(folder, "bad", {"reach.a.vetted.p": (0.5, 0.6, 0.7), "actor.a.days": (1, 2, 3)}, bad),
    ]


def test_cookes_weights_go_into_the_pool(folder):
    files = calibrated(folder)
    merged = merge("ours.toml", files, folder / "new.toml", weights="cooke", truths=folder / "truths.toml")
    weights = {score.expert: score.weight for score in merged.scores}
    assert weights["good"] > 0.99
    found = numbers(read(folder / "new.toml"))
    assert [p.weight for p in found["reach.a.vetted.p"].now.pool] == pytest.approx(
        list(weights.values()), abs=1e-5
    )
    assert "Cooke" in found["reach.a.vetted.p"].judgement


def test_with_equal_weights_truths_are_shown_and_weigh_nothing(folder):
    files = calibrated(folder)
    merged = merge("ours.toml", files, folder / "new.toml", truths=folder / "truths.toml")
    assert [score.expert for score in merged.scores] == ["good", "bad"]
    pool = numbers(read(folder / "new.toml"))["reach.a.vetted.p"].now.pool
    assert [part.weight for part in pool] == [None, None]
    weighed, alike = merged.panels
    assert (weighed.weights, alike.weights) == ("cooke", "equal")
    assert weighed.calibration == pytest.approx(merged.scores[0].calibration, abs=0.01)
    assert weighed.calibration > alike.calibration


def test_where_nobody_with_weight_answered_the_models_own_number_stays(folder):
    files = calibrated(folder)
    merged = merge(
        "ours.toml", files, folder / "new.toml", weights="cooke", truths=folder / "truths.toml", cutoff=0.05
    )
    days = next(n for n in merged.numbers if n.number == "actor.a.days")
    assert days.pooled is None
    assert days.note
    assert numbers(read(folder / "new.toml"))["actor.a.days"].now == 5


def test_weighing_needs_truths_and_every_answer(folder):
    files = calibrated(folder)
    lazy = paper(folder, "lazy", {"actor.a.days": (1, 2, 3)})
    for answers, truths, code in (
        (files, None, "no-truths"),
        ([*files, lazy], folder / "truths.toml", "not-calibrated"),
        (files, folder / "none.toml", "not-found"),
    ):
        with pytest.raises(InputError) as raised:
            merge("ours.toml", answers, folder / "new.toml", weights="cooke", truths=truths)
        assert raised.value.code == code
    with pytest.raises(InputError) as raised:
        merge(
            "ours.toml", files, folder / "new.toml", weights="cooke", truths=folder / "truths.toml", cutoff=1
        )
    assert raised.value.code == "no-weight"
    assert not (folder / "new.toml").exists()


@pytest.mark.parametrize(
    ("answers", "code", "said"),
    [
        ({"reach.a.vetted.p": (0.5, 0.3, 0.9)}, "bad-percentiles", "do not rise"),
        ({"reach.a.vetted.p": (0.5, 0.6, 1.9)}, "bad-probability", "1.9"),
        ({"actor.a.days": (-1, 1, 2)}, "bad-number", "-1"),
        ({"actor.a.days": (0, 1, 2)}, "bad-percentiles", "above zero"),
        ({"actor.a.days": ("nan", 1, 2)}, "bad-number", "nan"),
        ({"actor.a.day": (1, 1, 2)}, "unknown-number", "actor.a.day"),
    ],
)
def test_a_bad_answer_names_file_and_line(folder, answers, code, said):
    good = {"threat.t.damage": (1, 2, 3)}
    path = paper(folder, "Ada", {**good, **answers})
    with pytest.raises(InputError) as raised:
        merge("ours.toml", [path], folder / "new.toml")
    assert raised.value.code == code
    assert said in raised.value.message
    lines = path.read_text().splitlines()
    line = int(re.search(r"Ada\.toml:(\d+)", raised.value.where)[1])
    second = max(n for n, text in enumerate(lines, 1) if text == "[[question]]")
    assert second <= line <= len(lines)
    assert not (folder / "new.toml").exists()


def test_all_bad_answers_are_named_at_once(folder):
    path = paper(folder, "Ada", {"reach.a.vetted.p": (2, 3, 4), "actor.a.days": (3, 2, 1)})
    path.write_text(path.read_text() + "[[question]]\nnumber = 'threat.t.damage'\np5 = 1\n")
    with pytest.raises(InputError) as raised:
        merge("ours.toml", [path], folder / "new.toml")
    assert raised.value.remedy.count("also ") == 2
    assert "p50 and p95 are missing" in raised.value.remedy


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda text: text.replace('"ours"', '"theirs"').replace("'ours'", "'theirs'"), "other-model"),
        (lambda text: text.replace("'Ada'", "' '"), "no-expert"),
        (lambda text: text.replace("'Ada'", "'bo '"), "same-expert"),
        (lambda text: text + "[[question]]\nnumber = 'actor.a.days'\n", "duplicate-id"),
        (lambda text: text.replace("p50", "p51"), "unknown-key"),
        (lambda text: text.replace("p50 =", "p50 ="[:-1]), "bad-toml"),
    ],
)
def test_answers_of_the_wrong_kind_are_refused(folder, change, code):
    path = paper(folder, "Ada", {"actor.a.days": (1, 2, 3)})
    path.write_text(change(path.read_text()))
    other = paper(folder, "Bo", {"actor.a.days": (1, 2, 3)})
    with pytest.raises(InputError) as raised:
        merge("ours.toml", [other, path], folder / "new.toml")
    assert raised.value.code == code
    assert "Ada.toml" in raised.value.where
    assert not (folder / "new.toml").exists()


def test_answers_on_an_older_model_are_noted(folder):
    ask("ours.toml", folder / "q.toml", patterns=["actor.a.days"], expert="Ada")
    text = (folder / "q.toml").read_text()
    (folder / "q.toml").write_text(text.replace("# p5 =\n# p50 =\n# p95 =\n", "p5=1\np50=2\np95=3\n"))
    (folder / "ours.toml").write_text(MODEL.replace("days = 1\n", "days = 2\n"))
    assert "has changed since" in merge("ours.toml", [folder / "q.toml"], folder / "new.toml").notes[0]


def test_nothing_is_written_over(folder):
    path = paper(folder, "Ada", {"actor.a.days": (1, 2, 3)})
    for out in ("ours.toml", "Ada.toml"):
        with pytest.raises(InputError) as raised:
            merge("ours.toml", [path], folder / out)
        assert raised.value.code == "exists"
        with pytest.raises(InputError) as raised:
            ask("ours.toml", folder / out, patterns=["*"])
        assert raised.value.code == "exists"
    assert (folder / "ours.toml").read_text() == MODEL


def test_calibration_questions_carry_no_answers(folder):
    (folder / "cal.toml").write_text(
        'schema = "halfdoor/calibration/1"\n[[calibration]]\nid = "moon"\nwords = "How far?"\nscale = "log"\n'
    )
    written = ask("ours.toml", folder / "q.toml", patterns=["*"], calibration=folder / "cal.toml")
    assert written.calibration == 1
    row = tomllib.loads((folder / "q.toml").read_text())["calibration"][0]
    assert row == {"id": "moon", "words": "How far?", "scale": "log"}
    (folder / "cal.toml").write_text((folder / "cal.toml").read_text() + "p5 = 1\n")
    with pytest.raises(InputError) as raised:
        ask("ours.toml", folder / "r.toml", calibration=folder / "cal.toml")
    assert raised.value.code == "answered"


def test_hostile_words_stay_inside_their_strings(folder):
    nasty = "a \"b\" \\\\ ]] # \\u0007 ''' [[reach]]"
    path = folder / "Ada.toml"
    path.write_text(
        "schema = 'halfdoor/questionnaire/1'\nrisk_model = 'ours'\n"
        f'expert = "{nasty.replace(chr(34), chr(92) + chr(34))}"\n'
        "[[question]]\nnumber = 'actor.a.days'\np5 = 1\np50 = 2\np95 = 3\n"
        'rationale = """line\none " # \\\\\n[[rule]]\n"""\n'
    )
    merged = merge("ours.toml", [path], folder / "new.toml")
    model = read(folder / "new.toml")
    assert len(model.rule) == len(model.actor) == 1
    expert = merged.numbers[0].opinions[0].expert
    assert numbers(model)["actor.a.days"].now == Spread(pool=(Spread(p5=1, p50=2, p95=3, expert=expert),))
    assert msgspec.structs.replace(model, actor=()) == msgspec.structs.replace(
        read(folder / "ours.toml"), actor=(), version="1+experts"
    )
