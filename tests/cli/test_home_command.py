"""`halfdoor home`: made for one's own eyes, kept in order, keys changed without a gap."""

import json
import shutil
import sqlite3
import stat
import sys
import tomllib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from commands import ORDER, append, home, run
from halfdoor.core.log.keys import Kind, VerifierKey, parse_verifier_key

__all__ = ["append", "home", "run"]  # fixtures


def settings(home):
    return tomllib.loads((home / "home.toml").read_text(encoding="utf-8"))


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_secret_is_for_its_owner_alone_and_the_log_can_be_served(home):
    assert mode(home / "keys") == 0o700
    secret = [*(home / "keys").glob("*-????????.pem"), home / "halfdoor.db", home / "home.toml"]
    assert len(secret) == 5
    assert {mode(path) for path in secret} == {0o600}
    assert mode(home) == 0o711, "a web server passes through to log/"
    assert mode(home / "log" / "checkpoint") == 0o644
    assert mode(home.parent / "home-latest.db") == 0o600


def test_a_new_log_tells_first_which_keys_sign_it(home, run):
    code, out, _ = run("log", "show", home, "--json")
    (first,) = json.loads(out)["entries"]
    key = parse_verifier_key(settings(home)["note_key"][0]["public"])
    assert code == 0
    assert first["entry"]["event"] == "log:origin:open"
    assert first["entry"]["note_key"] == key.key_id.hex()


@pytest.mark.parametrize(
    ("origin", "code"),
    [("https://example.org/log", "bad-origin"), ("a b", "bad-origin"), ("a+b", "bad-origin")],
)
def test_what_cannot_name_a_log_is_refused_and_nothing_is_left_behind(origin, code, tmp_path, run):
    found, _, err = run("home", "init", tmp_path / "home", "--origin", origin)
    assert (found, code in err) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_empty_and_a_second_store_that_is_there_are_refused(tmp_path, run):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "x").touch()
    assert run("home", "init", tmp_path / "home", "--origin", "example.org/log")[0] == 2
    (tmp_path / "other-latest.db").touch()
    code, _, err = run("home", "init", tmp_path / "other", "--origin", "example.org/log")
    assert (code, "second store" in err) == (2, True)
    assert not (tmp_path / "other").exists()


def test_one_origin_is_one_log_for_ever(home, run, tmp_path):
    latest = settings(home)["latest"]
    code, _, err = run("home", "init", tmp_path / "again", "--origin", "example.org/log", "--latest", latest)
    assert (code, "origin-taken" in err) == (2, True)


def test_a_folder_without_a_home_says_how_to_make_one(run, tmp_path):
    code, _, err = run("home", "check", "--home", tmp_path)
    assert (code, "halfdoor home init" in err) == (2, True)


def test_settings_are_strict(home, run):
    file = home / "home.toml"
    file.write_text(file.read_text("utf-8").replace("public =", "pubic =", 1), encoding="utf-8")
    code, _, err = run("home", "check", "--home", home)
    assert (code, "did you mean 'public'" in err) == (2, True)


def test_keys_take_over_without_a_gap(home, run, append):
    vkeys = [home / settings(home)["note_key"][0]["file"].replace(".pem", ".vkey")]

    def verified_by(key):
        return run("log", "verify", home / "log", "--key", key)[0] == 0

    assert append()[0] == 0
    code, out, _ = run("home", "rotate-key", "--home", home)
    assert code == 0
    new = home / settings(home)["note_key"][0]["file"].replace(".pem", ".vkey")
    assert new not in vkeys
    assert new.read_text("utf-8").strip() in out
    assert verified_by(vkeys[0])
    assert verified_by(new)
    assert run("home", "rotate-key", "--home", home)[0] == 2, "one change at a time"
    assert append()[0] == 0
    assert run("home", "retire-key", "--home", home)[0] == 0
    assert append()[0] == 0
    assert verified_by(new)
    assert not verified_by(vkeys[0])
    assert run("home", "retire-key", "--home", home)[0] == 2
    events = [one["entry"]["event"] for one in json.loads(run("log", "show", home, "--json")[1])["entries"]]
    assert [event for event in events if event.startswith("log:key")] == ["log:key:add", "log:key:retire"]
    assert run("home", "check", "--home", home)[0] == 0


