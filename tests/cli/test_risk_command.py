"""`halfdoor risk` as a person and a program meet it: figures, faults with their lines, exit codes."""

import json
import math
import re
import shlex
from pathlib import Path

import pytest
from scipy import stats

from halfdoor.cli.main import main

# SaferAI's cyber risk model RM4 (LLM_elicitation, MIT): the steps of OC3 ransomware without a model.
RM4 = """\
schema = "halfdoor/risk-model/1"
name = "rm4"
version = "1"
[[threat]]
id = "OC3-ransomware"
domain = "cyber"
damage = {p5 = 1.0, p50 = 10.0, p95 = 100.0}
actors = {OC3 = 1}
attempts = {OC3 = 1}
source = "SaferAI, LLM_elicitation (MIT)"
[[threat.step]]
name = "access"
p = {p5 = 0.25, mode = 0.6, p95 = 0.9}
[[threat.step]]
name = "execution"
p = {p5 = 0.2, mode = 0.5, p95 = 0.9}
[[threat.step]]
name = "escalation"
p = {p5 = 0.25, mode = 0.7, p95 = 0.9}
[[threat.step]]
name = "lateral movement"
p = {p5 = 0.5, mode = 0.65, p95 = 0.8}
[[threat.step]]
name = "impact"
p = {p5 = 0.6, mode = 0.8, p95 = 0.9}
uplifted = {p5 = 0.8, mode = 0.9, p95 = 0.95}
[[threat]]
id = "sure-thing"
domain = "cyber"
damage = {p5 = 1.0, p50 = 10.0, p95 = 100.0}
actors = {OC3 = 1}
attempts = {OC3 = 12}
judgement = "made up"
"""


@pytest.fixture
def document(tmp_path):
    path = tmp_path / "rm4.toml"
    path.write_text(RM4)
    return path


