"""Looking a home over, all of it: settings and keys, log, tables, blobs."""

from __future__ import annotations

import ipaddress
import stat
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from halfdoor.adapters.clock import SystemClock
from halfdoor.bootstrap.blobs import blobs_of
from halfdoor.bootstrap.log import (
    check_home,
    log_store,
    model_signer,
    note_keys,
    public_folder,
    receipt_signer,
)
from halfdoor.core.errors import HalfdoorError
from halfdoor.services.doctor import Findings, examine_blobs, examine_tables, examine_time
from halfdoor.settings import FILE
from halfdoor.store.engine import READS, database_errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from halfdoor.services.doctor import Finding
    from halfdoor.services.home import Home

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def examine(
    home: Home, *, deep: bool = False, advance: Callable[[int], None] = lambda _: None
) -> list[Finding]:
    """All that is not as it should be, the worst first. deep: hash every file of every model again.

    Raises nothing for what is wrong with the home; that is what is told.
    """
    findings = Findings()
    _settings(home, findings)
    for look in (_keys, lambda *_: _log(home, findings, advance)):
        _guarded(look, home, findings)
    _guarded(lambda *_: _contents(home, findings, deep=deep, advance=advance), home, findings)
    return findings.all()


def _guarded(look: Callable[[Home, Findings], None], home: Home, findings: Findings) -> None:
    try:
        look(home, findings)
    except HalfdoorError as error:
        message = f"{error.where}: {error.message}" if error.where else error.message
        findings.add("fault", error.code, message, error.remedy)


def _log(home: Home, findings: Findings, advance: Callable[[int], None]) -> None:
    checked = check_home(home, advance)
    for sentence in checked.faults:
        findings.add("fault", "log", sentence, _log_remedy(sentence))
    if checked.waiting:
        message = f"{checked.waiting:,} entries wait for the log's writer"
        findings.add("note", "waiting", message, "they are taken once one runs: halfdoor serve")


def _log_remedy(sentence: str) -> str:
    if sentence.startswith("the second store: there is no checkpoint"):
        return "is it the right store? Only if it is lost for good: halfdoor home adopt --home DIR"
    if "has a checkpoint of" in sentence:
        return (
            "this is an old copy, and going on from it would fork the log: bring back the newest data. If "
            "they are lost, this log has ended; begin a new one with another origin"
        )
    return "do not go on; keep everything as evidence, and bring back a backup"


def _contents(home: Home, findings: Findings, *, deep: bool, advance: Callable[[int], None]) -> None:
    with (
        closing(log_store(home)) as store,
        database_errors(store.url),
        store.engine.connect().execution_options(**READS) as connection,
    ):
        examine_tables(store, connection, findings)
        examine_time(connection, SystemClock().now(), findings)
        examine_blobs(blobs_of(home), connection, findings, deep=deep, advance=advance)


def _keys(home: Home, findings: Findings) -> None:
    for load in (note_keys, receipt_signer, model_signer):
        _guarded(_only(load), home, findings)
    public_folder(home)
    if home.settings.model_key is None:
        message = "the home has no key that signs models, so versions are published without model.sig"
        findings.add("warning", "no-model-key", message, f"halfdoor home migrate --home {home.folder}")


def _only(load: Callable[[Home], object]) -> Callable[[Home, Findings], None]:
    def look(home: Home, _: Findings) -> None:
        load(home)

    return look


def _settings(home: Home, findings: Findings) -> None:
    settings, file = home.settings, home.folder / FILE
    if file.stat().st_mode & _OTHERS:
        message = f"others may read {file}, where a password may stand"
        findings.add("warning", "settings-exposed", message, f"chmod 600 {file}")
    in_bucket = "://" in settings.blobs
    if settings.offload == "nginx":
        _nginx(home, findings)
    if settings.offload == "s3" and not in_bucket:
        remedy = 'write blobs = "s3://bucket/prefix", or offload = "none"'
        findings.add("fault", "bad-offload", "links into a bucket need blobs in a bucket", remedy)
    url = urlsplit(settings.public_url)
    if url.scheme == "http" and not _is_here(url.hostname or ""):
        remedy = "put a web server with TLS in front, and write public_url with https"
        message = "public_url has no TLS: tokens would travel in the open"
        findings.add("warning", "no-tls", message, remedy)


def _nginx(home: Home, findings: Findings) -> None:
    settings = home.settings
    if "://" in settings.blobs:
        remedy = 'write offload = "s3" or "none"'
        findings.add("fault", "bad-offload", "nginx sends files, and the blobs are in a bucket", remedy)
    log = home.place(settings.access_log)
    if not log.is_file():
        message = f"nginx has written nothing to {log} yet, so it is not known how much it sent"
        remedy = "halfdoor serve --print-nginx writes a configuration in which the two agree"
        findings.add("warning", "no-access-log", message, remedy)
    if not settings.proxy:
        message = "every request seems to come from nginx itself: its word about addresses is not believed"
        findings.add("warning", "no-proxy", message, 'write proxy = ["127.0.0.1"]')


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
