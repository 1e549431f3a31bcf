"""The gate beside its peers: downloads, requests, revocation, a million grants. `python benchmarks/gates.py`.

One file is sent by nginx alone (sendfile), by Starlette's FileResponse, and by `halfdoor serve`, with
authorisation and log entries on, from Python and through nginx (X-Accel-Redirect). Rounds are paired, and the
median of their ratios is what counts: the machine may be busy.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from getpass import getuser
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

import urllib3
from downloads import HOST, Target, fetch, free_port, nginx, nginx_serving, serving, starlette_serving
from gate_home import DOSSIER, REPOSITORY, Granted, multiply, prepare
from measured import Row, runs_asked, table

from halfdoor.bootstrap.log import open_home
from halfdoor.bootstrap.working import working
from halfdoor.core.governance.tokens import secret_hash
from halfdoor.store.access import key_of

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE_BYTES = 1024**3
ROUNDS_LEAST = 5
GRANTS = 1_000_000
HEADS = 400
LOOKUPS = 5000
REVOCATIONS = 20
NGINX_GOAL, ACCEL_GOAL, REVOKE_GOAL_SECONDS = 0.8, 0.95, 1.0
SLOW_READ_BYTES, SLOW_PAUSE_SECONDS = 256 * 1024, 0.01
READY_SECONDS_MAX = 60


def main() -> int:
    """Print the tables."""
    runs = max(runs_asked(), ROUNDS_LEAST)
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as place:
        world = World(Path(place))
        print(table("One file of 1 GiB, one server process on one core", downloads(world, runs)))
        print(table("Requests and revocation", requests(world)))
        print(table(f"A token among {GRANTS:,} grants", lookups(world)))
    return 0


class World:
    """A home with a large file that auditors may have, somebody who has a grant, and servers over it."""

    def __init__(self, folder: Path) -> None:
        import numpy as np  # noqa: PLC0415  only here
        from safetensors.numpy import save_file  # noqa: PLC0415  the same

        self.folder, self.home = folder, folder / "home"
        model = folder / "model"
        model.mkdir()
        (model / "README.md").write_text("---\nlicense: apache-2.0\n---\n# Bench\n\nRandom numbers.\n")
        numbers = np.random.default_rng(1).integers(0, 255, FILE_BYTES - 100, dtype=np.uint8)
        save_file({"weight": numbers}, model / "model.safetensors")
        (model / "halfdoor.toml").write_text(DOSSIER)
        self.file = model / "model.safetensors"
        self.prepared = prepare(self.home, model, REVOCATIONS + 1)

    def _offload(self, to: str) -> None:
        settings = self.home / "home.toml"
        lines = [
            line for line in settings.read_text().splitlines() if not line.startswith(("offload", "proxy"))
        ]
        at = next(i for i, line in enumerate(lines) if line.startswith("schema")) + 1
        lines[at:at] = [f'offload = "{to}"', f'proxy = ["{HOST}"]']
        settings.write_text("\n".join(lines) + "\n")

    @contextlib.contextmanager
    def halfdoor(self, *, through: str | None = None) -> Iterator[Target]:
        """`halfdoor serve`, perhaps behind an nginx (the program); how its large file is asked for."""
        port = free_port()
        self._offload("nginx" if through else "none")
        command = [sys.executable, "-m", "halfdoor", "serve", "--home", str(self.home), "--port", str(port)]
        path = f"/{REPOSITORY}/resolve/main/model.safetensors"
        headers = {"Authorization": f"Bearer {self.prepared.granted[0].secret}"}
        with serving(command, port), contextlib.ExitStack() as stack:
            _until_ready(port)
            if through is None:
                yield Target(port, path, headers)
                return
            front = free_port()
            printed = subprocess.run(
                [*command, "--print-nginx"], check=True, capture_output=True, text=True
            ).stdout
            config = self.folder / "front.conf"
            config.write_text(_whole(printed.replace("listen 80;", f"listen {HOST}:{front};"), self.folder))
            stack.enter_context(serving([through, "-p", str(self.folder), "-c", str(config)], front))
            yield Target(front, path, headers)


def downloads(world: World, runs: int) -> list[Row]:
    """All servers run at once; every round asks each of them."""
    program = nginx()
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(world.halfdoor())
        peer = Target(stack.enter_context(starlette_serving(world.file)), "/file")
        targets = {"ours": ours, "starlette": peer}
        if program:
            root = world.file.parent
            port = stack.enter_context(nginx_serving(program, world.folder, root))
            targets["nginx"] = Target(port, "/model.safetensors")
        seconds = _rounds(targets, runs)
    if program:
        with (
            world.halfdoor(through=program) as accelerated,
            nginx_serving(program, world.folder, world.file.parent) as port,
        ):
            targets = {"accel": accelerated, "nginx again": Target(port, "/model.safetensors")}
            seconds |= _rounds(targets, runs)
    rows = [
        Row(f"{name}", f"{FILE_BYTES / 2**30 / statistics.median(found):.2f} GiB/s")
        for name, found in seconds.items()
    ]
    rows.append(_ratio("halfdoor / Starlette's FileResponse", seconds["starlette"], seconds["ours"], None))
    if program:
        rows.append(_ratio("halfdoor / nginx alone", seconds["nginx"], seconds["ours"], NGINX_GOAL))
        rows.append(
            _ratio("halfdoor with nginx / nginx alone", seconds["nginx again"], seconds["accel"], ACCEL_GOAL)
        )
    else:
        rows.append(Row("nginx is not installed", "not compared"))
    return rows


def _rounds(targets: dict[str, Target], runs: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {name: [] for name in targets}
    for target in targets.values():
        fetch(target)  # into the page cache
    for _ in range(runs):
        for name, target in targets.items():
            found[name].append(fetch(target)[0])
    return found


def _ratio(what: str, peer: list[float], own: list[float], goal: float | None) -> Row:
    """The median of paired ratios of throughput."""
    ratio = statistics.median(a / b for a, b in zip(peer, own, strict=True))
    return Row(what, f"{ratio:.2f}", f"≥ {goal:g}" if goal else "", goal is None or ratio >= goal)


def requests(world: World) -> list[Row]:
    """Authorised HEAD requests, and how long a revoked grant's transfer goes on."""
    with world.halfdoor() as target:
        begun = time.perf_counter()
        for _ in range(HEADS):
            fetch(target, method="HEAD")
        rate = HEADS / (time.perf_counter() - begun)
        peer = _head_rate(world)
        prepared = world.prepared
        late = sorted(revoked_after(target, one, prepared.reviewer) for one in prepared.granted[1:])
    p99 = late[min(len(late) - 1, int(len(late) * 0.99))]
    return [
        Row("authorised HEAD, one connection each", f"{rate:.0f}/s"),
        Row("the same, Starlette's FileResponse, nobody asked", f"{peer:.0f}/s"),
        Row("ratio", f"{rate / peer:.2f}"),
        Row(
            f"from revoke to last byte, p99 of {REVOCATIONS}",
            f"{p99:.2f} s",
            f"≤ {REVOKE_GOAL_SECONDS:g} s",
            p99 <= REVOKE_GOAL_SECONDS,
        ),
        Row("the same, median", f"{statistics.median(late):.2f} s"),
    ]