def test_encrypted_keys_ask_for_their_passphrase(tmp_path, run, monkeypatch):
    monkeypatch.setenv("HALFDOOR_KEY_PASSPHRASE", "correct horse")
    home = tmp_path / "home"
    assert run("home", "init", home, "--origin", "example.org/log")[0] == 0
    assert all(b"ENCRYPTED" in path.read_bytes() for path in (home / "keys").glob("*-????????.pem"))
    event = tmp_path / "event.json"
    event.write_text(json.dumps(ORDER), encoding="utf-8")
    assert run("log", "append", "--home", home, event)[0] == 0
    for secret, code in ((None, "needs-passphrase"), ("wrong", "bad-key")):
        monkeypatch.delenv("HALFDOOR_KEY_PASSPHRASE")
        if secret:
            monkeypatch.setenv("HALFDOOR_KEY_PASSPHRASE", secret)
        found, _, err = run("log", "append", "--home", home, event)
        assert (found, code in err) == (2, True)
        monkeypatch.setenv("HALFDOOR_KEY_PASSPHRASE", "correct horse")


def test_keys_that_others_may_read_are_refused(home, append):
    key = next((home / "keys").glob("note-????????.pem"))
    key.chmod(0o640)
    code, _, err = append()
    assert (code, "key-exposed" in err) == (2, True)
    key.chmod(0o600)
    (home / "keys").chmod(0o750)
    assert append()[0] == 2


SERVICE = """
import pathlib, sys
from cryptography.hazmat.primitives.serialization import load_pem_private_key
key = load_pem_private_key(pathlib.Path(sys.argv[1]).read_bytes(), None)
sys.stdout.buffer.write(key.sign(sys.stdin.buffer.read()))
"""


def test_a_key_service_signs_through_its_command(home, tmp_path, run, append):
    """A program of its own holds the key; the home has only its public half."""
    private = Ed25519PrivateKey.generate()
    pem = tmp_path / "hsm.pem"
    pem.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "sign.py").write_text(SERVICE, encoding="utf-8")
    theirs = VerifierKey("example.org/log", Kind.ED25519, private.public_key().public_bytes_raw())
    command = json.dumps([sys.executable, str(tmp_path / "sign.py"), str(pem)])
    file = home / "home.toml"
    head, old = file.read_text("utf-8").split("[[note_key]]", 1)
    ours = f'[[note_key]]\npublic = "{theirs}"\ncommand = {command}\n\n'
    file.write_text(head + ours + "[[note_key]]" + old, encoding="utf-8")
    assert append()[0] == 0
    (tmp_path / "theirs.vkey").write_text(str(theirs), encoding="utf-8")
    assert run("log", "verify", home / "log", "--key", tmp_path / "theirs.vkey")[0] == 0
    other = Ed25519PrivateKey.generate()
    pem.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    code, _, err = append()
    assert (code, "does not fit the public key" in err) == (1, True)


def test_a_home_restored_from_an_old_copy_refuses_to_go_on(home, tmp_path, append):
    assert append()[0] == 0
    shutil.copytree(home, tmp_path / "copy")
    assert append()[0] == 0
    shutil.rmtree(home)
    shutil.copytree(tmp_path / "copy", home)
    code, _, err = append()
    assert (code, "data-older" in err) == (1, True)


def test_a_lost_second_store_is_begun_anew_only_when_asked(home, run, append):
    (home.parent / "home-latest.db").unlink()
    code, _, err = append()
    assert (code, "home adopt" in err) == (1, True)
    assert run("home", "adopt", "--home", home)[0] == 0
    assert append()[0] == 0
    assert run("home", "adopt", "--home", home)[0] == 2, "it is not lost"


def test_check_names_what_does_not_agree_and_changes_nothing(home, run, append):
    append()
    code, out, _ = run("home", "check", "--home", home)
    assert (code, "Everything agrees" in out) == (0, True)
    bundle = home / "log" / "tile" / "entries" / "000.p" / "2"
    data = bytearray(bundle.read_bytes())
    data[40] ^= 1
    bundle.write_bytes(data)
    code, out, _ = run("home", "check", "--home", home)
    assert (code, "tile/entries/000.p/2" in out or "entry 0" in out) == (1, True)
    assert bundle.read_bytes() == bytes(data)


def test_a_database_of_another_version_says_what_to_do(home, run, append):
    with sqlite3.connect(home / "halfdoor.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
    connection.close()
    code, _, err = append()
    assert (code, "home migrate" in err) == (2, True)
