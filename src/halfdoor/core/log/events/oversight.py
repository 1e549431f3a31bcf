"""What comes back and what is ordered: flaws, incidents, advisories, orders; and the log's own affairs."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from halfdoor.core.log.events.base import (
    AdvisoryId,
    Count,
    Digest,
    Event,
    FlawId,
    IncidentId,
    KeyId,
    OrderId,
    VersionId,
)


class OrderReceived(Event, frozen=True, kw_only=True, tag="oversight:order:receive"):
    """An overseer asks to halt. document: digest of the order."""

    order: OrderId
    document: Digest


class OrderLifted(Event, frozen=True, kw_only=True, tag="oversight:order:lift"):
    """The order no longer holds."""

    order: OrderId


class FlawReported(Event, frozen=True, kw_only=True, tag="oversight:flaw:report"):
    """Somebody reports a defect of a version."""

    flaw: FlawId
    version: VersionId


class FlawJudged(Event, frozen=True, kw_only=True, tag="oversight:flaw:judge"):
    """What became of the report."""

    flaw: FlawId
    outcome: Literal["confirmed", "duplicate", "fixed", "rejected"]


class IncidentReported(Event, frozen=True, kw_only=True, tag="oversight:incident:report"):
    """Harm, or nearly: reported to whom it must be."""

    incident: IncidentId
    version: VersionId | None = None


class IncidentClosed(Event, frozen=True, kw_only=True, tag="oversight:incident:close"):
    """The incident was dealt with. document: digest of the report."""

    incident: IncidentId
    document: Digest


class AdvisoryPublished(Event, frozen=True, kw_only=True, tag="oversight:advisory:publish"):
    """What holders of copies should know and do. document: digest of the advisory."""

    advisory: AdvisoryId
    flaw: FlawId | None = None
    document: Digest


class LogOpened(Event, frozen=True, kw_only=True, tag="log:origin:open"):
    """The first entry: which keys sign checkpoints and receipts."""

    note_key: KeyId
    receipt_key: Digest


class KeyAdded(Event, frozen=True, kw_only=True, tag="log:key:add"):
    """A new key signs checkpoints from now on, beside the old one."""

    note_key: KeyId
    receipt_key: Digest


class KeyRetired(Event, frozen=True, kw_only=True, tag="log:key:retire"):
    """The old key signs checkpoints no longer."""

    note_key: KeyId


class RecordErased(Event, frozen=True, kw_only=True, tag="log:record:erase"):
    """The salts of commitments in these entries were destroyed, so that the commitments mean nothing."""

    entries: Annotated[tuple[Count, ...], Meta(min_length=1, max_length=1000)]
    cause: Literal["order", "request", "retention"]


OVERSIGHT = (
    OrderReceived
    | OrderLifted
    | FlawReported
    | FlawJudged
    | IncidentReported
    | IncidentClosed
    | AdvisoryPublished
    | LogOpened
    | KeyAdded
    | KeyRetired
    | RecordErased
)
