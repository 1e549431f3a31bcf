"""Sharing with commands: published, decided, opened, applied for, granted, revoked, halted."""

import json
import re

import pytest

from commands import append, home, run
from halfdoor.core.canonical import sha256_bytes
from sharing import cast, model

__all__ = ["append", "cast", "home", "model", "run"]

PERMIT = "model-card=anyone,architecture=anyone,final-parameters=vetted"


@pytest.fixture
def told(run):
    """Run a command that has to work; what it says, or with --json its answer."""

    def command(*words):
        code, said, error = run(*words)
        assert code == 0, (words, said, error)
        return json.loads(said) if "--json" in words else said

    return command


@pytest.fixture
def version(told, model, cast):
    """Published by somebody who is there by then."""
    return told("publish", model, *cast("pat"), "--json")["version"]


@pytest.fixture
def proposed(told, cast, model, version):
    return told(
        "decide", "propose", model, "--version", version, "--configuration", PERMIT, *cast("pat"), "--json"
    )


@pytest.fixture
def adopted(told, cast, proposed):
    for name in ("ann", "ben", "oda"):
        told("decide", "approve", proposed["id"], "--seen", proposed["seen"], *cast(name))
    return proposed["id"]


def test_who_is_here_is_listed_with_roles(told, run, cast):
    said = told("people", "list", *cast("ada"))
    assert "rex@example.org" in said
    assert "publisher" in said
    me = told("people", "me", *cast("rex"), "--json")
    assert me["person"]["roles"] == ["reviewer"]
    code, _, error = run("people", "list", *cast("rex"))
    assert code == 1
    assert "[not-your-role]" in error
    told("people", "role", "give", "rex@example.org", "auditor", *cast("ada"))
    assert "auditor" in told("people", "me", *cast("rex"))
    told("people", "role", "take", "me", "auditor", *cast("rex"))
    assert "auditor" not in told("people", "me", *cast("rex"))
    assert "Outside" in told("people", "organisation", "list", *cast("rex"))


def test_a_decision_is_shown_with_what_is_missing_and_what_to_type(told, cast, proposed, tmp_path):
    said = told("decide", "show", proposed["id"], *cast("ann"), "--document", tmp_path / "document")
    assert "weights" in said
    assert "vetted groups" in said
    assert f"halfdoor decide approve {proposed['id']} --seen {proposed['seen']}" in said
    assert "ssh-keygen -Y sign -n halfdoor-decision" in said
    assert sha256_bytes((tmp_path / "document").read_bytes()) == proposed["seen"]
    assert "Missing:" in said


def test_objecting_is_kept_and_a_wrong_digest_is_refused(told, run, cast, proposed):
    wrong = "sha256:" + "0" * 64
    code, _, error = run("decide", "approve", proposed["id"], "--seen", wrong, *cast("ann"))
    assert code == 1
    assert "[changed-meanwhile]" in error
    said = told(
        "decide", "object", proposed["id"], "--seen", proposed["seen"], "--reason", "Too early.", *cast("ann")
    )
    assert "Too early." in said
    own = run("decide", "approve", proposed["id"], "--seen", proposed["seen"], *cast("pat"))
    assert own[0] == 1
    assert "[own-proposal]" in own[2]
    bad = run("decide", "approve", proposed["id"], "--seen", "nonsense", *cast("ann"))
    assert (bad[0], "[bad-request]" in bad[2]) == (2, True)


def test_a_decision_is_listed_checked_and_ended(told, run, cast, adopted):
    assert "in force" in told("decide", "list", *cast("ann"))
    assert "Everything it rests on is as it was." in told("decide", "check", adopted, *cast("ann"))
    said = told("decide", "show", adopted, *cast("pat"))
    assert f"halfdoor stage start {adopted}" in said
    assert "withdrawn" in told("decide", "end", adopted, *cast("pat"))
    code, _, error = run("stage", "start", adopted, *cast("pat"))
    assert code == 1
    assert "[not-in-force]" in error
    assert run("decide", "void", adopted, "--condition", "99", *cast("pat"))[0] == 1


