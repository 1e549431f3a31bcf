"""A PostgreSQL of its own in a temporary folder, reached over a Unix socket, gone at the end."""

import os
import shutil
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql

USER = "halfdoor"
FAST = ("-c", "fsync=off")  # nothing here cuts the power
START_SECONDS_MAX = 30
LEAVE_SECONDS_MAX = 1
ROOT = 0  # PostgreSQL refuses to run as this user


def binaries():
    """Where Debian's newest PostgreSQL, or the one on the path, keeps its programs; None without one."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda place: int(place.parts[-3]), reverse=True
    )
    place = str(found[0]) if found else shutil.which("initdb")
    return Path(place).parent if place else None


class Cluster:
    """A running server, and databases in it, each new and empty."""

    def __init__(self, programs):
        self._programs = programs
        self._numbers = count()
        self._free = []
        self.folder = Path(tempfile.mkdtemp(prefix="halfdoor-pg-"))  # short: a socket's path has 107 bytes
        self._as_other = []
        if os.geteuid() == ROOT:
            shutil.chown(self.folder, "postgres", "postgres")
            self._as_other = ["runuser", "-u", "postgres", "--"]
        data = str(self.folder / "data")
        self._run("initdb", "-D", data, "-A", "trust", "-U", USER, "-E", "UTF8", "--locale=C", "--no-sync")
        with (self.folder / "server.log").open("wb") as log:
            self._server = subprocess.Popen(
                [
                    *self._as_other,
                    self._programs / "postgres",
                    "-D",
                    data,
                    "-k",
                    self.folder,
                    "-h",
                    "",
                    *FAST,
                ],
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        self._admin = self._connected()

    def _run(self, program, *arguments):
        command = [*self._as_other, self._programs / program, *arguments]
        subprocess.run(command, cwd=self.folder, check=True, stdout=subprocess.DEVNULL)

    def _connected(self):
        until = time.monotonic() + START_SECONDS_MAX
        while True:
            try:
                return psycopg.connect(host=str(self.folder), user=USER, dbname="postgres", autocommit=True)
            except psycopg.OperationalError:
                if self._server.poll() is not None or time.monotonic() > until:
                    raise
                time.sleep(0.02)

    def create(self):
        """An empty database; its URL."""
        if self._free:
            return self._url(self._free.pop())
        name = f"log{next(self._numbers)}"
        self._admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self._url(name)

    def drop(self, url):
        """Empty a database for the next test, whoever is connected to it; how many were."""
        name = self._name(url)
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
        until = time.monotonic() + LEAVE_SECONDS_MAX
        while connected := self._admin.execute(query, (name,)).fetchone()[0]:
            if time.monotonic() > until:
                end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
                self._admin.execute(end, (name,))
                break
            time.sleep(0.01)  # a connection that was closed is counted for a moment
        with psycopg.connect(host=str(self.folder), user=USER, dbname=name, autocommit=True) as inside:
            inside.execute("DROP SCHEMA public CASCADE")
            inside.execute("CREATE SCHEMA public")
        self._free.append(name)
        return connected

    def shut(self, url):
        """End every connection to a database and let nobody in."""
        name = self._name(url)
        self._admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name)))
        end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
        self._admin.execute(end, (name,))

    def reopen(self, url):
        """Let them in again."""
        name = sql.Identifier(self._name(url))
        self._admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))

    def _url(self, name):
        return f"postgresql://{USER}@/{name}?host={self.folder}"

    def tables(self, url):
        """The folder with a database's tables, all of it written out."""
        self._admin.execute("CHECKPOINT")
        query = "SELECT oid FROM pg_database WHERE datname = %s"
        oid = self._admin.execute(query, (self._name(url),)).fetchone()[0]
        return self.folder / "data" / "base" / str(oid)

    @staticmethod
    def _name(url):
        return url.split("/")[3].split("?")[0]

    def stop(self):
        """End the server and remove the folder."""
        self._admin.close()
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", "fast", "-s", "stop")
        self._server.wait(START_SECONDS_MAX)
        shutil.rmtree(self.folder)
