"""People: registering and joining, roles, organisations, the keys that they sign with."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from halfdoor.core.governance.people import EMAIL_MAX, NAME_MAX
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.log.events.base import RoleName
from halfdoor.services import people
from halfdoor.services.commit import moment
from halfdoor.services.people import INVITED_DAYS, INVITED_DAYS_MAX
from halfdoor.services.tokens import Issued
from halfdoor.web.api.operation import ANYONE, HOLDER, PERSON, Asks, Call, Nothing, Operation, Table, holding

if TYPE_CHECKING:
    from halfdoor.store.people import PersonRow

Name = Annotated[str, Meta(min_length=1, max_length=NAME_MAX)]
Email = Annotated[str, Meta(min_length=1, max_length=EMAIL_MAX)]
Line = Annotated[str, Meta(max_length=8192)]


class Person(msgspec.Struct, frozen=True):
    """Somebody here.

    organisation: the id of the one that they act for, as an administrator said
    affiliation:  what they say of theirs; nobody has checked it
    acts:         has joined and has not left
    """

    id: str
    name: str
    email: str | None
    organisation: str | None
    affiliation: str | None
    roles: tuple[str, ...]
    invited: dt.datetime
    joined: dt.datetime | None
    left: dt.datetime | None
    acts: bool


class Me(msgspec.Struct, frozen=True):
    """Who calls. keys: SSH keys that sign their approvals."""

    person: Person
    keys: list[str]


class People(msgspec.Struct, frozen=True):
    """People, the earliest first."""

    people: list[Person]


class Organisation(msgspec.Struct, frozen=True):
    """An organisation that people act for."""

    id: str
    name: str


class Organisations(msgspec.Struct, frozen=True):
    """Organisations, by name."""

    organisations: list[Organisation]


class Invited(msgspec.Struct, frozen=True):
    """An invitation, shown this once. Whoever has its secret or its link can come in, once."""

    person: str
    secret: str
    link: str
    until: dt.datetime


class Key(msgspec.Struct, frozen=True):
    """A key as it is kept."""

    key: str


class Logged(msgspec.Struct, frozen=True):
    """It is in effect. logged: the log has it already."""

    logged: bool


class Register(Asks, frozen=True):
    """Who somebody is; organisation: as they say."""

    name: Name
    email: Email
    organisation: Name


class Join(Asks, frozen=True):
    """secret: of the invitation; name, email: for whom nobody has named yet, as the first administrator."""

    secret: Annotated[str, Meta(max_length=256)]
    name: Name | None = None
    email: Email | None = None


class Invite(Asks, frozen=True):
    """Whom to ask in. organisation: a name or id."""

    name: Name
    email: Email
    organisation: Name | None = None
    roles: tuple[RoleName, ...] = ()
    days: Annotated[int, Meta(ge=1, le=INVITED_DAYS_MAX)] = INVITED_DAYS


class Place(Asks, frozen=True):
    """organisation: a name or id; null: none."""

    organisation: Name | None


class AddOrganisation(Asks, frozen=True):
    """Its name."""

    name: Name


class TheKey(Asks, frozen=True):
    """line: as in a .pub file."""

    line: Line


def _register(call: Call[Register]) -> Issued:
    if call.served.home.settings.registration != "open":
        raise Refused(
            "invited-only", "nobody registers here without an invitation", remedy="ask the operator for one"
        )
    asks = call.asks
    _, token = people.register(call.commits, name=asks.name, email=asks.email, organisation=asks.organisation)
    return token


def _join(call: Call[Join]) -> Issued:
    return people.join(call.commits, call.asks.secret, name=call.asks.name, email=call.asks.email)


def _me(call: Call[Nothing]) -> Me:
    row = people.person(call.commits, call.person.person)
    return Me(_person(row), people.ssh_keys(call.commits, row.id))


def _list(call: Call[Nothing]) -> People:
    return People([_person(row) for row in people.people(call.commits)])


def _show(call: Call[Nothing]) -> Person:
    return _person(people.person(call.commits, call.path["person"]))


def _invite(call: Call[Invite]) -> Invited:
    asks = call.asks
    made = people.invite(
        call.commits,
        call.person,
        name=asks.name,
        email=asks.email,
        organisation=asks.organisation,
        roles=asks.roles,
        days=asks.days,
    )
    return Invited(made.person, made.secret, f"{call.served.public_url}/join/{made.secret}", made.until)


def _give(call: Call[Nothing]) -> Logged:
    people.give_role(call.commits, call.person, call.path["person"], call.path["role"])
    return Logged(logged=True)


def _take(call: Call[Nothing]) -> Logged:
    return Logged(people.take_role(call.commits, call.person, call.path["person"], call.path["role"]))


def _place(call: Call[Place]) -> Logged:
    people.place(call.commits, call.person, call.path["person"], call.asks.organisation)
    return Logged(logged=True)


def _leave(call: Call[Nothing]) -> Logged:
    return Logged(people.leave(call.commits, call.person, call.path["person"]))


def _erase(call: Call[Nothing]) -> Logged:
    people.erase_person(call.commits, call.person, call.path["person"])
    return Logged(logged=True)


def _organisations(call: Call[Nothing]) -> Organisations:
    return Organisations([Organisation(one.id, one.name) for one in people.organisations(call.commits)])


def _add_organisation(call: Call[AddOrganisation]) -> Organisation:
    one = people.add_organisation(call.commits, call.person, call.asks.name)
    return Organisation(one, call.asks.name.strip())


def _add_key(call: Call[TheKey]) -> Key:
    return Key(people.add_ssh_key(call.commits, call.person, call.asks.line))


def _remove_key(call: Call[TheKey]) -> Logged:
    return Logged(people.remove_ssh_key(call.commits, call.person, call.asks.line))


def _person(row: PersonRow) -> Person:
    return Person(
        id=row.id,
        name=row.name,
        email=row.email,
        organisation=row.organisation,
        affiliation=row.affiliation,
        roles=row.roles,
        invited=moment(row.invited_ms),
        joined=None if row.joined_ms is None else moment(row.joined_ms),
        left=None if row.left_ms is None else moment(row.left_ms),
        acts=row.acts,
    )


_ADMIN = holding("admin")
_SEES_PEOPLE = holding("admin", "auditor")
OPERATIONS: Table = (
    Operation(
        name="register",
        method="POST",
        path="/register",
        who=ANYONE,
        summary="Let oneself in, to apply; the answer holds a token that is shown this once.",
        asks=Register,
        answers=Issued,
        handle=_register,
        status=201,
        limited=True,
    ),
    Operation(
        name="join",
        method="POST",
        path="/join",
        who=ANYONE,
        summary="Take up an invitation, once; the answer holds a token that is shown this once.",
        asks=Join,
        answers=Issued,
        handle=_join,
        status=201,
        limited=True,
    ),
    Operation(
        name="show_me",
        method="GET",
        path="/me",
        who=PERSON,
        summary="Who calls, and what roles they hold.",
        asks=Nothing,
        answers=Me,
        handle=_me,
    ),
    Operation(
        name="add_key",
        method="POST",
        path="/me/keys",
        who=PERSON,
        summary="Register an SSH key that signs one's approvals.",
        asks=TheKey,
        answers=Key,
        handle=_add_key,
        status=201,
    ),
    Operation(
        name="remove_key",
        method="POST",
        path="/me/keys/remove",
        who=PERSON,
        summary="A key of one's own signs nothing from now on.",
        asks=TheKey,
        answers=Logged,
        handle=_remove_key,
    ),
    Operation(
        name="list_people",
        method="GET",
        path="/people",
        who=_SEES_PEOPLE,
        summary="Everybody, with names and addresses.",
        asks=Nothing,
        answers=People,
        handle=_list,
    ),
    Operation(
        name="invite_person",
        method="POST",
        path="/people",
        who=_ADMIN,
        summary="Ask somebody in, or again somebody who lost their token.",
        asks=Invite,
        answers=Invited,
        handle=_invite,
        status=201,
    ),
    Operation(
        name="show_person",
        method="GET",
        path="/people/{person}",
        who=_SEES_PEOPLE,
        summary="One person.",
        asks=Nothing,
        answers=Person,
        handle=_show,
    ),
    Operation(
        name="give_role",
        method="PUT",
        path="/people/{person}/roles/{role}",
        who=_ADMIN,
        summary="Give somebody a role.",
        asks=Nothing,
        answers=Logged,
        handle=_give,
    ),
    Operation(
        name="take_role",
        method="DELETE",
        path="/people/{person}/roles/{role}",
        who=PERSON,
        summary="Take a role from somebody, at once: an administrator, or of oneself.",
        asks=Nothing,
        answers=Logged,
        handle=_take,
    ),
    Operation(
        name="place_person",
        method="POST",
        path="/people/{person}/place",
        who=_ADMIN,
        summary="Say for which organisation somebody acts.",
        asks=Place,
        answers=Logged,
        handle=_place,
    ),
    Operation(
        name="let_leave",
        method="POST",
        path="/people/{person}/leave",
        who=PERSON,
        summary="Somebody acts here no longer; by themselves or an administrator.",
        asks=Nothing,
        answers=Logged,
        handle=_leave,
    ),
    Operation(
        name="erase_person",
        method="POST",
        path="/people/{person}/erase",
        who=_ADMIN,
        summary="Forget the names of somebody who has left, and what they stated.",
        asks=Nothing,
        answers=Logged,
        handle=_erase,
    ),
    Operation(
        name="list_organisations",
        method="GET",
        path="/organisations",
        who=HOLDER,
        summary="Organisations, by name.",
        asks=Nothing,
        answers=Organisations,
        handle=_organisations,
    ),
    Operation(
        name="add_organisation",
        method="POST",
        path="/organisations",
        who=_ADMIN,
        summary="Add an organisation that people act for.",
        asks=AddOrganisation,
        answers=Organisation,
        handle=_add_organisation,
        status=201,
    ),
)
