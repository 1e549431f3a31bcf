"""`halfdoor assess` and `halfdoor diff` as a person meets them: answers, exit codes, errors."""

import json
import re

import pytest

from halfdoor.cli.main import main

DOSSIER = """\
schema = "halfdoor/dossier/1"
[model]
name = "m"
version = "1"
developer = "d"
root = "."
security = "SL4"
[[item]]
id = "final-parameters"
paths = ["*.bin"]
licence = "Apache-2.0"
group = "anyone"  # weights
[[item]]
id = "model-card"
paths = ["README.md"]
group = "anyone"
[[item]]
id = "evaluation-results"
paths = ["results.json"]
group = "anyone"
"""
ASK = ["--as-of", "2026-06-01", "--draws", "500"]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "halfdoor.toml").write_text(DOSSIER)
    (tmp_path / "model.bin").write_bytes(b"weights")
    (tmp_path / "README.md").write_text("# a card\n")
    (tmp_path / "results.json").write_text("{}")
    return tmp_path


def edit(folder, old, new):
    file = folder / "halfdoor.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def run(capsys, *args):
    code = main([str(a) for a in args])
    out, err = capsys.readouterr()
    return code, out, err


def test_a_model_that_nobody_measured_is_not_permitted_and_says_why(folder, capsys):
    code, out, _ = run(capsys, "assess", folder, *ASK)
    assert code == 1
    assert "NOT PERMITTED under seger-2023" in out.replace("\n", " ")
    assert "not measured" in out
    assert "Traceback" not in out


def test_a_small_model_is_out_of_scope_and_permitted(folder, capsys):
    edit(folder, 'developer = "d"', 'developer = "d"\ntraining_compute_flop = 1.6e21')
    code, out, _ = run(capsys, "assess", folder, *ASK)
    assert code == 0
    assert "1.6e21 FLOP" in out


def test_json_is_one_object_and_messages_go_elsewhere(folder, capsys):
    code, out, _ = run(capsys, "assess", folder, *ASK, "--json")
    document = json.loads(out)
    assert code == 1
    assert document["schema"] == "halfdoor/assessment/1"
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", document["id"])
    assert document["subject"]["weights"]["final-parameters"].startswith("sha256:")
    assert set(document) >= {
        "schema", "id", "engine", "seed", "draws", "as_of", "complete", "inputs", "scope", "tiers", "verdict",
        "proposed", "widest", "blocking", "combinations", "requirements", "not_measured", "security",
        "free_items", "ledger", "flips", "next", "plan", "harm", "benefits", "outputs_digest",
    }  # fmt: skip


def test_the_widest_configuration_is_permitted_when_asked_about(own, capsys):
    _, out, _ = run(capsys, "assess", own, *ASK, "--json")
    widest = json.loads(out)["widest"][0]
    asked = ",".join(f"{item}={'+'.join(groups)}" for item, groups in widest.items())
    assert run(capsys, "assess", own, *ASK, "--configuration", asked)[0] == 0


def test_out_writes_both_files_and_check_agrees_until_something_changes(folder, capsys, tmp_path_factory):
    report = tmp_path_factory.mktemp("out") / "report"
    assert run(capsys, "assess", folder, *ASK, "--out", report)[0] == 1
    assert sorted(p.name for p in report.iterdir()) == ["assessment.json", "report.html"]
    file = report / "assessment.json"
    code, out, _ = run(capsys, "assess", folder, "--check", file)
    assert code == 0, out

    (folder / "model.bin").write_bytes(b"other weights")
    code, out, _ = run(capsys, "assess", folder, "--check", file)
    assert code == 1
    assert "the files are others" in out
    (folder / "model.bin").write_bytes(b"weights")

    document = json.loads(file.read_text())
    document["verdict"]["permitted"] = True
    file.write_text(json.dumps(document))
    code, out, _ = run(capsys, "assess", folder, "--check", file)
    assert code == 1
    assert "changed after it was made" in out


def test_check_knows_an_overriding_configuration(folder, capsys, tmp_path_factory):
    report = tmp_path_factory.mktemp("out") / "report"
    run(capsys, "assess", folder, *ASK, "--configuration", "final-parameters=staff+vetted", "--out", report)
    assert run(capsys, "assess", folder, "--check", report / "assessment.json")[0] == 0


