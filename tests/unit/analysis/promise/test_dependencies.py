from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from flowjoy.analysis.promise.dependencies import (
    HEAD,
    branch_stub,
    dependencies_of,
    head_owners,
    head_problem,
    head_waivers,
    named_models,
    not_applied,
    required_models,
    stub_lines,
)
from flowjoy.domain import Outcome, Proposal, Requirement, Rule, StubFile
from tests.builders import a_bundle, a_deploy, a_stub_file, at

A, B, PATH = "a" * 40, "b" * 40, "flowjoy.json"
WAIVER = {"model": "recommender", "sha": "*", "reason": "outage", "by": "the lead", "until": "2024-07-01T00:00:00Z"}
UNREAD = a_stub_file(problem="flowjoy.json was not read")
GONE = a_stub_file(problem="the commit is gone", commit_is_gone=True)
BROKEN = a_stub_file(text="{")


def a_stub(*waivers: dict[str, str], **models: Any) -> StubFile:
    return a_stub_file(text=json.dumps({"models": models, "waivers": list(waivers)}))


# Dependencies of deployed commits


def test_dependencies__are_those_of_the_commit_s_stub_else_of_the_input() -> None:
    known = dependencies_of(["ranker"], {A: a_stub(recommender="3"), B: a_stub_file()}, PATH)
    assert known.of(A) == (Requirement(model="recommender", rule=Rule.EXACT, version="3"),)
    assert known.of(B) == known.of("c" * 40) == known.of(None) == (Requirement(model="ranker"),)
    assert (known.unreadable, known.gone) == ({}, frozenset())


def test_dependencies__leave_out_what_a_stub_declares_as_not_needed() -> None:
    none = {"requires": "none", "reason": "a rewrite"}
    assert dependencies_of([], {A: a_stub(recommender=none, ranker="any")}, PATH).of(A) == (
        Requirement(model="ranker"),
    )


@pytest.mark.parametrize(("file", "problem"), [(UNREAD, "was not read"), (BROKEN, "flowjoy.json at aaaaaaaaaaaa")])
def test_dependencies__of_a_stub_that_cannot_be_read_are_unknown(file: StubFile, problem: str) -> None:
    known = dependencies_of(["ranker"], {A: file, B: GONE}, PATH)
    assert problem in known.unreadable[A]
    assert known.of(A) == ()
    assert known.gone == {B}


@pytest.mark.parametrize(
    ("code_source", "head", "models"),
    [
        ("", a_stub(recommender="any"), ()),
        ("", a_stub(recommender="9", ranker="any"), ("ranker", "recommender")),
        ("", a_stub(recommender={"requires": "none", "reason": "a rewrite"}), ()),
        ("", BROKEN, ()),
        ("deployments of production", a_stub(recommender="9", ranker="any"), ()),
    ],
)
def test_stub__of_head_is_not_applied_to_a_code_file_where_models_does_not_say_the_same(
    code_source: str, head: StubFile, models: tuple[str, ...]
) -> None:
    terms = {"models": ("recommender",), "code_source": code_source}
    assert not_applied(a_bundle(terms=terms, stubs={HEAD: head})) == models


def test_dependencies__of_head_are_not_those_of_a_commit() -> None:
    known = dependencies_of([], {HEAD: a_stub(recommender="3")}, PATH)
    assert (known.by_sha, known.unreadable) == ({}, {})
    assert dependencies_of([], {HEAD: BROKEN}, PATH).unreadable == {}


def test_waivers__carry_the_time_when_they_were_first_seen_at_head_and_others_their_commit() -> None:
    (plain,) = head_waivers({HEAD: a_stub(WAIVER)})
    stubs = {HEAD: a_stub(WAIVER), A: a_stub(WAIVER)}
    known = dependencies_of([], stubs, PATH, first_seen=[replace(plain, seen_at=at(3))])
    assert set(known.waivers) == {replace(plain, seen_at=at(3)), replace(plain, seen_at=at(3), standing_for=A)}
    assert head_waivers({HEAD: BROKEN}) == head_waivers({}) == ()


def test_owners__are_those_of_the_default_branch_alone() -> None:
    mine, theirs = {"requires": "any", "owner": "U0123ABC"}, {"requires": "any", "owner": "U0MALLORY1"}
    stubs = {HEAD: a_stub(recommender=mine, ranker="any"), A: a_stub(recommender=theirs, ranker=theirs)}
    assert head_owners(stubs) == {"recommender": "U0123ABC"}
    assert head_owners({A: a_stub(recommender=theirs)}) == head_owners({HEAD: BROKEN}) == {}


