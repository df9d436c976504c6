"""Pass, fail or error: a pass needs every proof, and nothing softens what could not be decided."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from itertools import combinations_with_replacement, product

import pytest

from flowjoy.analysis.promise.verdict import decide, may_be_overdue, sla_status, unproved
from flowjoy.domain import Coverage, CoverageState, Decision, ModelDependencies, Obligation, Requirement, Rule, Status
from flowjoy.domain.gate_findings import GateFinding, GateLevel, MergeGate
from tests.builders import a_bundle, a_coverage, an_obligation, at

READ = a_coverage("code")
SOURCES = [
    a_coverage(f"{state.value}, {'required' if required else 'optional'}", state, required=required)
    for state in CoverageState
    for required in (True, False)
]
COVERAGES = [chosen for n in range(3) for chosen in combinations_with_replacement(SOURCES, n)]
OBLIGATIONS = [chosen for n in range(3) for chosen in combinations_with_replacement(Status, n)]


def a_gate(*levels: GateLevel) -> MergeGate:
    return MergeGate(
        findings=tuple(GateFinding(level=level, text=f"the {level} {n}") for n, level in enumerate(levels))
    )


GATES = [
    None,
    a_gate(),
    a_gate(GateLevel.NOTICE),
    a_gate(GateLevel.FAILURE),
    a_gate(GateLevel.NOTICE, GateLevel.FAILURE),
]


def owed(*statuses: Status) -> list[Obligation]:
    return [an_obligation(hours, status=status) for hours, status in enumerate(statuses)]


def proved(coverage: tuple[Coverage, ...]) -> bool:
    """Some source was required, and every required one was read to its end."""
    required = [item for item in coverage if item.required]
    return bool(required) and all(item.state is CoverageState.COMPLETE for item in required)


def broken(statuses: tuple[Status, ...], gate: MergeGate | None) -> bool:
    return Status.BREACHED in statuses or (gate is not None and gate.failed)


@pytest.mark.matrix
def test_verdict__over_all_small_combinations_a_pass_is_proved_and_nothing_is_broken() -> None:
    seen = set()
    for coverage, statuses, gate, enforce in product(COVERAGES, OBLIGATIONS, GATES, (True, False)):
        message = decide(coverage, owed(*statuses), enforce=enforce, gate=gate)
        if not proved(coverage) or Status.UNKNOWN in statuses:
            expected = (Decision.ERROR, 2)
        elif broken(statuses, gate):
            expected = (Decision.FAIL, 1 if enforce else 0)
        else:
            expected = (Decision.PASS, 0)
        assert (message.decision, message.exit_code) == expected
        assert bool(message.reasons) == (message.decision is not Decision.PASS)
        seen.add(expected)
    assert len(seen) == 4


def test_verdict__no_source_at_all_is_no_pass() -> None:
    assert decide([], [], enforce=True).decision is Decision.ERROR
    message = decide([a_coverage(required=False)], [], enforce=True)
    assert (message.decision, message.reasons) == (Decision.ERROR, ("no source was required",))


def test_verdict__a_required_source_that_is_not_even_configured_is_no_pass() -> None:
    message = decide([READ, a_coverage("models", CoverageState.NOT_CONFIGURED)], [], enforce=True)
    assert (message.decision, message.reasons) == (Decision.ERROR, ("models: not configured",))


def test_verdict__an_optional_source_that_failed_is_no_error() -> None:
    assert (
        decide([READ, a_coverage("incidents", CoverageState.FAILED, required=False)], [], enforce=True).exit_code == 0
    )


def test_verdict__not_enforced_softens_a_break_and_never_an_error() -> None:
    assert decide([READ], owed(Status.BREACHED), enforce=False).exit_code == 0
    assert decide([READ], owed(Status.BREACHED), enforce=False).decision is Decision.FAIL
    assert decide([READ], owed(Status.UNKNOWN), enforce=False).exit_code == 2


def test_verdict__a_late_ship_is_closed_and_fails_no_run() -> None:
    assert decide([READ], owed(Status.LATE, Status.MET), enforce=True).decision is Decision.PASS


@pytest.mark.parametrize("order", [(Status.BREACHED, Status.MET), (Status.MET, Status.BREACHED)])
def test_verdict__a_breach_fails_wherever_it_stands(order: tuple[Status, ...]) -> None:
    message = decide([READ], owed(*order), enforce=True)
    assert message.exit_code == 1
    assert len(message.reasons) == 1


def test_verdict__reasons_name_every_source_that_failed_and_why() -> None:
    failed = CoverageState.FAILED
    message = decide(
        [a_coverage("code", failed, reason="GitHub answered 503"), READ, a_coverage("models", failed)], [], enforce=True
    )
    assert message.reasons == ("code: GitHub answered 503", "models: failed")


def test_verdict__reasons_name_every_break_of_the_promise_and_of_the_gate() -> None:
    late = an_obligation(0, status=Status.BREACHED)
    message = decide([READ], [late], enforce=True, gate=a_gate(GateLevel.NOTICE, GateLevel.FAILURE))
    assert message.reasons == (f"recommender was not shipped for {late.code_id}", "the failure 1")


def test_verdict__reasons_name_what_is_not_known() -> None:
    unknown = an_obligation(0, status=Status.UNKNOWN, reason="the stub cannot be read")
    message = decide([READ], [unknown, an_obligation(1, status=Status.BREACHED)], enforce=True)
    assert message.reasons == (f"recommender for {unknown.code_id}: the stub cannot be read",)


def test_unproved__lists_required_sources_that_were_not_read_completely() -> None:
    assert {item.source for item in unproved(SOURCES)} == {"failed, required", "not configured, required"}


DECLARED = ModelDependencies(default=(Requirement(model="recommender"),))


@pytest.mark.parametrize(
    ("statuses", "word"),
    [
        ((Status.MET, Status.BREACHED, Status.PENDING), "breached"),
        ((Status.MET, Status.PENDING), "pending"),
        ((Status.AT_RISK,), "pending"),
        ((Status.MET, Status.LATE), "met"),
        ((Status.LATE, Status.UNDETERMINED), "late"),
        ((Status.WAIVED, Status.AT_RISK), "pending"),
        ((Status.WAIVED, Status.MET), "waived"),
        ((Status.UNDETERMINED, Status.CANCELLED), "undetermined"),
        ((Status.CANCELLED, Status.NOT_REQUIRED), "none"),
        ((), "none"),
    ],
)
def test_sla_status__is_the_worst_open_status(statuses: tuple[Status, ...], word: str) -> None:
    scope = owed(*statuses)
    decided = decide((READ,), scope, enforce=True)
    assert sla_status(decided, DECLARED, scope, "a") == word


@pytest.mark.parametrize(
    ("known", "is_overdue"),
    [
        ([an_obligation(status=Status.MET), an_obligation(status=Status.LATE)], False),
        ([an_obligation(status=Status.BREACHED)], True),
        ([an_obligation(status=Status.UNKNOWN)], True),
        ([an_obligation(40, status=Status.UNKNOWN)], False),
        ([an_obligation(2, status=Status.UNKNOWN)], False),
        ([an_obligation(status=Status.WAIVED)], False),
    ],
    ids=["kept", "breached", "unknown past its deadline", "unknown and not due", "unknown and just due", "waived"],
)
def test_may_be_overdue__is_what_was_not_kept_as_far_as_is_known(known: list[Obligation], *, is_overdue: bool) -> None:
    models = a_coverage("models", CoverageState.FAILED)
    assert may_be_overdue(a_bundle(until=at(50), coverage=(READ, models)), known) is is_overdue


@pytest.mark.parametrize(("decided_at", "is_overdue"), [(at(2), False), (at(1), True), (None, True)])
def test_may_be_overdue__a_deploy_that_could_not_be_read_once_its_clock_ran_out(
    decided_at: datetime | None, *, is_overdue: bool
) -> None:
    unread = a_coverage("code", CoverageState.FAILED)
    assert may_be_overdue(a_bundle(until=at(50), coverage=(unread,), decided_at=decided_at), []) is is_overdue


def test_sla_status__of_a_waived_release_that_shipped_is_waived() -> None:
    scope = [an_obligation(status=Status.WAIVED, closed_at=at(50))]
    assert sla_status(decide((READ,), scope, enforce=True), DECLARED, scope, "a") == "waived"


def test_sla_status__without_a_deploy_a_declaration_or_a_decision_names_what_is_missing() -> None:
    decided, undecided = decide((READ,), [], enforce=True), decide((), [], enforce=True)
    assert sla_status(decided, DECLARED, owed(Status.LATE), None) == "none"
    assert sla_status(decided, ModelDependencies(), [], "a") == "undeclared"
    assert sla_status(decided, ModelDependencies(), [], None) == "undeclared"
    assert sla_status(undecided, ModelDependencies(), [], "a") == "unknown"


@pytest.mark.parametrize("default", [(), DECLARED.default])
def test_sla_status__is_undeclared_if_the_live_commit_names_no_model_whatever_earlier_ones_kept(
    default: tuple[Requirement, ...],
) -> None:
    kept = owed(Status.MET)
    decided, declares = decide((READ,), kept, enforce=True), DECLARED.default
    by_sha = {"a": declares, "none": (Requirement(model="recommender", rule=Rule.NONE),), "emptied": ()}
    known = ModelDependencies(default=default, by_sha=by_sha)
    assert {live: sla_status(decided, known, kept, live) for live in (*by_sha, "without a stub", "")} == {
        "a": "met",
        "none": "met",
        "emptied": "undeclared",
        "without a stub": "met" if default else "undeclared",
        "": "met" if default else "undeclared",
    }


@pytest.mark.parametrize(("sha", "provisional", "code"), [("a", True, 1), ("b", True, 2), ("a", False, 2)])
def test_verdict__unknown_obligations_of_the_refused_release_itself_do_not_count(
    sha: str, *, provisional: bool, code: int
) -> None:
    item = an_obligation(0, status=Status.UNKNOWN, sha=sha, provisional=provisional)
    gate = replace(a_gate(GateLevel.FAILURE), sha="a")
    assert decide((READ,), [item], enforce=True, gate=gate).exit_code == code
    assert decide((READ,), [item], enforce=True, gate=replace(a_gate(), sha="a")).exit_code == 2
