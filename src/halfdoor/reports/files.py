"""Report folders: `assessment.json` and `report.html`, written whole or not at all, and read back."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.assessment import Assessment
from halfdoor.core.canonical import canonical_json
from halfdoor.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

ASSESSMENT, MEMO = "assessment.json", "report.html"
SCHEMA = "halfdoor/assessment/1"
BYTES_MAX = 64 * 1024 * 1024


def encode_assessment(assessment: Assessment) -> bytes:
    """The bytes of `assessment.json`: canonical JSON (RFC 8785), indented; equal values, equal bytes."""
    return msgspec.json.format(canonical_json(assessment), indent=2) + b"\n"


def write_report(folder: Path, assessment: Assessment) -> None:
    """Write `assessment.json` and `report.html` into `folder`, which is made where it is not there.

    Both are complete and on the disk before either takes its place; other files in the folder stay.
    Where the second cannot take its place, the first gives its own back.
    Raises InputError `not-a-folder` or `cannot-write`, and then leaves everything as it was.
    """
    from halfdoor.reports.memo import render_memo  # noqa: PLC0415  reading needs no templates

    contents = {MEMO: render_memo(assessment).encode(), ASSESSMENT: encode_assessment(assessment)}
    if folder.exists() and not folder.is_dir():
        raise InputError("not-a-folder", "this is a file", where=str(folder), remedy="name another folder")
    try:
        _write_all(folder.resolve(), contents)
    except OSError as error:
        raise InputError(
            "cannot-write",
            f"cannot write the report: {error.strerror or error}",
            where=str(folder),
            remedy="check the permissions and the space there, or name another folder",
        ) from error


def write_file(path: Path, data: bytes) -> None:
    """Write one file, whole or not at all. Raises InputError `cannot-write`."""
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as name:
            _write_through(Path(name) / "new", data)
            (Path(name) / "new").replace(path)
    except OSError as error:
        raise InputError(
            "cannot-write",
            f"cannot write it: {error.strerror or error}",
            where=str(path),
            remedy="check the folder, its permissions and the space there, or name another file",
        ) from error


def read_assessment(path: Path) -> Assessment:
    """Read an `assessment.json`, or the one in a report folder.

    Raises InputError: `not-found`, `too-large`, `not-an-assessment`, `other-schema`.
    """
    file = path / ASSESSMENT if path.is_dir() else path
    try:
        with file.open("rb") as stream:
            data = stream.read(BYTES_MAX + 1)
    except OSError as error:
        raise InputError(
            "not-found", f"cannot read it: {error.strerror}", where=str(file), remedy="check the path"
        ) from error
    if len(data) > BYTES_MAX:
        raise InputError("too-large", f"more than {BYTES_MAX:,} bytes", where=str(file))
    return decode_assessment(data, str(file))


def decode_assessment(data: bytes, name: str) -> Assessment:
    """As `read_assessment`, from bytes; `name` stands in errors."""
    remedy = "give an assessment.json that `halfdoor assess --out` wrote"
    try:
        raw = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError("not-an-assessment", f"not JSON: {error}", where=name, remedy=remedy) from error
    schema = raw.get("schema") if isinstance(raw, dict) else None
    if schema is None:
        raise InputError("not-an-assessment", "not an assessment", where=name, remedy=remedy)
    if schema != SCHEMA:
        raise InputError(
            "other-schema",
            f"the schema is {schema!r}, this version reads {SCHEMA!r}",
            where=name,
            remedy="use the version of Halfdoor that wrote it",
        )
    try:
        assessment = msgspec.convert(raw, Assessment)
    except msgspec.ValidationError as error:
        raise InputError("not-an-assessment", str(error), where=name, remedy=remedy) from error
    strange = _first_strange(raw, msgspec.to_builtins(assessment, str_keys=True))
    if strange:
        raise InputError("not-an-assessment", f"unknown key {strange!r}", where=name, remedy=remedy)
    return assessment


def _first_strange(raw: object, known: object, path: str = "") -> str:
    """The first key of `raw` that reading it did not keep; empty where all were."""
    if isinstance(raw, dict) and isinstance(known, dict):
        for key, value in raw.items():
            here = f"{path}.{key}" if path else str(key)
            found = here if key not in known else _first_strange(value, known[key], here)
            if found:
                return found
    if isinstance(raw, list) and isinstance(known, list):
        pairs = enumerate(zip(raw, known, strict=False))
        return next((s for i, (r, k) in pairs if (s := _first_strange(r, k, f"{path}[{i}]"))), "")
    return ""


def _write_all(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write beside, flush to the disk, then move into place, taking back what was moved if one move fails."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as name:
        stage = Path(name)
        for file, data in contents.items():
            _write_through(stage / file, data)
        made = not folder.exists()
        folder.mkdir(exist_ok=True)
        moved: list[str] = []
        try:
            for file in contents:
                if (folder / file).exists():
                    shutil.copyfile(folder / file, stage / f"{file}.old")
                (stage / file).replace(folder / file)
                moved.append(file)
        except BaseException:
            _take_back(moved, stage, folder, made=made)
            raise
        _flush(folder)
    _flush(folder.parent)


def _take_back(moved: list[str], stage: Path, folder: Path, *, made: bool) -> None:
    for file in moved:
        old = stage / f"{file}.old"
        if old.exists():
            old.replace(folder / file)
        else:
            (folder / file).unlink()
    if made:
        folder.rmdir()


def _write_through(path: Path, data: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _flush(folder: Path) -> None:
    """The names in a folder survive a power cut from here on."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
