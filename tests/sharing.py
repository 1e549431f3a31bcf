"""A model's folder, and people who share it with commands on one machine."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from halfdoor.bootstrap.log import open_home
from halfdoor.bootstrap.working import working
from halfdoor.services.people import first_admin

FACTS = 'root = "."\ntraining_compute_flop = 1e20\ntraining_compute_source = "a receipt"\n'


@pytest.fixture
def model(tmp_path, run):
    """A small folder with a dossier; out of scope, since training it took little."""
    folder = tmp_path / "model"
    folder.mkdir()
    save_file({"weight": np.zeros((4, 4), dtype=np.float32)}, folder / "model.safetensors")
    (folder / "config.json").write_text('{"model_type": "llama", "architectures": ["LlamaForCausalLM"]}')
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# My model\n\nOne of our own.\n")
    assert run("init", folder)[0] == 0
    dossier = folder / "halfdoor.toml"
    text = dossier.read_text(encoding="utf-8").replace('root = "."\n', FACTS)
    text = text.replace('"My model"', '"my-model"').replace('"unknown"', '"lab"')
    dossier.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def cast(run, home, tmp_path, monkeypatch):
    """An administrator, a publisher, three who decide, two reviewers; by their addresses."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("HALFDOOR_TOKEN", raising=False)
    with working(open_home(home)) as commits:
        secret = first_admin(commits).secret
    here = ("--home", home)
    joined = run("people", "join", secret, "--name", "Ada", "--email", "ada@example.org", *here)
    assert joined[0] == 0, joined
    ada = (*here, "--as", "ada@example.org")
    for name in ("Lab", "Outside"):
        assert run("people", "organisation", "add", name, *ada)[0] == 0
    for name, organisation, *roles in (
        ("pat", "Lab", "publisher", "approver"),
        ("ann", "Lab", "approver"),
        ("ben", "Lab", "approver"),
        ("oda", "Outside", "independent-reviewer"),
        ("rex", "Lab", "reviewer"),
        ("roy", "Lab", "reviewer"),
    ):
        given = [word for role in roles for word in ("--role", role)]
        about = ("--name", name, *given, "--organisation", organisation)
        code, said, error = run("people", "invite", f"{name}@example.org", *about, *ada)
        assert code == 0, error
        (link,) = [line.strip() for line in said.splitlines() if "/join/" in line]
        assert run("people", "join", link, *here)[0] == 0

    def as_(name):
        return ("--home", home, "--as", f"{name}@example.org")

    return as_
