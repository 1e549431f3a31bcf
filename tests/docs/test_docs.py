"""The docs are true: commands parse and run, links lead somewhere, dossiers and schemas are current."""

from __future__ import annotations

import importlib
import json
import re
import shlex
import sys
import tomllib
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from safetensors.numpy import save_file

from assessments import heron
from halfdoor.cli import main as shell
from halfdoor.cli.parser import Parser
from halfdoor.core.editions import redact
from halfdoor.core.log.commitment import Opening
from halfdoor.core.model.dossier import Dossier
from halfdoor.readers.toml import parse_toml
from halfdoor.reports.files import encode_assessment

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LIBRARY = ROOT / "src" / "halfdoor" / "library"

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def _id(path):
    return path.relative_to(ROOT).as_posix()


def blocks(page, language):
    text = page.read_text(encoding="utf-8")
    return [body for kind, body in _BLOCK.findall(text) if kind == language]


def commands(page):
    """Every `halfdoor …` line of the page's shell blocks, as arguments."""
    lines = [line for block in blocks(page, "bash") for line in block.splitlines()]
    words = [shlex.split(line, comments=True) for line in lines]
    return [line[1:] for line in words if line and line[0].rsplit("/", 1)[-1] == "halfdoor"]


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_links_lead_somewhere(page):
    links = [link for link in _LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize(
    ("page", "arguments"),
    [pytest.param(page, c, id=f"{_id(page)}: {shlex.join(c)}") for page in PAGES for c in commands(page)],
)
def test_every_command_shown_exists_with_its_options(page, arguments):
    name = arguments[0]
    if name.startswith("-"):
        assert shell.main(arguments) == 0
        return
    command = importlib.import_module(shell.COMMANDS[name][0])
    parser = Parser(prog=name)
    command.configure(parser)
    parser.parse_args(arguments[1:])  # a usage error is SystemExit, and fails the test


def test_make_targets_named_in_the_docs_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {
        (page.name, target)
        for page in PAGES
        for target in re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert len(named) > 3
    assert {(page, target) for page, target in named if target not in targets} == set()


@pytest.fixture
def my_model(tmp_path, monkeypatch):
    """A folder `my-model` as the guide supposes, and a policy of one's own beside it."""
    folder = tmp_path / "my-model"
    folder.mkdir()
    save_file({"weight": np.zeros((4, 4), dtype=np.float32)}, folder / "model.safetensors")
    (folder / "config.json").write_text('{"model_type": "llama", "architectures": ["LlamaForCausalLM"]}')
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# My model\n\nA model of our own.\n")
    policy = (LIBRARY / "policies" / "seger-2023.toml").read_text(encoding="utf-8")
    (tmp_path / "our-policy.toml").write_text(policy.replace('name = "seger-2023"', 'name = "ours"'))
    monkeypatch.chdir(tmp_path)
    return folder


def test_the_guide_can_be_followed_from_first_to_last_command(my_model, capsys):
    followed = commands(ROOT / "docs" / "guide" / "decide.md")
    assert len(followed) > 5
    for arguments in followed:
        assert shell.main(arguments) in {0, 1}, (arguments, capsys.readouterr().err)
    assert Path("report/report.html").stat().st_size > 1000
    assert json.loads(Path("report/assessment.json").read_text(encoding="utf-8"))["id"].startswith("sha256:")


def test_the_guide_to_policies_can_be_followed(my_model, capsys):
    Path("our-policy.toml").unlink()
    followed = commands(ROOT / "docs" / "guide" / "policies.md")
    assert len(followed) > 4
    shell.main(["init", "my-model"])
    for arguments in followed:
        draws = ["--draws", "200"] if arguments[1] == "compare" else []
        assert shell.main([*arguments, *draws]) in {0, 1}, (arguments, capsys.readouterr().err)


def test_the_guide_to_experts_can_be_followed(my_model, capsys):
    """The experts' part, filling in, is done here as the questionnaire itself says."""
    page = ROOT / "docs" / "guide" / "elicit.md"
    questions, truths = (block for block in blocks(page, "toml") if "halfdoor/" in block)
    Path("questions.toml").write_text(questions, encoding="utf-8")
    Path("truths.toml").write_text(truths, encoding="utf-8")
    shell.main(["init", "my-model"])
    blank, filled = "# p5 =\n# p50 =\n# p95 =\n", "p5 = 0.1\np50 = 0.2\np95 = 0.4\n"
    followed = commands(page)
    assert len(followed) > 4
    for arguments in followed:
        assert shell.main(arguments) in {0, 1}, (arguments, capsys.readouterr().err)
        if arguments[:2] == ["elicit", "new"]:
            paper = Path(arguments[-1])
            paper.write_text(paper.read_text(encoding="utf-8").replace(blank, filled), encoding="utf-8")
    assert "pool" in Path("weighed.toml").read_text(encoding="utf-8")


def test_the_guide_to_the_log_can_be_followed(tmp_path, monkeypatch, capsys):
    """But for the witness, which serves until it is stopped, and a second store that is not lost."""
    monkeypatch.chdir(tmp_path)
    page = ROOT / "docs" / "guide" / "log.md"
    (event,) = blocks(page, "json")
    Path("event.json").write_text(event, encoding="utf-8")
    followed = [c for c in commands(page) if c[:2] not in (["log", "witness"], ["home", "adopt"])]
    assert len(followed) > 6
    for arguments in followed:
        assert shell.main(arguments) == 0, (arguments, capsys.readouterr().err)
    (key,) = {
        line.split('"')[1] for line in Path("home/home.toml").read_text("utf-8").splitlines() if "+" in line
    }
    Path("their-log.vkey").write_text(key, encoding="utf-8")
    erasure, checking = (
        commands(ROOT / "docs" / "guide" / f"{name}.md") for name in ("erasure", "verify-a-log")
    )
    for arguments in [*erasure, *(c for c in checking if c[1] in {"prove", "verify"})]:
        local = ["home/log" if "://" in word or word == "copy-of-the-log" else word for word in arguments]
        if "--since" in local or "--witnesses" in local:
            continue
        assert shell.main(local) == 0, (local, capsys.readouterr().err)


def test_the_guides_check_of_a_commitment_accepts_and_refuses(capsys, monkeypatch):
    (program,) = blocks(ROOT / "docs" / "guide" / "verify-a-log.md", "python")
    opening = Opening("reason", "00" * 32, "a court asked")
    for value, verdict in (("a court asked", "True"), ("nobody asked", "False")):
        monkeypatch.setattr(sys, "argv", ["check", "reason", "00" * 32, value, opening.commitment()])
        exec(compile(program, "verify-a-log.md", "exec"), {})
        assert capsys.readouterr().out.strip() == verdict


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(block, id=f"{_id(page)} {number}")
        for page in PAGES
        for number, block in enumerate(blocks(page, "toml"))
        if "halfdoor/dossier/1" in block
    ],
)
def test_dossiers_shown_are_dossiers(block):
    parse_toml(block.encode(), Dossier, "the page")