def test_diff_says_which_input_differs(folder, capsys, tmp_path_factory):
    one, two = (tmp_path_factory.mktemp("out") / name for name in ("one", "two"))
    run(capsys, "assess", folder, *ASK, "--out", one)
    edit(folder, 'developer = "d"', 'developer = "d"\ntraining_compute_flop = 1.6e21')
    run(capsys, "assess", folder, *ASK, "--out", two)
    assert run(capsys, "diff", one / "assessment.json", one / "assessment.json")[0] == 0
    code, out, _ = run(capsys, "diff", one / "assessment.json", two / "assessment.json")
    assert code == 1
    assert "dossier" in out


BAD = [  # what is changed, into what, the code of the error, what it says
    ('group = "anyone"  # weights', 'gruop = "anyone"', "unknown-key", "did you mean 'group'?"),
    ('"final-parameters"', '"final-parametres"', "unknown-component", "did you mean 'final-parameters'?"),
    ('group = "anyone"  # weights', 'group = "anybody"', "unknown-group", "did you mean"),
    ('version = "1"', "version = 1", "bad-value", "halfdoor.toml:4"),
    ('paths = ["*.bin"]', 'paths = ["*.gguf"]', "no-match", "*.gguf"),
    ('paths = ["*.bin"]', 'paths = ["../*.bin"]', "path-escapes", ""),
    ('paths = ["*.bin"]', 'paths = ["/etc/passwd"]', "path-escapes", ""),
    ('developer = "d"', 'developer = "d"\ntraining_compute_flop = nan', "", "training_compute_flop"),
    ('developer = "d"', 'developer = "d"\ntraining_compute_flop = -1.0', "", "training_compute_flop"),
    ("[model]", 'policy = "seger-2032"\n[model]', "unknown-document", "seger-2023"),
    ("[model]", 'risk_model = "gone.toml"\n[model]', "not-found", "gone.toml"),
    ('root = "."', 'root = "nowhere"', "", "nowhere"),
    ("[model]", "[model", "bad-toml", "halfdoor.toml:2"),
]  # fmt: skip


@pytest.mark.parametrize("case", BAD, ids=[case[1] for case in BAD])
def test_bad_dossiers_say_what_where_and_what_to_do(folder, capsys, tmp_path_factory, case):
    old, new, code, says = case
    edit(folder, old, new)
    report = tmp_path_factory.mktemp("out") / "report"
    exit_code, out, err = run(capsys, "assess", folder, *ASK, "--out", report)
    assert exit_code == 2
    assert out == ""
    assert code in err
    assert says in err
    assert "Traceback" not in err
    assert not report.exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--configuration", "final-parameters"], "item=group"),
        (["--configuration", "weights=anyone"], "weights"),
        (["--configuration", "final-parameters=anybody"], "did you mean"),
        (["--configuration", "final-parameters=vetted,final-parameters=staff"], "stands twice"),
        (["--draws", "0"], "--draws"),
        (["--draws", "99999999999"], "--draws"),
        (["--as-of", "yesterday"], "--as-of"),
        (["--policy", "nope.toml"], "nope.toml"),
        (["--check", "missing.json"], "missing.json"),
    ],
)
def test_bad_arguments_end_with_2(folder, capsys, arguments, says):
    code, out, err = run(capsys, "assess", folder, *arguments)
    assert code == 2
    assert out == ""
    assert says in err


def test_a_symlink_loop_and_a_link_out_of_the_root_are_refused(folder, capsys, tmp_path_factory):
    (folder / "loop.bin").symlink_to("loop.bin")
    code, _, err = run(capsys, "assess", folder, *ASK)
    assert code == 2
    assert "loop.bin" in err
    (folder / "loop.bin").unlink()
    outside = tmp_path_factory.mktemp("outside") / "secret.bin"
    outside.write_bytes(b"s")
    (folder / "link.bin").symlink_to(outside)
    code, _, err = run(capsys, "assess", folder, *ASK)
    assert code == 2
    assert "link.bin" in err