def simulated(capsys, *arguments):
    assert main(["risk", "simulate", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_json_has_what_the_format_promises(document, capsys):
    found = simulated(capsys, document)["threats"]
    assert list(found) == ["OC3-ransomware", "sure-thing"]
    for threat in found.values():
        for figures in (threat, threat["uplifted"]):
            assert {"mean", "p5", "p50", "p95", "steps"} <= set(figures["p_success"])
            assert {"mean", "mean_se", "p5", "p50", "p95", "unit"} <= set(figures["annual_harm"])
            assert all(len(point) == 2 for point in figures["event_frequency"])
            for step in figures["p_success"]["steps"].values():
                assert {"mean", "share"} <= set(step)


def test_published_bottlenecks_through_the_command(document, capsys):
    steps = simulated(capsys, document)["threats"]["OC3-ransomware"]["p_success"]["steps"]
    shares = {name: step["share"] for name, step in steps.items()}
    published = {
        "access": 0.231,
        "execution": 0.274,
        "escalation": 0.204,
        "lateral movement": 0.180,
        "impact": 0.110,
    }
    assert shares == {name: pytest.approx(share, abs=0.001) for name, share in published.items()}
    order = sorted(shares, key=lambda name: -shares[name])
    assert order == ["execution", "access", "escalation", "lateral movement", "impact"]


def test_a_closed_form_annual_loss_through_the_command(document, capsys):
    harm = simulated(capsys, document, "--threat", "sure-thing")["threats"]["sure-thing"]["annual_harm"]
    loss = stats.lognorm(math.log(10) / stats.norm.ppf(0.95), scale=120)
    assert harm["unit"] == "USD"
    assert harm["mean"] == pytest.approx(loss.mean(), rel=1e-4)
    assert [harm[k] for k in ("p5", "p50", "p95")] == pytest.approx(
        list(loss.ppf([0.05, 0.5, 0.95])), rel=2e-3
    )


def test_seed_and_draws_are_inputs(document, capsys):
    first = simulated(capsys, document, "--draws", 500, "--seed", 3)
    assert (first["seed"], first["draws"]) == (3, 500)
    assert simulated(capsys, document, "--draws", 500, "--seed", 3) == first
    other = simulated(capsys, document, "--draws", 500, "--seed", 4)
    ours, theirs = (f["threats"]["OC3-ransomware"]["p_success"] for f in (first, other))
    assert ours["p50"] != theirs["p50"]
    assert ours["mean"] == theirs["mean"]  # exact, whatever the seed


def test_long_work_says_so_and_keeps_standard_output_clean(document, capsys):
    assert (
        main(["risk", "simulate", str(document), "--draws", "100000", "--threat", "sure-thing", "--json"])
        == 0
    )
    said = capsys.readouterr()
    assert "Simulating" in said.err
    assert json.loads(said.out)["draws"] == 100_000


@pytest.mark.parametrize("columns", ["72", "80", "100"])
def test_a_person_reads_chance_harm_and_where_it_stops(document, capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    assert main(["risk", "simulate", str(document)]) == 0
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines()[:-1])) <= int(columns)  # the last line is a command to copy
    words = " ".join(said.split())
    assert re.search(r"chance of success 9\.1 % \(1\.\d %–2\d %\)", words)
    assert "Attempts stop most often at execution (27 % of what stops them), then access (23 %)." in words
    assert "with a fully capable one" in words
    assert "No number grows with capability" in words  # sure-thing
    assert "Of 9 numbers, 9 from a source, 0 by judgement." in words
    assert "Of 3 numbers, 0 from a source, 3 by judgement." in words
    assert f"halfdoor risk check {document}" in said


def test_all_shipped_threats_are_simulated(capsys):
    assert main(["risk", "simulate", "public-2026", "--draws", "200"]) == 0
    assert "OC3-ddos" in capsys.readouterr().out


def test_the_guide_can_be_followed(tmp_path, monkeypatch, capsys):
    page = (Path(__file__).parents[2] / "docs" / "guide" / "simulate.md").read_text(encoding="utf-8")
    block = dict(re.findall(r"^```(\w+)\n(.*?)^```", page, re.MULTILINE | re.DOTALL))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my-threats.toml").write_text(block["toml"], encoding="utf-8")
    commands = [shlex.split(line, comments=True) for line in block["bash"].splitlines()]
    assert len(commands) == 4
    for command in commands:
        assert main(command[1:]) == 0, command
    capsys.readouterr()
    figures = simulated(capsys, "my-threats.toml", "--draws", 100)["threats"]["flood"]
    for name in re.findall(r"^\| `(\w+)`", page, re.MULTILINE):
        assert name in figures or name in figures["p_success"], name


FAULTS = [
    ('name = "access"', 'nam = "access"', "rm4.toml:12, threat[0].step[0]", "unknown-key"),
    (
        "p = {p5 = 0.2, mode = 0.5",
        "p = {p5 = 0.7, mode = 0.5",
        "rm4.toml:16, threat[0].step[1].p",
        "bad-percentiles",
    ),
    ("p = {p5 = 0.5,", "p = {p5 = 1.5,", "rm4.toml:22, threat[0].step[3].p", "bad-probability"),
    ("actors = {OC3 = 1}", "actors = {OC2 = 1}", "rm4.toml:4, threat[0]", "half-stated"),
    ('id = "sure-thing"', 'id = "OC3-ransomware"', "rm4.toml:28, threat[1].id", "duplicate-id"),
    ("damage = {", "damage = [", "rm4.toml:7", "bad-toml"),
    ('domain = "cyber"\n', "", "rm4.toml:4, threat[0]", "missing-key"),
]


@pytest.mark.parametrize("what", ["simulate", "check"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault[3]} {fault[1]}")
def test_a_fault_is_told_with_its_line(document, capsys, what, fault):
    was, becomes, where, code = fault
    assert was in RM4
    document.write_text(RM4.replace(was, becomes, 1))
    assert main(["risk", what, str(document)]) == 2
    said = capsys.readouterr()
    told = said.err + said.out
    assert where in told
    assert f"[{code}]" in told


def test_an_unknown_threat_names_the_nearest(document, capsys):
    assert main(["risk", "simulate", str(document), "--threat", "OC3-ransom"]) == 2
    assert "did you mean 'OC3-ransomware'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["simulate", "public-2025"], "unknown-document"),
        (["simulate", "none.toml"], "not-found"),
        (["check", "none.toml"], "not-found"),
        (["simulate", "public-2026", "--draws", "0"], "bad-draws"),
    ],
)
def test_bad_usage_is_exit_2(arguments, code, capsys):
    assert main(["risk", *arguments]) == 2
    assert f"[{code}]" in capsys.readouterr().err


