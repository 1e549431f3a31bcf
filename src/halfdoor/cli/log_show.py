"""`halfdoor log show` and `halfdoor log prove`: what a log holds, and proof of it to take away."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from halfdoor.cli.log_reading import plain, source_of

if TYPE_CHECKING:
    import argparse

    from halfdoor.cli.parser import Commands
    from halfdoor.services.home import Home
    from halfdoor.services.log.prove import OpenedLog

LAST_DEFAULT = 10
SHORT_MAX = 15
SHOW = """\
Show a log's checkpoint and its newest entries, or one entry. Nothing is verified: see `halfdoor log verify`.

PLACE is an address, a folder with a log's public files, or a home; of a home, --private also shows what the
commitments of an entry stand for, as far as it was not erased."""
PROVE = """\
Write the proof that an entry stands in the log, to be verified offline by anybody with the log's key:

  entry-7.json        the entry, to the byte
  entry-7.tlog-proof  its place in the tree, and the signed checkpoint (c2sp.org/tlog-proof)
  entry-7.cbor        of a home only: a COSE receipt over the same leaf and root (RFC 9942)"""


def add(commands: Commands) -> None:
    """Add `show` and `prove`."""
    show = commands.add_parser("show", help="a log's checkpoint and entries", description=SHOW)
    show.add_argument("place", metavar="PLACE", help="address, folder or home")
    show.add_argument("index", nargs="?", type=int, metavar="INDEX", help="one entry, from 0")
    show.add_argument(
        "--last", type=int, default=LAST_DEFAULT, metavar="N", help=f"the newest N (default: {LAST_DEFAULT})"
    )
    show.add_argument("--private", action="store_true", help="also what commitments stand for (of a home)")
    show.add_argument("--json", action="store_true", help="print one JSON object")
    show.set_defaults(do=_show)
    prove = commands.add_parser("prove", help="proof that an entry stands in a log", description=PROVE)
    prove.add_argument("place", metavar="PLACE", help="address, folder or home")
    prove.add_argument("index", type=int, metavar="INDEX", help="the entry, from 0")
    prove.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="write there (default: here)")
    prove.set_defaults(do=_prove)


def _home_at(place: str) -> Home | None:
    """The home at this place, where it is one."""
    from halfdoor.bootstrap.log import open_home
    from halfdoor.settings import FILE

    return open_home(Path(place)) if "://" not in place and (Path(place) / FILE).is_file() else None


def _show(args: argparse.Namespace) -> int:
    from halfdoor.core.errors import InputError
    from halfdoor.services.log.prove import open_log

    home = _home_at(args.place)
    if args.private and (home is None or args.index is None):
        remedy = "name a home and one entry: halfdoor log show HOME INDEX --private"
        raise InputError("no-home", "private values are kept in a home only", remedy=remedy)
    log = open_log(source_of(args.place))
    size = log.checkpoint.size
    if args.index is None:
        first = max(0, size - max(args.last, 0))
        entries = dict(enumerate(log.entries(first, size), first)) if first < size else {}
    else:
        entries = {args.index: log.entry(args.index)}
    private = _openings(home, entries[args.index]) if args.private and home else []
    if args.json:
        shown = {"origin": log.checkpoint.origin, "size": size, "root": log.checkpoint.root.hex()}
        found = [{"index": index, "entry": _readable(entry)} for index, entry in entries.items()]
        print(json.dumps({**shown, "entries": found, "private": private}, ensure_ascii=False))
    elif args.index is None:
        _print_log(log, entries)
    else:
        _print_entry(entries[args.index], private)
    return 0


def _openings(home: Home, entry: bytes) -> list[dict[str, Any]]:
    import msgspec

    from halfdoor.bootstrap.log import log_store
    from halfdoor.core.log.entry import decode_entry

    store = log_store(home)
    try:
        found = store.openings(decode_entry(entry).commitments.values())
    finally:
        store.close()
    return [msgspec.to_builtins(one) for one in found]


def _readable(entry: bytes) -> Any:  # noqa: ANN401  any JSON
    """The entry as JSON where it is, else as hexadecimal."""
    try:
        return json.loads(entry)
    except ValueError:
        return entry.hex()


def _print_log(log: OpenedLog, entries: dict[int, bytes]) -> None:
    from halfdoor.cli.terminal import columns, styled

    checkpoint = log.checkpoint
    print(styled(plain(checkpoint.origin), "bold"))
    names = ", ".join(f"{plain(one.name)} ({one.key_id.hex()})" for one in log.note.signatures)
    rows = [("entries", f"{checkpoint.size:,}"), ("root", checkpoint.root.hex()), ("signatures", names)]
    print(columns(rows, indent=2))
    if entries:
        print()
        print(columns([_line(index, entry) for index, entry in entries.items()], align="r", indent=2))
    print()
    print("Nothing was verified. Check it with the key that its operator published:")
    print(f"  halfdoor log verify {log.reader.source.name} --key FILE")


def _line(index: int, entry: bytes) -> tuple[str, str, str, str]:
    found = _readable(entry)
    if not isinstance(found, dict) or "event" not in found:
        return (str(index), "", f"{len(entry):,} bytes", "")
    rest = {k: v for k, v in found.items() if k not in {"schema", "event", "at", "commitments"}}
    about = "  ".join(f"{name} {_short(value)}" for name, value in rest.items())
    return (str(index), plain(str(found.get("at", ""))[:19]), plain(str(found["event"])), plain(about))


def _short(value: object) -> str:
    """Ids and digests by their beginning: enough to tell them apart in a list."""
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return f"{text[:SHORT_MAX]}…" if len(text) > SHORT_MAX else text


def _print_entry(entry: bytes, private: list[dict[str, Any]]) -> None:
    from halfdoor.cli.terminal import columns

    found = _readable(entry)
    print(json.dumps(found, indent=2) if isinstance(found, dict) else found)
    if private:
        print()
        print("Private, kept in this home alone:")
        print(
            columns(
                [(one["name"], json.dumps(one["value"], ensure_ascii=False)) for one in private], indent=2
            )
        )


def _prove(args: argparse.Namespace) -> int:
    from halfdoor.core.errors import InputError
    from halfdoor.readers.atomic import write_atomically
    from halfdoor.services.log.prove import open_log

    home = _home_at(args.place)
    entry, proof = open_log(source_of(args.place)).prove(args.index)
    name = f"entry-{args.index}"
    files = {f"{name}.json": entry, f"{name}.tlog-proof": proof.encode()}
    if home is not None:
        files[f"{name}.cbor"] = _receipt(home, entry, proof)
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        for file, data in files.items():
            write_atomically(args.out / file, data)
    except OSError as error:
        raise InputError("cannot-write", f"cannot write it: {error.strerror}", where=str(args.out)) from error
    print(f"Entry {args.index} stands in the log. Written to {args.out}: {', '.join(files)}")
    print("Anybody can verify it offline:")
    print(f"  halfdoor log verify {args.out / name}.tlog-proof --entry {args.out / name}.json --key FILE")
    return 0


def _receipt(home: Home, entry: bytes, proof: Any) -> bytes:  # noqa: ANN401  its module is imported late
    from halfdoor.adapters.clock import SystemClock
    from halfdoor.bootstrap.log import receipt_public, receipt_signer, verifier_keys
    from halfdoor.core.log.cose import make_receipt
    from halfdoor.core.log.keys import verify_note

    verify_note(proof.checkpoint, verifier_keys(home))  # a receipt is never given over somebody else's tree
    checkpoint = proof.verify(entry)
    return make_receipt(
        entry,
        origin=checkpoint.origin,
        index=proof.index,
        size=checkpoint.size,
        proof=proof.hashes,
        issued=int(SystemClock().now().timestamp()),
        public=receipt_public(home),
        sign=receipt_signer(home).sign,
    )
