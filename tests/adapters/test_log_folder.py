"""A folder that is served: files whole or not at all, on the disk before anybody builds on them."""

import errno
import os
import stat
import threading
from pathlib import Path

import pytest

from halfdoor.adapters import log_folder
from halfdoor.adapters.log_folder import LogFolder


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "log").mkdir()
    return LogFolder(tmp_path / "log")


def names(folder):
    return sorted(str(one.relative_to(folder.root)) for one in folder.root.rglob("*") if one.is_file())


def test_what_is_written_is_read(folder):
    folder.write("tile/0/x001/234.p/7", b"some")
    folder.write("checkpoint", b"one")
    folder.write("checkpoint", b"two")
    assert folder.read("tile/0/x001/234.p/7", 100) == b"some"
    assert folder.read("checkpoint", 100) == b"two"
    assert names(folder) == ["checkpoint", "tile/0/x001/234.p/7"]


def test_web_servers_may_read_it(folder):
    before = os.umask(0o022)
    try:
        folder.write("tile/0/000", b"some")
    finally:
        os.umask(before)
    assert stat.S_IMODE((folder.root / "tile/0/000").stat().st_mode) == 0o644
    assert stat.S_IMODE((folder.root / "tile/0").stat().st_mode) == 0o755


@pytest.mark.parametrize("path", ["", "/etc/x", "../x", "a/../../x", "a/..", "."])
def test_nothing_is_written_or_removed_outside_it(folder, path):
    outside = folder.root.parent / "x"
    outside.write_bytes(b"safe")
    for act in (lambda: folder.write(path, b"no"), lambda: folder.remove(path)):
        with pytest.raises((ValueError, OSError)):
            act()
    assert outside.read_bytes() == b"safe"
    assert names(folder) == []
    assert folder.root.is_dir()


def test_removing_takes_files_and_folders_and_minds_no_gap(folder):
    folder.write("tile/0/000.p/1", b"a")
    folder.write("tile/0/000.p/2", b"b")
    folder.write("checkpoint", b"c")
    folder.remove("tile/0/000.p")
    folder.remove("tile/0/000.p")
    folder.remove("checkpoint")
    folder.remove("checkpoint")
    assert names(folder) == []
    folder.write("tile/0/000.p/3", b"d")
    assert names(folder) == ["tile/0/000.p/3"]


class Disk:
    """What was asked of the disk, in order; one kind of request fails when asked to."""

    def __init__(self, monkeypatch, root):
        self.asked, self.failing, self._root = [], None, root
        for name in ("fsync", "replace"):
            monkeypatch.setattr(log_folder.os, name, self._recorded(name, getattr(os, name)))

    def _recorded(self, name, real):
        def call(first, *rest):
            place = Path(f"/proc/self/fd/{first}").readlink() if name == "fsync" else str(rest[0])
            kind = f"{name} {os.path.relpath(place, self._root)}"
            self.asked.append(kind)
            if self.failing and self.failing in kind:
                raise OSError(errno.EIO, "Input/output error")
            return real(first, *rest)

        return call


@pytest.fixture
def disk(monkeypatch, folder):
    return Disk(monkeypatch, folder.root)


def test_a_file_and_its_name_are_on_the_disk_before_write_returns(folder, disk):
    folder.write("tile/0/000", b"some")
    file = next(at for at, one in enumerate(disk.asked) if ".new" in one and one.startswith("fsync"))
    place = disk.asked.index("replace tile/0/000")
    assert disk.asked[place + 1 :] == ["fsync tile/0"]
    assert file == place - 1
    assert {"fsync .", "fsync tile", "fsync tile/0"} <= set(disk.asked[:file])


def test_folders_that_a_crash_left_are_put_on_the_disk_too(folder, disk):
    (folder.root / "tile" / "0").mkdir(parents=True)
    folder.write("tile/0/000", b"some")
    assert {"fsync .", "fsync tile", "fsync tile/0"} <= set(disk.asked)
    disk.asked.clear()
    folder.write("tile/0/001", b"some")
    assert "fsync ." not in disk.asked  # once is enough


@pytest.mark.parametrize("failing", [".new", "replace", "fsync tile/0", "fsync ."])
def test_a_write_that_fails_leaves_the_old_file_or_the_new_one(folder, disk, failing):
    (folder.root / "tile" / "0").mkdir(parents=True)
    (folder.root / "tile" / "0" / "000").write_bytes(b"old")
    disk.failing = failing
    with pytest.raises(OSError, match="Input/output"):
        folder.write("tile/0/000", b"new")
    assert names(folder) == ["tile/0/000"]
    assert folder.read("tile/0/000", 10) in {b"old", b"new"}
    disk.failing = None
    folder.write("tile/0/000", b"new")
    assert folder.read("tile/0/000", 10) == b"new"


def test_a_folder_that_could_not_be_put_on_the_disk_is_tried_again(folder, disk):
    disk.failing = "fsync tile"
    with pytest.raises(OSError, match="Input/output"):
        folder.write("tile/0/000", b"some")
    disk.failing = None
    disk.asked.clear()
    folder.write("tile/0/000", b"some")
    assert {"fsync .", "fsync tile", "fsync tile/0"} <= set(disk.asked)


def test_readers_see_the_old_file_or_the_new_one(folder):
    contents = {bytes([letter]) * size for letter, size in ((97, 10), (98, 100_000), (99, 3000))}
    folder.write("checkpoint", next(iter(contents)))
    stop, wrong = threading.Event(), []

    def look():
        while not stop.is_set():
            data = folder.read("checkpoint", 1_000_000)
            if data not in contents:
                wrong.append(data)

    readers = [threading.Thread(target=look) for _ in range(3)]
    for reader in readers:
        reader.start()
    for _ in range(30):
        for data in contents:
            folder.write("checkpoint", data)
    stop.set()
    for reader in readers:
        reader.join()
    assert wrong == []


def test_what_is_left_of_the_room_is_told(folder):
    assert 0 < folder.free_bytes() < 2**63
