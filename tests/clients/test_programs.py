"""The `hf` command, transformers, and the verifier of signatures, as people type them."""

import hashlib
import re
import shlex
from pathlib import Path

import pytest

from gated import REPOSITORY, heron

WEIGHTS = "model.safetensors"


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("hub", ["hub1", "hub2"])
def test_hf_downloads_what_a_grant_opens(opened, client_of, tmp_path, hub):
    _, _, secret = opened.grant()
    client = client_of(hub, opened.url)
    place = tmp_path / "got"
    done = client.program("hf", "download", REPOSITORY, "--local-dir", place, token=secret)
    assert done.returncode == 0, done.stderr
    for name in ("README.md", "config.json", WEIGHTS):
        assert digest(place / name) == digest(opened.folder / name)
    assert (place / "model.sig").exists()


@pytest.mark.parametrize("hub", ["hub1", "hub2"])
def test_what_a_refusal_tells_one_to_type_gets_ones_part(opened, client_of, tmp_path, hub):
    client = client_of(hub, opened.url)
    refused = client.program("hf", "download", REPOSITORY, "--local-dir", tmp_path / "none")
    assert refused.returncode != 0
    told = " ".join((refused.stdout + refused.stderr).split())
    assert f"`halfdoor apply {REPOSITORY} --group vetted --server {opened.url}`" in told
    command = re.search(r"`(hf download [^`]*)`", told)
    assert command, told
    place = tmp_path / "part"
    typed = shlex.split(command[1])
    done = client.program(*typed, "--local-dir", place)
    assert done.returncode == 0, done.stderr
    found = sorted(one.name for one in place.iterdir() if one.is_file())
    assert found == ["README.md", "config.json", "model.sig"]


def test_hf_knows_who_one_is(opened, client_of):
    actor, _, secret = opened.grant()
    client = client_of("hub2", opened.url)
    done = client.program("hf", "auth", "whoami", token=secret)
    assert done.returncode == 0, done.stderr
    assert actor.person in done.stdout
    logged_in = client.program("hf", "auth", "login", "--token", secret)
    assert logged_in.returncode == 0, logged_in.stderr + logged_in.stdout
    later = client.program("hf", "download", REPOSITORY, WEIGHTS)
    assert later.returncode == 0, later.stderr


@pytest.mark.slow
def test_transformers_loads_a_gated_model_and_an_open_configuration(gate, client_of, tmp_path):
    folder = heron(tmp_path / "heron", size=8)
    maker = client_of("hub1", gate.url)
    made = maker.do("make_model", folder=str(folder))
    assert {"config.json", WEIGHTS} <= set(made["files"]), made
    (folder / "generation_config.json").unlink(missing_ok=True)
    gate.open(folder)
    _, grant, secret = gate.grant()
    client = client_of("hub1", gate.url)
    assert client.do("transformers_config", repo=REPOSITORY)["type"] == "llama"
    refused = client.do("transformers_model", repo=REPOSITORY)
    assert refused["error"]
    # What it raises says that there is no such file; our words reach people as a warning.
    assert f"`halfdoor apply {REPOSITORY} --group vetted --server {gate.url}`" in refused["stderr"]
    loaded = client_of("hub1", gate.url).do("transformers_model", secret, repo=REPOSITORY)
    assert loaded.get("shape") == [1, 3, 64], loaded
    gate.revoke(grant)
    again = client_of("hub1", gate.url).do("transformers_model", secret, repo=REPOSITORY)
    assert again["error"]
    assert "opens nothing" in again["stderr"]


def verify(client, folder, key, *options):
    signature = ("--signature", folder / "model.sig", "--public_key", key)
    return client.program("model_signing", "verify", "key", folder, *signature, *options)


@pytest.mark.parametrize("place", ["cache", "folder"])
@pytest.mark.parametrize("whole", [True, False])
def test_the_signature_holds_for_exactly_what_one_got(opened, client_of, tmp_path, whole, place):
    """In the client's cache files are links to its blobs; the verifier wants to be told so."""
    _, _, secret = opened.grant()
    home = opened.parts.home
    key = home.place(home.settings.model_key.public)
    client = client_of("hub2", opened.url)
    wanted = {} if whole else {"allow_patterns": ["README.md", "config.json", "model.sig"]}
    wanted |= {"local_dir": str(tmp_path / "got")} if place == "folder" else {}
    options = ("--allow_symlinks",) if place == "cache" else ()
    got = client.do("snapshot", secret if whole else None, repo=REPOSITORY, **wanted)
    assert (WEIGHTS in got["files"]) is whole
    folder = Path(got["folder"])
    done = verify(client, folder, key, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    victim = folder / "config.json"
    data = victim.read_bytes()
    victim.unlink()
    victim.write_bytes(data.replace(b"llama", b"lama2"))
    assert verify(client, folder, key, *options).returncode != 0
