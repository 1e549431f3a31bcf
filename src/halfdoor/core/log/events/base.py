"""What every entry has, and the few kinds of values that its fields may hold.

No field holds free text, so nothing personal can slip in: ids are random, documents are named by their
digest, and whatever names or describes a person stands as a salted commitment (see commitment.py). Items and
groups are written out; their names come from documents that are public anyway.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from halfdoor.core.ids import COMPONENTS

SCHEMA: Final = "halfdoor/entry/1"
COUNT_MAX = 2**53 - 1  # of a number that every JSON reader keeps exactly
LISTED_MAX = 64

# Which kinds of things have random ids: prefix -> what it names.
PREFIXES = {
    "adv": "advisory",
    "app": "application",
    "dec": "decision",
    "dlv": "delivery",
    "flw": "flaw",
    "grt": "grant",
    "inc": "incident",
    "ord": "order",
    "org": "organisation",
    "per": "person, or a service acting for one",
    "pln": "plan",
    "tok": "token",
    "ver": "model version",
}
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base32: no i, l, o, u
RANDOM_CHARACTERS = 26  # 130 bits
_RANDOM = f"_[0-9a-hjkmnp-tv-z]{{{RANDOM_CHARACTERS}}}$"

# [variant:]component[@profile], as in core/ids.py. `(?!\n)$` is the very end in every dialect of patterns.
_ITEM = rf"^(?:[A-Za-z0-9][A-Za-z0-9._-]*:)?(?:{'|'.join(COMPONENTS)})(?:@[a-z0-9][a-z0-9._-]*)?(?!\n)$"

AdvisoryId = Annotated[str, Meta(pattern=f"^adv{_RANDOM}", max_length=30)]
ApplicationId = Annotated[str, Meta(pattern=f"^app{_RANDOM}", max_length=30)]
DecisionId = Annotated[str, Meta(pattern=f"^dec{_RANDOM}", max_length=30)]
DeliveryId = Annotated[str, Meta(pattern=f"^dlv{_RANDOM}", max_length=30)]
FlawId = Annotated[str, Meta(pattern=f"^flw{_RANDOM}", max_length=30)]
GrantId = Annotated[str, Meta(pattern=f"^grt{_RANDOM}", max_length=30)]
IncidentId = Annotated[str, Meta(pattern=f"^inc{_RANDOM}", max_length=30)]
OrderId = Annotated[str, Meta(pattern=f"^ord{_RANDOM}", max_length=30)]
OrganisationId = Annotated[str, Meta(pattern=f"^org{_RANDOM}", max_length=30)]
PersonId = Annotated[str, Meta(pattern=f"^per{_RANDOM}", max_length=30)]
PlanId = Annotated[str, Meta(pattern=f"^pln{_RANDOM}", max_length=30)]
TokenId = Annotated[str, Meta(pattern=f"^tok{_RANDOM}", max_length=30)]
VersionId = Annotated[str, Meta(pattern=f"^ver{_RANDOM}", max_length=30)]

Digest = Annotated[str, Meta(pattern="^sha256:[0-9a-f]{64}$", max_length=71)]
KeyId = Annotated[str, Meta(pattern="^[0-9a-f]{8}$", max_length=8)]  # of a signed note's key
Count = Annotated[int, Meta(ge=0, le=COUNT_MAX)]
Time = Annotated[dt.datetime, Meta(tz=True)]
ItemName = Annotated[str, Meta(pattern=_ITEM, max_length=120)]
GroupName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]*(?!\n)$", max_length=40)]
RoleName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]*(?!\n)$", max_length=40)]
Items = Annotated[tuple[ItemName, ...], Meta(min_length=1, max_length=LISTED_MAX)]

# What a commitment may be about.
Committed = Literal["contact", "identity", "network", "organisation", "purpose", "reason", "text"]
Commitments = Annotated[dict[Committed, Digest], Meta(max_length=7)]


class Event(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    tag_field="event",
):
    """One entry of the log: `event` says what happened, as area:subject:action.

    schema:      always halfdoor/entry/1
    at:          when, by the application's clock, UTC
    by:          who did it; absent where the application itself did
    commitments: what is personal, each as a digest that means nothing once its salt is erased
    """

    schema: Literal["halfdoor/entry/1"]
    at: Time
    by: PersonId | None = None
    commitments: Commitments = {}


def new_id(prefix: str, random: int) -> str:
    """An id of a kind in `PREFIXES` from a random number of 130 bits. KeyError where the kind is unknown."""
    PREFIXES[prefix]
    characters = (ALPHABET[random >> (5 * place) & 31] for place in range(RANDOM_CHARACTERS))
    return f"{prefix}_{''.join(characters)}"