@pytest.fixture(scope="module")
def reference():
    """tools/write_reference.py as a module."""
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        return importlib.import_module("write_reference")
    finally:
        sys.path.pop(0)


def test_the_reference_is_what_make_docs_would_write(reference, tmp_path):
    written = reference.write(tmp_path)
    assert written
    for path in written:
        if path.name == "commands.md" and sys.version_info >= (3, 13):
            continue  # argparse words its help differently from 3.13 on; the page is written with 3.11
        committed = ROOT / "docs" / "reference" / path.name
        assert committed.read_text(encoding="utf-8") == path.read_text(encoding="utf-8"), "run `make docs`"


@pytest.mark.parametrize(
    ("kind", "folder"),
    [
        ("policy", "policies"),
        ("risk-model", "risk_models"),
        ("references", "references"),
        ("dossier", "cases/*"),
    ],
)
def test_shipped_documents_fit_the_published_schemas(reference, kind, folder):
    """jsonschema is the second opinion: the schema says what the reader accepts."""
    schema = reference.schema_of(kind)
    jsonschema.Draft202012Validator.check_schema(schema)
    shipped = sorted(LIBRARY.glob(f"{folder}/*.toml"))
    assert shipped
    for path in shipped:
        with path.open("rb") as stream:
            raw = json.loads(json.dumps(tomllib.load(stream), default=str))
        jsonschema.validate(raw, schema, cls=jsonschema.Draft202012Validator)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**raw, "nonsense": 1}, schema, cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize("edition", ["board", "public"])
def test_the_verifier_in_the_guide_verifies_and_refuses(edition, tmp_path, capsys, monkeypatch):
    (program,) = blocks(ROOT / "docs" / "guide" / "editions.md", "python")
    file = tmp_path / "assessment.json"
    for text, verdict in (
        (encode_assessment(redact(heron(), edition)), "True"),
        (encode_assessment(redact(heron(), edition)).replace(b"heron-12b", b"heron-99b"), "False"),
    ):
        file.write_bytes(text)
        monkeypatch.setattr(sys, "argv", ["verify", str(file)])
        exec(compile(program, "editions.md", "exec"), {})
        assert capsys.readouterr().out.strip() == verdict
