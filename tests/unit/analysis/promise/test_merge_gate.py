from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flowjoy.analysis.promise.merge_gate import BranchStub, GateInputs, GatePolicy, judge
from flowjoy.domain import ModelVersion, Proposal, Requirement, Rule, Waiver
from flowjoy.domain.gate_findings import GateFinding, GateLevel, MergeGate
from tests.builders import at

SHA = "c" * 40
PROPOSAL = Proposal(head_sha=SHA, base_sha="b" * 40, number=7)
POLICY = GatePolicy(stub_path="flowjoy.json", flag_labels=("feature-flag",))
ANY = Requirement(model="recommender")
NONE = Requirement(model="recommender", rule=Rule.NONE)


def exactly(version: str, model: str = "recommender") -> Requirement:
    return Requirement(model=model, rule=Rule.EXACT, version=version)


def at_least(version: str) -> Requirement:
    return Requirement(model="recommender", rule=Rule.AT_LEAST, version=version)


def stub(*requirements: Requirement, **more: Any) -> BranchStub:
    return BranchStub(present=True, requirements={r.model: r for r in requirements}, **more)


def a_version(version: str, *, ready: bool = True, validated: bool = True, name: str = "recommender") -> ModelVersion:
    return ModelVersion(name=name, version=version, ready=ready, validated=validated)


def gate(
    head: BranchStub,
    *versions: ModelVersion,
    base: BranchStub | None = None,
    proposal: Proposal = PROPOSAL,
    policy: GatePolicy = POLICY,
    **evidence: Any,
) -> MergeGate:
    known = {"versions": versions, **evidence}
    return judge(proposal, base=base or head, head=head, policy=policy, inputs=GateInputs(**known))


def only(judged: MergeGate) -> GateFinding:
    (finding,) = judged.findings
    return finding


# The stub itself


def test_gate__a_stub_that_is_not_valid_fails_at_its_line() -> None:
    head = BranchStub(present=True, problem="flowjoy.json, line 3: expected a name", problem_line=3)
    finding = only(gate(head, base=stub(NONE)))
    assert (finding.level, finding.line, finding.text) == (GateLevel.FAILURE, 3, head.problem)


def test_gate__a_base_stub_that_is_not_valid_is_a_notice_because_merging_mends_it() -> None:
    base = BranchStub(present=True, problem="flowjoy.json, line 1: expected an object")
    finding = only(gate(stub(NONE), base=base))
    assert finding.level is GateLevel.NOTICE
    assert "on the base branch, flowjoy.json, line 1" in finding.text


def test_gate__a_removed_stub_is_a_notice_and_the_base_branch_still_gates() -> None:
    judged = gate(BranchStub(), base=stub(exactly("3")), unknown_models={"recommender": ""})
    assert [finding.level for finding in judged.findings] == [GateLevel.NOTICE, GateLevel.NOTICE, GateLevel.FAILURE]
    assert "flowjoy.json is removed" in judged.findings[0].text


def test_gate__no_stub_on_either_side_finds_nothing() -> None:
    judged = gate(BranchStub())
    assert (judged.findings, judged.failed, judged.judged_registry, judged.sha) == ((), False, True, SHA)


@pytest.mark.parametrize(
    ("before", "after", "levels"),
    [
        (exactly("3"), exactly("3"), []),
        (exactly("3"), ANY, [GateLevel.NOTICE]),
        (NONE, exactly("3"), [GateLevel.NOTICE]),
    ],
)
def test_gate__a_changed_requirement_is_named_because_both_apply(
    before: Requirement, after: Requirement, levels: list[GateLevel]
) -> None:
    judged = gate(stub(after, lines={"recommender": 4}), a_version("3"), base=stub(before))
    assert [finding.level for finding in judged.findings] == levels
    assert all(finding.line == 4 for finding in judged.findings)


def test_gate__a_requirement_that_is_no_longer_named_still_gates() -> None:
    judged = gate(stub(), base=stub(exactly("3")), unknown_models={"recommender": "known: ranker"})
    assert [finding.level for finding in judged.findings] == [GateLevel.NOTICE, GateLevel.FAILURE]
    assert "it required 3" in judged.findings[0].text


