"""A real nginx, with the configuration that is printed."""

import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager

import msgspec
import pytest

from halfdoor.services.home import Home, read_home, write_settings
from halfdoor.web.nginx import Front, nginx_config

MAIN = """\
user root;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 256; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/halfdoor.conf;
}}
"""


@pytest.fixture
def program():
    found = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.fail("nginx is not installed (on Debian: apt install nginx)")
    return found


def behind_nginx(home, **changes):
    """The home, set up to have nginx send its files."""
    settings = {"offload": "nginx", "access_log": "deliveries.log", "proxy": ("127.0.0.1",)} | changes
    write_settings(Home(home.folder, msgspec.structs.replace(home.settings, **settings)))
    return read_home(home.folder)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


@contextmanager
def in_front(program, folder, home, address, port):
    """nginx in front of what listens at an address; where it listens itself."""
    folder.mkdir()
    front = Front(
        home=str(home.folder),
        settings=str(home.folder / "home.toml"),
        address=address,
        listen=f"127.0.0.1:{port}",
        name="localhost",
        url=f"http://127.0.0.1:{port}",
        blobs=str(home.place(home.settings.blobs)),
        log=str(home.place(home.settings.public)),
        access_log=str(home.place(home.settings.access_log)),
    )
    (folder / "halfdoor.conf").write_text(nginx_config(front))
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder))
    command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf")]
    tried = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert tried.returncode == 0, tried.stderr
    assert "warn" not in tried.stderr.replace('the "user" directive', ""), tried.stderr
    running = subprocess.Popen([*command, "-g", "daemon off;"], stderr=subprocess.PIPE)
    try:
        _wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        running.terminate()
        running.communicate(timeout=20)


def _wait_for(port):
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.01)
        else:
            return
    pytest.fail("nginx does not listen")
