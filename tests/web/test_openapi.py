"""The OpenAPI document: valid, whole, and what the API really answers."""

import json

import jsonschema
import msgspec
import pytest

from controlled import world_in
from halfdoor.web.api.operation import PREFIX
from halfdoor.web.api.table import OPERATIONS, document


@pytest.fixture(scope="module")
def described():
    return json.loads(msgspec.json.encode(document()))


def resolved(described, schema):
    return {**schema, "components": described["components"]}


def test_every_operation_is_described_once(described):
    found = {
        (method.upper(), path.removeprefix(PREFIX), one["operationId"])
        for path, methods in described["paths"].items()
        for method, one in methods.items()
    }
    assert found == {(one.method, one.path, one.name) for one in OPERATIONS}


def test_every_schema_in_it_is_one_and_every_reference_leads_somewhere(described):
    schemas = described["components"]["schemas"]
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    text = json.dumps(described)
    named = {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert named <= set(schemas)
    assert described["openapi"] == "3.1.0"


def test_every_parameter_of_a_path_is_described(described):
    for path, methods in described["paths"].items():
        for one in methods.values():
            in_path = {p["name"] for p in one["parameters"] if p["in"] == "path"}
            assert in_path == {part[1:-1] for part in path.split("/") if part.startswith("{")}
            assert all(p["schema"]["pattern"] for p in one["parameters"] if p["in"] == "path")


def test_who_needs_a_token_is_said(described):
    for one in OPERATIONS:
        security = described["paths"][f"{PREFIX}{one.path}"][one.method.lower()]["security"]
        assert ({} in security) is not one.who.token


def test_what_it_answers_fits_its_description(sqlite_home, described):
    with world_in(sqlite_home) as world:
        found, plan = world.open()
        ids = {"version": world.version, "decision": found.id, "plan": plan.id, "group": "vetted"}
        ids |= {"person": world.admin.person, "digest": found.seen}
        looked = 0
        for one in OPERATIONS:
            if one.method != "GET" or "{grant}" in one.path or "{application}" in one.path:
                continue
            answer = world.ask(world.admin, "GET", one.path.format(**ids))
            responses = described["paths"][f"{PREFIX}{one.path}"]["get"]["responses"]
            kind = responses[str(answer.status) if answer.status < 400 else "default"]["content"]
            schema = kind["application/json"].get("schema")
            if schema is not None and answer.headers["content-type"] == "application/json":
                jsonschema.validate(answer.json, resolved(described, schema))
            looked += answer.status == 200
        assert looked > 20