def test_gate__of_a_head_that_is_not_valid_says_nothing_of_changes() -> None:
    head = BranchStub(present=True, problem="flowjoy.json, line 1: expected an object")
    assert only(gate(head, a_version("3"), base=stub(exactly("3")))).text == head.problem


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [((), (24,), True), ((24,), (24,), False), ((24, 30), (24,), False), ((24,), (30,), True)],
)
def test_gate__an_added_or_changed_waiver_is_named_because_it_holds_after_the_merge_only(
    before: tuple[int, ...], after: tuple[int, ...], *, named: bool
) -> None:
    sides = [stub(NONE, waivers=tuple(a_waiver(until=at(hours)) for hours in ends)) for ends in (before, after)]
    judged = gate(sides[1], base=sides[0])
    assert [finding.level for finding in judged.findings] == [GateLevel.NOTICE] * named


# Feature flags


def flagged(*, paths: tuple[str, ...], **changes: list[str]) -> MergeGate:
    files: dict[str, Any] = {key: frozenset(value) for key, value in changes.items()}
    proposal = replace(PROPOSAL, **files)
    return gate(stub(NONE), proposal=proposal, policy=replace(POLICY, flag_paths=paths))


@pytest.mark.parametrize("label", ["feature-flag", "Feature-Flag", "FEATURE-FLAG"])
def test_flag__a_labelled_pull_request_must_touch_the_stub(label: str) -> None:
    proposal = replace(PROPOSAL, labels=frozenset({label}), touched=frozenset({"app.py"}))
    finding = only(gate(stub(NONE), proposal=proposal))
    assert finding.level is GateLevel.FAILURE
    assert f"is labelled {label!r}" in finding.text
    assert "or remove the label" in finding.text


def test_flag__one_that_touches_the_stub_passes() -> None:
    assert flagged(touched=["flowjoy.json", "flags/checkout.yml"], paths=("flags/*",)).findings == ()
    touched = replace(PROPOSAL, labels=frozenset({"feature-flag"}), touched=frozenset({"flowjoy.json"}))
    assert gate(stub(NONE), proposal=touched).findings == ()


def test_flag__one_that_removes_the_stub_does_not_touch_it() -> None:
    finding = only(flagged(removed=["flowjoy.json"], paths=("flowjoy.json",)))
    assert finding.level is GateLevel.FAILURE


@pytest.mark.parametrize(
    ("glob", "file", "counts"),
    [
        ("flags/*", "flags/checkout.yml", True),
        ("**/flags.yml", "flags.yml", True),
        ("**/flags.yml", "app/config/flags.yml", True),
        ("config/flags/**", "config/flags/checkout/on.yml", True),
        ("config/flags/**", "config/flags", True),  # a link or a submodule
        ("config/flags/**", "config/flags.yml", False),
        ("flags/*", "flags", False),
        ("flags/*", "app/flags.yml", False),
        ("flags/*", "FLAGS/checkout.yml", False),
    ],
)
@pytest.mark.parametrize("side", ["touched", "removed"])
def test_flag__a_change_of_a_flag_path_must_touch_the_stub(glob: str, file: str, side: str, *, counts: bool) -> None:
    judged = flagged(paths=("other/*", glob), **{side: [file]})
    assert judged.failed is counts
    assert not counts or (f"changes {file}" in only(judged).text and "label" not in only(judged).text)


def test_flag__another_label_and_another_path_ask_for_nothing() -> None:
    other = replace(PROPOSAL, labels=frozenset({"bug"}), touched=frozenset({"app.py"}))
    assert gate(stub(NONE), proposal=other, policy=replace(POLICY, flag_paths=("flags/*",))).findings == ()


# The registry


def test_registry__one_that_may_not_be_asked_is_not_judged() -> None:
    judged = gate(stub(exactly("3")), versions=None)
    assert (judged.findings, judged.judged_registry) == ((), False)


