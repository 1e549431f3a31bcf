"""`halfdoor log verify`: check somebody's log from outside, or one proof offline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from halfdoor.cli.log_reading import add_key, counted, effort_for, plain, read_bytes, read_keys, source_of

if TYPE_CHECKING:
    import argparse

    from halfdoor.cli.parser import Commands
    from halfdoor.services.log.head import Asked, Signer
    from halfdoor.services.log.verify import Verified

PROOF_SUFFIX = ".tlog-proof"
SHOWN_MAX = 20
DESCRIPTION = """\
Check everything that a log serves, from outside: the checkpoint and who signed it, every tile, every entry.

PLACE is the log's address or a folder with its files (any log in the format c2sp.org/tlog-tiles, Certificate
Transparency logs too), or a proof, NAME.tlog-proof, which is checked offline together with --entry.

Exit codes: 0 verified; 1 not verified, or no key was given, so that whose log it is stays open; 2 bad input.
With --json one object is printed: place, verified, origin, size, root (base64), signed_by and witnesses
(name, key_id, at), consistent_since (size of the earlier checkpoint, or null), entries (count; schema:
halfdoor, certificates, foreign or unread; faults), tiles, faults (code, where, message; the first of
faults_count), index (of a proof)."""
OMISSION = "A log shows what was recorded, not that everything was."
SPLIT = "Without witnesses, others may be shown another log under the same key."


def add(commands: Commands) -> None:
    """Add `verify`."""
    parser = commands.add_parser("verify", help="check a log from outside", description=DESCRIPTION)
    parser.add_argument("place", metavar="PLACE", help="address, folder, or proof (NAME.tlog-proof)")
    add_key(parser)
    parser.add_argument(
        "--since", type=Path, metavar="FILE", help="an earlier checkpoint; the log must extend it"
    )
    parser.add_argument(
        "--witnesses", type=Path, metavar="FILE", help="whose cosignatures are enough (c2sp.org/tlog-policy)"
    )
    parser.add_argument("--entry", type=Path, metavar="FILE", help="the entry that the proof is for")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(do=_verify)


def _verify(args: argparse.Namespace) -> int:
    from halfdoor.core.errors import InputError
    from halfdoor.core.log.trust import Trust
    from halfdoor.services.log.head import Asked

    is_proof = args.place.endswith(PROOF_SUFFIX)
    if is_proof != (args.entry is not None) or (is_proof and args.since):
        message = "--entry goes with a proof, and --since with a log"
        remedy = f"halfdoor log verify NAME{PROOF_SUFFIX} --entry FILE --key FILE"
        raise InputError("bad-usage", message, remedy=remedy)
    trust, quorum = read_keys(args.key), None
    if args.witnesses:
        from halfdoor.core.log.quorum import parse_quorum

        quorum = parse_quorum(read_bytes(args.witnesses), where=str(args.witnesses))
        if not trust:  # a policy's log lines are keys to trust as well
            trust = Trust(tuple(party.key for party in quorum.logs))
    asked = Asked(trust, read_bytes(args.since) if args.since else None, quorum)
    found = _of_proof(args, asked) if is_proof else _of_log(args, asked)
    if args.json:
        import msgspec

        print(msgspec.json.encode(found).decode())
    else:
        _show(found, asked)
    return 0 if found.verified else 1


def _of_log(args: argparse.Namespace, asked: Asked) -> Verified:
    from halfdoor.adapters.clock import SystemClock
    from halfdoor.cli.terminal import Progress
    from halfdoor.services.log.verify import verify_log

    source = source_of(args.place)
    with Progress(f"Reading {args.place}", unit=" entries") as progress:
        return verify_log(
            source,
            asked,
            now=SystemClock().now(),
            effort=effort_for(source),
            progress=progress.advance,
        )


def _of_proof(args: argparse.Namespace, asked: Asked) -> Verified:
    from halfdoor.adapters.clock import SystemClock
    from halfdoor.core.log.tiles import ENTRY_BYTES_MAX
    from halfdoor.services.log.verify import verify_proof

    proof, entry = read_bytes(Path(args.place)), read_bytes(args.entry, ENTRY_BYTES_MAX)
    return verify_proof(proof, entry, asked, now=SystemClock().now(), place=args.place)


def _show(found: Verified, asked: Asked) -> None:
    from halfdoor.cli.terminal import columns, paragraph, styled

    if found.origin:
        print(columns(_rows(found, asked), indent=2))
        print()
    if found.faults:
        print(styled("Not verified:", "bold", "red"))
        for fault in found.faults[:SHOWN_MAX]:
            print(paragraph(f"- {plain(fault.where)}: {plain(fault.message)}", indent=2, hanging=2))
        if found.faults_count > SHOWN_MAX:
            print(f"  … and {counted(found.faults_count - SHOWN_MAX, 'more fault')}")
    else:
        print(styled("Verified.", "bold", "green"))
    print()
    limits = f"{OMISSION} {SPLIT}" if not found.witnesses else OMISSION
    print(paragraph(limits))
    print(paragraph(_next(found, asked)))


def _rows(found: Verified, asked: Asked) -> list[tuple[str, str]]:
    rows = [
        ("log", plain(found.origin)),
        ("signed by", _names(found.signed_by) or "nobody whose key was given"),
    ]
    if found.index is not None:
        rows.append(("entry", f"{found.index:,} of {found.size:,}"))
    else:
        rows.append(("tree", f"{counted(found.size, 'entry', 'entries')}, root {found.root}"))
        rows.append(("read", f"{counted(found.tiles, 'tile')}; {_entries(found)}"))
    if found.consistent_since is not None:
        rows.append(("earlier", f"extends the checkpoint of {found.consistent_since:,} entries"))
    if asked.quorum:
        rows.append(("witnesses", _names(found.witnesses) or "too few cosigned"))
    return rows


def _entries(found: Verified) -> str:
    if found.size == 0:
        return "no entries yet"
    count = counted(found.entries.count, "entry", "entries")
    match found.entries.schema:
        case "unread":
            return "the log serves no entries, so what they say was not read; the tree was checked without"
        case "halfdoor":
            return f"{count}, each held against Halfdoor's schema"
        case "certificates":
            return (
                f"{count} of a Certificate Transparency log; issuers and precertificates are not in the tree"
            )
        case "foreign":
            return f"{count} of another format than Halfdoor's: in the tree, their content not judged"


def _names(signers: tuple[Signer, ...]) -> str:
    return "; ".join(
        f"{plain(one.name)} ({one.key_id})" + (f" at {one.at:%Y-%m-%d %H:%M} UTC" if one.at else "")
        for one in signers
    )


def _next(found: Verified, asked: Asked) -> str:
    codes = {fault.code for fault in found.faults}
    if "unproven-origin" in codes:
        return "Next: get the key from the log's operator by another way, and pass it with --key."
    if codes & {"bad-signature", "not-signed"}:
        return "Next: compare the key with the one that the operator published; if it is right, tell them."
    if codes & {"not-consistent"}:
        return "Next: keep both checkpoints, they are evidence, and show them to others who read this log."
    if codes & {"not-included", "bad-proof"}:
        return "Next: ask for the proof again (halfdoor log prove)."
    if found.faults:
        return "Next: keep a copy of the files named above, and ask the operator."
    if found.index is not None:
        return "Next: keep proof and entry together; nothing else is needed to show this again."
    if asked.since is None:
        return "Next: keep the log's `checkpoint` file and pass it with --since the next time."
    return "Next: halfdoor log watch does this regularly, and remembers for you."
