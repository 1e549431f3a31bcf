"""Who may have it, and who had it: people, applications, grants, tokens, deliveries."""

from __future__ import annotations

from typing import Literal

from halfdoor.core.log.events.base import (
    ApplicationId,
    Count,
    DeliveryId,
    Digest,
    Event,
    GrantId,
    GroupName,
    ItemName,
    Items,
    OrganisationId,
    PersonId,
    RoleName,
    Time,
    TokenId,
    VersionId,
)


class OrganisationAdded(Event, frozen=True, kw_only=True, tag="people:organisation:add"):
    """An organisation that people belong to."""

    organisation: OrganisationId


class PersonInvited(Event, frozen=True, kw_only=True, tag="people:person:invite"):
    """Somebody is asked in; nothing is open to them yet."""

    person: PersonId
    organisation: OrganisationId | None = None


class PersonJoined(Event, frozen=True, kw_only=True, tag="people:person:join"):
    """The invitation was taken up."""

    person: PersonId


class PersonPlaced(Event, frozen=True, kw_only=True, tag="people:person:place"):
    """The person acts for this organisation from now on; absent: for none."""

    person: PersonId
    organisation: OrganisationId | None = None


class PersonLeft(Event, frozen=True, kw_only=True, tag="people:person:leave"):
    """The person acts here no longer."""

    person: PersonId


class RoleGiven(Event, frozen=True, kw_only=True, tag="people:role:give"):
    """The person may act in this role: one of the application's, or one that the policy names."""

    person: PersonId
    role: RoleName


class RoleTaken(Event, frozen=True, kw_only=True, tag="people:role:take"):
    """The person may no longer act in this role."""

    person: PersonId
    role: RoleName


class KeyRegistered(Event, frozen=True, kw_only=True, tag="people:key:register"):
    """The person signs approvals with this key. key: digest of its line, as OpenSSH writes public keys."""

    person: PersonId
    key: Digest


class KeyWithdrawn(Event, frozen=True, kw_only=True, tag="people:key:withdraw"):
    """The person signs with this key no longer."""

    person: PersonId
    key: Digest


class TermsSet(Event, frozen=True, kw_only=True, tag="access:terms:set"):
    """Who applies as this group agrees to these terms from now on."""

    group: GroupName
    terms: Digest


class ResponsibilityTaken(Event, frozen=True, kw_only=True, tag="access:responsibility:take"):
    """Whoever says this answers for approvals of this group that the policy makes automatic."""

    group: GroupName


class ResponsibilityEnded(Event, frozen=True, kw_only=True, tag="access:responsibility:end"):
    """Nobody answers for automatic approvals of this group any more, so there are none."""

    group: GroupName


class ApplicationSubmitted(Event, frozen=True, kw_only=True, tag="access:application:submit"):
    """Somebody asks for access as a group. terms: digest of the terms that were agreed to."""

    application: ApplicationId
    version: VersionId
    group: GroupName
    terms: Digest | None = None


class ApplicationReturned(Event, frozen=True, kw_only=True, tag="access:application:return"):
    """The reviewer asks for more; the applicant may submit again."""

    application: ApplicationId


class ApplicationApproved(Event, frozen=True, kw_only=True, tag="access:application:approve"):
    """A reviewer agrees; a grant follows once all who must agree have."""

    application: ApplicationId


class ApplicationRejected(Event, frozen=True, kw_only=True, tag="access:application:reject"):
    """A reviewer refuses; the applicant may appeal or apply anew."""

    application: ApplicationId


class ApplicationAppealed(Event, frozen=True, kw_only=True, tag="access:application:appeal"):
    """The applicant asks for a second look at the refusal."""

    application: ApplicationId


class ApplicationWithdrawn(Event, frozen=True, kw_only=True, tag="access:application:withdraw"):
    """The applicant no longer asks."""

    application: ApplicationId


class ApplicationExpired(Event, frozen=True, kw_only=True, tag="access:application:expire"):
    """Nobody decided in time; nothing was granted."""

    application: ApplicationId


class GrantIssued(Event, frozen=True, kw_only=True, tag="access:grant:issue"):
    """These items are open to one holder, as a member of the group, until a date."""

    grant: GrantId
    holder: PersonId
    application: ApplicationId | None = None
    version: VersionId
    group: GroupName
    items: Items
    until: Time


class GrantRenewed(Event, frozen=True, kw_only=True, tag="access:grant:renew"):
    """The grant holds until a later date."""

    grant: GrantId
    until: Time


class GrantNarrowed(Event, frozen=True, kw_only=True, tag="access:grant:narrow"):
    """The grant is held to tighter limits from now on."""

    grant: GrantId


class GrantRevoked(Event, frozen=True, kw_only=True, tag="access:grant:revoke"):
    """The grant opens nothing from now on. What was downloaded stays where it is."""

    grant: GrantId
    cause: Literal["holder", "order", "reviewer", "terms"]


class GrantExpired(Event, frozen=True, kw_only=True, tag="access:grant:expire"):
    """The grant's date has passed."""

    grant: GrantId


class TokenIssued(Event, frozen=True, kw_only=True, tag="access:token:issue"):
    """A token, shown once: it stands for a grant, or without one for a person who acts here."""

    token: TokenId
    grant: GrantId | None = None
    person: PersonId | None = None
    until: Time


class TokenRotated(Event, frozen=True, kw_only=True, tag="access:token:rotate"):
    """A new token takes over from an old one, which still works until a date."""

    token: TokenId
    replaces: TokenId
    until: Time


class TokenRevoked(Event, frozen=True, kw_only=True, tag="access:token:revoke"):
    """The token opens nothing from now on."""

    token: TokenId


class FileBegun(Event, frozen=True, kw_only=True, tag="delivery:file:begin"):
    """Before the first byte of a file leaves. grant: absent for what is open to anyone."""

    delivery: DeliveryId
    grant: GrantId | None = None
    version: VersionId
    item: ItemName
    file: Digest


class FileEnded(Event, frozen=True, kw_only=True, tag="delivery:file:end"):
    """The delivery is over. sent_bytes: absent where another server sent them and did not say."""

    delivery: DeliveryId
    sent_bytes: Count | None = None


class SessionBegun(Event, frozen=True, kw_only=True, tag="delivery:session:begin"):
    """Before the first answer of a service; one entry covers a session of requests."""

    delivery: DeliveryId
    grant: GrantId | None = None
    version: VersionId
    item: ItemName


class SessionEnded(Event, frozen=True, kw_only=True, tag="delivery:session:end"):
    """The session is over. requests: how many were answered; transcript: digest over what was exchanged."""

    delivery: DeliveryId
    requests: Count
    transcript: Digest | None = None


ACCESS = (
    OrganisationAdded
    | PersonInvited
    | PersonJoined
    | PersonPlaced
    | PersonLeft
    | RoleGiven
    | RoleTaken
    | KeyRegistered
    | KeyWithdrawn
    | TermsSet
    | ResponsibilityTaken
    | ResponsibilityEnded
    | ApplicationSubmitted
    | ApplicationReturned
    | ApplicationApproved
    | ApplicationRejected
    | ApplicationAppealed
    | ApplicationWithdrawn
    | ApplicationExpired
    | GrantIssued
    | GrantRenewed
    | GrantNarrowed
    | GrantRevoked
    | GrantExpired
    | TokenIssued
    | TokenRotated
    | TokenRevoked
    | FileBegun
    | FileEnded
    | SessionBegun
    | SessionEnded
)