def _head_rate(world: World) -> float:
    with starlette_serving(world.file) as port:
        begun = time.perf_counter()
        for _ in range(HEADS):
            fetch(Target(port, "/file"), method="HEAD")
        return HEADS / (time.perf_counter() - begun)


def revoked_after(target: Target, granted: Granted, reviewer: str) -> float:
    """Seconds from asking for the revocation of a grant to the last byte of its running transfer."""
    pool = urllib3.HTTPConnectionPool(HOST, target.port, retries=False, maxsize=2)
    answer = pool.request(
        "GET", target.path, headers={"Authorization": f"Bearer {granted.secret}"}, preload_content=False
    )
    last = [time.perf_counter()]

    def read() -> None:
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            while answer.read(SLOW_READ_BYTES):
                last[0] = time.perf_counter()
                time.sleep(SLOW_PAUSE_SECONDS)

    reader = threading.Thread(target=read)
    reader.start()
    time.sleep(0.2)
    begun = time.perf_counter()
    revoked = pool.request(
        "POST",
        f"/api/halfdoor/v1/grants/{granted.grant}/revoke",
        body=b"{}",
        headers={"Authorization": f"Bearer {reviewer}", "Content-Type": "application/json"},
    )
    if revoked.status != HTTPStatus.OK:
        raise SystemExit(f"the grant was not revoked: {revoked.data.decode()[:500]}")
    reader.join()
    answer.release_conn()
    return last[0] - begun


def lookups(world: World) -> list[Row]:
    """Who shows a token, among many grants: the gate's own query, as it is asked for every request."""
    database = world.home / "halfdoor.db"
    few = _lookup_microseconds(world, [world.prepared.granted[0].secret])
    secrets = multiply(database, GRANTS)
    before = _resident_megabytes()
    many = _lookup_microseconds(world, secrets)
    return [
        Row(f"lookup among {REVOCATIONS + 1} grants, median", f"{few:.0f} µs"),
        Row(f"lookup among {GRANTS:,} grants, median", f"{many:.0f} µs"),
        Row("ratio", f"{many / few:.2f}"),
        Row("memory that they take in the server", f"{_resident_megabytes() - before:.0f} MB"),
        Row("on the disk", f"{database.stat().st_size / 1e6:.0f} MB"),
    ]


def _lookup_microseconds(world: World, secrets: list[str]) -> float:
    hashes = [secret_hash(secret) for secret in secrets]
    with working(open_home(world.home)) as commits, commits.reading() as connection:
        now_ms = int(time.time() * 1000)
        found = []
        for number in range(LOOKUPS):
            hashed = hashes[number * 7919 % len(hashes)]
            begun = time.perf_counter()
            key = key_of(connection, hashed, now_ms)
            found.append(time.perf_counter() - begun)
            if key is None:
                raise SystemExit("a token was not found")
    return statistics.median(found) * 1e6


def _resident_megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _until_ready(port: int) -> None:
    until = time.monotonic() + READY_SECONDS_MAX
    pool = urllib3.HTTPConnectionPool(HOST, port, retries=False)
    while pool.request("GET", "/readyz").status != HTTPStatus.OK:
        if time.monotonic() > until:
            raise SystemExit(f"the server is not ready: {pool.request('GET', '/readyz').data.decode()}")
        time.sleep(0.1)


def _whole(printed: str, folder: Path) -> str:
    """What `--print-nginx` printed is a part of nginx's configuration; the rest is as plain as can be."""
    places = " ".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    head = (
        f"worker_processes 1; daemon off; user {getuser()}; pid {folder}/front.pid;\n"
        f"error_log {folder}/front.log; events {{ worker_connections 256; }}\nhttp {{ {places}\n"
    )
    return f"{head}{printed}\n}}\n"


if __name__ == "__main__":
    sys.exit(main())
