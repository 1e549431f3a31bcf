"""What an operator sets, in `home.toml` of a home."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

FILE = "home.toml"


class Setting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of `home.toml`."""


class Key(Setting, frozen=True):
    """A signing key: its public half, and what signs with the private one.

    public:  of a note key the verifier key's text, of the receipt key the name of a PEM file
    file:    the private key (PEM), below the home
    command: instead of a file: a program of a key service, which reads the message and prints the signature
    """

    public: str
    file: str = ""
    command: tuple[str, ...] = ()


class Settings(Setting, frozen=True):
    """`home.toml`. Paths are below the home unless they begin with a slash.

    origin:             the log's name, for ever: a name of yours without scheme, such as example.org/releases
    latest:             the second store of the newest checkpoint, best on another disk
    public:             the folder that a web server serves
    witnesses:          a policy file (C2SP tlog-policy); empty: checkpoints are published without witnesses
    free_megabytes_min: below so much room on the disk nothing is written
    note_key:           the newest first; two while one takes over from the other
    model_key:          signs model.sig of each version; without one nothing is signed
    blobs:              where files of models lie: a folder, or s3://bucket/prefix
    offload:            who sends them: "none" is this program; nginx in front of it; or links into the bucket
    access_log:         the file where nginx says how much it sent of each delivery
    public_url:         where clients reach this server; messages to people name it
    registration:       "open": who applies for access registers alone; "invited": only who was asked in
    proxy:              addresses or networks of servers in front, whose X-Forwarded-For is believed
    outbox_days:        how long replicas that were away can still learn what changed meanwhile
    """

    schema: Literal["halfdoor/settings/1"]
    origin: Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\s+]+(?!\n)$")]
    latest: str
    note_key: Annotated[tuple[Key, ...], Meta(min_length=1, max_length=2)]
    receipt_key: Key
    database: str = "sqlite:///halfdoor.db"
    public: str = "log"
    witnesses: str = ""
    free_megabytes_min: Annotated[int, Meta(ge=1)] = 256
    model_key: Key | None = None
    blobs: Annotated[str, Meta(min_length=1)] = "blobs"
    offload: Literal["none", "nginx", "s3"] = "none"
    access_log: str = "deliveries.log"
    public_url: Annotated[str, Meta(pattern=r"^(?:https?://[^\s?#]*[^\s?#/])?(?!\n)$")] = ""
    registration: Literal["open", "invited"] = "open"
    proxy: tuple[str, ...] = ()
    outbox_days: Annotated[int, Meta(ge=1, le=3650)] = 7
