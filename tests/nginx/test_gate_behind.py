"""The gate behind nginx: the application decides, nginx sends, and its log ends the delivery."""

import pytest
from sqlalchemy import select

from gated import gate_in, heron
from halfdoor.bootstrap.jobs import READ_SO_FAR
from halfdoor.services.access_log import AccessLog
from halfdoor.services.deliveries import close_from_access_log
from halfdoor.store.tables.access import access_grant, delivery
from homes import WAIT, sqlite_home
from nginx_front import behind_nginx, free_port, in_front
from served import ask

__all__ = ["sqlite_home"]
WEIGHTS = "model.safetensors"


@pytest.fixture
def gate(sqlite_home, tmp_path):
    with gate_in(behind_nginx(sqlite_home)) as found:
        found.open(heron(tmp_path / "heron"))
        yield found


def rows(gate):
    with gate.commits.reading() as connection:
        query = select(delivery.c.offloaded, delivery.c.length_bytes, delivery.c.sent_bytes)
        return [tuple(row) for row in connection.execute(query.order_by(delivery.c.begun_ms))]


def used(gate, grant):
    columns = access_grant.c.bytes_used, access_grant.c.bytes_reserved
    with gate.commits.reading() as connection:
        return tuple(connection.execute(select(*columns).where(access_grant.c.id == grant.id)).one())


@pytest.mark.timeout(WAIT * 6)
def test_a_granted_file_is_sent_by_nginx_until_the_grant_is_revoked(program, gate, tmp_path):
    _, grant, secret = gate.grant()
    home = gate.parts.home
    whole = (gate.folder / WEIGHTS).read_bytes()
    inside = gate.parts.public_url.removeprefix("http://")
    bearer = {"Authorization": f"Bearer {secret}"}
    with in_front(program, tmp_path / "nginx", home, inside, free_port()) as url:
        file = f"{url}/{gate.repository}/resolve/main/{WEIGHTS}"
        got = ask("GET", file, headers=bearer)
        part = ask("GET", file, headers=bearer | {"Range": "bytes=1000-1999"})
        head = ask("HEAD", file, headers=bearer)
        refused = ask("GET", file)
        gate.revoke(grant)
        late = ask("GET", file, headers=bearer)
    assert (got.status, got.data) == (200, whole)
    assert (part.status, part.data) == (206, whole[1000:2000])
    for name in ("etag", "x-repo-commit"):
        assert got.headers[name] == part.headers[name] == head.headers[name]
    assert head.headers["content-length"] == str(len(whole))
    assert (refused.status, refused.headers["x-error-code"]) == (401, "GatedRepo")
    assert late.status in {401, 403}
    assert whole[:100] not in late.data
    assert rows(gate) == [(True, len(whole), None), (True, 1000, None)]
    log = AccessLog(home.place(home.settings.access_log), home.folder / READ_SO_FAR)
    log.read(lambda lines: close_from_access_log(gate.commits, lines))
    assert rows(gate) == [(True, len(whole), len(whole)), (True, 1000, 1000)]
    assert used(gate, grant) == (len(whole) + 1000, 0)
