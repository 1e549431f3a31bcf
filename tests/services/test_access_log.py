"""What nginx says it sent is read once, whatever happens to the file meanwhile."""

import pytest

from halfdoor.services import access_log
from halfdoor.services.access_log import AccessLog


def line(number):
    return f'{{"delivery":"dlv_{number}","sent_bytes":5}}\n'


def told(*numbers):
    return [line(number)[:-1] for number in numbers]


@pytest.fixture
def file(tmp_path):
    return tmp_path / "deliveries.log"


@pytest.fixture
def read(tmp_path, file):
    """Read on as a process does that was just started; what it heard."""

    def again():
        heard = []
        AccessLog(file, tmp_path / "read").read(heard.extend)
        return heard

    return again


def write(file, text):
    with file.open("a") as stream:
        stream.write(text)


def test_each_line_is_told_once(file, read):
    assert read() == [], "there is no file yet"
    write(file, line(1) + line(2))
    assert read() == told(1, 2)
    assert read() == []
    write(file, line(3))
    assert read() == told(3)


def test_a_line_that_is_being_written_waits(file, read):
    write(file, line(1)[:20])
    assert read() == []
    write(file, line(1)[20:] + line(2)[:-1])
    assert read() == told(1)
    write(file, "\n")
    assert read() == told(2)


def test_a_log_that_was_rotated_or_emptied_is_read_from_its_start(file, read):
    write(file, line(1))
    assert read() == told(1)
    file.rename(file.with_suffix(".1"))
    write(file, line(2) + line(3))
    assert read() == told(2, 3)
    file.write_text(line(4))
    assert read() == told(4)


def test_a_line_without_end_does_not_stop_it(file, read, monkeypatch):
    monkeypatch.setattr(access_log, "AT_ONCE_BYTES", 8192)
    write(file, "x" * 20_000 + "\n" + line(1))
    heard = [one for _ in range(5) for one in read()]
    assert heard[-1:] == told(1)


def test_a_line_is_told_again_where_the_process_ended_in_between(file, read, tmp_path):
    write(file, line(1))

    def die(*_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        AccessLog(file, tmp_path / "read").read(die)
    assert read() == told(1)
