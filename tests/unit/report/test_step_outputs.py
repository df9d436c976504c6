"""The step's outputs: a count that is unknown is empty, never 0."""

from __future__ import annotations

from flowjoy.analysis.results import analyse
from flowjoy.domain import UnreadableStub
from flowjoy.domain.bundle import Bundle
from flowjoy.domain.proposals import FileAtCommit
from flowjoy.report import step_outputs
from tests.builders import a_bundle, a_coverage, a_deploy, a_ship, at

B = "b" * 40
UNREADABLE = UnreadableStub(file=FileAtCommit(), problem="no JSON")


def counts(bundle: Bundle) -> tuple[str, ...]:
    outputs = step_outputs.fill(analyse(bundle), {})
    return tuple(outputs[f"sla-{name}"] for name in ("met", "late", "pending", "breached"))


def test_counts__of_a_run_that_decided_are_numbers_also_where_they_are_0() -> None:
    assert counts(a_bundle([a_deploy(0)], [a_ship(1)], until=at(60))) == ("1", "0", "0", "0")


def test_counts__of_a_run_that_could_not_decide_are_empty_unless_something_is_known() -> None:
    bundle = a_bundle([a_deploy(0), a_deploy(5, sha=B)], [a_ship(1)], until=at(60), stubs={B: UNREADABLE})
    assert counts(bundle) == ("1", "", "", "")


def test_counts__of_a_run_that_may_not_judge_the_promise_are_empty() -> None:
    assert counts(a_bundle(coverage=[a_coverage("gate")])) == ("", "", "", "")
