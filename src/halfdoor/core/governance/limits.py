"""Limits of a grant: until when, how many bytes and downloads, from which networks."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from halfdoor.core.errors import InputError
from halfdoor.core.governance.refusal import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

DAYS_DEFAULT = 180
DAYS_MAX = 3660
NETWORKS_MAX = 32
_MAPPED_BITS = 96  # of an IPv4 address within ::ffff:0:0/96

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Whole = Annotated[int, Meta(ge=1, le=2**53 - 1)]
Days = Annotated[int, Meta(ge=1, le=DAYS_MAX)]


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a grant is limited to. None, or no networks: not limited here.

    bytes:     that may leave under it, all downloads together
    downloads: files that may be begun
    networks:  prefixes (`192.0.2.0/24`, `2001:db8::/32`) from which it works
    days:      it holds, from the day of its issue
    """

    bytes: Whole | None = None
    downloads: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None
    networks: tuple[str, ...] = ()
    days: Days | None = None


def checked(limits: Limits) -> Limits:
    """The same with every network in its one form. Raises InputError `bad-limits`."""
    try:
        msgspec.convert(msgspec.to_builtins(limits), Limits)  # who built it in Python skipped the bounds
    except msgspec.ValidationError as error:
        raise InputError("bad-limits", f"these are no limits: {error}") from error
    return msgspec.structs.replace(limits, networks=networks_of(limits.networks))


def networks_of(prefixes: Iterable[str]) -> tuple[str, ...]:
    """Prefixes in their one form, sorted, without repetitions. Raises InputError `bad-limits`."""
    found = {str(_network(one)) for one in prefixes}
    if len(found) > NETWORKS_MAX:
        raise InputError("bad-limits", f"a grant names at most {NETWORKS_MAX} networks")
    return tuple(sorted(found))


def is_inside(address: str | None, networks: Iterable[str]) -> bool:
    """The address lies in one of the networks, or none are named. None: nobody knows the address.

    An IPv4 address that came through an IPv6 socket (`::ffff:192.0.2.1`) counts as what it is.
    """
    prefixes = list(networks)
    if not prefixes:
        return True
    if address is None:
        return False
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return any(found in _network(one) for one in prefixes)


def narrowed(old: Limits, new: Limits) -> Limits:
    """`old` with what `new` names in its place; days are not touched (a grant's date is its own).

    Raises Refused `not-narrower` where anything would be wider than before, InputError `bad-limits`.
    """
    new = checked(new)
    for name, before, after in (
        ("bytes", old.bytes, new.bytes),
        ("downloads", old.downloads, new.downloads),
    ):
        if before is not None and after is not None and after > before:
            raise _wider(f"{after:,} {name} are more than the grant's {before:,}")
    if old.networks and any(not _is_within(one, old.networks) for one in new.networks):
        raise _wider("a network lies outside those that the grant names")
    return Limits(
        bytes=new.bytes if new.bytes is not None else old.bytes,
        downloads=new.downloads if new.downloads is not None else old.downloads,
        networks=new.networks or old.networks,
        days=old.days,
    )


def days_of(*limits: int | None) -> int:
    """For how many days a new grant holds: the shortest of those that are named, else the default."""
    return min((one for one in limits if one is not None), default=DAYS_DEFAULT)


def _is_within(prefix: str, networks: Iterable[str]) -> bool:
    inner = _network(prefix)
    for outer in map(_network, networks):
        if (
            isinstance(inner, ipaddress.IPv4Network)
            and isinstance(outer, ipaddress.IPv4Network)
            and inner.subnet_of(outer)
        ):
            return True
        if (
            isinstance(inner, ipaddress.IPv6Network)
            and isinstance(outer, ipaddress.IPv6Network)
            and inner.subnet_of(outer)
        ):
            return True
    return False


def _network(prefix: str) -> Network:
    try:
        found = ipaddress.ip_network(prefix)
    except ValueError as error:
        raise InputError(
            "bad-limits",
            f"{prefix[:60]!r} is no network: {error}",
            remedy="write a prefix such as 192.0.2.0/24, without bits of a host",
        ) from error
    if isinstance(found, ipaddress.IPv6Network):
        mapped = found.network_address.ipv4_mapped
        if mapped is not None and found.prefixlen >= _MAPPED_BITS:
            return ipaddress.IPv4Network((mapped, found.prefixlen - _MAPPED_BITS))
    return found


def _wider(message: str) -> Refused:
    return Refused("not-narrower", message, remedy="limits are only narrowed; for more, issue another grant")