def test_a_model_without_threats_has_nothing_to_simulate(document, capsys):
    document.write_text(RM4.split("[[threat]]", maxsplit=1)[0])
    assert main(["risk", "simulate", str(document)]) == 2
    assert "[no-threats]" in capsys.readouterr().err


POLICY = """\
schema = "halfdoor/policy/1"
name = "audit-first"
version = "1"
issuer = "us"
kind = "policy"
[[requirement]]
item = "final-parameters"
group = "identified"
kind = "audit"
evidence = "audit-report"
attestor = "third-party"
clause = "an audit first"
"""
DOSSIER = """\
schema = "halfdoor/dossier/1"
policy = "./policy.toml"
risk_model = "./rm4.toml"
[model]
name = "m"
version = "1"
developer = "d"
[[item]]
id = "final-parameters"
group = "anyone"
"""


def test_threats_alone_put_no_model_out_of_scope(document, capsys):
    (document.parent / "policy.toml").write_text(POLICY)
    (document.parent / "halfdoor.toml").write_text(DOSSIER)
    command = ["assess", str(document.parent), "--draws", "100", "--json"]
    assert main(command) == 1
    assert json.loads(capsys.readouterr().out)["scope"]["in_scope"]
    document.write_text(RM4.split("[[threat]]", maxsplit=1)[0])
    assert main(command) == 2
    assert "[no-domains]" in capsys.readouterr().err


def test_check_tells_every_error_at_once(document, capsys):
    text = RM4.replace("p5 = 0.5,", "p5 = 1.5,").replace("attempts = {OC3 = 12}", "attempts = {OC3 = -1}")
    document.write_text(text.replace('judgement = "made up"\n', ""))
    assert main(["risk", "check", str(document), "--json"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert not found["sound"]
    errors = {(p["code"], p["where"].split(", ")[1]) for p in found["problems"] if not p["lint"]}
    assert errors == {("bad-probability", "threat[0].step[3].p"), ("bad-number", "threat[1].attempts.OC3")}
    assert ("unsourced", True) in {(p["code"], p["lint"]) for p in found["problems"]}
    assert all(re.match(rf"{re.escape(str(document))}:\d+, ", p["where"]) for p in found["problems"])
    assert main(["risk", "check", str(document)]) == 2
    assert "2 to correct, 2 worth a look." in capsys.readouterr().out


def test_check_passes_lints_and_counts_what_rests_on_judgement(document, capsys):
    assert main(["risk", "check", str(document), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["sound"]
    assert {p["code"] for p in found["problems"]} == {"no-steps"}
    assert found["basis"] == {"numbers": 12, "sourced": 9, "mixed": 0, "judged": 3, "unowned": 0}
    assert main(["risk", "check", str(document)]) == 0
    assert (
        "Of 12 numbers, 9 from a source, 3 by judgement. Without a source: 25 %." in capsys.readouterr().out
    )


def test_check_names_the_distribution_where_the_usual_one_misses(document, capsys):
    text = RM4.replace("p = {p5 = 0.25, mode = 0.6, p95 = 0.9}", "p = {p5 = 0.1, mode = 0.9, p95 = 1.0}")
    document.write_text(text.replace("p5 = 1.0, p50 = 10.0, p95 = 100.0", "p5 = 1, mode = 2, p95 = 1000"))
    assert main(["risk", "check", str(document), "--json"]) == 0
    fits = {note["where"]: note for note in json.loads(capsys.readouterr().out)["fits"]}
    damage, access = (
        fits[f"{document}:{line}"] for line in ("7, threat[0].damage", "13, threat[0].step[0].p")
    )
    assert (damage["kind"], damage["misses"]) == ("split-lognormal", False)
    assert (access["kind"], access["misses"]) == ("pert", True)
    assert main(["risk", "check", str(document)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "a split lognormal" in said
    assert re.search(r"step\[0\]\.p a scaled Beta \(PERT\), off by 0\.\d+", said)