@pytest.mark.parametrize("similar", ["known: `ranker`", ""])
def test_registry__a_model_that_it_does_not_know_fails_with_the_cure(similar: str) -> None:
    head = stub(exactly("3"), lines={"recommender": 5})
    finding = only(gate(head, unknown_models={"recommender": similar}))
    assert (finding.level, finding.line) == (GateLevel.FAILURE, 5)
    assert finding.text.startswith("recommender: ")
    assert similar in finding.text
    assert "; ." not in finding.text
    assert "flowjoy.json" in finding.text


def test_registry__a_model_that_is_not_required_need_not_exist() -> None:
    assert gate(stub(NONE), unknown_models={"recommender": ""}).findings == ()


def test_registry__what_either_side_requires_is_judged() -> None:
    head, base = stub(exactly("4")), stub(NONE)
    failures = gate(head, a_version("4", ready=False), base=base).of(GateLevel.FAILURE)
    assert len(failures) == 1
    of_base = gate(base, a_version("4", ready=False), base=head).of(GateLevel.FAILURE)
    assert [finding.text.partition(". ")[0] for finding in of_base] == [failures[0].text.partition(". ")[0]]


@pytest.mark.parametrize("unknown", [{}, {"recommender": ""}])
def test_registry__a_problem_of_the_base_alone_is_mended_on_the_base(unknown: dict[str, str]) -> None:
    broken, mended = stub(exactly("4")), stub(NONE)
    for head, base, cure in [
        (mended, broken, "mend flowjoy.json there by a pull request that changes only that file, then update"),
        (stub(ANY), broken, None if unknown else "mend flowjoy.json there"),
        (broken, broken, None),
        (broken, mended, None),
    ]:
        (finding,) = gate(head, a_version("4", ready=False), base=base, unknown_models=unknown).of(GateLevel.FAILURE)
        assert ("The base branch requires it: mend" in finding.text) == (cure is not None)
        assert (cure or "") in finding.text
        assert finding.text.rpartition(". ")[2], "the cure comes last"


# A proposal that changes only the stub


def mending(*files: str, **more: Any) -> Proposal:
    return replace(PROPOSAL, touched=frozenset(files or {"flowjoy.json"}), **more)


def test_stub_only__is_judged_by_its_own_stub_so_that_it_can_mend_the_bases() -> None:
    broken, versions = stub(exactly("2"), exactly("1", "ghost")), (a_version("2", ready=False), a_version("1"))
    for head in (stub(exactly("1")), stub(NONE), stub()):
        judged = gate(head, *versions, base=broken, proposal=mending(), unknown_models={"ghost": ""})
        assert not judged.failed
        assert any("only flowjoy.json changes" in finding.text for finding in judged.of(GateLevel.NOTICE))
        removal = replace(PROPOSAL, removed=frozenset({"flowjoy.json"}))
        assert not gate(BranchStub(), *versions, base=broken, proposal=removal).failed


@pytest.mark.parametrize(
    "proposal",
    [
        mending("flowjoy.json", "shop.py"),
        mending("shop.py"),
        mending(removed=frozenset({"shop.py"})),
        mending(files_known=False),
        PROPOSAL,
    ],
)
def test_stub_only__is_not_what_also_brings_code_or_may(proposal: Proposal) -> None:
    judged = gate(stub(), a_version("2", ready=False), base=stub(exactly("2")), proposal=proposal)
    assert judged.failed


def test_stub_only__its_own_problems_still_fail() -> None:
    broken = BranchStub(present=True, problem="flowjoy.json, line 1: expected an object")
    assert gate(broken, base=stub(NONE), proposal=mending()).failed
    assert gate(stub(exactly("2")), a_version("2", ready=False), base=stub(NONE), proposal=mending()).failed


