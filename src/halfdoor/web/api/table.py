"""The whole table of operations, and the OpenAPI document that it makes."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

from halfdoor import __version__
from halfdoor.web.api import applications, decisions, grants, people, plans, policy, rules, versions
from halfdoor.web.api.operation import ANYONE, PARAMETERS, PREFIX, Call, Nothing, Operation, Raw, Table
from halfdoor.web.api.requests import JSON, Failure

_REFERENCE = "#/components/schemas/{name}"
_TAGS = ("about", "versions", "decisions", "policy", "plans", "people", "applications", "groups", "grants")
_INTRODUCTION = """\
The control plane of a Halfdoor: who decides, who is let in, who is granted what. Files are not here: \
clients of the Hugging Face hub download them from the same server, with the token of a grant.

Requests are strict: a field that is not known is refused, by its name. What was done already is not done \
twice: 409 says that it is so. Every refusal has a code for programs, a sentence, and what to do next."""


class About(msgspec.Struct, frozen=True):
    """What answers here. registration: whether anybody may register, or only who was invited."""

    name: str
    version: str
    origin: str
    registration: str
    hub: str


class Document(msgspec.Struct, frozen=True):
    """An OpenAPI document."""

    openapi: str
    info: dict[str, Any]
    tags: list[dict[str, Any]]
    paths: dict[str, Any]
    components: dict[str, Any]


def _about(call: Call[Nothing]) -> About:
    settings = call.served.home.settings
    return About("halfdoor", __version__, settings.origin, settings.registration, call.served.public_url)


def _openapi(_: Call[Nothing]) -> Document:
    return document()


_ABOUT: Table = (
    Operation(
        name="about",
        method="GET",
        path="/about",
        who=ANYONE,
        summary="What answers here.",
        asks=Nothing,
        answers=About,
        handle=_about,
    ),
    Operation(
        name="openapi",
        method="GET",
        path="/openapi.json",
        who=ANYONE,
        summary="This document.",
        asks=Nothing,
        answers=Document,
        handle=_openapi,
    ),
)
_AREAS: tuple[tuple[str, Table], ...] = (
    ("about", _ABOUT),
    ("versions", versions.OPERATIONS),
    ("decisions", decisions.OPERATIONS),
    ("policy", policy.OPERATIONS),
    ("plans", plans.OPERATIONS),
    ("people", people.OPERATIONS),
    ("applications", applications.OPERATIONS),
    ("groups", rules.OPERATIONS),
    ("grants", grants.OPERATIONS),
)
OPERATIONS: Table = tuple(one for _, table in _AREAS for one in table)


@lru_cache(maxsize=1)
def document() -> Document:
    """The OpenAPI document (3.1) of the table; the same for everybody."""
    kinds = {one.asks for one in OPERATIONS if one.method != "GET" and one.asks is not Nothing}
    kinds |= {one.answers for one in OPERATIONS if one.answers is not Raw}
    ordered = sorted(kinds, key=lambda kind: (kind.__module__, kind.__qualname__))
    schemas, components = msgspec.json.schema_components([*ordered, Failure], ref_template=_REFERENCE)
    by_kind = dict(zip([*ordered, Failure], schemas, strict=True))
    paths: dict[str, Any] = {}
    for tag, table in _AREAS:
        for one in table:
            described = _operation(one, tag, by_kind)
            paths.setdefault(f"{PREFIX}{one.path}", {})[one.method.lower()] = described
    return Document(
        openapi="3.1.0",
        info={
            "title": "Halfdoor's control API",
            "version": "1",
            "description": _INTRODUCTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        tags=[{"name": tag} for tag in _TAGS],
        paths=paths,
        components={
            "schemas": dict(sorted(components.items())),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A person's own token (hd_…), not that of a grant.",
                }
            },
        },
    )


def _operation(one: Operation[Any, Any], tag: str, by_kind: dict[Any, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": one.name,
        "tags": [tag],
        "summary": one.summary,
        "description": f"For {one.who.words}.",
        "security": [{"token": []}] if one.who.token else [{}, {"token": []}],
        "parameters": [*_in_path(one.path), *(_in_query(one.asks) if one.method == "GET" else [])],
        "responses": {
            str(one.status): {"description": "Done.", "content": _content(one, by_kind)},
            "default": {"description": "Refused.", "content": {JSON: {"schema": by_kind[Failure]}}},
        },
    }
    if one.method != "GET" and one.asks is not Nothing:
        described["requestBody"] = {
            "required": any(field.required for field in msgspec.structs.fields(one.asks)),
            "content": {JSON: {"schema": by_kind[one.asks]}},
        }
    return described


def _content(one: Operation[Any, Any], by_kind: dict[Any, Any]) -> dict[str, Any]:
    if one.answers is Raw:
        return {JSON: {}, "text/plain": {}}
    return {JSON: {"schema": by_kind[one.answers]}}


def _in_path(path: str) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return [
        {"name": name, "in": "path", "required": True, "schema": msgspec.json.schema(PARAMETERS[name])}
        for name in names
    ]


def _in_query(kind: type[Any]) -> list[dict[str, Any]]:
    """A struct's fields as parameters; what may be left out is simply left out."""
    schema = msgspec.json.schema(kind)
    fields = schema["$defs"][kind.__name__]["properties"]
    return [
        {"name": name, "in": "query", "required": False, "schema": _without_null(field)}
        for name, field in fields.items()
    ]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    options = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    if not options:
        return schema
    return options[0] if len(options) == 1 else {"anyOf": options}
