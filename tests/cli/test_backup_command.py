"""`halfdoor backup` and `halfdoor restore`: what they say, and their exit codes."""

from commands import append, home, run
from filled import fill
from halfdoor.services.home import read_home

__all__ = ["append", "home", "run"]


def test_a_home_is_moved(home, run, tmp_path):
    fill(read_home(home))
    code, out, _ = run("backup", "--home", home, "--to", tmp_path / "copy.tar")
    assert code == 0
    assert "It holds the private keys" in out
    assert f"halfdoor restore {tmp_path}/copy.tar" in out
    code, out, _ = run("restore", tmp_path / "copy.tar", "--home", tmp_path / "new")
    assert (code, "It is the newest copy" in out) == (0, True)
    assert run("doctor", "--home", tmp_path / "new", "--deep")[0] == 0


def test_an_old_copy_is_called_one(home, run, append, tmp_path):
    assert run("backup", "--home", home, "--to", tmp_path / "copy")[0] == 0
    append()
    code, out, _ = run("restore", tmp_path / "copy", "--home", tmp_path / "new")
    assert code == 1
    assert "This is an old copy: its log has 1 entries" in " ".join(out.split())
    code, out, _ = run("doctor", "--home", tmp_path / "new")
    assert (code, "going on from it would fork the log" in " ".join(out.split())) == (1, True)
    assert run("log", "show", tmp_path / "new")[0] == 0, "it can still be read"


def test_what_was_left_out_is_said(home, run, tmp_path):
    fill(read_home(home))
    code, out, _ = run(
        "backup", "--home", home, "--to", tmp_path / "copy", "--without-keys", "--without-blobs"
    )
    assert (code, "without them the log has ended" in out) == (0, True)
    _, out, _ = run("restore", tmp_path / "copy", "--home", tmp_path / "new")
    assert "The private keys were not in it" in out
    assert "The files of models were not in it" in out


def test_what_is_no_backup_is_refused(run, tmp_path):
    (tmp_path / "x").mkdir()
    for backup in (tmp_path / "nothing", tmp_path / "x"):
        assert run("restore", backup, "--home", tmp_path / "new")[0] == 2
    assert not (tmp_path / "new").exists()