@pytest.mark.parametrize(
    ("before", "proposal", "level"),
    [
        (exactly("2"), mending(), GateLevel.WARNING),
        (exactly("1"), mending(), GateLevel.FAILURE),
        (exactly("2"), mending("flowjoy.json", "shop.py"), GateLevel.FAILURE),
    ],
)
def test_stub_only__its_own_waiver_excuses_what_the_base_requires_already(
    before: Requirement, proposal: Proposal, level: GateLevel
) -> None:
    versions = (a_version("1"), a_version("2", ready=False))
    judged = gate(
        stub(exactly("2"), waivers=(a_waiver(),)),
        *versions,
        base=stub(before),
        proposal=proposal,
        own_waivers=(a_waiver(),),
    )
    assert [finding.level for finding in judged.findings if "not READY" in finding.text] == [level]


@pytest.mark.parametrize(
    ("requirement", "ready", "fails"),
    [(exactly("3"), False, True), (exactly("3"), True, False), (at_least("3"), False, False), (ANY, False, False)],
)
def test_registry__a_pinned_version_must_be_ready(requirement: Requirement, *, ready: bool, fails: bool) -> None:
    judged = gate(stub(requirement), a_version("3", ready=ready))
    assert judged.failed is fails
    assert not fails or "version 3 is not READY" in only(judged).text


def test_registry__versions_of_other_models_do_not_count() -> None:
    judged = gate(stub(exactly("3")), a_version("3", ready=False, name="ranker"))
    assert only(judged).level is GateLevel.NOTICE


@pytest.mark.parametrize(("requirement", "named"), [(exactly("9"), True), (at_least("9"), True), (ANY, False)])
def test_registry__a_version_that_is_not_registered_yet_is_a_notice(requirement: Requirement, *, named: bool) -> None:
    judged = gate(stub(requirement), a_version("3"))
    assert [finding.level for finding in judged.findings] == [GateLevel.NOTICE] * named
    assert not judged.failed


VALIDATED = replace(POLICY, validated_tag="integration=passed")


@pytest.mark.parametrize(
    ("versions", "problem"),
    [
        ([a_version("3")], None),
        ([a_version("3", validated=False)], "version 3 does not carry integration=passed"),
        ([a_version("3"), a_version("10", validated=False)], "version 10 does not carry integration=passed"),
        ([a_version("3"), a_version("10", ready=False, validated=False)], None),
        ([a_version("3", ready=False)], "no READY version that fits any"),
        ([], "no READY version that fits any"),
    ],
)
def test_validated__the_newest_ready_version_must_carry_the_tag(
    versions: list[ModelVersion], problem: str | None
) -> None:
    judged = gate(stub(ANY), *versions, policy=VALIDATED)
    assert judged.failed is (problem is not None)
    assert problem is None or problem in only(judged).text


def test_validated__a_model_that_is_not_required_needs_no_tag() -> None:
    assert gate(stub(NONE), policy=VALIDATED).findings == ()


def test_validated__without_a_tag_no_version_must_carry_one() -> None:
    assert gate(stub(ANY), a_version("3", validated=False)).findings == ()


# Waivers


def a_waiver(**changes: Any) -> Waiver:
    ordinary = Waiver(model="recommender", sha="*", reason="outage", by="the lead", until=at(24))
    return replace(ordinary, **changes)


@pytest.mark.parametrize("sha", ["*", SHA])
def test_waiver__of_the_default_branch_turns_a_failure_into_a_signed_warning(sha: str) -> None:
    waivers = (a_waiver(sha=sha), a_waiver(sha=sha, until=at(30), reason="longer"))
    finding = only(gate(stub(exactly("3")), a_version("3", ready=False), waivers=waivers))
    assert finding.level is GateLevel.WARNING
    assert "longer (the lead, until 2024-06-04T15:00:00" in finding.text


@pytest.mark.parametrize("changes", [{"model": "ranker"}, {"sha": "d" * 40}])
def test_waiver__of_another_model_or_commit_overrides_nothing(changes: dict[str, str]) -> None:
    assert gate(stub(exactly("3")), a_version("3", ready=False), waivers=(a_waiver(**changes),)).failed


def test_waiver__leaves_a_notice_as_it_is() -> None:
    finding = only(gate(stub(exactly("9")), a_version("3"), waivers=(a_waiver(),)))
    assert (finding.level, "waived" in finding.text) == (GateLevel.NOTICE, False)