def test_what_was_decided_is_opened_applied_for_granted_and_revoked(told, run, cast, adopted, tmp_path):
    plan = told("stage", "start", adopted, *cast("pat"), "--json")
    said = told("stage", "show", plan["id"], *cast("ann"))
    assert plan["id"] in said
    while plan["next"] is not None and plan["next"]["may"]:
        plan = told("stage", "advance", plan["id"], *cast("pat"), "--json")
    assert plan["stage"] == len(plan["stages"]), plan["next"]
    assert plan["id"] in told("stage", "list", *cast("rex"))
    terms = tmp_path / "terms.txt"
    terms.write_text("Do no harm.", encoding="utf-8")
    digest = told("review", "rule", "vetted", "--terms", terms, *cast("ada"), "--json")["rules"][0]["terms"]
    missing = run("apply", "lab/my-model", *cast("oda"))
    assert missing[0] == 2
    assert "vetted" in missing[2]
    asked = ("apply", "lab/my-model", "--group", "vetted")
    fields = _fields(run(*asked, *cast("oda"))[2])
    refused = run(*asked, *fields, *cast("oda"))
    assert (refused[0], "[no-agreement]" in refused[2]) == (2, True)
    assert "Do no harm." in refused[1]
    said = told(*asked, *fields, "--agree", digest, *cast("oda"))
    assert "A reviewer decides on it." in said
    (application,) = told("apply", "list", *cast("oda"), "--json")["applications"]
    one = application["id"]
    assert one in told("review", "list", *cast("rex"))
    shown = told("review", "show", one, *cast("rex"))
    assert "purpose:" in shown
    assert f"halfdoor review approve {one} --seen sha256:" in shown
    assert "another reviewer has to agree" in told("review", "approve", one, *cast("rex"))
    assert "grant is issued" in told("review", "approve", one, *cast("roy"))
    assert "1" in told("review", "stats", *cast("rex"))
    assert f"halfdoor apply token {one}" in told("apply", "status", one, *cast("oda"))
    token = told("apply", "token", one, *cast("oda"))
    assert "HF_ENDPOINT" in token
    assert "hd_" in token
    (grant,) = told("grant", "list", *cast("oda"), "--json")["grants"]
    assert "until" in told("grant", "list", "--all", *cast("rex"))
    assert "bytes" in told("grant", "narrow", grant["id"], "--bytes", "1000000", *cast("rex"))
    gone = told("grant", "revoke", grant["id"], *cast("rex"))
    assert "Nothing had left under this grant." in gone
    again = run("grant", "revoke", grant["id"], *cast("rex"))
    assert again[0] == 1
    halted = told("stage", "halt", plan["id"], *cast("ann"))
    assert "What this cannot undo:" in halted


def _fields(error):
    """The options that the command itself suggests for the fields that are missing."""
    names = re.findall(r"--field ([a-z-]+)=", error)
    return [word for name in names for word in ("--field", f"{name}=Something.")]


def test_tokens_are_issued_listed_rotated_and_revoked(told, run, cast):
    issued = told("token", "issue", "--days", "3", *cast("rex"), "--json")
    assert issued["secret"].startswith("hd_")
    rotated = told("token", "rotate", issued["token"], *cast("rex"), "--json")
    assert rotated["secret"] != issued["secret"]
    listed = told("token", "list", *cast("rex"))
    assert issued["token"] in listed
    assert issued["secret"] not in listed
    assert "no longer" in told("token", "revoke", issued["token"], *cast("rex"))
    assert run("token", "revoke", issued["token"], *cast("rex"))[0] == 1


def test_where_and_in_whose_name_has_to_be_said(run, cast, home):
    for words in ((), ("--home", home), ("--server", "https://a.example", "--home", home)):
        code, _, error = run("people", "list", *words)
        assert code == 2, error
    code, _, error = run("people", "list", "--home", home, "--as", "nobody@example.org")
    assert code == 1
    assert "[not-found]" in error


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://example.org", "plain-http"),
        ("ftp://example.org", "bad-url"),
        ("https://user@example.org", "bad-url"),
        ("https://example.org?x", "bad-url"),
        ("https://example.org", "no-token"),
        ("http://localhost:1", "no-token"),
    ],
)
def test_a_token_is_sent_only_where_nobody_can_read_it(run, cast, url, code):
    exit_code, _, error = run("people", "list", "--server", url)
    assert exit_code == 2
    assert f"[{code}]" in error


def test_a_policy_is_adopted_and_another_one_refused(told, run, cast, model, version):
    assert "No policy was adopted" in told("decide", "policy", *cast("rex"))
    assert "these alone" in told("decide", "policy", "--adopt", "nist-800-1", *cast("ada"))
    propose = ("decide", "propose", model, "--version", version, "--configuration", PERMIT, *cast("pat"))
    code, _, error = run(*propose)
    assert code == 1
    assert "[not-adopted]" in error
    told("decide", "policy", "--adopt", "seger-2023", *cast("ada"))
    told(*propose)
    code, _, error = run("decide", "policy", "--adopt", "seger-2023", *cast("pat"))
    assert code == 1
    assert "[not-your-role]" in error


def test_a_flaw_is_reported_listed_and_closed(told, cast, version):
    found = told("flaw", "report", version, "Refusals vanish at long inputs.", *cast("pat"), "--json")
    assert "open" in told("flaw", "list", "--version", version, *cast("rex"))
    assert "Nobody is warned" in told("flaw", "close", found["id"], *cast("pat"))
    assert "closed" in told("flaw", "list", *cast("rex"))