@pytest.mark.parametrize(
    ("file", "problem"), [(UNREAD, True), (BROKEN, True), (a_stub_file(), False), (a_stub(), False)]
)
def test_head__says_why_its_waivers_cannot_be_read(file: StubFile, *, problem: bool) -> None:
    assert (head_problem({HEAD: file}, PATH) is not None) is problem
    assert head_problem({}, PATH) is None


# One side of a pull request


def test_branch__without_a_stub_depends_on_the_input() -> None:
    side = branch_stub({}, A, PATH, ["recommender"])
    assert (side.present, side.requirements, side.problem) == (
        False,
        {"recommender": Requirement(model="recommender")},
        None,
    )


def test_branch__with_a_stub_has_its_requirements_lines_and_waivers() -> None:
    side = branch_stub({A: a_stub_file(text='{\n "models": {\n  "recommender": "3"}}')}, A, PATH, ["ranker"])
    assert (side.present, list(side.requirements), side.lines, side.waivers) == (
        True,
        ["recommender"],
        {"recommender": 3},
        (),
    )
    assert [waiver.model for waiver in branch_stub({A: a_stub(WAIVER)}, A, PATH, []).waivers] == ["recommender"]


@pytest.mark.parametrize(("file", "line"), [(UNREAD, 1), (a_stub_file(text='{"models": {\n"a": "x y"}}'), 2)])
def test_branch__of_a_stub_that_cannot_be_read_has_the_problem_and_its_line(file: StubFile, line: int) -> None:
    side = branch_stub({A: file}, A, PATH, ["ranker"])
    assert side.problem is not None
    assert (side.present, side.problem_line, side.requirements) == (True, line, {})


def test_lines__of_a_stub_are_empty_if_it_is_not_valid() -> None:
    stubs = {A: a_stub_file(text='{"models":\n{"recommender": "3"}}'), B: BROKEN}
    assert stub_lines(stubs, A) == {"recommender": 2}
    assert stub_lines(stubs, B) == stub_lines(stubs, None) == {}


# The models that a registry is asked for


def required(proposal: Proposal | None = None, **more: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is asked for with a recent deploy of A, an old one of B, and a stub at HEAD."""
    stubs = {A: a_stub(recent="any"), B: a_stub(old="any"), HEAD: a_stub(head="any"), **more.get("stubs", {})}
    code = more.get("code", [a_deploy(10, A), a_deploy(0, B)])
    return required_models(["given"], code, stubs, proposal, since=at(10))


def test_models__of_recent_deploys_and_the_input_must_be_known_and_older_ones_may() -> None:
    assert required() == (("given", "recent"), ("old",))


def test_models__of_the_live_commit_must_be_known_however_old() -> None:
    assert required(code=[a_deploy(-900, A), a_deploy(-999, B)]) == (("given", "recent"), ("old",))


def test_models__of_a_failed_deploy_may_be_known() -> None:
    failed = a_deploy(10, A, outcome=Outcome.FAILED)
    assert required(code=[failed]) == (("given",), ("old", "recent"))


def test_models__of_head_are_asked_for_by_a_merge() -> None:
    merge, commit = Proposal(head_sha="c" * 40, base_sha=B), Proposal(head_sha="c" * 40)
    assert required(merge) == (("given", "recent"), ("head", "old"))
    assert required(commit) == (("given", "recent"), ("old",))


def test_models__of_a_commit_before_its_deployment_are_left_to_the_gate() -> None:
    assert required(Proposal(head_sha=A)) == (("given",), ("old", "recent"))
    assert required(Proposal(head_sha=A, base_sha=B))[0] == ("given", "recent")


def test_models__that_are_required_are_not_optional_as_well() -> None:
    assert required(stubs={B: a_stub(recent="any", given="any")}) == (("given", "recent"), ())


def test_models__of_stubs_that_cannot_be_read_or_need_none_are_not_named() -> None:
    none = {"requires": "none", "reason": "a rewrite"}
    assert named_models({A: a_stub(recommender="3", ranker=none), B: BROKEN, HEAD: UNREAD}) == {"recommender"}


def test_models__of_a_deploy_at_the_edge_of_what_is_judged_must_be_known() -> None:
    assert required(code=[a_deploy(10, A), a_deploy(12, B)]) == (("given", "old", "recent"), ())
    assert required(code=[a_deploy(9, A), a_deploy(12, B)]) == (("given", "old"), ("recent",))