RISK = """\
schema = "halfdoor/risk-model/1"
name = "mine"
version = "1"
[[actor]]
id = "a"
domain = "d"
budget = 1000
days = 10
skill = 1
[[rule]]
gives = "strip"
needs = ["final-parameters"]
cost = {p5 = 10, mode = 20, p95 = 40}
[[domain]]
id = "d"
claims = ["d.score"]
map = [[0.0, 0.0], [1.0, 1.0]]
[[reach]]
actor = "a"
group = "vetted"
p = 0.01
"""
POLICY = """\
schema = "halfdoor/policy/1"
name = "ours"
version = "1"
[[tier]]
domain = "d"
name = "high"
capability = "0.6"
[[limit]]
domain = "d"
tier = "high"
actor = "a"
ability = "strip"
access_probability = "0.02"
confidence = "0.95"
"""


@pytest.fixture
def own(folder):
    (folder / "risk.toml").write_text(RISK)
    (folder / "policy.toml").write_text(POLICY)
    edit(
        folder,
        'schema = "halfdoor/dossier/1"',
        'schema = "halfdoor/dossier/1"\npolicy = "policy.toml"\nrisk_model = "risk.toml"',
    )
    return folder


def test_documents_of_ones_own_beside_the_dossier(own, capsys):
    code, out, _ = run(capsys, "assess", own, *ASK, "--json")
    assert code == 1
    assert json.loads(out)["widest"] == [
        {"evaluation-results": ["anyone"], "final-parameters": ["vetted"], "model-card": ["anyone"]}
    ]


@pytest.mark.parametrize(
    "case",
    [
        ("risk.toml", "p = 0.01", "p = 1.01", "reach"),
        ("risk.toml", "p5 = 10, mode = 20, p95 = 40", "p5 = 50, mode = 20, p95 = 40", "rule"),
        ("risk.toml", "p5 = 10", "p5 = nan", "rule"),
        ("risk.toml", 'needs = ["final-parameters"]', 'needs = ["run-unfilterd"]', "run-unfilterd"),
        ("risk.toml", "[[0.0, 0.0], [1.0, 1.0]]", "[[0.0, 1.0], [1.0, 0.0]]", "map"),
        ("policy.toml", POLICY[POLICY.index("[[limit]]") :], "", "no"),
        ("policy.toml", 'ability = "strip"', 'ability = "stirp"', "strip"),
        ("policy.toml", 'actor = "a"', 'actor = "b"', "'b'"),
        ("policy.toml", 'access_probability = "0.02"', 'access_probability = "1.5"', "access_probability"),
        ("policy.toml", 'version = "1"', 'version = "1"\nquantile = "0.99"', "quantile"),
    ],
)  # fmt: skip
def test_bad_documents_name_the_row(own, capsys, case):
    file, old, new, says = case
    text = (own / file).read_text()
    assert old in text
    (own / file).write_text(text.replace(old, new))
    code, out, err = run(capsys, "assess", own, *ASK)
    assert code == 2, err
    assert out == ""
    assert file.removesuffix(".toml") in err
    assert says in err


def test_an_edition_is_checked_with_and_without_the_folder(folder, tmp_path_factory, capsys):
    out = tmp_path_factory.mktemp("public")
    code, _, _ = run(capsys, "assess", folder, *ASK, "--edition", "public", "--out", out)
    assert code == 1
    file = out / "assessment.json"
    code, text, _ = run(capsys, "assess", "--check", file)
    assert code == 0
    assert "is whole" in text
    assert "withheld: combinations" in text
    code, text, _ = run(capsys, "assess", folder, "--check", file)
    assert code == 0
    assert "agrees" in text
    file.write_text(file.read_text().replace('"permitted": false', '"permitted": true'))
    for where in ([], [folder]):
        code, text, _ = run(capsys, "assess", *where, "--check", file)
        assert code == 1
        assert "changed after it was made" in text


def test_without_a_folder_there_is_nothing_to_assess(capsys):
    code, _, err = run(capsys, "assess")
    assert code == 2
    assert "name the folder" in err
