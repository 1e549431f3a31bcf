"""What people may be called here: names, addresses, roles, and the keys that they sign with."""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata

from halfdoor.core.errors import InputError

NAME_MAX, EMAIL_MAX, REASON_MAX = 200, 254, 2000
RSA_BITS_MIN = 3072
_ROLE = re.compile(r"[a-z][a-z0-9-]{0,39}")
_EMAIL = re.compile(r"[^\s@<>\"(),:;\[\]\\]{1,64}@[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
_KEY_LINE_MAX = 8192
_JOINERS = "\u200c\u200d"  # which some scripts need to write names
# How long the public half of a key is, in bytes, by its type; RSA counts its bits.
_POINT_BYTES = {
    "ssh-ed25519": 32,
    "sk-ssh-ed25519@openssh.com": 32,
    "ecdsa-sha2-nistp256": 65,
    "sk-ecdsa-sha2-nistp256@openssh.com": 65,
    "ecdsa-sha2-nistp384": 97,
    "ecdsa-sha2-nistp521": 133,
}


def checked_text(value: str, what: str, most: int = NAME_MAX) -> str:
    """One line of text, trimmed and in Unicode's composed form. Raises InputError `bad-text`."""
    text = unicodedata.normalize("NFC", value).strip()
    if not text:
        raise InputError("bad-text", f"{what} is empty")
    if len(text) > most:
        raise InputError("bad-text", f"{what} is longer than {most} characters")
    _refuse_controls(text, what)
    return text


def checked_lines(value: str, what: str, most: int) -> str:
    """Text of several lines, likewise; line ends become the plain one. Raises InputError `bad-text`."""
    text = unicodedata.normalize("NFC", value.replace("\r\n", "\n")).strip()
    if not text:
        raise InputError("bad-text", f"{what} is empty")
    if len(text) > most:
        raise InputError("bad-text", f"{what} is longer than {most} characters")
    _refuse_controls(text.replace("\n", "").replace("\t", ""), what)
    return text


def checked_email(value: str) -> str:
    """An e-mail address as it is compared: composed, lower case. Raises InputError `bad-email`."""
    text = unicodedata.normalize("NFC", value).strip().lower()
    if len(text) > EMAIL_MAX or not _EMAIL.fullmatch(text) or ".." in text:
        raise InputError("bad-email", f"{value[:60]!r} is no e-mail address", remedy="write name@example.org")
    _refuse_controls(text, "the address")
    return text


def checked_role(value: str) -> str:
    """A role's name: one of the application's, or one that policies name. Raises InputError `bad-role`."""
    if not _ROLE.fullmatch(value):
        raise InputError(
            "bad-role", f"{value[:60]!r} is no name of a role", remedy="write it as the policy does"
        )
    return value


def checked_ssh_key(line: str) -> str:
    """A line of authorized_keys as `type base64`, without its comment. Raises InputError `bad-key`."""
    parts = line.split(None, 2) if len(line) <= _KEY_LINE_MAX and line.isprintable() else []
    if len(parts) < 2:  # noqa: PLR2004  a type and the key itself
        raise _bad_key("this is no line as ssh-keygen writes it")
    kind, encoded = parts[:2]
    try:
        blob = base64.b64decode(encoded, validate=True)
        fields = _fields(blob)
    except (binascii.Error, ValueError) as error:
        raise _bad_key(f"the key is damaged: {error}") from error
    if not fields or fields[0] != kind.encode():
        raise _bad_key("the key is of another type than its line says")
    if kind == "ssh-rsa":
        _check_rsa(fields)
    else:
        _check_curve(kind, fields)
    return f"{kind} {base64.b64encode(blob).decode()}"


def _check_rsa(fields: list[bytes]) -> None:
    if len(fields) != 3:  # noqa: PLR2004  type, exponent, modulus
        raise _bad_key("the key is damaged")
    bits = int.from_bytes(fields[2], "big").bit_length()
    if not RSA_BITS_MIN <= bits <= 16384:  # noqa: PLR2004  longer ones only cost time
        raise _bad_key(f"an RSA key of {bits} bits is not taken; {RSA_BITS_MIN} are needed")


def _check_curve(kind: str, fields: list[bytes]) -> None:
    length = _POINT_BYTES.get(kind)
    if length is None:
        raise _bad_key(f"keys of the type {kind[:40]!r} are not taken")
    hardware, named = kind.startswith("sk-"), "ecdsa" in kind
    if len(fields) != 2 + named + hardware or len(fields[1 + named]) != length:
        raise _bad_key("the key is damaged")
    if named and fields[1] != kind.partition("@")[0].rpartition("-")[2].encode():
        raise _bad_key("the key is of another curve than its line says")


def _fields(blob: bytes) -> list[bytes]:
    """The length-prefixed fields of SSH's wire format. ValueError where they do not fill the bytes."""
    found, at = [], 0
    while at < len(blob):
        begin = at + 4
        at = begin + int.from_bytes(blob[at:begin], "big")
        if begin > len(blob) or at > len(blob):
            raise ValueError("it is cut off")
        found.append(blob[begin:at])
    return found


def _refuse_controls(text: str, what: str) -> None:
    """Neither control characters nor those that turn the direction of reading or are not there at all."""
    for one in text:
        if one not in _JOINERS and unicodedata.category(one) in {"Cc", "Cf", "Cs", "Zl", "Zp"}:
            raise InputError("bad-text", f"{what} holds the character U+{ord(one):04X}, which is not taken")


def _bad_key(message: str) -> InputError:
    return InputError(
        "bad-key",
        message,
        remedy="paste the line of a .pub file: ssh-ed25519, ecdsa-sha2-…, sk-…, or ssh-rsa of 3072 bits",
    )
